//! What servers ask in the middle of a direct call: put to the MCP client that makes it, in both eras, on either side.

use super::{ERAS, Person, knowing, started, theirs::serve};
use crate::mcp::wire::{message, modern};
use anyhow::{Context as _, Result};
use caxton_client::EventFilter;
use caxton_mcp::client::{Answer, Asker, Call, Client, Content, Era, Options, Place, Question, Reply, Url};
use caxton_testkit::{Caxton, script};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::task::TaskTracker;

const OURS: [Era; 2] = [Era::Sessions, Era::Stateless];

async fn call(caxton: &Caxton, era: Era, tool: &str, asker: Option<&dyn Asker>) -> Result<Answer> {
    let place = Place::Url(Url { url: format!("{}/mcp/default", caxton.url).into(), headers: vec![], bearer: None });
    let client = Client::connect(&Options { era, ..Options::new("ours", place) }, &TaskTracker::new()).await?;
    let arguments = json!({});
    let answer = client.call(&Call { tool, arguments: &arguments, meta: &[], time_max: Duration::from_mins(1), asker }).await?;
    client.close().await;
    Ok(answer)
}

fn text(answer: &Answer) -> Vec<&str> {
    answer.content.iter().filter_map(|part| if let Content::Text(text) = part { Some(text.as_str()) } else { None }).collect()
}

async fn recorded(caxton: &Caxton) -> Result<Vec<String>> {
    let filter = EventFilter { kinds: vec!["tool_called".into()], ..EventFilter::default() };
    Ok(caxton.client.events(&filter, 100).await?.into_iter().map(|event| event.fact.to_string()).collect())
}

#[tokio::test]
async fn whoever_sits_at_the_client_answers() -> Result<()> {
    for era in ERAS {
        let theirs = serve().await?;
        let caxton = started(knowing(&theirs, era, &script()), "").await?;
        for ours in OURS {
            let answer = call(&caxton, ours, "desk__order", Some(&Person)).await?;
            let [text] = text(&answer)[..] else { panic!("{answer:?}") };
            assert!(text.contains(r#""seats":2"#) && text.matches(r#""action":"accept""#).count() == 2, "{era} {ours:?}: {text}");
        }
        assert_eq!(recorded(&caxton).await?.len(), 2, "each call is one, however often it asked");
        caxton.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn where_the_client_cannot_ask_the_question_is_declined_and_the_result_says_so() -> Result<()> {
    for era in ERAS {
        let theirs = serve().await?;
        let caxton = started(knowing(&theirs, era, &script()), "").await?;
        let answer = call(&caxton, Era::Stateless, "desk__ticket", None).await?;
        let [said, why] = text(&answer)[..] else { panic!("{answer:?}") };
        assert!(said.contains(r#""action":"decline""#), "{said}");
        let expected = "(The MCP server desk asked: \"For whom?\". This client cannot ask anybody: it does not support elicitation, so the \
                        question was declined.)";
        assert_eq!(why, expected);
        caxton.stop().await?;
    }
    Ok(())
}

/// Answers with what does not fit, until told so.
#[derive(Default)]
struct Careless(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Asker for Careless {
    async fn ask(&self, question: Question) -> Reply {
        let mut heard = self.0.lock();
        heard.push(question.message);
        Reply::Accept(if heard.len() == 1 { json!({"name": 7}) } else { json!({"name": "Ada"}) })
    }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again() -> Result<()> {
    let theirs = serve().await?;
    let caxton = started(knowing(&theirs, ERAS[0], &script()), "").await?;
    for ours in OURS {
        let person = Careless::default();
        let answer = call(&caxton, ours, "desk__ticket", Some(&person)).await?;
        assert!(text(&answer)[0].contains(r#""name":"Ada""#), "{answer:?}");
        let heard = person.0.into_inner();
        assert_eq!(heard.len(), 2);
        assert!(heard[1].contains("For whom?\n(The answer did not fit: at `/name`: 7 is not of type \"string\")"), "{heard:?}");
    }
    caxton.stop().await
}

#[tokio::test]
async fn a_call_that_waits_is_taken_up_once_and_by_the_same_request_only() -> Result<()> {
    let theirs = serve().await?;
    let caxton = started(knowing(&theirs, ERAS[0], &script()), "").await?;
    let send = async |tool: &str, more: Value| -> Result<Value> {
        let mut params = json!({"name": tool, "arguments": {}});
        params.as_object_mut().context("params")?.extend(more.as_object().cloned().unwrap_or_default());
        let request = modern(&format!("{}/mcp", caxton.url), "tools/call", tool, params, json!({"elicitation": {}}));
        message(request.send().await?, None).await
    };
    let answer = json!({"question": {"action": "accept", "content": {"name": "Ada"}}});
    let given = |asked: &Value| json!({"requestState": asked["result"]["requestState"], "inputResponses": answer});
    // What nobody was asked yet is not answered.
    let asked = send("desk__ticket", json!({"inputResponses": answer})).await?;
    assert!(asked["result"]["inputRequests"]["question"].to_string().contains("The MCP server desk asks:\\nFor whom?"), "{asked}");
    let other = send("desk__look", given(&asked)).await?;
    assert_eq!((&other["error"]["code"], &other["error"]["data"]["code"]), (&json!(-32602), &json!("invalid")), "{other}");
    theirs.called_off.notified().await;
    let tried_out = send("desk__ticket", given(&asked)).await?;
    assert!(tried_out["error"].is_object(), "the word is no good any more: {tried_out}");

    let asked = send("desk__ticket", json!({})).await?;
    let again = send("desk__ticket", json!({"requestState": asked["result"]["requestState"]})).await?;
    assert_ne!(again["result"]["requestState"], asked["result"]["requestState"], "without an answer it is asked again: {again}");
    let done = send("desk__ticket", given(&again)).await?;
    assert!(done["result"]["content"][0]["text"].as_str().is_some_and(|text| text.contains(r#""name":"Ada""#)), "{done}");
    let replayed = send("desk__ticket", given(&again)).await?;
    assert!(replayed["error"].is_object(), "an answer counts once: {replayed}");
    let outcomes = recorded(&caxton).await?;
    assert!(outcomes.len() == 2 && outcomes[0].contains("its caller gave it up") && outcomes[1].contains("Ada"), "{outcomes:?}");
    caxton.stop().await
}
