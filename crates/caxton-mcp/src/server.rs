//! The server side: one endpoint for both eras, with its bounds.
//!
//! Up to 2025-11-25 a client begins with `initialize` and keeps a session; from 2026-07-28 on every request stands for itself. Which of the two
//! a request belongs to is decided per request, so one endpoint serves both.

mod ask;
mod error;
mod page;
mod progress;
mod sessions;

pub use self::{
    ask::{Asked, ask, elicitation},
    error::error,
    page::{cursor_of, page, read_cursor},
    progress::Progress,
};

use self::sessions::{Scoped, Sessions};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::combinators::BoxBody;
use rmcp::{
    RoleServer, ServerHandler,
    model::ProtocolVersion,
    service::RequestContext,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService},
};
use std::{convert::Infallible, fmt::Display, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Bounds of an endpoint.
#[derive(Debug, Clone)]
pub struct Options {
    /// The largest request.
    pub body_len_max: usize,
    /// The most sessions at the same time.
    pub sessions_max: usize,
    /// A session in which nothing happens for so long is closed.
    pub idle: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { body_len_max: 4 * 1024 * 1024, sessions_max: 1024, idle: Duration::from_mins(30) }
    }
}

/// Serves MCP over streamable HTTP. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Endpoint {
    sessions: Arc<Sessions>,
    config: StreamableHttpServerConfig,
}

/// The header that names a session.
pub const SESSION_ID: &str = "mcp-session-id";
/// The header that names the version of the protocol.
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";

impl Endpoint {
    /// An endpoint without sessions; `stop` ends all of its streams. Names and origins are checked by whoever mounts it.
    pub fn new(options: &Options, stop: CancellationToken) -> Self {
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(options.body_len_max)
            .with_cancellation_token(stop);
        Self { sessions: Arc::new(Sessions::new(options)), config }
    }

    /// Whether the request would open one session too many.
    pub fn is_too_much<B>(&self, request: &Request<B>) -> bool {
        let modern = request
            .headers()
            .get(PROTOCOL_VERSION)
            .is_some_and(|version| version.to_str().is_ok_and(|version| version >= ProtocolVersion::NO_INITIALIZE.as_str()));
        !modern && !request.headers().contains_key(SESSION_ID) && self.sessions.is_full()
    }

    /// Answers one request. A session that it opens belongs to `scope`, is served by this handler until it ends, and is unknown elsewhere.
    pub async fn handle<H, B>(&self, scope: &str, handler: H, request: Request<B>) -> Response<BoxBody<Bytes, Infallible>>
    where
        H: ServerHandler + Clone + Send + Sync + 'static,
        B: http_body::Body + Send + 'static,
        B::Error: Display,
    {
        let sessions = Arc::new(Scoped::new(Arc::clone(&self.sessions), scope));
        StreamableHttpService::new(move || Ok(handler.clone()), sessions, self.config.clone()).handle(request).await
    }
}

/// Whether the answer is a stream of events.
pub fn is_stream<B>(response: &Response<B>) -> bool {
    has_type(response, "text/event-stream")
}

/// Whether the answer is a JSON-RPC message.
pub fn is_message<B>(response: &Response<B>) -> bool {
    has_type(response, "application/json")
}

fn has_type<B>(response: &Response<B>, wanted: &str) -> bool {
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|media_type| media_type.starts_with(wanted))
}

/// Whether the request is of the era without sessions, in which a server sends no requests of its own.
pub fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::NO_INITIALIZE.as_str())
}
