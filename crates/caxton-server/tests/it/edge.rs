use crate::support::{json, problem, start};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    problem(server.get("/api/v1/nothing"), 404, "not_found").await;
    problem(server.get("/api/v2"), 404, "not_found").await;
    let not_allowed = server.request(Method::DELETE, "/messages");
    assert_eq!(not_allowed.try_clone().unwrap().send().await.unwrap().headers()["allow"], "POST");
    problem(not_allowed, 405, "invalid").await;
    let post = |body: &'static str| server.request(Method::POST, "/messages").body(body);
    problem(post("{}"), 415, "unsupported").await;
    problem(post("<a/>").header("content-type", "application/xml"), 415, "unsupported").await;
    problem(post("{").header("content-type", "application/json"), 400, "invalid").await;
    problem(post("{} {}").header("content-type", "application/json"), 400, "invalid").await;
    problem(server.get("/messages/cnv_00000000000000000000000000"), 400, "invalid").await;
    problem(server.get("/messages/msg_00000000000000000000000000"), 404, "not_found").await;
    problem(server.get("/messages/%ff"), 400, "invalid").await;
    problem(server.get("/agents?limit=many"), 400, "invalid").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_names_and_pages_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    problem(server.get("/health").header("host", "evil.example"), 403, "denied").await;
    problem(server.get("/agents").header("origin", "http://evil.example"), 403, "denied").await;
    let port = server.url.rsplit_once(':').unwrap().1;
    let host = format!("localhost:{port}");
    let same = server.get("/agents").header("host", &host).header("origin", format!("http://{host}"));
    assert_eq!(same.send().await.unwrap().status(), StatusCode::OK);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_the_id_that_its_client_gave() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let given = problem(server.get("/nothing").header("x-request-id", "abc-1"), 404, "not_found").await;
    assert_eq!(given["request_id"], "abc-1");
    let odd = problem(server.get("/nothing").header("x-request-id", "a b\"c"), 404, "not_found").await;
    assert!(odd["request_id"].as_str().unwrap().starts_with("req_"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_names_every_part() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let (status, health) = json(server.get("/health")).await;
    assert_eq!((status, health["status"].as_str()), (StatusCode::OK, Some("ok")), "{health}");
    let parts: Vec<_> = health["components"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(parts, ["journal", "models", "sandbox", "server", "store", "tools"]);
    assert_eq!(json(server.get("/ready")).await, (StatusCode::OK, json!({"ready": true})));
    server.stop().await;
}
