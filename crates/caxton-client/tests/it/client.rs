use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use caxton_client::{Client, Error, EventFilter, Followed, SendOptions};
use caxton_types::{Code, Fault};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::{
    future::IntoFuture,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Serves these routes for as long as the test asks.
pub(crate) async fn serving<T>(routes: Router, ask: impl AsyncFnOnce(Client) -> T) -> T {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    tokio::select! {
        result = axum::serve(listener, routes).into_future() => panic!("the server ended: {result:?}"),
        answer = ask(client) => answer,
    }
}

#[tokio::test]
async fn no_server_is_said_so_with_the_way_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::new(&url).unwrap().status().await.unwrap_err();
    assert_eq!((error.code(), error.to_string()), (Code::Unavailable, format!("no server answers at {url}")));
    assert!(error.hint().unwrap().contains("`caxton serve`"));
    for bad in ["", "localhost:8080", "ftp://localhost", "http://", "data:x"] {
        assert_eq!(Client::new(bad).unwrap_err().code(), Code::Invalid, "{bad}");
    }
}

#[tokio::test]
async fn a_problem_keeps_its_code_and_hint() {
    let problem = json!({
        "type": "urn:caxton:problem:not_found", "title": "not found", "status": 404, "detail": "agent `sun` is not deployed",
        "code": "not_found", "request_id": "req_1", "hint": "did you mean `sum`?", "a_member_of_a_newer_version": true
    });
    let answer = move || async move { (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "application/problem+json")], problem.to_string()) };
    let routes = Router::new().route("/api/v1/workspaces/default/agents/{name}", get(answer));
    let error = serving(routes, async |client| client.agent("sun").await.unwrap_err()).await;
    assert_eq!((error.code(), error.to_string().as_str()), (Code::NotFound, "agent `sun` is not deployed"));
    assert_eq!((error.hint().as_deref(), error.problem().unwrap().request_id.as_str()), (Some("did you mean `sum`?"), "req_1"));
}

#[tokio::test]
async fn something_else_on_the_port_is_told_apart() {
    let routes = Router::new().fallback(|| async { (StatusCode::BAD_GATEWAY, "<html>") });
    let error = serving(routes, async |client| client.status().await.unwrap_err()).await;
    assert!(matches!(&error, Error::Protocol { reason, .. } if reason.contains("502")), "{error}");
    let routes = Router::new().fallback(|| async { "[]" });
    let error = serving(routes, async |client| client.status().await.unwrap_err()).await;
    assert_eq!(error.code(), Code::Internal);
}

#[tokio::test]
async fn names_are_escaped_and_options_become_headers() {
    let echo = |headers: HeaderMap| async move {
        let seen = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert_eq!((seen("prefer"), seen("idempotency-key")), ("wait=7".to_owned(), "k1".to_owned()));
        let accepted = json!({
            "message": "msg_01k9zc3m5ne6h8t2v4x6z8a0bc", "conversation": "cnv_01k9zc3m5ne6h8t2v4x6z8a0bc", "duplicate": false
        });
        (StatusCode::ACCEPTED, axum::Json(accepted))
    };
    let gone = |axum::extract::Path(name): axum::extract::Path<String>| async move {
        assert_eq!(name, "../../a b");
        StatusCode::NO_CONTENT
    };
    let routes = Router::new()
        .route("/api/v1/workspaces/other/messages", post(echo))
        .route("/api/v1/workspaces/other/agents/{name}", axum::routing::delete(gone));
    serving(routes, async |client| {
        let client = client.in_workspace("other".parse().unwrap());
        let message = caxton_client::api::SendMessage::request("sum".parse().unwrap(), json!("x"));
        let options = SendOptions { wait: Some(std::time::Duration::from_secs(7)), idempotency_key: Some("k1".into()) };
        client.send(&message, &options).await.unwrap();
        client.remove_agent("../../a b").await.unwrap();
    })
    .await;
}

fn event(seq: u64) -> String {
    let data: Value = json!({
        "seq": seq, "at": "2026-01-28T12:00:00Z", "v": 1, "kind": "server_stopped", "fact": {"type": "server_stopped"},
        "caller": {"who": "local", "kind": "local", "verified": false}, "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    });
    format!("id: {seq}\nevent: server_stopped\ndata: {data}\n\n")
}

#[tokio::test]
async fn a_stream_that_ends_is_taken_up_behind_the_last_event() {
    let count = Arc::new(AtomicUsize::new(0));
    let stream = move |headers: HeaderMap| async move {
        let last = headers.get("last-event-id").map_or(4, |seen| seen.to_str().unwrap().parse::<u64>().unwrap());
        let body = match count.fetch_add(1, Ordering::Relaxed) {
            0 => format!(": heartbeat\n\nevent: gap\ndata: {{\"from\":1,\"to\":4}}\n\n{}", event(last + 1)),
            1 => format!("event: something_new\ndata: 1\n\n{}", event(last + 1)),
            _ => return StatusCode::NOT_FOUND.into_response(),
        };
        body.into_response()
    };
    let routes = Router::new().route("/api/v1/workspaces/default/events", get(stream));
    serving(routes, async |client| {
        let mut events = pin!(client.follow(EventFilter::default()));
        let mut seen = Vec::new();
        while let Some(next) = events.next().await {
            seen.push(match next {
                Ok(Followed::Event(event)) => format!("event {}", event.seq),
                Ok(Followed::Gap(gap)) => format!("gap {}-{}", gap.from, gap.to),
                Ok(Followed::Delta(delta)) => delta.text,
                Err(error) => error.code().to_string(),
            });
        }
        assert_eq!(seen, ["gap 1-4", "event 5", "event 6", "not_found"]);
    })
    .await;
}
