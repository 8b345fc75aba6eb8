//! Other people's servers: the reference servers of the protocol (npm) and one written with `FastMCP` (`PyPI`).

use super::world::connect;
use caxton_mcp::client::{Answer, Asker, Call, Client, Content, Era, Hidden, Options, Place, Program, Question, Reply};
use rmcp::model::{ContentBlock, ResourceContents};
use serde_json::{Value, json};
use std::{env, path::PathBuf, time::Duration};

const LONG: Duration = Duration::from_mins(1);
/// A server as its users write one.
const FASTMCP: &str = r#"
from fastmcp import FastMCP, Context
server = FastMCP("theirs")

@server.tool(annotations={"readOnlyHint": True})
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b

@server.tool
async def greet(context: Context) -> str:
    answer = await context.elicit("What is your name?", response_type=str)
    return f"hello {answer.data}" if answer.action == "accept" else answer.action

@server.resource("note://first")
def first() -> str:
    return "a note"

@server.prompt
def review(code: str) -> str:
    return f"Review {code}."

server.run(show_banner=False)
"#;

/// What `cargo xtask test` installs; nothing where the tests run without it, which no CI does.
fn peer(variable: &str) -> Option<PathBuf> {
    let found = env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        assert!(env::var_os("CI").is_none(), "{variable} must be set: run `cargo xtask test`");
        eprintln!("skipped: {variable} is not set; `cargo xtask test` installs what it names");
    }
    found
}

fn options(command: PathBuf, args: Vec<String>, env: Vec<(&str, String)>) -> Options {
    let program = Program {
        command: command.to_str().unwrap().into(),
        args: args.into_iter().map(Into::into).collect(),
        env: env.into_iter().map(|(name, value)| (name.into(), Hidden::new(value))).collect(),
        cwd: None,
    };
    Options { connect_timeout: LONG, idle_timeout: LONG, ..Options::new("peer", Place::Program(program)) }
}

fn reference(name: &str, args: &[&str], env: Vec<(&str, String)>) -> Option<Options> {
    let script = peer("CAXTON_MCP_SERVERS")?.join("node_modules/@modelcontextprotocol").join(name).join("dist/index.js");
    let args = std::iter::once(script.to_str().unwrap()).chain(args.iter().copied()).map(Into::into).collect();
    Some(options("node".into(), args, env))
}

async fn call(client: &Client, tool: &str, arguments: Value, asker: Option<&dyn Asker>) -> Answer {
    client.call(&Call { tool, arguments: &arguments, meta: &[], time_max: LONG, asker }).await.unwrap()
}

fn words(answer: &Answer) -> &str {
    let Some(Content::Text(text)) = answer.content.first() else { panic!("{answer:?}") };
    text
}

struct Ada;

#[async_trait::async_trait]
impl Asker for Ada {
    async fn ask(&self, _: Question) -> Reply {
        Reply::Accept(json!({"value": "Ada"}))
    }
}

#[tokio::test]
async fn the_reference_server_for_everything_is_understood() {
    let Some(options) = reference("server-everything", &["stdio"], vec![]) else { return };
    let client = connect(&options).await;
    assert_eq!(client.about().name, "mcp-servers/everything");
    let tools = client.tools().await.unwrap();
    assert!(tools.len() > 10);
    assert!(tools.iter().any(|tool| tool.output_schema.is_some()));
    assert_eq!(words(&call(&client, "echo", json!({"message": "hällo"}), None).await), "Echo: hällo");
    let image = call(&client, "get-tiny-image", json!({}), None).await;
    assert!(
        image
            .content
            .iter()
            .any(|part| matches!(part, Content::File { media_type, bytes, .. } if media_type == "image/png" && bytes.len() > 100))
    );
    let structured = call(&client, "get-structured-content", json!({"location": "Chicago"}), None).await;
    assert!(structured.structured.unwrap().get("temperature").is_some());
    let links = call(&client, "get-resource-links", json!({"count": 2}), None).await;
    assert!(links.content.iter().any(|part| matches!(part, Content::Link { .. })));
    let environment = call(&client, "get-env", json!({}), None).await;
    assert!(!words(&environment).contains("CARGO"), "nothing of our environment is handed on");
    let long = call(&client, "trigger-long-running-operation", json!({"duration": 1, "steps": 2}), None).await;
    assert!(words(&long).contains("completed"), "{long:?}");
    let resources = client.resources().await.unwrap();
    assert!(!resources.entries.is_empty() && !resources.is_cut);
    assert!(!client.resource_templates().await.unwrap().entries.is_empty());
    assert!(!client.prompts().await.unwrap().entries.is_empty());
    client.close().await;
}

#[tokio::test]
async fn the_reference_server_for_memory_keeps_what_it_is_told() {
    let file = env::temp_dir().join(format!("caxton-mcp-memory-{}.jsonl", std::process::id()));
    let env = vec![("MEMORY_FILE_PATH", file.to_str().unwrap().to_owned())];
    let Some(options) = reference("server-memory", &[], env) else { return };
    let client = connect(&options).await;
    let ada = json!({"entities": [{"name": "Ada", "entityType": "person", "observations": ["wrote the first program"]}]});
    call(&client, "create_entities", ada, None).await;
    client.close().await;
    let again = connect(&options).await;
    let found = call(&again, "search_nodes", json!({"query": "program"}), None).await;
    assert!(words(&found).contains("Ada"), "{found:?}");
    again.close().await;
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_server_written_with_fastmcp_is_understood() {
    let Some(python) = peer("CAXTON_FASTMCP") else { return };
    let options = options(python, vec!["-c".into(), FASTMCP.into()], vec![]);
    let client = connect(&options).await;
    let tools = client.tools().await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "add" && tool.annotations.read_only_hint));
    let sum = call(&client, "add", json!({"a": 2, "b": 40}), None).await;
    assert_eq!((words(&sum), sum.structured.clone()), ("42", Some(json!({"result": 42}))));
    assert!(call(&client, "add", json!({"a": "x", "b": 1}), None).await.is_error);
    assert!(matches!(&client.read("note://first").await.unwrap().contents[..],
        [ResourceContents::TextResourceContents { uri, text, .. }] if uri == "note://first" && text == "a note"));
    let written = client.prompt("review", json!({"code": "x = 1"}).as_object().unwrap().clone()).await.unwrap();
    assert_eq!(written.messages[0].content, ContentBlock::text("Review x = 1."));
    client.close().await;
    // In the newer era it cannot ask anything yet.
    let client = connect(&Options { era: Era::Sessions, ..options }).await;
    assert_eq!(words(&call(&client, "greet", json!({}), Some(&Ada)).await), "hello Ada");
    assert_eq!(words(&call(&client, "greet", json!({}), None).await), "decline");
    client.close().await;
}
