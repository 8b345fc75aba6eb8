//! Direct calls of tools: the files that come with them, and who agrees to them.

use super::wire::{message, modern};
use crate::tools::{deploy, files_of};
use anyhow::{Context as _, Result};
use caxton_client::EventFilter;
use caxton_testkit::{Caxton, server};
use serde_json::{Value, json};

const AGENT: &str = "name = \"analyst\"\nsystem_prompt = \"You compute.\"\n";
const TABLE: &str = "city,people\nOslo,7\nBergen,3\n";
const STATS: &str = "csv-stats__stats";

async fn with(manifest: &str) -> Result<Caxton> {
    let caxton = server().start().await?;
    deploy(&caxton.client, files_of(AGENT, manifest)?).await?;
    Ok(caxton)
}

/// Counts people in a file that comes along.
fn count(attachments: &Value) -> Value {
    json!({"file": "cities.csv", "operation": "sum", "column": "people", "attachments": attachments})
}

/// Calls as a client that can ask whoever sits at it.
async fn call(caxton: &Caxton, tool: &str, arguments: Value, more: Value) -> Result<Value> {
    let mut params = json!({"name": tool, "arguments": arguments});
    params.as_object_mut().context("params")?.extend(more.as_object().cloned().unwrap_or_default());
    let request = modern(&format!("{}/mcp", caxton.url), "tools/call", tool, params, json!({"elicitation": {}}));
    let answer = message(request.send().await?, None).await?;
    Ok(if answer["error"].is_null() { answer["result"].clone() } else { answer })
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_tool_reads_the_files_that_come_with_its_call() -> Result<()> {
    let caxton = with("").await?;
    let url = format!("{}/mcp", caxton.url);
    let listed = message(modern(&url, "tools/list", "", json!({}), json!({})).send().await?, None).await?;
    let files = |server: &str| {
        let tools = listed["result"]["tools"].as_array().cloned().unwrap_or_default();
        let of = tools.into_iter().filter(|tool| tool["name"].as_str().is_some_and(|name| name.starts_with(server)));
        of.map(|tool| tool["inputSchema"]["properties"]["attachments"]["type"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(files("csv-stats__"), vec![json!("array"); 3], "{listed}");
    assert!(!files("data_reader").is_empty() && files("data_reader").iter().all(|files| *files == "array"), "built-in ones too: {listed}");
    assert!(!files("http_client").is_empty() && files("http_client").iter().all(Value::is_null), "and none that has no use for files");
    let blob = caxton.client.upload(TABLE, "text/csv").await?;
    for file in [
        json!({"name": "cities.csv", "media_type": "text/csv", "text": TABLE}),
        json!({"name": "cities.csv", "data": "Y2l0eSxwZW9wbGUKT3Nsbyw3CkJlcmdlbiwzCg=="}),
        json!({"name": "cities.csv", "digest": blob.digest}),
    ] {
        let called = call(&caxton, STATS, count(&json!([file])), json!({})).await?;
        assert!(called["isError"] != true && text(&called).contains("sum of people = 10"), "{called}");
    }
    let twice = json!([{"name": "a.csv", "text": "a"}, {"name": "a.csv", "text": "b"}]);
    let refused = call(&caxton, STATS, count(&twice), json!({})).await?;
    assert_eq!(refused["error"]["message"], "`attachments` cannot be read: two files are named `a.csv`", "{refused}");
    caxton.stop().await
}

#[tokio::test]
async fn a_tool_that_is_granted_no_files_takes_none() -> Result<()> {
    let caxton = with("[permissions]\nattachments = \"none\"\n").await?;
    let called = call(&caxton, STATS, count(&json!([{"name": "cities.csv", "text": TABLE}])), json!({})).await?;
    assert!(called["isError"] == true && text(&called).contains("attachments"), "{called}");
    caxton.stop().await
}

#[tokio::test]
async fn nobody_agrees_to_a_call_who_was_not_asked_about_it() -> Result<()> {
    let caxton = with("[policy]\napproval = \"always\"\n").await?;
    let arguments = || count(&json!([{"name": "cities.csv", "text": TABLE}]));
    let yes = || json!({"approval": {"action": "accept", "content": {"approve": true}}});
    let asked = call(&caxton, STATS, arguments(), json!({})).await?;
    let word = asked["requestState"].as_str().context("a word")?.to_owned();
    assert!(asked["inputRequests"]["approval"].to_string().contains("cities.csv"), "{asked}");

    // What a client can make up by itself, and a word that was given for something else.
    let made_up = caxton_types::Digest::of(json!(["csv-stats/stats", arguments()]).to_string().as_bytes()).to_string();
    let other = call(&caxton, "csv-stats__describe", json!({"file": "cities.csv"}), json!({})).await?["requestState"].clone();
    for state in [json!(made_up), json!("msg_1"), other] {
        let again = call(&caxton, STATS, arguments(), json!({"requestState": state, "inputResponses": yes()})).await?;
        assert_eq!((&again["error"]["code"], &again["error"]["data"]["code"]), (&json!(-32602), &json!("invalid")), "{again}");
    }
    assert_eq!(called(&caxton).await?, 0);

    let agreed = || json!({"requestState": word, "inputResponses": yes()});
    let done = call(&caxton, STATS, arguments(), agreed()).await?;
    assert!(text(&done).contains("sum of people = 10"), "{done}");
    let replayed = call(&caxton, STATS, arguments(), agreed()).await?;
    assert!(replayed["error"].is_object(), "an answer counts once: {replayed}");
    let unasked = call(&caxton, STATS, arguments(), json!({"inputResponses": yes()})).await?;
    assert!(unasked["inputRequests"].is_object(), "an answer to nothing is none: {unasked}");
    assert_eq!(called(&caxton).await?, 1);
    caxton.stop().await
}

async fn called(caxton: &Caxton) -> Result<usize> {
    let filter = EventFilter { kinds: vec!["tool_called".into()], ..EventFilter::default() };
    Ok(caxton.client.events(&filter, 100).await?.len())
}
