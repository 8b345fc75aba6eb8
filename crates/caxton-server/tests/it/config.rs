use crate::support::{config, json, problem, start, start_with};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_live_key_changes_at_once_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let key = "observability.logging.level";
    let set = |value: &str| json!({"key": key, "value": value});
    let (status, change) = json(server.request(Method::PATCH, "/config").json(&set("debug"))).await;
    assert_eq!((status, change), (StatusCode::OK, json!({"key": key, "old": "info", "new": "debug"})));
    let (_, view) = json(server.get(&format!("/config?key={key}"))).await;
    assert_eq!(view, json!({"key": key, "value": "debug"}));
    let (_, events) = json(server.get("/api/v1/workspaces/_system/events?kind=config_changed")).await;
    assert_eq!(events["items"][0]["fact"]["key"], key);
    problem(server.request(Method::PATCH, "/config").json(&set("loud")), 400, "invalid").await;
    problem(server.request(Method::PATCH, "/config").json(&json!({"key": "server.port", "value": 1})), 409, "conflict").await;
    problem(server.request(Method::PATCH, "/config").json(&json!({"key": "server.prot", "value": 1})), 404, "not_found").await;
    problem(server.get("/config?key=server.prot"), 404, "not_found").await;
    let (_, whole) = json(server.get("/config")).await;
    assert_eq!(whole["value"]["storage"]["durability"], "normal");
    server.stop().await;

    let again = start(dir.path()).await;
    let (_, view) = json(again.get(&format!("/config?key={key}"))).await;
    assert_eq!(view["value"], "debug");
    again.stop().await;

    let decided = start_with(config(dir.path(), &["observability.logging.level=warn"])).await;
    let (_, view) = json(decided.get(&format!("/config?key={key}"))).await;
    assert_eq!(view["value"], "warn", "a flag outranks a change");
    let refused = problem(decided.request(Method::PATCH, "/config").json(&set("debug")), 400, "invalid").await;
    assert!(refused["detail"].as_str().unwrap().contains("outranks"), "{refused}");
    decided.stop().await;
}
