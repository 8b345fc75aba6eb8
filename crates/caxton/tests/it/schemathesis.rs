//! The API against its own description, by a tool that knows neither of them.

use crate::approvals::{inbox, send};
use anyhow::{Context as _, Result, bail};
use caxton_api::SendMessage;
use caxton_client::TurnFilter;
use caxton_testkit::{agent, script, server};
use caxton_types::{ApprovalId, ConversationId, MessageId, TurnId};
use serde_json::json;
use std::{env, fs, path::Path, process::Stdio};
use tokio::process::Command;

/// What is asked of every operation, always in the same way.
const ARGUMENTS: [&str; 12] = [
    "--checks",
    "all",
    // Fewer would leave out whole classes of values; more have found nothing new for their time.
    "--max-examples",
    "20",
    "--workers",
    "1",
    "--request-timeout",
    "60",
    "--generation-deterministic",
    "--no-color",
    "--output-truncate",
    "false",
];

#[tokio::test]
async fn the_api_is_what_its_description_says() -> Result<()> {
    let Some(program) = env::var_os("CAXTON_SCHEMATHESIS") else {
        assert!(env::var_os("CI").is_none(), "CAXTON_SCHEMATHESIS does not name the program");
        eprintln!("left out: `cargo xtask test` installs schemathesis and runs this test with it");
        return Ok(());
    };
    let model = script().calls("human__ask", json!({"question": "Which one?"})).always("done");
    // The agent of the description's examples, and one that may be removed, out of the way of everything else.
    let analyzer = agent("data-analyzer", "capabilities = [\"data-analysis\"]");
    let clerk = agent("clerk", "tools = [\"human/ask\"]");
    let caxton = server().model(&model).agent(analyzer).agent(clerk).start().await?;
    send(&caxton.client, SendMessage::request("clerk".parse()?, json!("Order it."))).await?;
    let question = inbox(&caxton.client, 1).await?.remove(0).id;
    let (name, toml) = agent("passing", "");
    caxton.client.in_workspace("scratch".parse()?).put_agent(&name.parse()?, &toml).await?;
    let reply = caxton.request("data-analyzer", "How many rows are there?").await?;
    let answered = TurnFilter { conversation: Some(reply.conversation), ..TurnFilter::default() };
    let turn = caxton.client.turns(&answered, 1).await?.first().context("a turn")?.id;
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("schemathesis.toml"), configuration(reply.in_reply_to, reply.conversation, turn, question))?;
    run(Path::new(&program), &caxton.url, dir.path()).await?;
    caxton.stop().await
}

/// The committed configuration with the names of what is there, so that not only its absence is tested.
fn configuration(message: MessageId, conversation: ConversationId, turn: TurnId, approval: ApprovalId) -> String {
    const COMMITTED: &str = include_str!("../../../../openapi/schemathesis.toml");
    format!(
        r#"
        # Streams of events do not end by themselves.
        max-stream-events = 5

        {COMMITTED}

        [dictionaries]
        workspaces = {{ values = ["default"] }}
        agents = {{ values = ["data-analyzer"] }}
        tools = {{ values = ["http_client__request", "human__ask"] }}
        passing = {{ values = ["passing"] }}
        messages = {{ values = ["{message}"] }}
        conversations = {{ values = ["{conversation}"] }}
        turns = {{ values = ["{turn}"] }}
        approvals = {{ values = ["{approval}"] }}

        [parameters]
        "path.workspace" = {{ dictionary = "workspaces", probability = 0.7 }}

        [[operations]]
        include-operation-id = ["get_agent", "invoke_agent"]
        parameters = {{ "path.name" = {{ dictionary = "agents", probability = 0.7 }} }}

        [[operations]]
        include-operation-id = ["get_tool", "call_tool"]
        parameters = {{ "path.tool" = {{ dictionary = "tools", probability = 0.7 }} }}

        [[operations]]
        include-operation-id = "get_message"
        parameters = {{ "path.id" = {{ dictionary = "messages", probability = 0.7 }} }}

        [[operations]]
        include-operation-id = ["get_conversation", "list_messages"]
        parameters = {{ "path.id" = {{ dictionary = "conversations", probability = 0.7 }} }}

        [[operations]]
        include-operation-id = ["get_turn", "replay_turn", "retry_turn", "cancel_turn", "fork_turn"]
        parameters = {{ "path.id" = {{ dictionary = "turns", probability = 0.7 }} }}

        [[operations]]
        include-operation-id = ["get_approval", "approve", "deny", "answer", "delegate"]
        parameters = {{ "path.id" = {{ dictionary = "approvals", probability = 0.7 }} }}

        # These change or remove agents, in a workspace of their own: the others need theirs.
        [[operations]]
        include-operation-id = ["put_agent", "remove_agent"]
        parameters = {{ "path.workspace" = "scratch", "path.name" = {{ dictionary = "passing", probability = 0.5 }} }}

        [[operations]]
        include-operation-id = "deploy"
        parameters = {{ "path.workspace" = "scratch" }}
        "#
    )
}

async fn run(program: &Path, url: &str, dir: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.arg("run").arg(format!("{url}/openapi.json")).args(["--url", url]).args(ARGUMENTS);
    command.current_dir(dir).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("{} does not run", program.display()))?;
    let report = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    println!("{report}");
    if output.status.success() { Ok(()) } else { bail!("the API and its description disagree: see the report above") }
}
