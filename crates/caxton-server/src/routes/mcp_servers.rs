//! Other people's MCP servers: what each offers, and how it is doing.

use crate::{App, edge::Fail};
use axum::{Json, extract::State};
use caxton_api::{LeftOutView, McpAboutView, McpServerState, McpServerView, Page};
use caxton_tools::{RemoteState, RemoteStatus};
use caxton_types::{Action, Caller, WorkspaceName};

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
