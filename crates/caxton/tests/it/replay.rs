//! Turns are called off, tried again, run again from their record, and forked.

use crate::{
    approvals::{answer_to, send},
    tools::{deploy, files_of},
};
use anyhow::{Context as _, Result};
use caxton_api::{AttachmentRef, ForkTurn, ReplyView, SendMessage};
use caxton_client::{Client, TurnFilter};
use caxton_testkit::{Caxton, Line, Script, agent, script, server};
use caxton_types::{Code, Fault as _, Performative, TurnEnd, TurnId};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};
use tokio::sync::Semaphore;

const ANALYST: &str = "name = \"analyst\"\nsystem_prompt = \"You compute.\"\ntools = [\"csv-stats\"]\n";

/// A model that counts once with a tool.
fn counting() -> Script {
    script().calls("csv-stats__stats", json!({"file": "cities.csv", "operation": "sum", "column": "people"}))
}

async fn analyst(model: &Script, dir: &Path) -> Result<Caxton> {
    let caxton = server().model(model).data_dir(dir).start().await?;
    deploy(&caxton.client, files_of(ANALYST, "")?).await?;
    Ok(caxton)
}

async fn ask(caxton: &Caxton) -> Result<ReplyView> {
    let blob = caxton.client.upload("city,people\nOslo,7\nBergen,3\n", "text/csv").await?;
    let table = AttachmentRef { name: "cities.csv".into(), digest: blob.digest, media_type: Some("text/csv".into()), size: None };
    caxton.send(SendMessage { attachments: vec![table], ..SendMessage::request("analyst".parse()?, json!("How many people?")) }).await
}

async fn turn_of(client: &Client, reply: &ReplyView) -> Result<TurnId> {
    let filter = TurnFilter { conversation: Some(reply.conversation), ..TurnFilter::default() };
    Ok(client.turns(&filter, 10).await?.first().context("a turn")?.id)
}

#[tokio::test]
async fn a_turn_replays_to_the_same_hash_with_nobody_outside() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let model = counting().says("10");
    let caxton = analyst(&model, dir.path()).await?;
    let turn = turn_of(&caxton.client, &ask(&caxton).await?).await?;
    let replayed = caxton.client.replay_turn(turn).await?;
    assert!(replayed.equal && replayed.recorded == replayed.replayed && replayed.steps == 4, "{replayed:?}");
    assert_eq!(model.asked().len(), 2, "no model is asked");
    caxton.stop().await
}

/// A journal in which somebody changed one argument of a recorded call.
#[tokio::test]
async fn a_doctored_record_is_caught_at_its_step() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let model = counting().says("10");
    let caxton = analyst(&model, dir.path()).await?;
    let turn = turn_of(&caxton.client, &ask(&caxton).await?).await?;
    caxton.stop().await?;
    let journal = dir.path().join("workspaces/default.journal.db");
    let mut bytes = fs::read(&journal)?;
    let find =
        |bytes: &[u8], from: usize, text: &[u8]| bytes[from..].windows(text.len()).position(|window| window == text).map(|at| from + at);
    let intent = find(&bytes, 0, b"{\"inline\":{\"effect\":\"call\"").context("the recorded call")?;
    let column = find(&bytes, intent, b"\"people\"").context("its argument")?;
    bytes[column..column + 8].copy_from_slice(b"\"peoplx\"");
    fs::write(&journal, bytes)?;

    let again = server().model(&model).data_dir(dir.path()).start().await?;
    let replayed = again.client.replay_turn(turn).await?;
    let mismatch = replayed.mismatch.context("a difference")?;
    assert!(!replayed.equal && replayed.recorded != replayed.replayed);
    let recorded = mismatch.recorded.context("the recorded intent")?;
    assert_eq!((recorded["effect"].as_str(), mismatch.nearest), (Some("call"), Some(mismatch.step)));
    let [difference] = &mismatch.differences[..] else { panic!("{:?}", mismatch.differences) };
    assert_eq!(difference.path, "/arguments/column");
    assert_eq!((&difference.recorded, &difference.now), (&Some(json!("peoplx")), &Some(json!("people"))));
    again.stop().await
}

