//! Turns that wait: for another agent, for a moment, over a restart.

use anyhow::Result;
use caxton_api::SendMessage;
use caxton_client::{SendOptions, Sent};
use caxton_testkit::{agent, script, server};
use caxton_types::{ConversationId, Performative};
use serde_json::json;

async fn begun(caxton: &caxton_testkit::Caxton, receiver: &str, text: &str) -> Result<ConversationId> {
    let message = SendMessage::request(receiver.parse()?, json!(text));
    match caxton.client.send(&message, &SendOptions::default()).await? {
        Sent::Accepted(accepted) => Ok(accepted.conversation),
        Sent::Replied(reply) => Ok(reply.conversation),
    }
}

#[tokio::test]
async fn an_agent_asks_another_and_goes_on_with_its_answer() -> Result<()> {
    let ask = json!({"to": "clerk", "text": "how many?"});
    let model = script().calls("agents__ask", ask).says("seven").says("The clerk says seven.");
    let caxton = server().model(&model).agent(agent("clerk", "")).agent(agent("boss", "tools = [\"agents/ask\"]")).start().await?;
    let reply = caxton.request("boss", "ask the clerk").await?;
    assert_eq!(reply.content, json!("The clerk says seven."));
    let asked = model.asked();
    assert!(format!("{:?}", asked[2].dialogue).contains("seven"), "the answer is in the dialogue");
    let events = caxton.events(reply.conversation).await?;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "wait_began").count(), 1);
    assert_eq!(kinds.iter().filter(|kind| **kind == "turn_ended").count(), 2);
    caxton.stop().await
}

#[tokio::test]
async fn agents_that_would_wait_for_each_other_are_told_so() -> Result<()> {
    let ask = |to: &str| json!({"to": to, "text": "you first"});
    let model = script().calls("agents__ask", ask("bbb")).calls("agents__ask", ask("aaa")).says("cannot ask").says("done");
    let both = "tools = [\"agents/ask\"]";
    let caxton = server().model(&model).agent(agent("aaa", both)).agent(agent("bbb", both)).start().await?;
    let reply = caxton.request("aaa", "go").await?;
    assert_eq!(reply.content, json!("done"));
    let told = format!("{:?}", model.asked()[2].dialogue);
    assert!(told.contains("waits for the answer of this turn"), "{told}");
    caxton.stop().await
}

#[tokio::test]
async fn a_wait_holds_no_task_and_goes_on_after_a_restart() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let model = script().calls("time__wait", json!({"for": "1s"})).always("waited");
    let caxton = server().model(&model).data_dir(dir.path()).agent(agent("late", "tools = [\"time/wait\"]")).start().await?;
    let conversation = begun(&caxton, "late", "wait a moment").await?;
    caxton.until(conversation, "wait_began").await?;
    caxton.stop().await?;
    let again = server().model(&model).data_dir(dir.path()).start().await?;
    let events = again.until(conversation, "turn_ended").await?;
    let answer = again.client.messages(conversation).await?.pop().unwrap();
    assert_eq!((answer.performative, answer.content), (Performative::Inform, json!("waited")));
    assert!(events.iter().all(|event| event.kind != "step_started"), "nothing was begun twice");
    again.stop().await
}
