//! The official conformance suite, in both of its versions, against a workspace.

use super::fixture;
use crate::tools::deploy;
use anyhow::{Context as _, Result, bail};
use caxton_testkit::{script, server};
use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

#[tokio::test]
async fn the_server_conforms_to_2025_11_25() -> Result<()> {
    conforms("2025-11-25").await
}

#[tokio::test]
async fn the_server_conforms_to_2026_07_28() -> Result<()> {
    conforms("2026-07-28").await
}

async fn conforms(revision: &str) -> Result<()> {
    let caxton = server().model(&script().always("Hello.")).start().await?;
    let mut files = vec![("tools/conformance/tool.toml", fixture::MANIFEST.into()), ("tools/conformance/tool.wasm", fixture::tool_wasm()?)];
    files.extend(fixture::agents().into_iter().map(|(path, toml)| (path, toml.into_bytes())));
    deploy(&caxton.client, files).await?;
    suite(&["server", "--url", &format!("{}/mcp", caxton.url)], revision).await?;
    caxton.stop().await
}

/// Runs what the revision requires; what is known to fail stands in the committed list, each with its reason.
pub(super) async fn suite(words: &[&str], revision: &str) -> Result<()> {
    let Some(peers) = env::var_os("CAXTON_MCP_PEERS").map(PathBuf::from) else {
        assert!(env::var_os("CI").is_none(), "CAXTON_MCP_PEERS does not name the folder");
        eprintln!("left out: `cargo xtask test` installs the suite and runs this test with it");
        return Ok(());
    };
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/mcp/known-{revision}.yml"));
    let dir = tempfile::tempdir()?;
    let mut command = Command::new(peers.join("node_modules/.bin/node"));
    command.arg(peers.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"));
    command.args(words).args(["--requirements", revision, "--expected-failures"]).arg(&known);
    // Dozens of clients at once are to be refused, and each would read this whole binary for the words of its backtrace.
    command.env("RUST_BACKTRACE", "0");
    let output = command.current_dir(dir.path()).stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.context("the conformance suite does not run")?;
    let report = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    println!("{report}");
    if output.status.success() { Ok(()) } else { bail!("the suite and {} disagree: see the report above", known.display()) }
}
