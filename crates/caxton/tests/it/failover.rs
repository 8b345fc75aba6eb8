//! A chain of two providers behind HTTP, the first of which is down.

use crate::stub;
use anyhow::{Context as _, Result, bail};
use axum::{Router, http::StatusCode, routing::post};
use caxton_api::{EventView, SendMessage};
use caxton_client::{SendOptions, Sent};
use caxton_testkit::{Caxton, agent, server};
use caxton_types::{Code, Performative, TurnEnd};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::task::TaskTracker;

/// A provider that answers every question with 500, and counts them.
struct Down {
    url: String,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Down {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/v1/", listener.local_addr()?);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let refuse = move || {
            count.fetch_add(1, Ordering::Relaxed);
            std::future::ready((StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":{"message":"out of order"}}"#))
        };
        let router = Router::new().route("/v1/chat/completions", post(refuse));
        let serving = TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, asked, serving })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Down {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A server whose `chat` is answered by the first provider, or else by the second one.
async fn chained(first: &Down, second: &stub::Model, settings: &[&str]) -> Result<Caxton> {
    let provider = |name: &str, url: &str| {
        format!("{{name: {name}, type: openai, base_url: \"{url}\", api_key: k, model: {name}-model, max_attempts: 1}}")
    };
    let builder = server()
        .set(&format!("llm.providers=[{}, {}]", provider("first", &first.url), provider("second", &second.url)))
        .set("llm.models={chat: {chain: [first, second/large]}}")
        .agent(agent("sum", ""));
    settings.iter().fold(builder, |builder, setting| builder.set(setting)).start().await
}

/// The model's reply, as the journal has it.
fn answered(events: &[EventView]) -> Result<&Value> {
    let ended = events.iter().rev().find(|event| event.kind == "step_ended" && event.fact["effect"] == "ask");
    Ok(&ended.context("the model was asked")?.fact["outcome"]["inline"])
}

#[tokio::test]
async fn the_second_provider_answers_and_the_journal_names_both() -> Result<()> {
    let (first, second) = (Down::start().await?, stub::Model::start().await?);
    let caxton = chained(&first, &second, &["llm.circuit_breaker.threshold=2"]).await?;
    let mut reasons = vec![];
    for _ in 0..3 {
        let reply = caxton.request("sum", "hello").await?;
        assert_eq!((reply.performative, &reply.content), (Performative::Inform, &json!(stub::ANSWER)));
        let events = caxton.events(reply.conversation).await?;
        let outcome = answered(&events)?;
        assert_eq!((&outcome["provider"], &outcome["model"]), (&json!("second"), &json!("large")), "{outcome}");
        let step = &outcome["failovers"][0];
        assert_eq!(
            (&step["from"], &step["to"], &step["code"]),
            (&json!("first/first-model"), &json!("second/large"), &json!("unavailable"))
        );
        reasons.push(step["reason"].as_str().context("a reason")?.to_owned());
    }
    let down = "the model provider `first` answered with an error (HTTP 500): out of order";
    assert_eq!(reasons, [down, down, "the model provider `first` keeps failing and is left alone for now"]);
    assert_eq!(first.asked(), 2, "its breaker is open");
    caxton.stop().await
}

#[tokio::test]
async fn without_fallback_the_failure_says_who_was_not_asked() -> Result<()> {
    let (first, second) = (Down::start().await?, stub::Model::start().await?);
    let caxton = chained(&first, &second, &["llm.fallback.mode=off"]).await?;
    let reply = caxton.request("sum", "hello").await?;
    assert_eq!((reply.performative, reply.end), (Performative::Failure, Some(TurnEnd::Failed)));
    assert_eq!(reply.content["code"], "unavailable");
    let reason = reply.content["reason"].as_str().context("a reason")?;
    for part in
        ["`first/first-model` did not answer", "`second/large` is not asked because `fallback.mode` is `off`", "(HTTP 500): out of order"]
    {
        assert!(reason.contains(part), "{reason}");
    }
    caxton.stop().await
}

/// A person decides whether the next provider is asked: two turns, one approved and one denied.
#[tokio::test]
async fn a_person_decides_about_the_next_provider() -> Result<()> {
    let (first, second) = (Down::start().await?, stub::Model::start().await?);
    let caxton = chained(&first, &second, &["llm.fallback.mode=ask"]).await?;
    for approve in [true, false] {
        let message = SendMessage::request("sum".parse()?, json!("hello"));
        let Sent::Accepted(sent) = caxton.client.send(&message, &SendOptions::default()).await? else { bail!("nobody decided yet") };
        let asked = caxton.until(sent.conversation, "approval_asked").await?;
        let asked = asked.last().context("a decision is asked for")?;
        assert_eq!(asked.fact["kind"], "failover");
        let id = asked.fact["approval"].as_str().context("an id")?.parse()?;
        let failed = caxton.client.approval(id).await?.failover.context("what failed")?;
        assert_eq!((&*failed.from, &*failed.to, failed.code), ("first/first-model", "second/large", Code::Unavailable));
        assert!(failed.reason.contains("out of order"), "{}", failed.reason);
        if approve {
            caxton.client.approve(id, None).await?;
        } else {
            caxton.client.deny(id, Some("too dear".into())).await?;
        }
        let events = caxton.until(sent.conversation, "turn_ended").await?;
        let answer = caxton.client.messages(sent.conversation).await?.pop().context("an answer")?;
        let turn = events.iter().find_map(|event| event.turn).context("a turn")?;
        assert!(caxton.client.replay_turn(turn).await?.mismatch.is_none());
        if approve {
            assert_eq!(answer.content, json!(stub::ANSWER));
        } else {
            assert_eq!(answer.performative, Performative::Failure);
            let reason = answer.content["reason"].as_str().context("a reason")?;
            assert!(reason.contains("was not asked") && reason.contains("too dear"), "{reason}");
        }
    }
    caxton.stop().await
}
