//! Somebody else's MCP server that fails: what people are told of it, and how it comes back.

use crate::mounted::Mounted;
use anyhow::{Context as _, Result};
use axum::{body::Body, extract::Request, http::StatusCode, middleware::Next, response::IntoResponse as _};
use caxton_api::{BreakerView, CallTool, HealthStatus, McpServerState, McpServerView, ToolState};
use caxton_client::Client;
use caxton_mcp::client as mcp;
use caxton_mcp::rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
        ServerConfig, Tool,
    },
    service::RequestContext,
};
use caxton_testkit::{Caxton, server};
use caxton_types::{Code, Fault as _};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio_util::task::TaskTracker;

#[derive(Clone)]
struct Theirs;

impl ServerHandler for Theirs {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({"type": "object", "properties": {}});
        let tool = |name: &'static str| Tool::new(name, "", schema.as_object().unwrap().clone());
        Ok(ListToolsResult::with_all_items(vec![tool("order"), tool("7th")]))
    }

    async fn call_tool(&self, _: CallToolRequestParams, _: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text("ordered")]).into())
    }
}

/// It runs until dropped.
struct Served {
    at: Mounted,
    /// Whether it does everything but calls.
    fails: Arc<AtomicBool>,
    /// Whether it does nothing.
    is_down: Arc<AtomicBool>,
}

async fn serve() -> Result<Served> {
    let (fails, is_down) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
    let flags = (Arc::clone(&fails), Arc::clone(&is_down));
    let fail = axum::middleware::from_fn(move |request: Request, next: Next| {
        let (fails, is_down) = (flags.0.load(Ordering::SeqCst), flags.1.load(Ordering::SeqCst));
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let is_call = String::from_utf8_lossy(&body).contains("tools/call");
            if is_down || fails && is_call {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            next.run(Request::from_parts(head, Body::from(body))).await
        }
    });
    Ok(Served { at: Mounted::new(Theirs, |router| router.layer(fail)).await?, fails, is_down })
}

/// It serves, and knows theirs as `desk`.
async fn knowing(theirs: &Served) -> Result<Caxton> {
    let servers = json!([{"name": "desk", "url": theirs.at.url}]);
    let breaker = |key: &str| format!("integrations.mcp.circuit_breaker.{key}");
    let builder = server().set(&format!("integrations.mcp.servers={servers}"));
    let caxton = builder.set(&breaker("threshold=2")).set(&breaker("timeout=100ms")).start().await?;
    until(&caxton.client, |desk| desk.state == McpServerState::Up).await?;
    Ok(caxton)
}

async fn until(client: &Client, is: impl Fn(&McpServerView) -> bool) -> Result<McpServerView> {
    loop {
        let desk = client.mcp_servers().await?.into_iter().next().context("the server that is configured")?;
        if is(&desk) {
            return Ok(desk);
        }
        tokio::task::yield_now().await;
    }
}

async fn order(client: &Client) -> Result<String, caxton_client::Error> {
    Ok(client.call_tool("desk/order", &CallTool::default()).await?.text)
}

#[tokio::test]
async fn a_server_whose_calls_fail_is_shown_with_an_open_breaker_until_it_recovers() -> Result<()> {
    let theirs = serve().await?;
    let caxton = knowing(&theirs).await?;
    let client = &caxton.client;
    let desk = until(client, |_| true).await?;
    assert_eq!((&*desk.name, &desk.place, desk.breaker, &desk.reason), ("desk", &theirs.at.url, BreakerView::Closed, &None));
    assert_eq!((&desk.tools, &desk.changed), (&vec!["desk/order".to_owned()], &vec![]));
    assert!(desk.left_out.len() == 1 && desk.left_out[0].tool == "7th" && desk.about.is_some(), "{desk:?}");
    assert_eq!((order(client).await?.as_str(), client.health().await?.components["tools"].status), ("ordered", HealthStatus::Ok));

    theirs.fails.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(order(client).await.unwrap_err().code(), Code::Unavailable);
    }
    let desk = until(client, |_| true).await?;
    assert_eq!((desk.breaker, desk.state), (BreakerView::Open, McpServerState::Up), "it tells its tools nevertheless");
    let tool = client.tool("desk/order").await?.tool;
    assert_eq!(tool.state, ToolState::Unavailable);
    assert!(tool.reason.as_ref().is_some_and(|reason| reason.contains("its circuit breaker is open: ")), "{tool:?}");
    let health = client.health().await?.components["tools"].clone();
    assert_eq!((health.status, health.figures["mcp_servers_up"]), (HealthStatus::Degraded, 1));
    assert!(health.detail.contains("`desk`: calls to it failed too often"), "{health:?}");

    theirs.fails.store(false, Ordering::SeqCst);
    while order(client).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(until(client, |_| true).await?.breaker, BreakerView::Closed);
    assert_eq!(client.tool("desk/order").await?.tool.state, ToolState::Ready);
    caxton.stop().await
}

