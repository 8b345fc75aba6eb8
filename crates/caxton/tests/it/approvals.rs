//! People decide inside of turns: calls that need an approval, questions, what nobody decides.

use crate::tools::{deploy, files_of};
use anyhow::{Context as _, Result};
use caxton_api::{ApprovalState, ApprovalView, AttachmentRef, MessageAccepted, RulingView, SendMessage, StepState, TurnState};
use caxton_client::{ApprovalFilter, Client, EventFilter, SendOptions, Sent, TurnFilter};
use caxton_testkit::{Caxton, Line, Script, agent, calls, script, server};
use caxton_types::{ApprovalKind, Code, ConversationId, Fault as _, MessageId, Performative, TurnEnd};
use serde_json::{Value, json};

/// Counts in tables, and only with a person's consent.
const ANALYST: &str = "name = \"analyst\"\nsystem_prompt = \"You compute.\"\ntools = [\"csv-stats\"]\n\
                       [tool_policies.csv-stats]\napproval = \"always\"\n";
const TABLE: &str = "city,people\nOslo,7\nBergen,3\n";

fn count(operation: &str) -> (String, Value) {
    ("csv-stats__stats".into(), json!({"file": "cities.csv", "operation": operation, "column": "people"}))
}

/// A server with the analyst.
async fn analyst(model: &Script) -> Result<Caxton> {
    let caxton = server().model(model).start().await?;
    deploy(&caxton.client, files_of(ANALYST, "")?).await?;
    Ok(caxton)
}

/// Asks the analyst about the table, and does not wait for the answer.
async fn ask(client: &Client) -> Result<MessageAccepted> {
    let blob = client.upload(TABLE, "text/csv").await?;
    let table = AttachmentRef { name: "cities.csv".into(), digest: blob.digest, media_type: Some("text/csv".into()), size: None };
    send(client, SendMessage { attachments: vec![table], ..SendMessage::request("analyst".parse()?, json!("How many people?")) }).await
}

pub(crate) async fn send(client: &Client, message: SendMessage) -> Result<MessageAccepted> {
    match client.send(&message, &SendOptions::default()).await? {
        Sent::Accepted(accepted) => Ok(accepted),
        Sent::Replied(_) => anyhow::bail!("nobody waits for the reply"),
    }
}

/// The inbox as soon as so many decisions wait in it, the oldest first.
pub(crate) async fn inbox(client: &Client, len: usize) -> Result<Vec<ApprovalView>> {
    let open = ApprovalFilter { state: Some(ApprovalState::Open), ..ApprovalFilter::default() };
    loop {
        let mut approvals = client.approvals(&open, 100).await?;
        if approvals.len() == len {
            approvals.reverse();
            return Ok(approvals);
        }
        tokio::task::yield_now().await;
    }
}

/// The answer to a message as soon as it is there.
pub(crate) async fn answer_to(client: &Client, conversation: ConversationId, question: MessageId) -> Result<(Performative, Value)> {
    let key = question.to_string();
    loop {
        let messages = client.messages(conversation).await?;
        if let Some(answer) = messages.into_iter().find(|message| message.in_reply_to.as_deref() == Some(&key)) {
            return Ok((answer.performative, answer.content));
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_approved_is_executed_once() -> Result<()> {
    let (tool, arguments) = count("sum");
    let model = script().calls(&tool, arguments.clone()).says("10");
    let caxton = analyst(&model).await?;
    let asked = ask(&caxton.client).await?;
    let [open] = &inbox(&caxton.client, 1).await?[..] else { panic!("one decision") };
    assert_eq!((open.kind, open.tool.as_deref(), &open.arguments), (ApprovalKind::Call, Some("csv-stats/stats"), &Some(arguments)));
    let turn = caxton.client.turn(open.turn).await?;
    let step = turn.steps.iter().find(|step| step.step == open.step).context("the step that waits")?;
    assert_eq!((turn.turn.state, step.state, step.attempts), (TurnState::Open, StepState::Waiting, 0));
    assert_eq!(step.waits.map(caxton_api::WaitView::until), Some(open.expires_at));

    let decided = caxton.client.approve(open.id, Some("it is only a sum".into())).await?;
    let decision = decided.decision.context("a decision")?;
    assert_eq!((decision.ruling, &*decision.by, decision.reason.as_deref()), (RulingView::Approved, "local", Some("it is only a sum")));
    assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?, (Performative::Inform, json!("10")));

    let second = caxton.client.deny(open.id, None).await.unwrap_err();
    assert_eq!(second.code(), Code::Conflict);
    assert!(second.to_string().contains("approved by local at 2"), "{second}");
    let turn = caxton.client.turn(open.turn).await?;
    let step = turn.steps.iter().find(|step| step.step == open.step).context("the step")?;
    assert_eq!((turn.turn.end, step.state, step.attempts), (Some(TurnEnd::Completed), StepState::Done, 1));
    assert!(step.outcome.as_ref().is_some_and(|outcome| outcome.to_string().contains("sum of people = 10")), "{step:?}");
    let kinds = ["approval_asked", "approval_decided"].map(ToOwned::to_owned).into();
    let events = caxton.client.events(&EventFilter { kinds, ..EventFilter::default() }, 10).await?;
    assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["approval_asked", "approval_decided"]);
    caxton.stop().await
}

#[tokio::test]
async fn what_was_denied_is_not_executed_and_the_model_learns_why() -> Result<()> {
    let (tool, arguments) = count("sum");
    let model = script().calls(&tool, arguments).says("I may not.");
    let caxton = analyst(&model).await?;
    let asked = ask(&caxton.client).await?;
    let open = inbox(&caxton.client, 1).await?.remove(0);
    caxton.client.deny(open.id, Some("ask me on Monday".into())).await?;
    assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?.1, json!("I may not."));
    let told = serde_json::to_string(&model.asked()[1].dialogue)?;
    assert!(told.contains("denied by local: ask me on Monday"), "{told}");
    let events = caxton.events(asked.conversation).await?;
    assert!(!events.iter().any(|event| event.kind == "step_started"), "nothing began");
    caxton.stop().await
}

