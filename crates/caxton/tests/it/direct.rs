//! Tools called without an agent: listed, called, refused, recorded.

use crate::tools::{deploy, files_of};
use anyhow::{Context as _, Result};
use caxton_api::{AttachmentRef, CallTool, EventView, ToolKind, ToolState};
use caxton_client::{Client, EventFilter};
use caxton_testkit::server;
use caxton_types::{Code, Fault as _};
use serde_json::{Value, json};

const AGENT: &str = "name = \"analyst\"\nsystem_prompt = \"You compute.\"\n[tools]\noptional = [\"csv-stats\"]\n";
const TABLE: &str = "city,people\nOslo,7\nBergen,3\n";

/// Counts people in the table.
async fn count(client: &Client) -> Result<CallTool> {
    let blob = client.upload(TABLE, "text/csv").await?;
    let table = AttachmentRef { name: "cities.csv".into(), digest: blob.digest, media_type: Some("text/csv".into()), size: None };
    let Value::Object(arguments) = json!({"file": "cities.csv", "operation": "sum", "column": "people"}) else { unreachable!() };
    Ok(CallTool { arguments, attachments: vec![table], approve: false })
}

async fn events(client: &Client, kind: &str) -> Result<Vec<EventView>> {
    let filter = EventFilter { kinds: vec![kind.into()], ..EventFilter::default() };
    Ok(client.events(&filter, 100).await?)
}

#[tokio::test]
async fn a_tool_is_called_without_an_agent_and_the_journal_says_by_whom() -> Result<()> {
    let caxton = server().start().await?;
    let client = &caxton.client;
    deploy(client, files_of(AGENT, "")?).await?;
    let call = count(client).await?;
    let called = client.call_tool("csv-stats/stats", &call).await?;
    assert_eq!((&*called.tool, called.is_error), ("csv-stats/stats", false));
    assert!(called.text.contains("sum of people = 10") && called.memory_peak.is_some(), "{called:?}");

    let [event] = &events(client, "tool_called").await?[..] else { panic!("one call") };
    assert_eq!((&*event.caller.who, &event.fact["tool"]), ("local", &json!("csv-stats/stats")));
    assert_eq!(event.fact["arguments"]["inline"], Value::Object(call.arguments.clone()));
    assert!(event.fact["outcome"].to_string().contains("sum of people = 10"), "{:?}", event.fact);

    let wrong = CallTool { arguments: serde_json::Map::new(), ..call.clone() };
    let refused = client.call_tool("stats", &wrong).await.unwrap_err();
    assert!(refused.code() == Code::Invalid && refused.to_string().contains("cannot take these arguments"), "{refused}");
    let unknown = client.call_tool("csv-stats/stat", &call).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.hint().as_deref()), (Code::NotFound, Some("did you mean `csv-stats/stats`?")));
    let waits = client.call_tool("human/ask", &CallTool::default()).await.unwrap_err();
    assert!(waits.code() == Code::Invalid && waits.to_string().contains("performed by the turn"), "{waits}");
    assert_eq!(events(client, "tool_called").await?.len(), 2, "the call that could not be taken is recorded too");

    let tool = client.tool("csv-stats/stats").await?;
    assert_eq!((tool.tool.kind, tool.tool.state, tool.tool.calls, tool.tool.errors), (ToolKind::Component, ToolState::Ready, 2, 1));
    assert_eq!(tool.stats.last_error.as_ref().map(|error| error.code), Some(Code::Invalid));
    assert!(tool.tool.p50_us.is_some() && tool.digest.is_some() && tool.limits.is_some_and(|limits| limits.attachments), "{tool:?}");
    caxton.stop().await
}

#[tokio::test]
async fn a_call_that_needs_an_approval_is_refused_unless_its_caller_agrees() -> Result<()> {
    let caxton = server().start().await?;
    let client = &caxton.client;
    deploy(client, files_of(AGENT, "[policy]\napproval = \"always\"\n")?).await?;
    let call = count(client).await?;
    let refused = client.call_tool("stats", &call).await.unwrap_err();
    assert_eq!(refused.code(), Code::Denied);
    assert!(refused.hint().is_some_and(|hint| hint.contains("--approve")), "{refused}");
    assert_eq!(events(client, "tool_called").await?.len(), 0);
    client.call_tool("stats", &CallTool { approve: true, ..call }).await?;
    let decided: Vec<_> = events(client, "access_decided").await?.into_iter().map(|event| event.fact).collect();
    let [first, second] = &decided[..] else { panic!("two decisions: {decided:?}") };
    assert_eq!((&first["allowed"], &second["allowed"]), (&json!(false), &json!(true)));
    assert_eq!(second["resource"], json!("csv-stats/stats"));
    assert_eq!(client.tool("stats").await?.tool.denials, 1);
    caxton.stop().await
}

