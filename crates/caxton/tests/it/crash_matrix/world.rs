//! All that is outside of the server: a model that decides by what it was told, and services whose every request is counted.

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    routing::{post, put},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::task::TaskTracker;

/// What was asked of the services: each request of a path with its idempotency key.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) posts: BTreeMap<String, Vec<String>>,
    pub(super) puts: BTreeMap<String, Vec<String>>,
}

#[derive(Clone)]
struct Services {
    base: String,
    counted: Arc<Mutex<Counted>>,
}

/// It ends with the test's runtime.
pub(super) struct World {
    pub(super) address: String,
    counted: Arc<Mutex<Counted>>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl World {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let counted = Arc::new(Mutex::new(Counted::default()));
        let services = Services { base: format!("http://{address}"), counted: Arc::clone(&counted) };
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .route("/done/{what}", post(do_it).get(is_it_done))
            .route("/state/{what}", put(set_it))
            .with_state(services);
        let serving = TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, counted, serving })
    }

    pub(super) fn counted(&self) -> Counted {
        self.counted.lock().clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn key(headers: &HeaderMap) -> String {
    headers.get("idempotency-key").expect("a request that writes has a key").to_str().unwrap().to_owned()
}

/// Done again each time that it is asked for: a service that knows nothing of keys.
async fn do_it(State(services): State<Services>, Path(what): Path<String>, headers: HeaderMap) -> &'static str {
    services.counted.lock().posts.entry(what).or_default().push(key(&headers));
    "it is done"
}

async fn is_it_done(State(services): State<Services>, Path(what): Path<String>) -> (StatusCode, &'static str) {
    let is_done = services.counted.lock().posts.contains_key(&what);
    if is_done { (StatusCode::OK, "it is done") } else { (StatusCode::NOT_FOUND, "nobody has done that") }
}

async fn set_it(State(services): State<Services>, Path(what): Path<String>, headers: HeaderMap) -> &'static str {
    services.counted.lock().puts.entry(what).or_default().push(key(&headers));
    "it is set"
}

/// What the model says next.
enum Says {
    Words(String),
    Calls(Vec<(String, &'static str, Value)>),
}

/// The results of tools so far, by the id of the call without its number.
type Results = BTreeMap<String, Vec<String>>;

async fn answer(State(services): State<Services>, Json(request): Json<Value>) -> ([(header::HeaderName, &'static str); 1], String) {
    let messages = request["messages"].as_array().unwrap();
    let mut results = Results::new();
    for message in messages.iter().filter(|message| message["role"] == "tool") {
        let id = message["tool_call_id"].as_str().unwrap().trim_end_matches(|c: char| c.is_ascii_digit());
        results.entry(id.to_owned()).or_default().push(message["content"].to_string());
    }
    let is_auditor = messages[0]["content"].to_string().contains("auditor");
    let says = if is_auditor { auditor(&services.base, &results) } else { buyer(&services.base, &results) };
    ([(header::CONTENT_TYPE, "text/event-stream")], streamed(&says, messages.len()))
}

/// Sets the stock and orders at the same time; asks the auditor, then a person; sends a letter.
fn buyer(base: &str, results: &Results) -> Says {
    if results.is_empty() {
        let set = json!({"method": "PUT", "url": format!("{base}/state/stock"), "body": "7"});
        return Says::Calls(vec![("put-stock-".into(), "http_client__request", set), done(base, "order", "POST")]);
    }
    if let Some(call) = once(base, "order", results) {
        return Says::Calls(vec![call]);
    }
    if !results.contains_key("ask-auditor-") {
        let question = json!({"to": "auditor", "text": "Is the order in order?", "within": "1h"});
        return Says::Calls(vec![("ask-auditor-".into(), "agents__ask", question)]);
    }
    if !results.contains_key("ask-person-") {
        return Says::Calls(vec![("ask-person-".into(), "human__ask", json!({"question": "Shall I write to them?"}))]);
    }
    if let Some(call) = once(base, "letter", results) {
        return Says::Calls(vec![call]);
    }
    Says::Words(format!(
        "{} {} Ordered and written.",
        results["put-stock-"].len(),
        [&results["ask-auditor-"][0], &results["ask-person-"][0]].map(String::as_str).concat()
    ))
}

fn auditor(base: &str, results: &Results) -> Says {
    once(base, "audit", results).map_or_else(|| Says::Words("All is fine.".into()), |call| Says::Calls(vec![call]))
}

fn done(base: &str, what: &str, method: &str) -> (String, &'static str, Value) {
    (format!("{}-{what}-", method.to_lowercase()), "http_client__request", json!({"method": method, "url": format!("{base}/done/{what}")}))
}

/// What is to be called so that something is done once: after a call of which nobody knows whether it happened, first look.
fn once(base: &str, what: &str, results: &Results) -> Option<(String, &'static str, Value)> {
    let of = |method: &str| results.get(&format!("{method}-{what}-")).map_or(&[][..], Vec::as_slice);
    let is_done = |result: &&String| result.contains("it is done");
    let (posts, gets) = (of("post"), of("get"));
    if posts.last().is_some_and(|last| is_done(&last)) || gets.last().is_some_and(|last| is_done(&last)) {
        return None;
    }
    Some(done(base, what, if gets.len() < posts.len() { "GET" } else { "POST" }))
}

/// In OpenAI's wire format.
fn streamed(says: &Says, number: usize) -> String {
    let chunk = |delta: Value, finish: Value| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "stub",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {chunk}\n\n")
    };
    let (delta, finish) = match says {
        Says::Words(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Says::Calls(calls) => {
            let call = |(at, (id, tool, arguments)): (usize, &(String, &str, Value))| {
                let function = json!({"name": tool, "arguments": arguments.to_string()});
                json!({"index": at, "id": format!("{id}{number}"), "type": "function", "function": function})
            };
            (json!({"role": "assistant", "tool_calls": calls.iter().enumerate().map(call).collect::<Vec<_>>()}), "tool_calls")
        }
    };
    format!("{}{}data: [DONE]\n\n", chunk(delta, Value::Null), chunk(json!({}), finish.into()))
}
