//! Tools of a workspace across deployments.

use anyhow::{Context as _, Result, ensure};
use caxton_api::{AttachmentRef, DeployRequest, DeployResponse, FileEntry, SendMessage};
use caxton_client::Client;
use caxton_testkit::{Line, calls, script, server};
use caxton_types::{Digest, Performative};
use serde_json::json;
use std::{fs, path::Path, sync::Arc};
use tokio::sync::Semaphore;

const TOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tools/csv-stats");
const AGENT: &str = "name = \"analyst\"\nsystem_prompt = \"You compute.\"\n[tools]\noptional = [\"csv-stats\"]\n";
const TABLE: &str = "city,people\nOslo,7\nBergen,3\n";

pub(crate) type Files = Vec<(&'static str, Vec<u8>)>;

fn files(manifest: &str) -> Result<Files> {
    files_of(AGENT, manifest)
}

/// An agent `analyst` with the component that counts.
pub(crate) fn files_of(agent: &str, manifest: &str) -> Result<Files> {
    let wasm = fs::read(Path::new(TOOL).join("tool.wasm"))?;
    Ok(vec![("agents/analyst.toml", agent.into()), ("tools/csv-stats/tool.toml", manifest.into()), ("tools/csv-stats/tool.wasm", wasm)])
}

pub(crate) async fn deploy(client: &Client, files: Files) -> Result<()> {
    let entry = |(path, bytes): &(&str, Vec<u8>)| FileEntry { path: (*path).into(), digest: Digest::of(bytes), size: bytes.len() as u64 };
    let request = DeployRequest { files: files.iter().map(entry).collect(), git: None };
    for (_, bytes) in files {
        client.upload(bytes, "application/octet-stream").await?;
    }
    ensure!(matches!(client.deploy(&request).await?, DeployResponse::Deployed { .. }), "everything is uploaded");
    Ok(())
}

#[tokio::test]
async fn a_turn_keeps_its_tool_though_the_next_deployment_has_none() -> Result<()> {
    let gate = Arc::new(Semaphore::new(0));
    let sum = calls("csv-stats__stats", json!({"file": "cities.csv", "operation": "sum", "column": "people"}));
    let model = script().line(Line::Waits(Arc::clone(&gate))).line(sum).says("10").says("I have no tool.");
    let caxton = server().model(&model).start().await?;
    deploy(&caxton.client, files("")?).await?;
    let blob = caxton.client.upload(TABLE, "text/csv").await?;
    let table = AttachmentRef { name: "cities.csv".into(), digest: blob.digest, media_type: Some("text/csv".into()), size: None };
    let question = SendMessage { attachments: vec![table], ..SendMessage::request("analyst".parse()?, json!("How many people?")) };
    let redeployed = async {
        while model.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        deploy(&caxton.client, vec![("agents/analyst.toml", AGENT.into())]).await?;
        gate.add_permits(1);
        anyhow::Ok(())
    };
    let (reply, redeployed) = tokio::join!(caxton.send(question), redeployed);
    redeployed?;
    let reply = reply?;
    assert_eq!((reply.performative, &reply.content), (Performative::Inform, &json!("10")));
    let events = caxton.events(reply.conversation).await?;
    let called = events.iter().find(|event| event.kind == "step_ended" && event.fact["effect"] == "call").context("a tool's step")?;
    let outcome = &called.fact["outcome"];
    assert!(outcome.to_string().contains("sum of people = 10"), "{outcome}");
    caxton.request("analyst", "And now?").await?;
    assert!(model.asked().last().is_some_and(|asked| asked.settings.tools.is_empty()), "a new turn begins with what is deployed now");
    caxton.stop().await
}

#[tokio::test]
async fn a_tools_author_cannot_speak_of_a_tool_that_the_component_does_not_have() -> Result<()> {
    let caxton = server().start().await?;
    let error = deploy(&caxton.client, files("[policy]\napproval = \"when-writing\"\n[tools.stat]\napproval = \"never\"\n")?).await;
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("the component has no tool `stat`"), "{error}");
    deploy(&caxton.client, files("[policy]\napproval = \"when-writing\"\n[tools.stats]\napproval = \"never\"\n")?).await?;
    caxton.stop().await
}
