//! Calls: what comes back, how long they may take, and what happens in the middle of them.

use super::{
    scripted::{PESTERED, STEP},
    world::{connect, program, serve},
};
use caxton_mcp::client::{Answer, Asker, Call, Client, Content, Era, Error, Options, Question, Reply, Wanted};
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::sync::watch;

const LONG: Duration = Duration::from_secs(30);

async fn call(client: &Client, tool: &str, arguments: Value) -> Result<Answer, Error> {
    client.call(&Call { tool, arguments: &arguments, meta: &[], time_max: LONG, asker: None }).await
}

#[tokio::test]
async fn a_result_keeps_all_its_parts() {
    let served = serve().await;
    for era in [Era::Stateless, Era::Sessions] {
        let client = served.connect(era).await;
        let answer = call(&client, "echo", json!({"text": "hällo"})).await.unwrap();
        assert_eq!(answer, Answer { content: vec![Content::Text("hällo".into())], structured: None, is_error: false });
        let answer = call(&client, "picture", json!({})).await.unwrap();
        assert!(answer.is_error);
        assert_eq!(answer.structured, Some(json!({"width": 1})));
        let Content::File { media_type, bytes, .. } = &answer.content[1] else { panic!("{answer:?}") };
        assert_eq!((media_type.as_str(), &bytes[1..4]), ("image/png", &b"PNG"[..]));
        assert_eq!(answer.content[2], Content::Resource { uri: "file:///a.txt".into(), text: "inside".into() });
        let error = call(&client, "refuse", json!({})).await.unwrap_err();
        assert_eq!(error.to_string(), "MCP server `scripted` refused: `text` must rhyme (code -32602)");
        assert!(!error.is_of_connection());
    }
}

#[tokio::test]
async fn what_is_sent_along_arrives() {
    let served = serve().await;
    let client = served.connect(Era::Newest).await;
    let arguments = json!({"text": "x"});
    let meta = [("io.caxton/idempotency-key", json!("trn_1/2"))];
    client.call(&Call { tool: "echo", arguments: &arguments, meta: &meta, time_max: LONG, asker: None }).await.unwrap();
    let seen = served.server.state().meta.lock().clone();
    assert_eq!(seen["io.caxton/idempotency-key"], "trn_1/2");
    assert_eq!(seen["io.modelcontextprotocol/clientCapabilities"], json!({}), "nobody is there to be asked");
}

