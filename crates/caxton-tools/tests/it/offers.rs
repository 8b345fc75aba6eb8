//! What servers of others offer beside tools: bounded, and behind the same breaker as their calls.

use crate::support::Bench;
use axum::{Router, extract::Request, http::StatusCode, middleware::Next, response::IntoResponse as _};
use caxton_mcp::client::{self, Place, Url};
use caxton_tools::{Error, Heard, Notice, Options, RemoteOptions};
use caxton_types::{BreakerOptions, Code, Fault as _, WorkspaceName, unit::ByteSize};
use parking_lot::Mutex;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        ArgumentInfo, CompleteRequestParams, CompleteResult, CompletionInfo, ListPromptsResult, ListResourcesResult,
        PaginatedRequestParams, Prompt, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference, Resource,
        ResourceContents, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// Reads as many bytes as the number in the URI says, and completes with as many as the number that somebody begins to type.
struct Theirs;

impl ServerHandler for Theirs {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_resources().enable_prompts().enable_completions().build())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items((0..9).map(|len| Resource::new(format!("len://{len}"), "some")).collect()))
    }

    /// One of them fits.
    async fn list_prompts(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListPromptsResult, ErrorData> {
        let prompt = || Prompt::new("long", Some("x".repeat(3 << 20)), None);
        Ok(ListPromptsResult::with_all_items(vec![prompt(), prompt()]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let len = request.uri.strip_prefix("len://").and_then(|len| len.parse().ok()).unwrap_or_default();
        let (text, blob) = (ResourceContents::text("x".repeat(len), "len://"), ResourceContents::blob("AAAA", "len://"));
        Ok(ReadResourceResult::new(vec![text, blob]).into())
    }

    async fn complete(&self, request: CompleteRequestParams, _: RequestContext<RoleServer>) -> Result<CompleteResult, ErrorData> {
        let len = request.argument.value.parse().unwrap_or_default();
        Ok(CompleteResult::new(CompletionInfo::new(vec!["x".repeat(len)]).unwrap()))
    }
}

/// A bench that knows the server, until dropped.
struct World {
    bench: Bench,
    is_down: Arc<AtomicBool>,
    _stop: DropGuard,
}

async fn world() -> World {
    let (stop, is_down) = (CancellationToken::new(), Arc::<AtomicBool>::default());
    let config = StreamableHttpServerConfig::default().with_cancellation_token(stop.child_token());
    let service: StreamableHttpService<Theirs, LocalSessionManager> = StreamableHttpService::new(|| Ok(Theirs), Arc::default(), config);
    let down = Arc::clone(&is_down);
    let fail = axum::middleware::from_fn(move |request: Request, next: Next| {
        let is_down = down.load(Ordering::SeqCst);
        async move { if is_down { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { next.run(request).await } }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (router, over) = (Router::new().nest_service("/mcp", service).layer(fail), stop.clone());
    TaskTracker::new().spawn(async move { axum::serve(listener, router).with_graceful_shutdown(over.cancelled_owned()).await });
    let place = Place::Url(Url { url: url.into(), headers: vec![], bearer: None });
    let server = client::Options { entries_max: 5, ..client::Options::new("shelf", place) };
    let long = Duration::from_hours(1);
    let breaker = BreakerOptions { failures_max: 1, open_for: long, open_for_max: long, probes_max: 1 };
    let options = RemoteOptions { breaker, result_len_max: ByteSize::new(22), ..RemoteOptions::new(server) };
    let bench = Bench::new(Options { remotes: vec![options], ..Options::default() });
    TaskTracker::new().spawn(bench.tools.clone().run_remotes(stop.clone()));
    while bench.tools.remotes()[0].offers.resources.is_empty() {
        tokio::task::yield_now().await;
    }
    World { bench, is_down, _stop: stop.drop_guard() }
}

impl World {
    async fn read(&self, uri: &str, heard: &Heard<'_>) -> Result<usize, Error> {
        let read = self.bench.tools.read_resource(&WorkspaceName::default(), "shelf", uri, heard).await;
        read.map(|read| read.contents.len())
    }
}

#[tokio::test]
async fn a_list_is_cut_and_a_read_is_refused_at_its_bound() {
    let world = world().await;
    let offers = world.bench.tools.offers(&WorkspaceName::default());
    assert_eq!((&*offers[0].0, offers[0].1.resources.len(), offers[0].1.prompts.len()), ("shelf", 5, 1));
    // Two URIs, and three bytes in base64.
    assert_eq!(world.read("len://7", &Heard::default()).await.unwrap(), 2);
    let refused = world.read("len://8", &Heard::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the result has more than 22B");
    let (tools, default, heard) = (&world.bench.tools, WorkspaceName::default(), Heard::default());
    let complete = async |begun: &str| {
        let argument = ArgumentInfo::new("len", begun);
        tools.complete(&default, "shelf", CompleteRequestParams::new(Reference::for_prompt("long"), argument), &heard).await
    };
    assert_eq!(complete("22").await.unwrap().values[0].len(), 22);
    assert_eq!(complete("23").await.unwrap_err().to_string(), "the result has more than 22B");
    let nobody = tools.read_resource(&default, "no\u{1b}[31mbody", "len://1", &heard).await.unwrap_err();
    assert_eq!((nobody.code(), &*nobody.to_string()), (Code::NotFound, "no MCP server of others is named `no[31mbody`"));
}

#[tokio::test]
async fn a_read_that_fails_opens_the_breaker_and_an_open_one_lets_none_through() {
    let world = world().await;
    let heard = Mutex::new(0);
    let hear = |notice| {
        assert!(matches!(notice, Notice::Breaker(_)), "{notice:?}");
        *heard.lock() += 1;
    };
    world.is_down.store(true, Ordering::SeqCst);
    let failed = world.read("len://1", &Heard(Some(&hear))).await.unwrap_err();
    assert!(failed.code() == Code::Unavailable && failed.to_string().contains("503"), "{failed}");
    assert_eq!(*heard.lock(), 1);
    world.is_down.store(false, Ordering::SeqCst);
    let refused = loop {
        // It may be gone for a moment before it is back.
        match world.read("len://1", &Heard::default()).await.unwrap_err() {
            Error::RemoteDown { .. } => tokio::task::yield_now().await,
            refused => break refused,
        }
    };
    assert!(matches!(refused, Error::BreakerOpen { .. }), "{refused}");
}