#[tokio::test]
async fn a_fork_shares_the_past_and_goes_its_own_way() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let model = counting().says("10").says("Ten people.");
    let caxton = analyst(&model, dir.path()).await?;
    let reply = ask(&caxton).await?;
    let turn = turn_of(&caxton.client, &reply).await?;
    let steps = caxton.client.turn(turn).await?.steps;
    let second = steps.iter().filter(|step| step.effect == "ask").nth(1).context("a second question to the model")?.step;
    let fork = ForkTurn { at: Some(second), prompt: Some("You compute, in words.".into()), dry_run: true, ..ForkTurn::default() };
    let planned = caxton.client.fork_turn(turn, &fork).await?;
    assert_eq!((planned.shared, planned.next.len(), planned.next[0].intent["effect"].as_str()), (2, 1, Some("ask")));
    assert_eq!(model.asked().len(), 2, "a dry run asks nobody");
    assert_eq!(caxton.client.turn(planned.turn).await.unwrap_err().code(), Code::NotFound);

    let forked = caxton.client.fork_turn(turn, &ForkTurn { dry_run: false, ..fork }).await?;
    assert_ne!(forked.conversation, reply.conversation);
    assert_eq!(answer_to(&caxton.client, forked.conversation, forked.message).await?.1, json!("Ten people."));
    assert_eq!(model.asked().len(), 3, "shared steps are not taken again");
    assert_eq!(model.asked()[2].settings.system, "You compute, in words.");
    let own = caxton.client.turn(forked.turn).await?.turn;
    assert_eq!(own.origin.map(|origin| (origin.turn, origin.at)), Some((turn, second)));
    assert!(caxton.client.replay_turn(forked.turn).await?.equal, "a fork replays like any turn");
    assert_eq!(caxton.client.messages(reply.conversation).await?.len(), 2, "the past stays as it was");
    caxton.stop().await
}

#[tokio::test]
async fn a_fork_goes_on_from_another_outcome() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let model = counting().says("10").says("11");
    let caxton = analyst(&model, dir.path()).await?;
    let turn = turn_of(&caxton.client, &ask(&caxton).await?).await?;
    let call = caxton.client.turn(turn).await?.steps.iter().find(|step| step.effect == "call").context("a call")?.step;
    let outcomes = [(call, json!({"text": "sum of people = 11"}))].into();
    let forked = caxton.client.fork_turn(turn, &ForkTurn { outcomes, ..ForkTurn::default() }).await?;
    assert_eq!(answer_to(&caxton.client, forked.conversation, forked.message).await?.1, json!("11"));
    let told = serde_json::to_string(&model.asked()[2].dialogue)?;
    assert!(told.contains("= 11") && !told.contains("= 10"), "{told}");

    let nowhere = caxton.client.fork_turn(turn, &ForkTurn::default()).await.unwrap_err();
    assert!(nowhere.code() == Code::Invalid && nowhere.hint().is_some_and(|hint| hint.contains("--fork-at")), "{nowhere}");
    let outcomes = [(call, json!({"outcome": "nonsense"}))].into();
    let odd = caxton.client.fork_turn(turn, &ForkTurn { outcomes, ..ForkTurn::default() }).await.unwrap_err();
    assert!(odd.to_string().contains(&format!("the outcome of step {call} cannot be read")), "{odd}");
    caxton.stop().await
}