#[tokio::test]
async fn parallel_approvals_are_decided_in_any_order_and_across_a_restart() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let model = script().line(Line::Calls(vec![count("sum"), count("max"), count("min")])).says("done");
    let caxton = server().model(&model).data_dir(dir.path()).start().await?;
    deploy(&caxton.client, files_of(ANALYST, "")?).await?;
    let asked = ask(&caxton.client).await?;
    let open = inbox(&caxton.client, 3).await?;
    caxton.client.approve(open[2].id, None).await?;
    inbox(&caxton.client, 2).await?;
    caxton.stop().await?;

    let again = server().model(&model).data_dir(dir.path()).start().await?;
    let left: Vec<_> = inbox(&again.client, 2).await?.into_iter().map(|view| view.id).collect();
    assert_eq!(left, [open[0].id, open[1].id]);
    again.client.deny(open[0].id, None).await?;
    again.client.approve(open[1].id, None).await?;
    assert_eq!(answer_to(&again.client, asked.conversation, asked.message).await?.1, json!("done"));
    let told = serde_json::to_string(&model.asked()[1].dialogue)?;
    assert!(told.contains("denied by local") && told.contains("= 7") && told.contains("= 3") && !told.contains("= 10"), "{told}");
    assert_eq!(model.asked().len(), 2, "the model is not asked again by a restart");
    again.stop().await
}

fn question(arguments: Value) -> Script {
    script().line(calls("human__ask", arguments)).says("Thank you.")
}

#[tokio::test]
async fn a_question_is_answered_in_words_and_within_its_options() -> Result<()> {
    let model = question(json!({"question": "Which one?", "options": ["the first", "the second"]}));
    let caxton = server().model(&model).agent(agent("clerk", "tools = [\"human/ask\"]")).start().await?;
    let asked = send(&caxton.client, SendMessage::request("clerk".parse()?, json!("Order it."))).await?;
    let open = inbox(&caxton.client, 1).await?.remove(0);
    assert_eq!(open.kind, ApprovalKind::Question);
    let approved = caxton.client.approve(open.id, None).await.unwrap_err();
    assert!(approved.code() == Code::Invalid && approved.to_string().contains("is a question"), "{approved}");
    let third = caxton.client.answer(open.id, "the third".into(), None).await.unwrap_err();
    assert!(third.to_string().contains("`the third` is not one of the options"), "{third}");

    let delegated = caxton.client.delegate(open.id, "ada@example.org".into(), Some("she knows".into())).await?;
    assert_eq!((delegated.state, delegated.delegate.as_deref()), (ApprovalState::Open, Some("ada@example.org")));
    let of = |who: &str| ApprovalFilter { delegate: Some(who.into()), ..ApprovalFilter::default() };
    assert_eq!(caxton.client.approvals(&of("ada@example.org"), 10).await?.len(), 1);
    assert_eq!(caxton.client.approvals(&of("bob@example.org"), 10).await?.len(), 0);

    caxton.client.answer(open.id, "the second".into(), None).await?;
    assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?.1, json!("Thank you."));
    let told = serde_json::to_string(&model.asked()[1].dialogue)?;
    assert!(told.contains("the second"), "{told}");
    caxton.stop().await
}

