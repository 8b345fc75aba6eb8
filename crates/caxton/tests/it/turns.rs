//! What happens to a message, seen from outside.

use anyhow::{Context as _, Result};
use caxton_api::{AttachmentRef, EventView, SendMessage};
use caxton_client::{SendOptions, Sent, TurnFilter};
use caxton_testkit::{agent, script, server};
use caxton_types::{Code, Performative, TurnEnd};
use serde_json::json;

fn kinds(events: &[EventView]) -> Vec<&str> {
    events.iter().map(|event| event.fact["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_request_gets_a_reply_and_the_journal_tells_how() -> Result<()> {
    let model = script().says("42");
    let caxton = server().model(&model).agent(agent("sum", "")).start().await?;
    let reply = caxton.request("sum", "6*7?").await?;
    assert_eq!((reply.performative, reply.content, reply.end), (Performative::Inform, json!("42"), Some(TurnEnd::Completed)));
    let events = caxton.events(reply.conversation).await?;
    assert_eq!(
        kinds(&events),
        [
            "conversation_opened",
            "message_accepted",
            "turn_began",
            "step_intended",
            "step_ended",
            "step_intended",
            "turn_ended",
            "message_accepted"
        ]
    );
    assert_eq!(events.iter().map(|event| event.trace.trace_id()).collect::<std::collections::BTreeSet<_>>().len(), 1, "one trace");
    caxton.stop().await
}

#[tokio::test]
async fn a_capability_finds_its_agent() -> Result<()> {
    let model = script().always("done");
    let adder = agent("adder", "capabilities = [\"add-numbers\"]");
    let writer = agent("writer", "capabilities = [\"write-letters\"]");
    let caxton = server().model(&model).agent(adder).agent(writer).start().await?;
    assert_eq!(caxton.request("capability:add-numbers", "1+1").await?.sender.name(), "adder");
    assert_eq!(caxton.request("capability:write a letter", "to my aunt").await?.sender.name(), "writer");
    let error = caxton.request("capability:cook", "soup").await.unwrap_err().to_string();
    assert!(error.contains("no agent offers the capability `cook`"), "{error}");
    let error = format!("{:#}", caxton.request("agent:ader", "1+1").await.unwrap_err());
    assert!(error.contains("agent `ader` is not deployed"), "{error}");
    caxton.stop().await
}

#[tokio::test]
async fn a_tool_that_the_agent_may_not_call_is_refused_and_recorded() -> Result<()> {
    let model = script().calls("http_client__request", json!({"url": "https://example.com"})).says("I could not.");
    let caxton = server().model(&model).agent(agent("sum", "")).start().await?;
    let reply = caxton.request("sum", "fetch it").await?;
    assert_eq!(reply.content, json!("I could not."));
    let events = caxton.events(reply.conversation).await?;
    let refused = events.iter().find(|event| event.fact["type"] == "access_decided").unwrap();
    assert_eq!((&refused.fact["resource"], &refused.fact["allowed"]), (&json!("http_client__request"), &json!(false)));
    let told = serde_json::to_string(&model.asked()[1].dialogue)?;
    assert!(told.contains("may not call the tool"), "{told}");
    caxton.stop().await
}

#[tokio::test]
async fn a_host_that_is_not_granted_is_denied_and_recorded() -> Result<()> {
    let model = script().calls("http_client__request", json!({"url": "https://example.com"})).says("I could not.");
    let caxton = server().model(&model).agent(agent("sum", "tools = [\"http_client\"]")).start().await?;
    let reply = caxton.request("sum", "fetch it").await?;
    let events = caxton.events(reply.conversation).await?;
    let denied = events.iter().find(|event| event.fact["type"] == "access_decided").context("a denial")?;
    assert_eq!((&denied.fact["resource"], &denied.fact["allowed"]), (&json!("http_client__request"), &json!(false)));
    assert!(denied.fact["reason"].as_str().is_some_and(|reason| reason.contains("the host `example.com` is not in")), "{:?}", denied.fact);
    let tools = caxton.client.tools().await?;
    let client = tools.iter().find(|tool| tool.id == "http_client/request").context("the client")?;
    assert_eq!((client.calls, client.denials), (1, 1));
    caxton.stop().await
}

#[tokio::test]
async fn what_was_found_is_remembered_by_the_workspace() -> Result<()> {
    let model = script().says("The mean is 21.4").says("You were told 21.4");
    let memory = "[memory]\nenabled = true\nscope = \"workspace\"";
    let caxton = server().model(&model).agent(agent("first", memory)).agent(agent("second", memory)).start().await?;
    caxton.request("first", "What is the mean temperature?").await?;
    caxton.request("second", "Which temperature was the mean?").await?;
    let memories = &model.asked()[1].settings.memories;
    assert!(memories.iter().any(|memory| memory.text.contains("The mean is 21.4")), "{memories:?}");
    caxton.stop().await
}

#[tokio::test]
async fn private_memory_stays_private() -> Result<()> {
    let model = script().always("The secret word is plover");
    let memory = "[memory]\nenabled = true\nscope = \"agent\"";
    let caxton = server().model(&model).agent(agent("first", memory)).agent(agent("second", memory)).start().await?;
    for name in ["first", "second", "first"] {
        caxton.request(name, "What is the secret word?").await?;
    }
    let seen: Vec<usize> = model.asked().iter().map(|request| request.settings.memories.len()).collect();
    assert_eq!(seen, [0, 0, 1]);
    caxton.stop().await
}

#[tokio::test]
async fn an_answer_can_reach_a_second_agent() -> Result<()> {
    let answer = "Done.\n```message\n{\"receiver\": \"auditor\", \"performative\": \"inform\", \"content\": {\"sum\": 42}}\n```";
    let model = script().says(answer).says("Noted.");
    let caxton = server().model(&model).agent(agent("sum", "")).agent(agent("auditor", "")).start().await?;
    let reply = caxton.request("sum", "6*7?").await?;
    assert_eq!(reply.content, json!("Done."));
    let noted = loop {
        let messages = caxton.client.messages(reply.conversation).await?;
        if let Some(noted) = messages.into_iter().find(|message| message.content == json!("Noted.")) {
            break noted;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((noted.sender.name(), noted.receiver.to_string().as_str()), ("auditor", "agent:sum"));
    assert_eq!(model.asked().len(), 2, "the auditor's answer starts no further turn");
    caxton.stop().await
}

#[tokio::test]
async fn a_conversation_goes_on_with_what_was_said() -> Result<()> {
    let model = script().says("Ada").says("You are Ada.");
    let caxton = server().model(&model).agent(agent("host", "")).start().await?;
    let first = caxton.request("host", "My name is Ada.").await?;
    let message = SendMessage { conversation_id: Some(first.conversation), ..SendMessage::request("host".parse()?, json!("Who am I?")) };
    assert_eq!(caxton.send(message).await?.conversation, first.conversation);
    let dialogue = serde_json::to_string(&model.asked()[1].dialogue)?;
    assert!(dialogue.contains("My name is Ada.") && dialogue.contains("Who am I?"), "{dialogue}");
    caxton.stop().await
}

#[tokio::test]
async fn a_structured_answer_satisfies_its_schema() -> Result<()> {
    let model = script().says("forty-two").says("{\"sum\": 42}");
    let schema = "[output]\nschema = { type = \"object\", properties = { sum = { type = \"integer\" } }, required = [\"sum\"] }";
    let caxton = server().model(&model).agent(agent("sum", schema)).start().await?;
    assert_eq!(caxton.request("sum", "6*7?").await?.content, json!({"sum": 42}));
    caxton.stop().await
}

#[tokio::test]
async fn a_turn_that_takes_too_long_fails_with_its_bound() -> Result<()> {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let model = script().line(caxton_testkit::Line::Waits(gate));
    let caxton = server().model(&model).agent(agent("slow", "[limits]\nwall_time = \"50ms\"")).start().await?;
    let reply = caxton.request("slow", "hurry").await?;
    assert_eq!((reply.performative, reply.end), (Performative::Failure, Some(TurnEnd::Exhausted)));
    assert_eq!(reply.content["reason"], "the turn's time of 50ms ran out");
    let turn = caxton.client.turns(&TurnFilter::default(), 1).await?.remove(0).id;
    let failure = caxton.client.turn(turn).await?.failure.unwrap();
    assert_eq!((failure.code, &*failure.reason), (Code::Deadline, "the turn's time of 50ms ran out"));
    caxton.stop().await
}

#[tokio::test]
async fn the_same_key_is_the_same_message() -> Result<()> {
    let model = script().says("once");
    let caxton = server().model(&model).agent(agent("sum", "")).start().await?;
    let message = SendMessage::request("sum".parse()?, json!("6*7?"));
    let options = SendOptions { wait: Some(std::time::Duration::from_secs(30)), idempotency_key: Some("order-17".into()) };
    let (first, second) = (caxton.client.send(&message, &options).await?, caxton.client.send(&message, &options).await?);
    let (Sent::Replied(first), Sent::Replied(second)) = (first, second) else { panic!("both are answered") };
    assert_eq!((first.message, first.content), (second.message, second.content));
    assert_eq!(model.asked().len(), 1);
    caxton.stop().await
}

#[tokio::test]
async fn a_file_travels_as_an_attachment() -> Result<()> {
    let model = script().says("seen");
    let caxton = server().model(&model).agent(agent("reader", "")).start().await?;
    let blob = caxton.client.upload("a,b\n1,2\n", "text/csv").await?;
    let attachment = AttachmentRef { name: "t.csv".into(), digest: blob.digest, media_type: Some("text/csv".into()), size: None };
    caxton.send(SendMessage { attachments: vec![attachment], ..SendMessage::request("reader".parse()?, json!("read it")) }).await?;
    let settings = &model.asked()[0].settings;
    assert_eq!((&*settings.attachments[0].name, settings.attachments[0].head.as_deref()), ("t.csv", Some("a,b\n1,2\n")));
    caxton.stop().await
}

#[tokio::test]
async fn what_is_deployed_and_said_outlives_the_server() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let model = script().always("42");
    let caxton = server().model(&model).data_dir(dir.path()).agent(agent("sum", "")).start().await?;
    let first = caxton.request("sum", "6*7?").await?;
    caxton.stop().await?;
    let again = server().model(&model).data_dir(dir.path()).start().await?;
    assert_eq!(again.client.messages(first.conversation).await?.len(), 2);
    assert_eq!(again.request("sum", "6*7?").await?.content, json!("42"));
    again.stop().await
}

#[tokio::test]
async fn a_turn_that_a_stop_interrupted_goes_on_at_the_next_start() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let model = script().line(caxton_testkit::Line::Waits(gate)).always("late");
    let drain = std::time::Duration::from_millis(20);
    let caxton = server().model(&model).data_dir(dir.path()).drain(drain).agent(agent("slow", "")).start().await?;
    let message = SendMessage::request("slow".parse()?, json!("think"));
    let Sent::Accepted(accepted) = caxton.client.send(&message, &SendOptions::default()).await? else { panic!("nobody answered yet") };
    while model.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    caxton.stop().await?;
    let again = server().model(&model).data_dir(dir.path()).start().await?;
    let events = again.until(accepted.conversation, "turn_ended").await?;
    let answer = again.client.messages(accepted.conversation).await?.pop().unwrap();
    assert_eq!((answer.performative, answer.content), (Performative::Inform, json!("late")));
    let started: Vec<_> = events.iter().filter(|event| event.kind == "step_started").map(|event| &event.fact["attempt"]).collect();
    assert_eq!(started, [&json!(2)], "the question that was under way is asked again, and that is on record");
    assert_eq!(events.iter().filter(|event| event.kind == "turn_began").count(), 1);
    again.stop().await
}
