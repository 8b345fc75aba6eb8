//! The same agent answered by two vendors' wire formats, spoken by somebody else's mock; only the configuration differs.

use anyhow::{Context as _, Result, bail};
use caxton_api::{AttachmentRef, DeltaView, DeployRequest, DeployResponse, EventView, FileEntry, ReplyView, SendMessage};
use caxton_client::{Client, EventFilter, Followed};
use caxton_testkit::{Caxton, server};
use caxton_types::{Digest, Performative};
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};
use std::{
    env, fs,
    path::{Path, PathBuf},
    pin::pin,
    process::Stdio,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use tokio_util::task::TaskTracker;

const TOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tools/csv-stats");
const AGENT: &str = r#"
name = "analyst"
version = "1.0.0"
system_prompt = "You answer questions about tables."

[tools]
required = ["csv-stats"]

[model]
name = "chat"
"#;
const TABLE: &str = "city,height\nBern,540\nOslo,23\nQuito,2850\n";
const ANSWER: &str = "The mean of the three heights is 1137.67 metres, as the tool computed it.";

/// What the vendor's model "says": a call of the tool first, and once it sees a result, the answer.
fn fixtures() -> Value {
    let arguments = json!({"file": "heights.csv", "operation": "mean", "column": "height"}).to_string();
    let usage = |read, written| json!({"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written});
    json!({"fixtures": [
        {"match": {"userMessage": "Good day"}, "response": {"content": "Good day to you."}},
        {
            "match": {"userMessage": "mean height", "hasToolResult": false},
            "response": {"toolCalls": [{"name": "csv-stats__stats", "arguments": arguments}], "usage": usage(30, 7)}
        },
        {
            "match": {"userMessage": "mean height", "hasToolResult": true, "toolResultContains": "1137.6"},
            "response": {"content": ANSWER, "usage": usage(40, 9)}
        }
    ]})
}

#[tokio::test]
async fn an_agent_is_answered_by_openai() -> Result<()> {
    answered_by("openai", "/v1/").await
}

#[tokio::test]
async fn an_agent_is_answered_by_anthropic() -> Result<()> {
    answered_by("anthropic", "/v1/").await
}

async fn answered_by(kind: &str, path: &str) -> Result<()> {
    let Some(package) = env::var_os("CAXTON_AIMOCK").map(PathBuf::from) else {
        assert!(env::var_os("CI").is_none(), "CAXTON_AIMOCK does not name the package");
        eprintln!("left out: `cargo xtask test` installs aimock and runs this test with it");
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    let mock = Mock::start(&package, dir.path()).await?;
    let provider = format!("{{type: {kind}, base_url: \"{}{path}\", api_key: k, model: some-model, max_attempts: 1}}", mock.url);
    let caxton = server().set(&format!("llm.providers=[{provider}]")).start().await?;
    deploy(&caxton.client).await?;
    let (reply, deltas) = ask(&caxton).await?;
    assert_eq!((reply.performative, &reply.content), (Performative::Inform, &json!(ANSWER)));
    assert_eq!(reply.usage.map(|usage| (usage.input, usage.output)), Some((70, 16)), "the vendor's count of both calls");
    assert_eq!(deltas.iter().map(|delta| delta.text.as_str()).collect::<String>(), ANSWER);
    assert!(deltas.len() > 3, "it streams: {deltas:?}");
    let events = caxton.events(reply.conversation).await?;
    assert_eq!(steps(&events), ["ask", "ask", "call", "ask"], "the greeting, then both calls of the model and the tool's between them");
    let tool = events.iter().find(|event| event.kind == "step_ended" && event.fact["effect"] == "call").context("a tool's step")?;
    let outcome = tool.fact["outcome"].to_string();
    assert!(outcome.contains("1137.6"), "{outcome}");
    caxton.stop().await
}

/// The effects of a turn that concern somebody outside.
fn steps(events: &[EventView]) -> Vec<&str> {
    let ended = events.iter().filter(|event| event.kind == "step_ended");
    ended.filter_map(|event| event.fact["effect"].as_str()).filter(|effect| ["ask", "call"].contains(effect)).collect()
}

/// Deploys the agent and the tool from its committed component: first by digest, then what the server lacks, then for good.
async fn deploy(client: &Client) -> Result<()> {
    let read = |name: &str| fs::read(Path::new(TOOL).join(name)).with_context(|| format!("{TOOL}/{name}"));
    let files: [(&str, Vec<u8>); 3] = [
        ("agents/analyst.toml", AGENT.into()),
        ("tools/csv-stats/tool.toml", read("tool.toml")?),
        ("tools/csv-stats/tool.wasm", read("tool.wasm")?),
    ];
    let entry = |(path, bytes): &(&str, Vec<u8>)| FileEntry { path: (*path).into(), digest: Digest::of(bytes), size: bytes.len() as u64 };
    let request = DeployRequest { files: files.iter().map(entry).collect(), git: None };
    let DeployResponse::NeedsFiles { missing, .. } = client.deploy(&request).await? else { bail!("nothing was there before") };
    assert_eq!(missing.len(), files.len());
    for (_, bytes) in files {
        client.upload(bytes, "application/octet-stream").await?;
    }
    let DeployResponse::Deployed { deployment, .. } = client.deploy(&request).await? else { bail!("everything is uploaded") };
    assert_eq!((deployment.agents, deployment.warnings), (1, vec![]));
    Ok(())
}

/// Asks about an attached table, in a conversation that is followed by then: no word is missed.
async fn ask(caxton: &Caxton) -> Result<(ReplyView, Vec<DeltaView>)> {
    let greeted = caxton.request("analyst", "Good day").await?;
    let conversation = Some(greeted.conversation);
    let mut stream = pin!(caxton.client.follow(EventFilter { conversation, after: Some(0), deltas: true, ..EventFilter::default() }));
    until_turn_ended(&mut stream).await?;
    let blob = caxton.client.upload(TABLE, "text/csv").await?;
    let table = AttachmentRef { name: "heights.csv".into(), digest: blob.digest, media_type: Some("text/csv".into()), size: None };
    let question = SendMessage {
        attachments: vec![table],
        conversation_id: conversation,
        ..SendMessage::request("analyst".parse()?, json!("What is the mean height?"))
    };
    let (reply, deltas) = tokio::join!(caxton.send(question), until_turn_ended(&mut stream));
    Ok((reply?, deltas?))
}

/// Everything that a model says until the turn is over.
async fn until_turn_ended(stream: &mut (impl Stream<Item = Result<Followed, caxton_client::Error>> + Unpin)) -> Result<Vec<DeltaView>> {
    let mut deltas = Vec::new();
    while let Some(followed) = stream.next().await {
        match followed? {
            Followed::Delta(delta) => deltas.push(delta),
            Followed::Event(event) if event.kind == "turn_ended" => return Ok(deltas),
            Followed::Event(_) => {}
            Followed::Gap(gap) => bail!("events are missing: {gap:?}"),
        }
    }
    bail!("the stream ends before the turn does")
}

/// A running aimock; it ends with this value.
struct Mock {
    url: String,
    _process: Child,
}

impl Mock {
    async fn start(package: &Path, dir: &Path) -> Result<Self> {
        let fixtures_at = dir.join("fixtures.json");
        fs::write(&fixtures_at, fixtures().to_string())?;
        let mut command = Command::new("node");
        command.arg(package.join("dist/cli.js")).args([
            "--port",
            "0",
            "--strict",
            "--validate-on-load",
            "--chunk-size",
            "10",
            "--fixtures",
        ]);
        command.arg(&fixtures_at).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().context("the tests need node")?;
        let mut lines = BufReader::new(process.stdout.take().context("its output is a pipe")?).lines();
        let mut said = String::new();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, url)) = line.split_once("listening on ") {
                let url = url.trim().to_owned();
                // It goes on talking: a pipe that nobody reads would stop it.
                TaskTracker::new().spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { url, _process: process });
            }
            said.push_str(&line);
        }
        bail!("aimock does not listen: {said}")
    }
}
