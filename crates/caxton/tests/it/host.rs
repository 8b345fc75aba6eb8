//! Tools that ask for memory and for other tools, as far as they are granted that.

use crate::{
    guest::{Asks, asking, tool},
    tools::{Files, deploy, files_of},
};
use anyhow::{Result, bail};
use caxton_api::{AttachmentRef, CallTool, EventView, SendMessage, ToolCalled};
use caxton_client::{Client, EventFilter};
use caxton_testkit::{script, server};
use caxton_types::{Code, Fault as _};
use serde_json::{Map, Value, json};

const AGENT: &str = "name = \"analyst\"\nsystem_prompt = \"You compute.\"\n[memory]\nenabled = false\n";
const TABLE: &str = "city,people\nOslo,7\nBergen,3\n";

/// A tool server of one tool, `echo`, with these permissions.
fn asks(path: [&'static str; 2], asks: Asks<'_>, permissions: &str) -> Files {
    let [manifest, wasm] = path;
    vec![(manifest, format!("[permissions]\n{permissions}\n").into_bytes()), (wasm, asking("echo", asks))]
}

const RELAY: [&str; 2] = ["tools/relay/tool.toml", "tools/relay/tool.wasm"];
const NOTES: [&str; 2] = ["tools/notes/tool.toml", "tools/notes/tool.wasm"];
const FIND: [&str; 2] = ["tools/find/tool.toml", "tools/find/tool.wasm"];

fn agent_with(tools: &str, lines: &str) -> Files {
    vec![("agents/analyst.toml", format!("{AGENT}[tools]\noptional = [{tools}]\n{lines}\n").into_bytes())]
}

/// The component that counts, without an agent.
fn csv_stats(manifest: &str) -> Result<Files> {
    Ok(files_of("", manifest)?.split_off(1))
}

fn sum() -> Value {
    json!({"file": "cities.csv", "operation": "sum", "column": "people"})
}

async fn table(client: &Client) -> Result<AttachmentRef> {
    let blob = client.upload(TABLE, "text/csv").await?;
    Ok(AttachmentRef { name: "cities.csv".into(), digest: blob.digest, media_type: Some("text/csv".into()), size: None })
}

async fn call(client: &Client, tool: &str, arguments: Value) -> Result<ToolCalled, caxton_client::Error> {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    client.call_tool(tool, &CallTool { arguments, attachments: vec![], approve: false }).await
}

async fn refusal(client: &Client, tool: &str) -> String {
    call(client, tool, Value::Object(Map::new())).await.unwrap_err().to_string()
}

async fn events(client: &Client, kind: &str) -> Result<Vec<EventView>> {
    let filter = EventFilter { kinds: vec![kind.into()], ..EventFilter::default() };
    Ok(client.events(&filter, 100).await?)
}

#[tokio::test]
async fn a_tool_calls_another_in_the_name_of_the_agent() -> Result<()> {
    let model = script().calls("relay__echo", sum()).says("10");
    let caxton = server().model(&model).start().await?;
    let client = &caxton.client;
    let mut files = agent_with("\"relay\"", "");
    files.extend(asks(RELAY, Asks::Tool("csv-stats/stats"), "tools = [\"csv-stats/*\"]"));
    files.extend(csv_stats("")?);
    deploy(client, files).await?;
    assert_eq!(client.tool("relay/echo").await?.tool.grants, ["calls csv-stats/*"]);

    let attachments = vec![table(client).await?];
    let question = SendMessage { attachments, ..SendMessage::request("analyst".parse()?, json!("How many people?")) };
    let reply = caxton.send(question).await?;
    assert_eq!(reply.content, json!("10"));
    let told = format!("{:?}", model.asked()[1]);
    assert!(told.contains("sum of people = 10"), "{told}");

    let events = caxton.events(reply.conversation).await?;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    let Some(at) = kinds.iter().position(|kind| *kind == "tool_called") else { bail!("{kinds:?}") };
    let (inner, outer) = (&events[at], &events[at + 1]);
    assert_eq!((&inner.fact["tool"], &inner.fact["by"]), (&json!("csv-stats/stats"), &json!("relay/echo")));
    assert_eq!((inner.fact["arguments"]["inline"].clone(), inner.agent.as_ref().map(ToString::to_string)), (sum(), Some("analyst".into())));
    assert!(inner.fact["outcome"].to_string().contains("= 10") && inner.fact["metering"]["memory_peak"].is_u64(), "{:?}", inner.fact);
    assert_eq!((outer.kind.as_str(), outer.step), ("step_ended", inner.step));
    assert_eq!((&outer.fact["spent"]["tool_calls"], &outer.fact["metering"]["requests"]), (&json!(2), &json!(1)));
    let ended = events.iter().find(|event| event.kind == "turn_ended").map(|event| event.fact["spent"]["tool_calls"].clone());
    assert_eq!(ended, Some(json!(2)));
    assert_eq!(client.tool("csv-stats/stats").await?.tool.calls, 1);

    // Without an agent too, and recorded before the call that led to it.
    let arguments = sum().as_object().cloned().unwrap_or_default();
    let called = client.call_tool("relay", &CallTool { arguments, attachments: vec![table(client).await?], approve: false }).await?;
    assert!(called.text.contains("= 10"), "{called:?}");
    let called = crate::host::events(client, "tool_called").await?;
    let who: Vec<_> = called.iter().map(|event| (event.fact["tool"].as_str(), event.fact["by"].as_str())).collect();
    let inner = (Some("csv-stats/stats"), Some("relay/echo"));
    assert_eq!(who, [inner, inner, (Some("relay/echo"), None)]);
    caxton.stop().await
}

#[tokio::test]
async fn what_is_not_granted_is_refused_where_it_is_loaded_or_asked() -> Result<()> {
    let caxton = server().start().await?;
    let client = &caxton.client;
    let refused = deploy(client, asks(RELAY, Asks::Tool("csv-stats/stats"), "")).await.unwrap_err();
    let refused = refused.downcast::<caxton_client::Error>()?;
    let expected = "component `relay` imports caxton:host/tools@0.1.0, which its permissions do not grant";
    assert!(refused.to_string().contains(expected), "{refused}");
    assert!(refused.hint().is_some_and(|hint| hint.starts_with("grant `tools` in the tool's permissions")), "{refused:?}");

    let mut files = asks(RELAY, Asks::Tool("csv-stats/stats"), "tools = [\"csv-stats/other\"]");
    files.extend(asks(NOTES, Asks::Remember("workspace"), "memory = {agent = \"read_write\", workspace = \"read\"}"));
    files.extend(csv_stats("")?);
    deploy(client, files).await?;
    let refused = refusal(client, "relay").await;
    assert!(refused.contains("a call of csv-stats/stats is not granted: `permissions.tools` of `relay` would"), "{refused}");
    let refused = refusal(client, "notes").await;
    assert!(refused.contains("adding to memory of scope workspace is not granted: `permissions.memory` of `notes` would"), "{refused}");
    let denied: Vec<_> = events(client, "access_decided").await?.into_iter().map(|event| event.fact["resource"].clone()).collect();
    assert_eq!(denied, ["a call of csv-stats/stats", "adding to memory of scope workspace"]);
    assert_eq!((client.tool("relay/echo").await?.tool.denials, client.tool("csv-stats/stats").await?.tool.calls), (1, 0));
    caxton.stop().await
}

#[tokio::test]
async fn calls_within_calls_have_an_end() -> Result<()> {
    let caxton = server().start().await?;
    let client = &caxton.client;
    let all = "tools = [\"a/*\", \"b/*\", \"c/*\", \"d/*\", \"e/*\", \"f/*\", \"human/ask\", \"csv-stats/stats\", \"nobody/knows\"]";
    let mut files = Files::new();
    let ring = [
        (["tools/a/tool.toml", "tools/a/tool.wasm"], "b/echo"),
        (["tools/b/tool.toml", "tools/b/tool.wasm"], "c/echo"),
        (["tools/c/tool.toml", "tools/c/tool.wasm"], "d/echo"),
        (["tools/d/tool.toml", "tools/d/tool.wasm"], "e/echo"),
        (["tools/e/tool.toml", "tools/e/tool.wasm"], "f/echo"),
        (["tools/f/tool.toml", "tools/f/tool.wasm"], "e/echo"),
        (["tools/waits/tool.toml", "tools/waits/tool.wasm"], "human/ask"),
        (["tools/asks/tool.toml", "tools/asks/tool.wasm"], "csv-stats/stats"),
        (["tools/unknown/tool.toml", "tools/unknown/tool.wasm"], "nobody/knows"),
    ];
    for (path, next) in ring {
        files.extend(asks(path, Asks::Tool(next), all));
    }
    files.extend(csv_stats("[policy]\napproval = \"always\"\n")?);
    deploy(client, files).await?;
    let check = async |tool: &str, expected: &str| {
        let refused = refusal(client, tool).await;
        assert!(refused.contains(expected), "{tool}: {refused}");
    };
    check("e", "`e/echo` is being called already").await;
    check("a", "more than 4 calls within each other").await;
    check("waits", "`human/ask` is performed by the turn").await;
    check("asks", "`csv-stats/stats`: it needs somebody's approval, and nobody is asked for a call that a tool makes").await;
    check("unknown", "no tool is named `nobody/knows` in this workspace").await;
    assert_eq!(client.tool("csv-stats/stats").await?.tool.denials, 1);
    caxton.stop().await
}

#[tokio::test]
async fn a_call_within_a_call_has_its_time_and_the_turn_its_calls() -> Result<()> {
    let model = script().calls("relay__echo", sum()).says("no");
    let caxton = server().model(&model).start().await?;
    let client = &caxton.client;
    let mut files = agent_with("\"relay\"", "[limits]\ntool_calls = 1");
    files.extend(asks(RELAY, Asks::Tool("csv-stats/stats"), "tools = [\"csv-stats/*\"]"));
    files.extend(asks(FIND, Asks::Tool("endless/echo"), "tools = [\"endless/echo\"]\n[limits]\ntimeout = \"100ms\""));
    files.push(("tools/endless/tool.wasm", tool("(loop $on (br $on)) (unreachable)")));
    files.extend(csv_stats("")?);
    deploy(client, files).await?;
    let reply = caxton.request("analyst", "How many people?").await?;
    assert_eq!(reply.content, json!("no"));
    let told = format!("{:?}", model.asked()[1]);
    assert!(told.contains("the turn has used its 1 tool calls"), "{told}");
    assert_eq!(client.tool("csv-stats/stats").await?.tool.calls, 0);

    let late = call(client, "find", json!({})).await.unwrap_err();
    assert!(late.to_string().contains("time limit") || late.code() == Code::Deadline, "{late}");
    let called = events(client, "tool_called").await?;
    let who: Vec<_> = called.iter().map(|event| (event.fact["tool"].as_str(), event.fact["by"].as_str())).collect();
    assert_eq!(who, [(Some("endless/echo"), Some("find/echo")), (Some("find/echo"), None)]);
    caxton.stop().await
}

#[tokio::test]
async fn memory_is_that_of_the_agent_and_its_workspace_alone() -> Result<()> {
    let model = script().calls("notes__echo", json!({"fact": "zebras are striped"})).says("noted");
    let model = model.calls("find__echo", json!({"about": "zebras"})).says("striped");
    let caxton = server().model(&model).start().await?;
    let client = &caxton.client;
    let files = || {
        let mut files = agent_with("\"notes\", \"find\"", "");
        files.extend(asks(NOTES, Asks::Remember("workspace"), "memory = {workspace = \"read_write\"}"));
        files.extend(asks(FIND, Asks::Memory, "memory = {agent = \"read\", workspace = \"read\"}"));
        files
    };
    deploy(client, files()).await?;
    let reply = caxton.request("analyst", "Note this.").await?;
    let events = caxton.events(reply.conversation).await?;
    let at = events.iter().position(|event| event.kind == "observation_stored").unwrap();
    assert_eq!((events[at + 1].kind.as_str(), events[at + 1].step), ("step_ended", events[at].step));
    let observation = &events[at].fact["observation"];
    assert_eq!(
        (&observation["entity"], &observation["agent"], &observation["scope"]),
        (&json!("notes/echo"), &json!("analyst"), &json!("workspace"))
    );
    let reply = caxton.request("analyst", "What of zebras?").await?;
    let told = format!("{:?}", caxton.events(reply.conversation).await?);
    assert!(told.contains("zebras are striped"), "{told}");

    // Without an agent there is the workspace's, which nobody adds to.
    let found = call(client, "find", json!({"about": "zebras"})).await?;
    let found = found.structured.unwrap_or_default();
    assert_eq!((&found["found"][0]["about"], &found["found"][0]["scope"]), (&json!("notes/echo"), &json!("workspace")));
    let refused = refusal(client, "notes").await;
    assert!(refused.contains("no agent calls, so there is none whose memory it would be"), "{refused}");

    let other = client.in_workspace("other".parse()?);
    other.put_agent(&"other".parse()?, "name = \"other\"\nsystem_prompt = \"You wait.\"\n").await?;
    deploy(&other, files()).await?;
    let found = call(&other, "find", json!({"about": "zebras"})).await?;
    assert_eq!(found.structured.unwrap_or_default()["found"], json!([]));
    caxton.stop().await
}