#[tokio::test]
async fn a_server_that_is_down_is_named_with_the_reason_and_its_tools_are_told_as_they_were() -> Result<()> {
    let theirs = serve().await?;
    let caxton = knowing(&theirs).await?;
    let client = &caxton.client;
    theirs.is_down.store(true, Ordering::SeqCst);
    order(client).await.unwrap_err();
    let desk = until(client, |desk| desk.state == McpServerState::Down).await?;
    assert!(desk.reason.as_ref().is_some_and(|reason| reason.contains("503")) && desk.tools == ["desk/order"], "{desk:?}");
    for name in ["desk/order", "desk__order", "order"] {
        let error = client.call_tool(name, &CallTool::default()).await.unwrap_err();
        let text = error.to_string();
        assert!(error.code() == Code::Unavailable && text.contains("MCP server `desk` is not there: "), "{text}");
        assert!(text.contains("503") && text.contains("(since 2"), "{text}");
        assert!(error.hint().is_some_and(|hint| hint.contains("tried again by itself")), "{:?}", error.hint());
        assert_eq!(client.tool(name).await?.tool.state, ToolState::Unavailable);
    }
    let health = client.health().await?.components["tools"].clone();
    assert!(health.status == HealthStatus::Degraded && health.detail.contains("`desk` is not there"), "{health:?}");
    let place = mcp::Place::Url(mcp::Url { url: format!("{}/mcp/default", caxton.url).into(), headers: vec![], bearer: None });
    let ours = mcp::Client::connect(&mcp::Options::new("ours", place), &TaskTracker::new()).await?;
    let (arguments, time_max) = (json!({}), Duration::from_mins(1));
    let answer = ours.call(&mcp::Call { tool: "desk__order", arguments: &arguments, meta: &[], time_max, asker: None }).await?;
    let said = format!("{:?}", answer.content);
    assert!(answer.is_error && said.contains("MCP server `desk` is not there: ") && said.contains("tried again by itself"), "{said}");
    let unknown = ours.call(&mcp::Call { tool: "dask__order", arguments: &arguments, meta: &[], time_max, asker: None }).await;
    assert!(unknown.as_ref().is_err_and(|error| error.to_string().contains("no tool is named `dask__order`")), "{unknown:?}");
    ours.close().await;
    theirs.is_down.store(false, Ordering::SeqCst);
    let back = until(client, |desk| desk.state == McpServerState::Up).await?;
    assert!(back.since > desk.since && back.reason.is_none(), "{back:?}");
    caxton.stop().await
}

#[tokio::test]
async fn built_in_tools_have_their_other_names_for_people_and_programs_too() -> Result<()> {
    let caxton = server().start().await?;
    caxton.client.put_agent(&"clerk".parse()?, &caxton_testkit::agent("clerk", "").1).await?;
    let arguments = serde_json::Map::from_iter([("text".to_owned(), json!("a,b\n1,2\n"))]);
    let call = CallTool { arguments, ..CallTool::default() };
    for name in ["data-reader/read", "csv_parser/read", "csv-parser__read", "data_reader__read"] {
        assert_eq!(caxton.client.tool(name).await?.tool.id, "data_reader/read", "{name}");
        assert_eq!(caxton.client.call_tool(name, &call).await?.tool, "data_reader/read", "{name}");
    }
    caxton.stop().await
}
