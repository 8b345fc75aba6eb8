//! Somebody's MCP server behind a URL.

use anyhow::Result;
use axum::Router;
use caxton_mcp::rmcp::{
    ServerHandler,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager},
};
use std::sync::Arc;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// It answers below its URL until dropped.
pub(crate) struct Mounted {
    pub(crate) url: String,
    _stop: DropGuard,
}

impl Mounted {
    /// `before` may put something in front of it.
    pub(crate) async fn new(theirs: impl ServerHandler + Clone, before: impl FnOnce(Router) -> Router) -> Result<Self> {
        let stop = CancellationToken::new();
        let config = StreamableHttpServerConfig::default().with_cancellation_token(stop.child_token());
        let sessions = Arc::<LocalSessionManager>::default();
        let service = StreamableHttpService::new(move || Ok(theirs.clone()), sessions, config);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (router, over) = (before(Router::new().fallback_service(service)), stop.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, router).with_graceful_shutdown(over.cancelled_owned()).await });
        Ok(Self { url, _stop: stop.drop_guard() })
    }
}
