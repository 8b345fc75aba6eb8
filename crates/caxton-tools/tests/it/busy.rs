//! A server of others that takes one request at a time, and works for long on one of them.

use crate::support::Bench;
use axum::Router;
use caxton_mcp::client::{self, Era, Place, Url};
use caxton_tools::{Options, RemoteOptions, RemoteState};
use caxton_types::WorkspaceName;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject, ListToolsResult, PaginatedRequestParams,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager},
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const HOUR: Duration = Duration::from_hours(1);

#[derive(Clone, Default)]
struct Busy {
    one: Arc<Mutex<()>>,
    /// How often its tools were asked for.
    asked: Arc<AtomicUsize>,
    /// Its work is done.
    done: Arc<Notify>,
}

impl Busy {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl ServerHandler for Busy {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _one = self.one.lock().await;
        let schema = JsonObject::from_iter([("type".to_owned(), json!("object"))]);
        Ok(ListToolsResult::with_all_items(vec![Tool::new("work", "Works.", schema)]))
    }

    async fn call_tool(&self, _: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let _one = self.one.lock().await;
        context.peer.notify_tool_list_changed().await.unwrap();
        self.done.notified().await;
        Ok(CallToolResult::success(vec![ContentBlock::text("worked")]).into())
    }
}

#[tokio::test]
async fn a_server_that_works_on_a_call_may_tell_its_tools_later() {
    let (busy, stop) = (Busy::default(), CancellationToken::new());
    let made = busy.clone();
    let service: StreamableHttpService<Busy, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(made.clone()), Default::default(), StreamableHttpServerConfig::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (tasks, over) = (TaskTracker::new(), stop.clone().cancelled_owned());
    tasks.spawn(async move { axum::serve(listener, Router::new().nest_service("/mcp", service)).with_graceful_shutdown(over).await });
    let place = Place::Url(Url { url: url.into(), headers: vec![], bearer: None });
    let server = client::Options { era: Era::Sessions, idle_timeout: HOUR, ..client::Options::new("busy", place) };
    let listing = server.connect_timeout;
    let bench = Bench::new(Options { remotes: vec![RemoteOptions::new(server)], ..Options::default() });
    tasks.spawn(bench.tools.clone().run_remotes(stop.clone()));
    let is_up = || matches!(bench.tools.remotes()[0].state, RemoteState::Up(_));
    while !is_up() {
        tokio::task::yield_now().await;
    }
    let (known, before) = (bench.tools.available(&WorkspaceName::default()), busy.asked());
    let meanwhile = async {
        // It says that its tools changed, and is asked for them.
        while busy.asked() == before {
            tokio::task::yield_now().await;
        }
        // Longer than it may take to tell them, and than until it is asked again by itself.
        tokio::time::pause();
        for passed in [listing, Duration::from_mins(1), Duration::from_mins(1)] {
            tokio::time::advance(passed + Duration::from_secs(1)).await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }
        tokio::time::resume();
        assert!(is_up(), "{:?}", bench.tools.remotes()[0].state);
        assert_eq!(busy.asked(), before + 1, "it is not asked again while it works");
        busy.done.notify_one();
    };
    let (called, ()) = tokio::join!(bench.call_as(&known, "busy/work", json!({}), &[], HOUR), meanwhile);
    assert_eq!(called.unwrap().result.text, "worked");
    stop.cancel();
}
