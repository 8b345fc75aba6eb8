use crate::support::{json, problem, start};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

/// Reads a stream until an event of this kind has come, and gives all events so far.
async fn until(response: &mut Response, kind: &str) -> Vec<(Option<u64>, String, Value)> {
    let mut text = String::new();
    loop {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
        let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        let events: Vec<_> = whole.split("\n\n").filter_map(parse).collect();
        if events.iter().any(|(_, seen, _)| seen == kind) {
            return events;
        }
    }
}

fn parse(frame: &str) -> Option<(Option<u64>, String, Value)> {
    let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    Some((field("id:").map(|id| id.parse().unwrap()), field("event:")?.to_owned(), serde_json::from_str(field("data:")?).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_read_by_page_and_filter() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    server.post("/agents/sum/invoke", &json!("6*7?")).send().await.unwrap();
    let (_, page) = json(server.get("/events?limit=1")).await;
    assert_eq!((page["items"][0]["kind"].as_str(), page["next"].as_str()), (Some("deployed"), Some("1")));
    let (_, rest) = json(server.get("/events?after=1")).await;
    let kinds: Vec<_> = rest["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds.first(), kinds.contains(&"turn_ended")), (Some(&"conversation_opened"), true), "{kinds:?}");
    let (_, ended) = json(server.get("/events?kind=turn_began,turn_ended&agent=sum")).await;
    assert_eq!(ended["items"].as_array().unwrap().len(), 2);
    let turn = ended["items"][0]["turn"].as_str().unwrap();
    let (_, of_turn) = json(server.get(&format!("/events?turn={turn}"))).await;
    assert!(of_turn["items"].as_array().unwrap().len() > 2);
    let (_, none) = json(server.get("/events?since=2999-01-01T00:00:00Z")).await;
    assert_eq!(none["items"], json!([]));
    problem(server.get("/events?knid=turn_ended"), 400, "invalid").await;
    problem(server.get("/events?limit=0"), 400, "invalid").await;
    problem(server.get("/events").header("last-event-id", "x"), 400, "invalid").await;
    let (_, system) = json(server.get("/api/v1/workspaces/_system/events")).await;
    assert_eq!(system["items"][0]["kind"], "server_started");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_it_was_left() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    let follow = || server.get("/events?kind=deployed,turn_ended").header("accept", "text/event-stream");
    let mut stream = follow().header("last-event-id", "0").send().await.unwrap();
    assert_eq!((stream.status(), stream.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, "text/event-stream"));
    let (first, ..) = until(&mut stream, "deployed").await.remove(0);
    assert_eq!(first, Some(1));
    server.post("/agents/sum/invoke", &json!("6*7?")).send().await.unwrap();
    let seen = until(&mut stream, "turn_ended").await;
    drop(stream);
    let mut again = follow().header("last-event-id", "1").send().await.unwrap();
    assert_eq!(until(&mut again, "turn_ended").await, seen);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_model_are_streamed_while_it_speaks_and_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.deploy_agent("sum").await;
    server.model.hold();
    let (_, accepted) = json(server.post("/messages", &json!({"receiver": "sum", "content": "6*7?"}))).await;
    let conversation = accepted["conversation"].as_str().unwrap();
    let path = format!("/events?deltas=true&after=0&conversation={conversation}");
    let mut stream = server.get(&path).header("accept", "text/event-stream").send().await.unwrap();
    until(&mut stream, "step_intended").await;
    server.model.answer();
    let events = until(&mut stream, "turn_ended").await;
    let words: String =
        events.iter().filter(|(id, kind, _)| id.is_none() && kind == "delta").map(|(_, _, data)| data["text"].as_str().unwrap()).collect();
    assert_eq!(words, "forty-two");
    let (_, page) = json(server.get(&format!("/events?conversation={conversation}"))).await;
    assert!(page["items"].as_array().unwrap().iter().all(|event| event["kind"] != "delta"));
    problem(server.get("/events?deltas=true").header("accept", "text/event-stream"), 400, "invalid").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_and_end_with_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let follow = || server.get("/events").header("accept", "text/event-stream");
    let mut first = follow().send().await.unwrap();
    let second = follow().send().await.unwrap();
    problem(follow(), 429, "exhausted").await;
    drop(second);
    server.stop().await;
    assert!(first.chunk().await.unwrap().is_none());
}
