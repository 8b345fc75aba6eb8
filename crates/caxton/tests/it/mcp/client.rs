//! Our client of MCP against the official suite, which starts a program for each of its scenarios: this test binary itself.

use super::conformance::suite;
use anyhow::{Context as _, Result};
use caxton_mcp::client::{Asker, Call, Client, Era, Options, Place, Question, Reply, Url, Wanted};
use serde_json::{Map, Value, json};
use std::{env, time::Duration};
use tokio_util::task::TaskTracker;

#[tokio::test]
async fn the_client_conforms_to_2025_11_25() -> Result<()> {
    conforms("2025-11-25").await
}

#[tokio::test]
async fn the_client_conforms_to_2026_07_28() -> Result<()> {
    conforms("2026-07-28").await
}

async fn conforms(revision: &str) -> Result<()> {
    let program = env::current_exe()?;
    let command = format!("{} mcp::client::as_the_suite_wants_it --exact --nocapture", program.display());
    suite(&["client", "--command", &command], revision).await
}

/// What the suite starts, with the URL of its server behind the other words; nothing where it did not.
#[tokio::test]
async fn as_the_suite_wants_it() -> Result<()> {
    if env::var_os("MCP_CONFORMANCE_SCENARIO").is_none() {
        return Ok(());
    }
    let url = env::args().next_back().context("a URL")?;
    let modern = env::var("MCP_CONFORMANCE_PROTOCOL_VERSION").is_ok_and(|version| &*version >= "2026-07-28");
    let place = Place::Url(Url { url: url.into(), headers: vec![], bearer: None });
    let options = Options { era: if modern { Era::Stateless } else { Era::Sessions }, ..Options::new("suite", place) };
    let tasks = TaskTracker::new();
    let client = Client::connect(&options, &tasks).await?;
    use_all(&client).await?;
    client.close().await;
    Ok(())
}

/// Uses whatever the server offers, with the arguments that the suite wants where it says so.
async fn use_all(client: &Client) -> Result<()> {
    let context: Value = env::var("MCP_CONFORMANCE_CONTEXT").ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let tools = client.tools().await?;
    let wanted: Vec<(String, Value)> = match context["toolCalls"].as_array() {
        Some(calls) => calls.iter().map(|call| (call["name"].as_str().unwrap_or_default().to_owned(), call["arguments"].clone())).collect(),
        None => tools.iter().map(|tool| (tool.name.clone(), example(&tool.input_schema))).collect(),
    };
    for (tool, arguments) in &wanted {
        let call = Call { tool, arguments, meta: &[], time_max: Duration::from_secs(20), asker: Some(&Defaults) };
        // What a server refuses is for the suite to judge.
        if let Err(error) = client.call(&call).await {
            println!("{tool}: {error}");
        }
    }
    for resource in client.resources().await?.entries {
        if let Err(error) = client.read(&resource.uri).await {
            println!("{}: {error}", resource.uri);
        }
    }
    for prompt in client.prompts().await?.entries {
        let arguments = prompt.arguments.iter().flatten().map(|argument| (argument.name.clone(), json!("x"))).collect();
        if let Err(error) = client.prompt(&prompt.name, arguments).await {
            println!("{}: {error}", prompt.name);
        }
    }
    Ok(())
}

/// Arguments that a schema asks for.
fn example(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let value = |property: &Value| match property["type"].as_str() {
        Some("number" | "integer") => json!(5),
        Some("boolean") => json!(true),
        Some("object") => json!({}),
        Some("array") => json!([]),
        _ => json!("x"),
    };
    properties.iter().map(|(name, property)| (name.clone(), value(property))).collect::<Map<_, _>>().into()
}

/// Accepts every form as it is filled in.
struct Defaults;

#[async_trait::async_trait]
impl Asker for Defaults {
    async fn ask(&self, question: Question) -> Reply {
        let Wanted::Form(schema) = question.wanted else { return Reply::Decline };
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let filled =
            properties.iter().map(|(name, property)| (name.clone(), property.get("default").cloned().unwrap_or_else(|| json!("x"))));
        Reply::Accept(filled.collect::<Map<_, _>>().into())
    }
}
