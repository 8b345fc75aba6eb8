//! Other people's MCP servers: what each offers, how it is doing, and a person's word on tools that changed.

use crate::{
    App,
    edge::{Fail, JsonBody, PathOf, RequestInfo},
};
use axum::{Json, extract::State};
use caxton_api::{AcceptTools, LeftOutView, McpAboutView, McpServerState, McpServerView, Page, Problem, ToolsAccepted};
use caxton_store::{Batch, ids};
use caxton_tools::{RemoteState, RemoteStatus};
use caxton_types::{Action, Caller, Digest, Fact, NewEvent, ToolId, WorkspaceName};
use serde::Deserialize;

/// Lists the configured MCP servers, by name.
///
/// They are the same for every workspace. One that is not there is tried again by itself; one whose calls fail is left alone for a while by
/// its circuit breaker, also where it still tells its tools.
#[utoipa::path(
    get, path = "/api/v1/mcp/servers", operation_id = "list_mcp_servers", tag = "tools",
    responses((status = 200, description = "All of them", body = Page<McpServerView>))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Page<McpServerView>>, Fail> {
    Caller::local(WorkspaceName::system()).require(Action::Read)?;
    Ok(Json(Page { items: app.tools.remotes().into_iter().map(view).collect(), next: None }))
}

/// Accepts the tools of an MCP server, or one of them, as they are now.
///
/// What was first seen of a tool is pinned; one that is something else since then is `changed`. What is accepted is pinned instead, also for
/// later starts. It takes the right to change the configuration, and is recorded in `_system` before (`access_decided`, with the digest).
#[utoipa::path(
    post, path = "/api/v1/mcp/servers/{server}/accept", operation_id = "accept_mcp_tools", tag = "tools",
    params(("server" = String, Path, description = "The server, by its name", max_length = 160)),
    request_body = AcceptTools,
    responses(
        (status = 200, description = "What was accepted; nothing where nothing had changed", body = ToolsAccepted),
        (status = 404, description = "There is no such server or tool", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "No such tool is defined so now", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The server was never there yet", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn accept(
    State(app): State<App>,
    info: RequestInfo,
    PathOf(path): PathOf<ServerPath>,
    JsonBody(body): JsonBody<AcceptTools>,
) -> Result<Json<ToolsAccepted>, Fail> {
    let caller = Caller::local(WorkspaceName::system());
    caller.require(Action::Configure)?;
    let record = async |tools: Vec<(ToolId, Digest)>| -> Result<(), Fail> {
        let event = |(tool, digest): &(ToolId, Digest)| NewEvent {
            caller: caller.actor(),
            trace: info.trace.child(ids::span()),
            conversation: None,
            agent: None,
            turn: None,
            step: None,
            fact: Fact::AccessDecided {
                action: "accept_tool".into(),
                resource: tool.to_string().into(),
                allowed: true,
                reason: format!("somebody accepts it as {digest}").into(),
            },
        };
        app.store.system().commit(Batch::of(tools.iter().map(event).collect())).await?;
        Ok(())
    };
    let accepted = app.tools.accept(&path.server, body.tool.as_deref(), body.digest, record).await?;
    if !accepted.is_empty() {
        tracing::info!(server = path.server, tools = accepted.len(), "changed tools of an MCP server are accepted");
    }
    Ok(Json(ToolsAccepted { server: path.server, accepted: accepted.iter().map(ToString::to_string).collect() }))
}

#[derive(Deserialize)]
pub(crate) struct ServerPath {
    server: String,
}

fn view(status: RemoteStatus) -> McpServerView {
    let RemoteStatus { name, place, state, since, breaker, tools, left_out, changed, offers } = status;
    let (state, reason, about) = match state {
        RemoteState::Connecting => (McpServerState::Connecting, None, None),
        RemoteState::Up(about) => {
            (McpServerState::Up, None, Some(McpAboutView { name: about.name, version: about.version, protocol: about.protocol }))
        }
        RemoteState::Down { reason } => (McpServerState::Down, Some(reason.to_string()), None),
    };
    McpServerView {
        name: name.into(),
        place: place.into(),
        state,
        since,
        reason,
        breaker: breaker.into(),
        about,
        changed: changed.iter().map(ToString::to_string).collect(),
        tools: tools.into_iter().map(|tool| tool.id.to_string()).collect(),
        left_out: left_out.into_iter().map(|(tool, reason)| LeftOutView { tool: tool.into(), reason }).collect(),
        resources: offers.resources.len(),
        resource_templates: offers.templates.len(),
        prompts: offers.prompts.len(),
    }
}
