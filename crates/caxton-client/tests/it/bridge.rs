//! The bridge between standard streams and MCP over HTTP, where the server forgets its sessions.

use crate::client::serving;
use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::get,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex, split};

const SESSION: &str = "mcp-session-id";

/// A server whose sessions last until it is told to forget them.
#[derive(Clone, Default)]
struct Forgetful(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// The sessions that it began, and the only one that it knows.
    begun: usize,
    known: Option<String>,
    /// It forgets each session as soon as it began.
    is_hopeless: bool,
    /// The session and the method of every message that it took.
    taken: Vec<String>,
}

impl Forgetful {
    fn forget(&self) {
        self.0.lock().known = None;
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().taken)
    }

    fn post(&self, headers: &HeaderMap, message: &Value) -> Response {
        let mut inner = self.0.lock();
        let method = message["method"].as_str().unwrap_or("answer");
        if method == "initialize" {
            inner.begun += 1;
            let id = format!("s{}", inner.begun);
            inner.known = Some(id.clone()).filter(|_| !inner.is_hopeless);
            let result = json!({"jsonrpc": "2.0", "id": message["id"], "result": {"protocolVersion": "2025-11-25"}});
            return ([(SESSION, id)], Json(result)).into_response();
        }
        let session = headers.get(SESSION).map(|id| id.to_str().unwrap().to_owned());
        if session != inner.known {
            return (StatusCode::NOT_FOUND, "no such session").into_response();
        }
        let version = headers["mcp-protocol-version"].to_str().unwrap();
        inner.taken.push(format!("{} {version} {method}", session.unwrap()));
        if message["id"].is_null() {
            return StatusCode::ACCEPTED.into_response();
        }
        Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": {}})).into_response()
    }

    fn news(&self, headers: &HeaderMap) -> Response {
        let known = self.0.lock().known.clone();
        if headers.get(SESSION).map(|id| id.to_str().unwrap()) != known.as_deref() {
            return StatusCode::NOT_FOUND.into_response();
        }
        // It has nothing to say, for as long as it likes.
        ([("content-type", "text/event-stream")], Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>()))
            .into_response()
    }
}

/// The client at the other end of the streams.
struct Theirs {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    input: WriteHalf<DuplexStream>,
}

impl Theirs {
    async fn say(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// The next answer; what the server says by itself is passed over.
    async fn answer(&mut self) -> Value {
        loop {
            let message: Value = serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap();
            if message["method"].is_null() {
                return message;
            }
        }
    }

    async fn ask(&mut self, id: u32, method: &str, params: Value) -> Value {
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        let answer = self.answer().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }
}

/// A client that has a session, until it has asked what it wants to ask.
async fn in_session(server: &Forgetful, ask: impl AsyncFnOnce(Theirs)) {
    let news = |State(server): State<Forgetful>, headers: HeaderMap| async move { server.news(&headers) };
    let post =
        |State(server): State<Forgetful>, headers: HeaderMap, Json(message): Json<Value>| async move { server.post(&headers, &message) };
    let routes = Router::new().route("/mcp/default", get(news).post(post).delete(|| async {}));
    serving(routes.with_state(server.clone()), async |client| {
        let (ours, theirs) = duplex(1 << 16);
        let (input, output) = split(theirs);
        let (lines, input_of_theirs) = split(ours);
        let mut theirs = Theirs { lines: BufReader::new(lines).lines(), input: input_of_theirs };
        let asked = async {
            let begun = theirs.ask(0, "initialize", json!({"protocolVersion": "2025-11-25"})).await;
            assert_eq!(begun["result"]["protocolVersion"], "2025-11-25");
            theirs.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
            theirs.ask(1, "ping", json!({})).await;
            while server.0.lock().taken.len() < 2 {
                tokio::task::yield_now().await;
            }
            ask(theirs).await;
        };
        let bridged = client.bridge_mcp(BufReader::new(input), output, |_| {});
        let (bridged, ()) = tokio::join!(bridged, asked);
        bridged.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_begun_anew_once_for_all_that_wait() {
    let server = Forgetful::default();
    in_session(&server, async |mut theirs| {
        for (id, method, params) in [
            (2, "logging/setLevel", json!({"level": "info"})),
            (3, "resources/subscribe", json!({"uri": "caxton://a"})),
            (4, "resources/subscribe", json!({"uri": "caxton://b"})),
            (5, "resources/unsubscribe", json!({"uri": "caxton://a"})),
        ] {
            theirs.ask(id, method, params).await;
        }
        server.forget();
        server.taken();
        for id in [6, 7, 8] {
            theirs.say(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"})).await;
        }
        let mut answered = vec![];
        for _ in 0..3 {
            let answer = theirs.answer().await;
            assert!(answer["result"].is_object(), "{answer}");
            answered.push(answer["id"].as_u64().unwrap());
        }
        answered.sort_unstable();
        assert_eq!(answered, [6, 7, 8]);
        let again = ["notifications/initialized", "logging/setLevel", "resources/subscribe", "tools/list", "tools/list", "tools/list"];
        assert_eq!(server.taken(), again.map(|method| format!("s2 2025-11-25 {method}")), "what the session knew it is told again");
    })
    .await;
}

#[tokio::test]
async fn a_request_is_repeated_once_and_then_fails() {
    let server = Forgetful::default();
    in_session(&server, async |mut theirs| {
        server.0.lock().is_hopeless = true;
        server.forget();
        let answer = theirs.ask(2, "tools/list", json!({})).await;
        assert!(answer["error"]["message"].as_str().unwrap().contains("404"), "{answer}");
        server.0.lock().is_hopeless = false;
        let answer = theirs.ask(3, "tools/list", json!({})).await;
        assert!(answer["result"].is_object(), "the next one tries again: {answer}");
    })
    .await;
}
