use crate::support::{config, json, problem, start, start_with};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn caps_are_set_for_everyone_and_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_with(config(dir.path(), &["budgets.message.steps=9", "budgets.message.tokens=100"])).await;
    let refused = problem(server.request(Method::PUT, "/budgets/message").json(&json!({"tokens": 5})), 400, "invalid").await;
    assert!(refused["detail"].as_str().unwrap().contains("outranks"), "{refused}");
    server.stop().await;

    let server = start(dir.path()).await;
    let caps = json!({"tokens": 500, "money_micros": 250_000, "wall_us": 90_000_000});
    let (status, set) = json(server.request(Method::PUT, "/budgets/conversation").json(&caps)).await;
    assert_eq!((status, &set), (StatusCode::OK, &caps));
    let (_, events) = json(server.get("/api/v1/workspaces/_system/events?kind=config_changed")).await;
    let changed: Vec<_> = events["items"].as_array().unwrap().iter().map(|event| (&event["fact"]["key"], &event["fact"]["new"])).collect();
    assert_eq!(
        json!(changed),
        json!([["budgets.conversation.tokens", 500], ["budgets.conversation.money", "$0.25"], ["budgets.conversation.wall_time", "1m30s"]])
    );
    problem(server.request(Method::PUT, "/budgets/week").json(&caps), 400, "invalid").await;
    problem(server.request(Method::PUT, "/budgets/message").json(&json!({"token": 5})), 400, "invalid").await;
    problem(server.request(Method::PUT, "/budgets/message").json(&json!([5, 5])), 400, "invalid").await;
    problem(server.request(Method::PUT, "/budgets/message").json(&json!({"tokens": 1_000_000_000_000_001_u64})), 400, "invalid").await;
    server.stop().await;

    let again = start(dir.path()).await;
    let (_, report) = json(again.get("/budgets")).await;
    assert_eq!(report["budgets"][1]["caps"], caps);
    assert!(report["budgets"][1].get("standing").is_none(), "no conversation was named");
    let (_, set) = json(again.request(Method::PUT, "/budgets/conversation").json(&json!({"tokens": 500}))).await;
    assert_eq!(set, json!({"tokens": 500}), "what is absent has no cap");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_tell_what_is_left_and_costs_tell_what_was_spent() {
    let dir = tempfile::tempdir().unwrap();
    let server = start_with(config(dir.path(), &["budgets.workspace_day.tool_calls=7"])).await;
    let (status, report) = json(server.get("/budgets")).await;
    assert_eq!(status, StatusCode::OK);
    let scopes: Vec<_> = report["budgets"].as_array().unwrap().iter().map(|budget| budget["scope"].as_str().unwrap()).collect();
    assert_eq!(scopes, ["message", "conversation", "agent_day", "workspace_day"]);
    let day = &report["budgets"][3];
    assert_eq!((&day["caps"], &day["standing"]["left"]), (&json!({"tool_calls": 7}), &json!({"tool_calls": 7})));
    assert_eq!(day["standing"]["spent"]["money"], json!({"micros": 0, "text": "$0.00"}));
    problem(server.get("/budgets?agent=nobody"), 404, "not_found").await;
    let (_, costs) = json(server.get("/costs?days=2&agent=nobody")).await;
    assert_eq!((&costs["rows"], &costs["total"]["tokens"], &costs["to"]), (&json!([]), &json!(0), &report["day"]));
    problem(server.get("/costs?days=0"), 400, "invalid").await;
    problem(server.get("/costs?days=367"), 400, "invalid").await;
    server.stop().await;
}
