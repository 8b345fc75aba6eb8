//! What a call of a tool of somebody else's MCP server costs, beside the reference client (`PyPI` `mcp`) calling the same server: `mcp.*` rows.
//! The server is a process of its own, this very program: what it needs itself is in both figures.

use crate::{
    Failure, Rows,
    measure::{self, runtime},
};
use axum::Router;
use caxton_mcp::client::{Call, Client, Content, Options, Place, Program, Url};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
        ServerConfig, Tool,
    },
    service::RequestContext,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager},
};
use serde_json::json;
use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio_util::task::TaskTracker;

const WARM_UP: usize = 200;
const CALLS: usize = 2_000;
/// The first argument where this program is to be the server.
pub(crate) const STDIO: &str = "mcp-serve-stdio";
pub(crate) const HTTP: &str = "mcp-serve-http";

#[derive(Clone)]
struct Echo;

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
        let schema = schema.as_object().cloned().unwrap_or_default();
        Ok(ListToolsResult::with_all_items(vec![Tool::new("echo", "says it again", schema)]))
    }

    async fn call_tool(&self, request: CallToolRequestParams, _: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let text = request.arguments.as_ref().and_then(|arguments| arguments.get("text")?.as_str()).unwrap_or_default();
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    runtime()?.block_on(calling(rows))
}

pub(crate) fn serve_stdio(_: &Rows) -> Result<(), Failure> {
    runtime()?.block_on(async { Ok(Echo.serve(rmcp::transport::stdio()).await?.waiting().await.map(drop)?) })
}

pub(crate) fn serve_http(_: &Rows) -> Result<(), Failure> {
    runtime()?.block_on(serve())
}

/// Says its URL in one line, and serves until nobody holds the other end of its standard input.
async fn serve() -> Result<(), Failure> {
    let service: StreamableHttpService<Echo, LocalSessionManager> =
        StreamableHttpService::new(|| Ok(Echo), Default::default(), StreamableHttpServerConfig::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}/mcp", listener.local_addr()?)?;
    let over = async { drop(tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await) };
    Ok(axum::serve(listener, Router::new().nest_service("/mcp", service)).with_graceful_shutdown(over).await?)
}

/// The server behind a URL, until dropped.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start() -> Result<Self, Failure> {
        let mut child = Command::new(env::current_exe()?).arg(HTTP).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        BufReader::new(child.stdout.take().ok_or("the server has an output")?).read_line(&mut url)?;
        Ok(Self { child, url: url.trim().into() })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Its word is one line long; it needs no time to say good-bye.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn calling(rows: &Rows) -> Result<(), Failure> {
    let command = env::current_exe()?.to_string_lossy().into_owned();
    if rows.wants("mcp.call_stdio") {
        let program = Program { command: command.as_str().into(), args: vec![STDIO.into()], env: vec![], cwd: None };
        let ours = ours(Place::Program(program)).await?;
        row(rows, "stdio", "its standard input and output", ours, theirs(&[&command, STDIO])?)?;
    }
    if rows.wants("mcp.call_http") {
        let served = Served::start()?;
        let ours = ours(Place::Url(Url { url: served.url.as_str().into(), headers: vec![], bearer: None })).await?;
        row(rows, "http", "streamable HTTP", ours, theirs(&[&served.url])?)?;
    }
    Ok(())
}

/// How long each of our calls took, in microseconds.
async fn ours(place: Place) -> Result<Vec<f64>, Failure> {
    let tasks = TaskTracker::new();
    let client = Client::connect(&Options::new("echo", place), &tasks).await?;
    let (arguments, time_max) = (json!({"text": "hello"}), Duration::from_secs(30));
    let mut times = Vec::with_capacity(CALLS);
    for call in 0..WARM_UP + CALLS {
        let began = Instant::now();
        let answer = client.call(&Call { tool: "echo", arguments: &arguments, meta: &[], time_max, asker: None }).await?;
        let took = began.elapsed();
        if !matches!(&answer.content[..], [Content::Text(text)] if text == "hello") {
            return Err(format!("the server says something else: {answer:?}").into());
        }
        if call >= WARM_UP {
            times.push(took.as_secs_f64() * 1e6);
        }
    }
    Ok(times)
}

/// How long each call of the reference client took, where it is installed.
fn theirs(target: &[&str]) -> Result<Option<Vec<f64>>, Failure> {
    let (warm_up, calls) = (WARM_UP.to_string(), CALLS.to_string());
    let times = measure::peer("CAXTON_MCP_PYTHON", "mcp/client.py", &[&[warm_up.as_str(), &calls], target].concat())?;
    Ok(times.map(serde_json::from_value).transpose()?)
}

fn row(rows: &Rows, way: &str, how: &str, ours: Vec<f64>, theirs: Option<Vec<f64>>) -> Result<(), Failure> {
    let (p50, p99) = quantiles(ours);
    let (peer, note) = theirs
        .map(quantiles)
        .map_or((None, None), |(peer, peer_p99)| (Some(peer), Some(format!("{:.1}x less; its p99: {peer_p99} us", peer / p50))));
    rows.print(&json!({"id": format!("mcp.call_{way}"), "what": format!("call of a tool of an MCP server through {how}"), "unit": "us",
        "better": "lower", "ours": p50, "p99": p99, "peer": peer, "peer_name": peer.map(|_| "PyPI mcp, the same server"), "note": note,
        "met": true}))
}

/// In tenths.
fn quantiles(times: Vec<f64>) -> (f64, f64) {
    let rounded = |micros: f64| (micros * 10.0).round() / 10.0;
    let (p50, p99) = measure::quantiles(times);
    (rounded(p50), rounded(p99))
}