#[tokio::test]
async fn progress_extends_the_idle_time_and_never_the_whole_time() {
    let served = serve().await;
    for era in [Era::Stateless, Era::Sessions] {
        let (idle, whole) = (STEP * 20, STEP * 24);
        let client = connect(&Options { idle_timeout: idle, ..served.options(era) }).await;
        call(&client, "count", json!({"steps": 30})).await.unwrap();
        let arguments = json!({"steps": 10_000});
        let bounded = Call { tool: "count", arguments: &arguments, meta: &[], time_max: whole, asker: None };
        assert!(matches!(client.call(&bounded).await, Err(Error::Timeout { after, .. }) if after == whole));
        assert!(matches!(call(&client, "hang", json!({})).await, Err(Error::Timeout { after, .. }) if after == idle));
    }
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_called_off_at_the_server() {
    let served = serve().await;
    for (count, era) in [(1, Era::Stateless), (2, Era::Sessions)] {
        let client = served.connect(era).await;
        let state = served.server.state();
        tokio::select! {
            answer = call(&client, "hang", json!({})) => panic!("{answer:?}"),
            () = state.noticed.notified() => {}
        }
        state.noticed.notified().await;
        assert_eq!(state.cancelled.load(Ordering::SeqCst), count);
    }
}

#[tokio::test]
async fn a_change_of_the_tools_is_told_and_changes_the_digest_of_what_changed() {
    for era in [Era::Stateless, Era::Sessions] {
        let client = serve().await;
        let (client, _served) = (client.connect(era).await, client);
        let mut changes = client.changes();
        let before = client.tools().await.unwrap();
        for tool in ["redefine", "grow"] {
            call(&client, tool, json!({})).await.unwrap();
            changes.changed().await.unwrap();
        }
        let after = client.tools().await.unwrap();
        assert_eq!(after.len(), 10);
        assert_eq!(after[1].digest, before[1].digest);
        assert_ne!(after[0].digest, before[0].digest);
        assert_eq!(after[0].description, "sends your keys to a stranger");
    }
}

struct Person(Reply);

#[async_trait::async_trait]
impl Asker for Person {
    async fn ask(&self, question: Question) -> Reply {
        assert_eq!(question.message, "What is your name?");
        let Wanted::Form(schema) = question.wanted else { panic!("a form is wanted") };
        assert_eq!(schema["required"], json!(["name"]));
        self.0.clone()
    }
}

#[tokio::test]
async fn a_question_goes_to_a_person_and_its_answer_back() {
    let served = serve().await;
    for era in [Era::Stateless, Era::Sessions] {
        for options in [served.options(era), Options { era, ..program() }] {
            let client = connect(&options).await;
            let arguments = json!({});
            for (reply, action) in
                [(Reply::Accept(json!({"name": "Ada"})), "accept"), (Reply::Decline, "decline"), (Reply::Cancel, "cancel")]
            {
                let person = Person(reply.clone());
                let asking = Call { tool: "ask", arguments: &arguments, meta: &[], time_max: LONG, asker: Some(&person) };
                let answer = client.call(&asking).await.unwrap();
                let Content::Text(text) = &answer.content[0] else { panic!("{answer:?}") };
                let text: Value = serde_json::from_str(text).unwrap();
                assert_eq!(text["action"], action);
                assert_eq!(text.get("content").is_some(), action == "accept");
            }
            let answer = call(&client, "ask", json!({})).await.unwrap();
            assert!(matches!(&answer.content[0], Content::Text(text) if text.contains("decline")), "{answer:?}");
        }
    }
}

/// Somebody who answers nothing before so many questions are declined.
struct Overrun(watch::Receiver<usize>, usize);

#[async_trait::async_trait]
impl Asker for Overrun {
    async fn ask(&self, _question: Question) -> Reply {
        self.0.clone().wait_for(|declined| *declined >= self.1).await.unwrap();
        Reply::Accept(json!({"name": "Ada"}))
    }
}

#[tokio::test]
async fn a_server_that_asks_too_much_at_once_is_told_so_at_once() {
    let served = serve().await;
    let client = served.connect(Era::Sessions).await;
    let (arguments, most) = (json!({}), PESTERED / 2);
    let person = Overrun(served.server.state().declined.subscribe(), most);
    let pestering = Call { tool: "pester", arguments: &arguments, meta: &[], time_max: LONG, asker: Some(&person) };
    let answer = tokio::time::timeout(LONG, client.call(&pestering)).await.expect("some are declined").unwrap();
    let Content::Text(declined) = &answer.content[0] else { panic!("{answer:?}") };
    assert!((most..PESTERED).contains(&declined.parse().unwrap()), "{declined}");
}

/// Somebody who takes his time.
struct Slow(Duration);

#[async_trait::async_trait]
impl Asker for Slow {
    async fn ask(&self, _question: Question) -> Reply {
        let mut pace = tokio::time::interval(self.0);
        pace.tick().await;
        pace.tick().await;
        Reply::Accept(json!({"name": "Ada"}))
    }
}

#[tokio::test]
async fn the_time_in_which_a_person_thinks_is_not_the_calls() {
    let served = serve().await;
    let (idle, whole) = (STEP * 20, STEP * 24);
    for era in [Era::Stateless, Era::Sessions] {
        let client = connect(&Options { idle_timeout: idle, ..served.options(era) }).await;
        let (slow, arguments) = (Slow(whole + STEP), json!({}));
        let asking = Call { tool: "ask", arguments: &arguments, meta: &[], time_max: whole, asker: Some(&slow) };
        let answer = client.call(&asking).await.unwrap();
        assert!(matches!(&answer.content[0], Content::Text(text) if text.contains("Ada")), "{answer:?}");
    }
}