#[tokio::test]
async fn a_retry_keeps_what_was_achieved() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let failure = caxton_llm::Error::QuotaExhausted { provider: "script".into(), reason: "pay first".into() };
    let model = counting().line(Line::Fails(failure)).says("10");
    let caxton = analyst(&model, dir.path()).await?;
    let reply = ask(&caxton).await?;
    assert_eq!((reply.performative, reply.end), (Performative::Failure, Some(TurnEnd::Failed)));
    let turn = turn_of(&caxton.client, &reply).await?;
    let failed = caxton.client.turn(turn).await?.failure.context("a failure")?;
    assert!(failed.step.is_some() && failed.reason.contains("pay first"), "{failed:?}");

    let tried = caxton.client.retry_turn(turn).await?;
    assert_eq!((tried.conversation, tried.shared), (reply.conversation, 2));
    let answer = loop {
        let messages = caxton.client.messages(reply.conversation).await?;
        if let Some(answer) = messages.into_iter().find(|message| message.performative == Performative::Inform) {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(answer.content, json!("10"));
    let second = caxton.client.turn(tried.turn).await?;
    assert_eq!((second.turn.end, second.turn.origin.map(|origin| origin.turn)), (Some(TurnEnd::Completed), Some(turn)));
    assert_eq!(model.asked().len(), 3);
    let completed = caxton.client.retry_turn(tried.turn).await.unwrap_err();
    assert!(completed.code() == Code::Conflict && completed.to_string().contains("has ended already (completed)"), "{completed}");
    caxton.stop().await
}

#[tokio::test]
async fn a_turn_at_work_can_be_called_off() -> Result<()> {
    let model = script().line(Line::Waits(Arc::new(Semaphore::new(0)))).says("too late");
    let caxton = server().model(&model).agent(agent("slow", "")).start().await?;
    let asked = send(&caxton.client, SendMessage::request("slow".parse()?, json!("think"))).await?;
    while model.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    let turn = caxton.client.turns(&TurnFilter::default(), 1).await?.first().context("a turn")?.id;
    let open = caxton.client.retry_turn(turn).await.unwrap_err();
    assert!(open.code() == Code::Conflict && open.to_string().contains("has not ended"), "{open}");
    let open = caxton.client.turn_cassette(turn).await.unwrap_err();
    assert!(open.code() == Code::Conflict && open.to_string().contains("has not ended"), "{open}");
    assert_eq!(caxton.client.conversation_cassette(asked.conversation).await.unwrap_err().code(), Code::Conflict);
    caxton.client.cancel_turn(turn, None).await?;
    let (performative, content) = answer_to(&caxton.client, asked.conversation, asked.message).await?;
    assert_eq!((performative, &content["code"]), (Performative::Failure, &json!("cancelled")));
    assert_eq!(caxton.client.turn(turn).await?.turn.end, Some(TurnEnd::Cancelled));
    assert!(caxton.client.replay_turn(turn).await?.equal, "what was called off replays too");
    assert!(caxton.client.turn_cassette(turn).await?.contains("\"end\":\"cancelled\""), "and can be exported");
    caxton.stop().await
}

#[tokio::test]
async fn a_cassette_tells_no_secret_of_the_server() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let secrets = dir.path().join("secrets.yaml");
    fs::write(&secrets, "tools: {default/DOOR: plum tart at nine}\nmcp: {tickets: marzipan for all}\n")?;
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600))?;
    let servers =
        "integrations.mcp={enabled: false, servers: [{name: tickets, url: 'https://tickets.invalid/mcp', bearer_secret: tickets}]}";
    let model = script().says("Said plum tart at nine, then marzipan for all, then good night.");
    let caxton = server().model(&model).agent(agent("porter", ""));
    let caxton = caxton.set(&format!("security.secrets_file={}", secrets.display())).set(servers).start().await?;
    let reply = caxton.request("porter", "What did they say?").await?;
    let cassette = caxton.client.conversation_cassette(reply.conversation).await?;
    assert!(!cassette.contains("plum tart") && !cassette.contains("marzipan"), "{cassette}");
    assert!(cassette.contains("then good night"), "{cassette}");
    caxton.stop().await
}
