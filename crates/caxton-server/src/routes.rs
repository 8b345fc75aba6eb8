//! The resources of the API: one file each, one thin function per route.

mod agents;
mod approvals;
mod blobs;
mod budgets;
mod cassettes;
mod config;
mod conversations;
mod deploy;
mod events;
mod follow;
mod gc;
mod health;
mod mcp_servers;
mod messages;
mod openapi;
mod page;
mod status;
mod tools;
mod turns;
mod view;

pub(crate) use self::{
    agents::find as find_agent,
    messages::{reply, submit},
    openapi::text,
    view::diagnostics,
};
use crate::{
    App,
    edge::{AllowedHosts, Deadline, Fail, Gate, admit, enclose, guard, within},
    life::Phase,
    mcp,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use caxton_types::{Code, unit::ByteSize};
use std::time::Duration;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bounds of connections and requests.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most connections at the same time; further ones wait.
    pub connections_max: usize,
    /// How long the head of a request may take.
    pub header_timeout: Duration,
    /// How long open requests and turns may go on after the stop.
    pub drain: Duration,
    /// The most workspaces.
    pub workspaces_max: usize,
    /// The most requests at the same time.
    pub requests_max: usize,
    /// The most event streams at the same time.
    pub streams_max: usize,
    /// The largest message.
    pub message_len_max: ByteSize,
    /// The largest blob.
    pub blob_len_max: ByteSize,
    /// How long an ordinary request may take.
    pub request_timeout: Duration,
    /// How long an upload may take.
    pub upload_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            header_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            workspaces_max: 64,
            requests_max: 4096,
            streams_max: 512,
            message_len_max: ByteSize::new(1_000_000),
            blob_len_max: ByteSize::new(64_000_000),
            request_timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_mins(5),
        }
    }
}

/// What the envelope around the content of a message may add.
const ENVELOPE_LEN_MAX: usize = 16 * 1024;
/// Manifests of deployments: 10 000 files.
const MANIFEST_LEN_MAX: usize = 8 * 1024 * 1024;
/// A decision with its reason, or a fork with its prompt and its outcomes.
const DECISION_LEN_MAX: usize = 1024 * 1024;
/// One value of the configuration.
const CONFIG_LEN_MAX: usize = 64 * 1024;
/// Past the longest wait that a client may ask for.
const WAITING_TIMEOUT: Duration = Duration::from_secs(150);

const SCOPED: &str = "/api/v1/workspaces/{workspace}";
const UNSCOPED: &str = "/api/v1";

fn quick() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(agents::list))
        .routes(routes!(agents::get, agents::put, agents::delete))
        .routes(routes!(deploy::deploy))
        .routes(routes!(messages::get))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::get))
        .routes(routes!(conversations::messages))
        .routes(routes!(cassettes::conversation))
        .routes(routes!(cassettes::turn))
        .routes(routes!(blobs::get, blobs::head))
        .routes(routes!(events::list))
        .routes(routes!(turns::list))
        .routes(routes!(turns::get))
        .routes(routes!(turns::replay))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::get))
        .routes(routes!(tools::list))
        .routes(routes!(tools::get))
        .routes(routes!(status::deployments))
        .routes(routes!(status::get))
        .routes(routes!(budgets::get))
        .routes(routes!(budgets::costs))
}

fn waiting() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(messages::send)).routes(routes!(agents::invoke)).routes(routes!(tools::call))
}

/// What people decide and do with turns.
fn decisions() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(turns::cancel))
        .routes(routes!(turns::retry))
        .routes(routes!(turns::fork))
        .routes(routes!(approvals::approve))
        .routes(routes!(approvals::deny))
        .routes(routes!(approvals::answer))
        .routes(routes!(approvals::delegate))
}

fn uploads() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(blobs::put))
}

fn server() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(config::get, config::set))
        .routes(routes!(budgets::set))
        .routes(routes!(mcp_servers::list))
        .routes(routes!(mcp_servers::accept))
}

/// What may take as long as there is much of it.
fn upkeep() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(gc::plan, gc::apply))
}

fn probes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health::health)).routes(routes!(health::ready)).routes(routes!(openapi::serve))
}

/// Every resource of a workspace, with the bounds of each.
fn scoped(limits: &Limits) -> OpenApiRouter<App> {
    let bounded = |routes: OpenApiRouter<App>, body_len_max: usize, timeout: Duration| {
        routes.route_layer(DefaultBodyLimit::max(body_len_max)).route_layer(middleware::from_fn_with_state(Deadline(timeout), within))
    };
    bounded(quick(), MANIFEST_LEN_MAX, limits.request_timeout)
        .merge(bounded(waiting(), limits.message_len_max.as_usize().saturating_add(ENVELOPE_LEN_MAX), WAITING_TIMEOUT))
        .merge(bounded(decisions(), DECISION_LEN_MAX, limits.request_timeout))
        .merge(bounded(uploads(), limits.blob_len_max.as_usize(), limits.upload_timeout))
}

/// What belongs to the server and to no workspace.
fn unscoped(limits: &Limits) -> OpenApiRouter<App> {
    let bounded = |routes: OpenApiRouter<App>, timeout: Duration| {
        routes.route_layer(DefaultBodyLimit::max(CONFIG_LEN_MAX)).route_layer(middleware::from_fn_with_state(Deadline(timeout), within))
    };
    bounded(server(), limits.request_timeout).merge(bounded(upkeep(), limits.upload_timeout))
}

/// The whole API, with everything that a request passes.
pub(crate) fn router(app: App, limits: &Limits, hosts: AllowedHosts) -> Router {
    let (scoped, _) = scoped(limits).split_for_parts();
    let (server, _) = unscoped(limits).split_for_parts();
    let (probes, _) = probes().split_for_parts();
    let mount = mcp::Mount::new(&app, limits);
    Router::new()
        .nest(SCOPED, scoped.clone())
        .nest(UNSCOPED, scoped)
        .merge(server)
        .merge(mcp::routes(mount))
        .layer(axum::Extension(Following(Gate::new("event streams", limits.streams_max))))
        .layer(middleware::from_fn_with_state(app.clone(), only_when_ready))
        .layer(middleware::from_fn_with_state(Gate::new("requests", limits.requests_max), admit))
        .merge(probes)
        .layer(middleware::from_fn_with_state(hosts, guard))
        .layer(middleware::from_fn(enclose))
        .with_state(app)
}

/// Turns requests away until everything is recovered.
async fn only_when_ready(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.life.phase() {
        Phase::Recovering => {
            Fail::new(Code::Unavailable, "the server is recovering").hint("`/ready` tells when it is done").into_response()
        }
        // What arrives on an open connection while the server stops is still answered.
        Phase::Ready | Phase::Stopping => next.run(request).await,
    }
}

/// The places of event streams.
#[derive(Clone)]
struct Following(Gate);
