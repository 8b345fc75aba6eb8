//! `caxton mcp serve --stdio` while its server comes and goes.

use anyhow::{Context as _, Result, bail};
use caxton_testkit::{Caxton, agent, script, server};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, Lines, duplex, split};

const PATIENCE: Duration = Duration::from_secs(30);

/// A program that started the bridge, and speaks to it through its pipes.
struct Program<R, W> {
    lines: Lines<R>,
    input: W,
}

impl<R: AsyncBufRead + Unpin, W: AsyncWrite + Unpin> Program<R, W> {
    async fn say(&mut self, message: &Value) -> Result<()> {
        Ok(self.input.write_all(format!("{message}\n").as_bytes()).await?)
    }

    /// The next message that this is true of.
    async fn next(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let found = async {
            loop {
                let line = self.lines.next_line().await?.context("the bridge ended")?;
                let message = serde_json::from_str::<Value>(&line)?;
                if wanted(&message) {
                    return Ok(message);
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await?
    }

    async fn ask(&mut self, id: u32, method: &str, params: Value) -> Result<Value> {
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await?;
        let answer = self.next(|message| message["id"] == id).await?;
        if answer["error"].is_null() { Ok(answer["result"].clone()) } else { bail!("{method}: {}", answer["error"]) }
    }
}

async fn with(name: &str, port: &str) -> Result<Caxton> {
    server().model(&script().always("Yes.")).agent(agent(name, "")).set(&format!("server.port={port}")).start().await
}

#[tokio::test]
async fn a_client_notices_nothing_of_a_server_that_starts_again() -> Result<()> {
    let first = with("clerk", "0").await?;
    let port = first.url.rsplit_once(':').context("a port")?.1.to_owned();
    let (ours, theirs) = duplex(1 << 16);
    let (input, output) = split(theirs);
    let client = first.client.clone();
    let bridge = client.bridge_mcp(BufReader::new(input), output, |_| {});
    let used = async {
        let (lines, input) = split(ours);
        let mut program = Program { lines: BufReader::new(lines).lines(), input };
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        program.ask(0, "initialize", params).await?;
        program.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await?;
        assert!(program.ask(1, "tools/list", json!({})).await?.to_string().contains("ask_clerk"));
        first.stop().await?;
        let second = with("typist", &port).await?;
        let listed = program.ask(2, "tools/list", json!({})).await?.to_string();
        assert!(listed.contains("ask_typist") && !listed.contains("ask_clerk"), "{listed}");
        let call = json!({"name": "ask_typist", "arguments": {"message": "Well?"}});
        assert_eq!(program.ask(3, "tools/call", call).await?["content"][0]["text"], "Yes.");
        let (name, toml) = agent("cook", "");
        second.client.put_agent(&name.parse()?, &toml).await?;
        program.next(|message| message["method"] == "notifications/tools/list_changed").await?;
        second.stop().await
    };
    let (bridged, used) = tokio::join!(bridge, used);
    used?;
    Ok(bridged?)
}
