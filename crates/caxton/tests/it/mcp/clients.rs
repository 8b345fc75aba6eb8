//! Clients that others wrote, over HTTP and over standard streams, in both eras.

use crate::{
    binary::caxton as binary,
    tools::{deploy, files_of},
};
use anyhow::{Context as _, Result, ensure};
use caxton_testkit::{Caxton, calls, script, server};
use serde_json::{Value, json};
use std::{env, path::PathBuf, process::Stdio};
use tokio::process::Command;

const ANALYST: &str = "name = \"analyst\"\nsystem_prompt = \"You count {{unit}}.\"\ntools = [\"csv-stats\"]\n\
    [memory]\nenabled = true\n[parameters]\nunit = \"people\"\n";
const PICKER: &str = "name = \"picker\"\nsystem_prompt = \"You pick.\"\ntools = [\"human/ask\"]\n";

/// Where the tests find what `cargo xtask test` installs; none outside of it.
fn peer(variable: &str) -> Option<PathBuf> {
    let found = env::var_os(variable).map(PathBuf::from);
    assert!(found.is_some() || env::var_os("CI").is_none(), "{variable} does not say where it is");
    if found.is_none() {
        eprintln!("left out: `cargo xtask test` installs this client and runs the test with it");
    }
    found
}

async fn workspace() -> Result<Caxton> {
    let sum = calls("csv-stats__stats", json!({"file": "cities.csv", "operation": "sum", "column": "people"}));
    let question = calls("human__ask", json!({"question": "Which colour?"}));
    let model = script().line(sum).says("10 people").line(question).says("It is blue.").always("Well.");
    let caxton = server().model(&model).start().await?;
    let mut files = files_of(ANALYST, "")?;
    files.push(("agents/picker.toml", PICKER.into()));
    deploy(&caxton.client, files).await?;
    Ok(caxton)
}

/// Runs a program to its end and reads the JSON that it prints.
async fn run(command: &mut Command) -> Result<Value> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{}\n{out}\n{err}", output.status);
    serde_json::from_str(&out).with_context(|| format!("not JSON: {out}\n{err}"))
}

async fn reference_client(era: &str, version: &str, over_http: bool) -> Result<()> {
    let Some(python) = peer("CAXTON_MCP_PYTHON") else { return Ok(()) };
    let caxton = workspace().await?;
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mcp/client.py")).arg(era);
    if over_http {
        command.arg(format!("{}/mcp/default", caxton.url));
    } else {
        command.arg(binary()).args(["mcp", "serve", "--stdio", "--server", &caxton.url]);
    }
    let seen = run(&mut command).await?;
    let expected = json!({
        "version": version,
        "server": "caxton",
        "tools": ["ask_analyst", "ask_picker", "csv-stats__describe", "csv-stats__rows", "csv-stats__stats"],
        "reply": "10 people",
        "conversation": "cnv_",
        "progress": true,
        "picked": "It is blue.",
        "asked": ["Which colour?"],
        "counted": true,
        "wrong": true,
        "resources": ["caxton://default"],
        "memory": ["entity", "kind", "observations"],
        "completed": true,
        "prompt": ["You count people.", "How many?"],
        "unit": ["people"],
        "unknown": "MCPError",
    });
    assert_eq!(seen, expected);
    caxton.stop().await
}

#[tokio::test]
async fn the_reference_client_uses_a_workspace_in_a_session() -> Result<()> {
    reference_client("legacy", "2025-11-25", true).await
}

#[tokio::test]
async fn the_reference_client_uses_a_workspace_without_a_session() -> Result<()> {
    reference_client("auto", "2026-07-28", true).await
}

#[tokio::test]
async fn the_reference_client_starts_the_bridge_and_has_a_session() -> Result<()> {
    reference_client("legacy", "2025-11-25", false).await
}

#[tokio::test]
async fn the_reference_client_starts_the_bridge_and_needs_no_session() -> Result<()> {
    reference_client("auto", "2026-07-28", false).await
}

#[tokio::test]
async fn the_inspector_lists_and_calls_tools() -> Result<()> {
    let Some(peers) = peer("CAXTON_MCP_PEERS") else { return Ok(()) };
    let caxton = workspace().await?;
    let url = format!("{}/mcp", caxton.url);
    let inspect = |words: &[&str]| {
        let mut command = Command::new(peers.join("node_modules/.bin/node"));
        command.arg(peers.join("node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"));
        command.args(["--cli", &url]).args(words);
        command
    };
    let listed = run(&mut inspect(&["--method", "tools/list"])).await?;
    let names: Vec<_> = listed["tools"].as_array().context("tools")?.iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert!(names.contains(&"ask_analyst") && names.contains(&"csv-stats__stats"), "{names:?}");
    let said = run(&mut inspect(&["--method", "prompts/get", "--prompt-name", "analyst"])).await?;
    assert_eq!(said["messages"][0]["content"]["text"], "You count people.");
    let asked = ["--method", "tools/call", "--tool-name", "csv-stats__stats"];
    let table = json!([{"name": "cities.csv", "text": "city,people\nOslo,7\nBergen,3\n"}]);
    let files = format!("attachments={table}");
    let counted = run(inspect(&asked).args(["--tool-arg", "file=cities.csv", "operation=sum", "column=people", &files])).await?;
    assert!(counted["content"][0]["text"].as_str().is_some_and(|text| text.contains("sum of people = 10")), "{counted}");
    let called = run(inspect(&asked).args(["--tool-arg", "file=none.csv", "operation=sum", "column=people"])).await;
    // The tool reports an error, which the inspector tells by its exit code in some versions.
    let told = called.map_or_else(|error| error.to_string(), |called| called.to_string());
    assert!(told.contains("none.csv"), "{told}");
    caxton.stop().await
}
