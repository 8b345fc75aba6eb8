use crate::support::{json, problem, start};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_acknowledged_and_then_answered() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    let message = json!({"receiver": "agent:sum", "content": "6*7?"});

    let response = server.post("/messages", &message).header("prefer", "wait=30").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["preference-applied"], "wait=30");
    let reply: serde_json::Value = response.json().await.unwrap();
    assert_eq!((reply["content"].as_str(), reply["performative"].as_str()), (Some("forty-two"), Some("inform")));
    assert_eq!((reply["sender"].as_str(), reply["end"].as_str()), (Some("agent:sum"), Some("completed")));
    assert_eq!(reply["usage"], json!({"input": 7, "output": 3}));

    server.model.hold();
    let response = server.post("/messages", &message).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let accepted: serde_json::Value = response.json().await.unwrap();
    assert_eq!(location, format!("/api/v1/workspaces/default/messages/{}", accepted["message"].as_str().unwrap()));
    let (status, view) = json(server.get(&location)).await;
    assert_eq!((status, view["id"].clone()), (StatusCode::OK, accepted["message"].clone()));
    assert_eq!((view["message_type"].as_str(), view["sender"].as_str()), (Some("request"), Some("client:local")));
    assert!(view["trace_id"].as_str().unwrap().len() == 32 && view["span_id"].as_str().unwrap().len() == 16);
    server.model.answer();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_answered_in_time_is_answered_with_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    server.model.hold();
    let request = server.post("/agents/sum/invoke", &json!("6*7?")).header("prefer", "wait=0");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let header = response.headers()["x-caxton-message"].to_str().unwrap().to_owned();
    let accepted: serde_json::Value = response.json().await.unwrap();
    assert_eq!(accepted["message"], header.as_str());
    server.model.answer();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_gives_the_content_of_the_reply() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    let response = server.post("/api/v1/workspaces/default/agents/sum/invoke", &json!({"a": 6, "b": 7})).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-caxton-performative"], "inform");
    let conversation = response.headers()["x-caxton-conversation"].to_str().unwrap().to_owned();
    assert_eq!(response.json::<serde_json::Value>().await.unwrap(), "forty-two");

    let text = server.request(Method::POST, &format!("/agents/Sum/invoke?conversation={conversation}"));
    let response = text.header("content-type", "text/plain; charset=utf-8").body("6*7?").send().await.unwrap();
    assert_eq!(response.headers()["x-caxton-conversation"], conversation.as_str());
    let (_, page) = json(server.get(&format!("/conversations/{conversation}/messages"))).await;
    let contents: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["content"].clone()).collect();
    assert_eq!(contents, [json!({"a": 6, "b": 7}), json!("forty-two"), json!("6*7?"), json!("forty-two")]);
    let (_, row) = json(server.get(&format!("/conversations/{conversation}"))).await;
    assert_eq!((row["state"].as_str(), row["messages"].as_u64()), (Some("completed"), Some(4)));
    let (_, list) = json(server.get("/conversations?limit=1")).await;
    assert_eq!((list["items"][0]["id"].as_str(), list["next"].as_str()), (Some(conversation.as_str()), Some(conversation.as_str())));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_message() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    let send = || server.post("/messages", &json!({"receiver": "sum", "content": "6*7?"})).header("idempotency-key", "k1");
    let (_, first) = json(send()).await;
    let (status, second) = json(send()).await;
    assert_eq!((status, &second["message"], &second["conversation"]), (StatusCode::ACCEPTED, &first["message"], &first["conversation"]));
    assert_eq!((first["duplicate"].as_bool(), second["duplicate"].as_bool()), (Some(false), Some(true)));
    let (status, reply) = json(send().header("prefer", "wait=30")).await;
    assert_eq!((status, &reply["in_reply_to"]), (StatusCode::OK, &first["message"]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_of_the_client_goes_through() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = server.post("/messages", &json!({"receiver": "sum", "content": "6*7?"}));
    let response = request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01")).send().await.unwrap();
    assert!(response.headers()["traceparent"].to_str().unwrap().starts_with(&format!("00-{trace}-")));
    let accepted: serde_json::Value = response.json().await.unwrap();
    let (_, view) = json(server.get(&format!("/messages/{}", accepted["message"].as_str().unwrap()))).await;
    assert_eq!(view["trace_id"], trace);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_cannot_be_taken_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("data-analyzer").await;
    let send = |body: serde_json::Value| server.post("/messages", &body);
    let unknown = problem(send(json!({"receiver": "data-analyser", "content": "x"})), 404, "not_found").await;
    assert_eq!(unknown["hint"], "did you mean `data-analyzer`?");
    let malformed = problem(send(json!({"receiver": "queue:x", "content": "x"})), 400, "invalid").await;
    assert_eq!(malformed["errors"][0]["file"], "receiver");
    problem(send(json!({"receiver": "data-analyzer", "content": "x", "sender": "agent:sum"})), 403, "denied").await;
    problem(send(json!({"receiver": "data-analyzer", "content": " "})), 400, "invalid").await;
    problem(send(json!({"receiver": "capability:flying", "content": "x"})), 404, "not_found").await;
    problem(send(json!({"receiver": "data-analyzer", "content": "x".repeat(1_000_000)})), 413, "too_large").await;
    let too_large = || send(json!({"receiver": "data-analyzer", "content": "x".repeat(3_000_000)}));
    problem(too_large(), 413, "too_large").await;
    assert_eq!(too_large().send().await.unwrap().headers()["connection"], "close");
    problem(server.post("/api/v1/workspaces/nowhere/messages", &json!({"receiver": "sum", "content": "x"})), 404, "not_found").await;
    problem(server.post("/api/v1/workspaces/_system/messages", &json!({"receiver": "sum", "content": "x"})), 403, "denied").await;
    let invoke = problem(server.post("/agents/data-analyser/invoke", &json!("x")), 404, "not_found").await;
    assert_eq!(invoke["hint"], "did you mean `data-analyzer`?");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_are_uploaded_once_and_named_by_digest() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    let upload = server.request(Method::POST, "/blobs").header("content-type", "text/csv").body("a,b\n1,2\n");
    let response = upload.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let blob: serde_json::Value = response.json().await.unwrap();
    assert_eq!((blob["size"].as_u64(), blob["media_type"].as_str()), (Some(8), Some("text/csv")));
    let bytes = server.get(&location).send().await.unwrap();
    assert_eq!(bytes.headers()["content-type"], "application/octet-stream");
    assert_eq!(bytes.text().await.unwrap(), "a,b\n1,2\n");
    let head = server.request(Method::HEAD, &location).send().await.unwrap();
    assert_eq!((head.status(), head.headers()["content-length"].to_str().unwrap()), (StatusCode::OK, "8"));
    let attachment = json!({"name": "a.csv", "digest": blob["digest"], "media_type": "text/csv"});
    let (status, accepted) = json(server.post("/messages", &json!({"receiver": "sum", "content": "x", "attachments": [attachment]}))).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (_, view) = json(server.get(&format!("/messages/{}", accepted["message"].as_str().unwrap()))).await;
    assert_eq!(view["attachments"][0]["size"], 8);
    let missing = json!({"name": "a.csv", "digest": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"});
    problem(server.post("/messages", &json!({"receiver": "sum", "content": "x", "attachments": [missing]})), 404, "not_found").await;
    let longer = json!({"name": "a.csv", "digest": blob["digest"], "size": 9.0});
    problem(server.post("/messages", &json!({"receiver": "sum", "content": "x", "attachments": [longer]})), 400, "invalid").await;
    problem(server.get("/blobs/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), 404, "not_found").await;
    server.stop().await;
}
