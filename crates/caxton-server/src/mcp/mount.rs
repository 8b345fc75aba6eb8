//! Where MCP meets HTTP: the route, its bounds, and answers that stay as they are.

use super::{Front, consents::Consents, parked::Parked};
use crate::{
    App, Limits,
    edge::{By, Fail, Gate, keep_body},
};
use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::Method,
    response::Response,
    routing::any,
};
use caxton_mcp::server::{Endpoint, Options, is_message, is_stream};
use caxton_types::{Action, Code, WorkspaceName};
use futures_util::StreamExt as _;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// The most sessions at the same time.
const SESSIONS_MAX: usize = 1024;
/// The longest text of a refusal that is read back.
const REFUSAL_LEN_MAX: usize = 4096;

/// The endpoint of every workspace.
#[derive(Clone)]
pub(crate) struct Mount {
    endpoint: Endpoint,
    streams: Gate,
    consents: Arc<Consents>,
    parked: Arc<Parked>,
}

impl Mount {
    pub(crate) fn new(app: &App, limits: &Limits) -> Self {
        // A file that comes along with a message is written in base64.
        let body_len_max = limits.blob_len_max.as_usize().saturating_mul(2);
        let options = Options { body_len_max, sessions_max: SESSIONS_MAX, ..Options::default() };
        let endpoint = Endpoint::new(&options, app.life.closing().clone());
        Self { endpoint, streams: Gate::new("MCP streams", limits.streams_max), consents: Arc::default(), parked: Arc::default() }
    }
}

/// `/mcp/{workspace}`, and `/mcp` for the default one.
pub(crate) fn routes(mount: Mount) -> Router<App> {
    Router::new().route("/mcp", any(serve)).route("/mcp/{workspace}", any(serve)).layer(Extension(mount))
}

async fn serve(State(app): State<App>, By(caller): By, Extension(mount): Extension<Mount>, mut request: Request) -> Result<Response, Fail> {
    caller.require(Action::Read)?;
    App::not_system(&caller)?;
    // The default one is there for whoever comes before its first deployment.
    if caller.workspace != WorkspaceName::default() {
        app.workspace(&caller)?;
    }
    if mount.endpoint.is_too_much(&request) {
        return Err(
            Fail::new(Code::Exhausted, "too many MCP sessions are open already").hint("close one, or wait until one is idle long enough")
        );
    }
    let place = mount.streams.enter()?;
    request.extensions_mut().insert(caller.clone());
    // What the server says by itself goes on for ever; an answer is waited for as long as the stop allows.
    let stop = (request.method() == Method::GET).then(|| app.life.stopping().clone());
    let scope = caller.workspace.to_string();
    let front = Front::new(app, caller, mount.consents, mount.parked);
    let response = mount.endpoint.handle(&scope, front, request).await.map(Body::new);
    if is_stream(&response) {
        return Ok(holding(response, place, stop));
    }
    Ok(if response.status().is_success() || is_message(&response) { keep_body(response) } else { refused(response).await })
}

/// The stream, in its place until it ends.
fn holding(response: Response, place: OwnedSemaphorePermit, stop: Option<CancellationToken>) -> Response {
    let ends = async move {
        match stop {
            Some(stop) => stop.cancelled_owned().await,
            None => std::future::pending().await,
        }
    };
    response.map(|body| {
        let held = body.into_data_stream().take_until(Box::pin(ends)).map(move |chunk| {
            let _place = &place;
            chunk
        });
        Body::from_stream(held)
    })
}

/// A refusal in plain words, which leaves as a problem like every other.
async fn refused(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, REFUSAL_LEN_MAX).await.unwrap_or_default();
    let fail = Fail::new(Code::from_http(parts.status.as_u16()), String::from_utf8_lossy(&text).to_lowercase());
    let mut response = Response::from_parts(parts, Body::empty());
    response.extensions_mut().insert(fail);
    response
}