#[tokio::test]
async fn tools_are_listed_page_by_page_with_how_they_stand() -> Result<()> {
    let caxton = server().start().await?;
    let client = &caxton.client;
    deploy(client, files_of(AGENT, "")?).await?;
    let tools = client.tools().await?;
    let ids: Vec<&str> = tools.iter().map(|tool| &*tool.id).collect();
    assert!(ids.is_sorted() && ids.contains(&"csv-stats/stats") && ids.contains(&"http_client/request"), "{ids:?}");
    let wait = tools.iter().find(|tool| tool.id == "time/wait").context("time/wait")?;
    assert_eq!((wait.kind, wait.calls, wait.p50_us), (ToolKind::Turn, 0, None));
    let url = format!("{}/api/v1/workspaces/default/tools?limit=1&after=csv-stats/stats", caxton.url);
    let page: Value = reqwest::get(url).await?.json().await?;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    assert!(page["items"][0]["id"].as_str() > Some("csv-stats/stats") && page["next"] == page["items"][0]["id"], "{page}");
    caxton.stop().await
}

#[tokio::test]
async fn what_a_tool_is_granted_is_told_and_what_no_operator_allows_is_refused() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let allowed = dir.path().join("in");
    std::fs::create_dir(&allowed)?;
    let caxton = server().set(&format!("tools.sandbox.readable_directories=[{}]", allowed.display())).start().await?;
    let client = &caxton.client;
    let policy = |uri: &str, access: &str| {
        format!("version: '1.0'\npermissions:\n  storage:\n    allow:\n      - {{uri: '{uri}', access: [{access}]}}\n")
    };
    let mut files = files_of(AGENT, "")?;
    let wanted = policy(&format!("fs://{}", allowed.display()), "read, write");
    files.push(("tools/csv-stats/policy.yaml", wanted.into_bytes()));
    let refused = format!("{:#}", deploy(client, files.clone()).await.unwrap_err());
    assert!(refused.contains("which this server grants to no tool"), "{refused}");
    assert!(client.tools().await.is_ok_and(|tools| !tools.iter().any(|tool| tool.id.starts_with("csv-stats"))), "nothing of it is there");

    files.pop();
    let wanted = policy(&format!("fs://{}", allowed.display()), "read") + "  network: {allow: [{host: 'https://api.example.com/'}]}\n";
    files.push(("tools/csv-stats/policy.yaml", wanted.into_bytes()));
    deploy(client, files).await?;
    let tool = client.tool("csv-stats/stats").await?;
    let expected = [format!("reads {0} as {0}", allowed.display()), "sends to https://api.example.com".to_owned()];
    assert_eq!(tool.tool.grants, expected);
    let called = client.call_tool("stats", &count(client).await?).await?;
    assert!(called.text.contains("= 10"), "{called:?}");
    caxton.stop().await
}

#[tokio::test]
async fn instances_of_a_pool_wait_and_limits_of_the_operator_hold() -> Result<()> {
    let pool = "runtime.agent_pool_size=3";
    let caxton = server().set(pool).set("tools.sandbox.instances=8").set("tools.sandbox.result_size=1KiB").start().await?;
    let client = &caxton.client;
    let figure = async |name: &str| Ok::<_, anyhow::Error>(client.health().await?.components["sandbox"].figures[name]);
    assert_eq!((figure("slots").await?, figure("slots_wanted").await?, figure("slots_taken").await?), (8, 8, 0));

    let reuse = |more: &str| files_of(AGENT, &format!("reuse = true\npermissions.attachments = \"none\"\n{more}"));
    deploy(client, reuse("")?).await?;
    assert_eq!((figure("waiting_instances").await?, figure("slots_taken").await?, figure("components").await?), (3, 3, 1));
    deploy(client, reuse("[limits]\ninstances = 1\n")?).await?;
    assert_eq!(figure("waiting_instances").await?, 1, "the tool asks for fewer, and those before it are gone");
    deploy(client, files_of(AGENT, "")?).await?;
    assert_eq!(figure("waiting_instances").await?, 0, "only a tool that allows it has a pool");

    // A row of the table for each of many cities is more than the operator lets a tool answer.
    let table: String = (0..400).fold("city,people\n".to_owned(), |table, number| table + &format!("city-{number},{number}\n"));
    let blob = client.upload(table, "text/csv").await?;
    let table = AttachmentRef { name: "cities.csv".into(), digest: blob.digest, media_type: Some("text/csv".into()), size: None };
    let Value::Object(arguments) = json!({"file": "cities.csv", "operation": "sum", "column": "people", "group_by": "city", "limit": 400})
    else {
        unreachable!()
    };
    let refused = client.call_tool("csv-stats/stats", &CallTool { arguments, attachments: vec![table], approve: false }).await.unwrap_err();
    assert!(refused.code() == Code::Exhausted && refused.to_string().contains("the result has more than 1KiB"), "{refused}");
    assert!(refused.hint().is_some_and(|hint| hint.contains("`tools.sandbox.result_size`")), "{refused}");
    let limits = client.tool("csv-stats/stats").await?.limits.context("it is a component")?;
    assert_eq!((limits.result_size, limits.open_files), (1024, 64), "{limits:?}");
    assert!(figure("slots_taken_max").await? >= 3);
    caxton.stop().await
}