#[tokio::test]
async fn a_journal_in_memory_has_an_inbox_too() -> Result<()> {
    let model = question(json!({"question": "Which one?"}));
    let clerk = agent("clerk", "tools = [\"human/ask\"]");
    let caxton = server().model(&model).set("storage.durability=memory").agent(clerk).start().await?;
    let asked = send(&caxton.client, SendMessage::request("clerk".parse()?, json!("Order it."))).await?;
    let open = inbox(&caxton.client, 1).await?.remove(0);
    caxton.client.answer(open.id, "the second".into(), None).await?;
    assert_eq!(answer_to(&caxton.client, asked.conversation, asked.message).await?.1, json!("Thank you."));
    let replayed = caxton.client.replay_turn(open.turn).await?;
    assert!(replayed.equal && replayed.end == Some(TurnEnd::Completed), "{replayed:?}");
    caxton.stop().await
}

#[tokio::test]
async fn a_question_that_nobody_answers_expires() -> Result<()> {
    let model = question(json!({"question": "Which one?", "within": "30ms"}));
    let caxton = server().model(&model).agent(agent("clerk", "tools = [\"human/ask\"]")).start().await?;
    let reply = caxton.request("clerk", "Order it.").await?;
    assert_eq!(reply.content, json!("Thank you."));
    let told = serde_json::to_string(&model.asked()[1].dialogue)?;
    assert!(told.contains("nobody answered in time"), "{told}");
    let late = caxton.client.approvals(&ApprovalFilter::default(), 10).await?.remove(0);
    assert_eq!(late.decision.as_ref().map(|decision| decision.ruling), Some(RulingView::Expired));
    assert_eq!(caxton.client.answer(late.id, "the first".into(), None).await.unwrap_err().code(), Code::Conflict);
    caxton.stop().await
}

#[tokio::test]
async fn a_call_that_nobody_decides_about_is_not_made() -> Result<()> {
    let (tool, arguments) = count("sum");
    let model = script().calls(&tool, arguments).says("nobody was there");
    let caxton = server().model(&model).set("runtime.approval_timeout=30ms").start().await?;
    deploy(&caxton.client, files_of(ANALYST, "")?).await?;
    let asked = ask(&caxton.client).await?;
    let (_, content) = answer_to(&caxton.client, asked.conversation, asked.message).await?;
    assert_eq!(content, json!("nobody was there"));
    let told = serde_json::to_string(&model.asked()[1].dialogue)?;
    assert!(told.contains("nobody approved the call in time"), "{told}");
    assert_eq!(caxton.client.tool("stats").await?.tool.calls, 0);
    let late = caxton.client.approvals(&ApprovalFilter::default(), 10).await?.remove(0);
    assert_eq!(caxton.client.approve(late.id, None).await.unwrap_err().code(), Code::Conflict);
    caxton.stop().await
}

#[tokio::test]
async fn a_turn_that_waits_can_be_called_off() -> Result<()> {
    let model = question(json!({"question": "Which one?"}));
    let caxton = server().model(&model).agent(agent("clerk", "tools = [\"human/ask\"]")).start().await?;
    let asked = send(&caxton.client, SendMessage::request("clerk".parse()?, json!("Order it."))).await?;
    let open = inbox(&caxton.client, 1).await?.remove(0);
    let turns = caxton.client.turns(&TurnFilter { state: Some(TurnState::Open), ..TurnFilter::default() }, 10).await?;
    assert_eq!(turns.iter().map(|turn| turn.id).collect::<Vec<_>>(), [open.turn]);
    caxton.client.cancel_turn(open.turn, Some("asked twice".into())).await?;
    let (performative, content) = answer_to(&caxton.client, asked.conversation, asked.message).await?;
    assert_eq!((performative, &content["reason"]), (Performative::Failure, &json!("called off by local: asked twice")));
    assert_eq!(caxton.client.approval(open.id).await?.state, ApprovalState::Withdrawn);
    assert_eq!(caxton.client.deny(open.id, None).await.unwrap_err().code(), Code::Conflict);
    let again = caxton.client.cancel_turn(open.turn, None).await.unwrap_err();
    assert!(again.code() == Code::Conflict && again.to_string().contains("has ended already (cancelled)"), "{again}");
    caxton.stop().await
}
