//! Agents: what is deployed, and asking one directly.

use super::{deploy::refused, messages, page::limit_of, view};
use crate::{
    App,
    edge::{By, Fail, PathOf, QueryOf, RawBody, RequestInfo, WAIT_MAX, wait_of},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use caxton_api::{AgentDetail, AgentPut, AgentSummary, MessageAccepted, Page, ToolView, header as ours, schema};
use caxton_exchange::Draft;
use caxton_store::{AgentEntry, AgentRow, Workspace};
use caxton_types::{Action, Address, AgentName, CapabilityLabel, ConversationId, error::AgentError, nearest};
use serde::Deserialize;
use serde_json::Value;

/// Lists the agents of the workspace, by name.
#[utoipa::path(
    get, path = "/agents", operation_id = "list_agents", tag = "agents",
    params(
        ("capability" = Option<String>, Query, description = "Only agents that offer this label or phrase", example = "data-analysis"),
        ("limit" = Option<u32>, Query, description = "The most on one page (100)", minimum = 1, maximum = 1000),
        ("after" = Option<schema::AgentName>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "A page of agents", body = Page<AgentSummary>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    By(caller): By,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Page<AgentSummary>>, Fail> {
    caller.require(Action::Read)?;
    let limit = limit_of(query.limit)? as usize;
    let rows = app.workspace(&caller)?.agents().await?;
    let wanted = |row: &&AgentEntry| {
        query.after.as_ref().is_none_or(|after| row.name > *after) && query.capability.as_deref().is_none_or(|wish| offers(row, wish))
    };
    let page = rows.iter().filter(wanted).take(limit).map(view::entry).collect();
    Ok(Json(Page::of(page, limit, |last: &AgentSummary| last.name.to_string())))
}

fn offers(row: &AgentEntry, wish: &str) -> bool {
    let label = CapabilityLabel::from_phrase(wish).ok();
    row.capabilities.iter().any(|capability| {
        label.as_ref() == Some(&capability.label) || capability.phrases.iter().any(|phrase| phrase.eq_ignore_ascii_case(wish.trim()))
    })
}

/// Reads an agent with all that its file says.
#[utoipa::path(
    get, path = "/agents/{name}", operation_id = "get_agent", tag = "agents",
    params(("name" = schema::AgentName, Path, description = "The agent; its display name is read too")),
    responses((status = 200, description = "The agent", body = AgentDetail))
)]
pub(crate) async fn get(State(app): State<App>, By(caller): By, PathOf(path): PathOf<NamePath>) -> Result<Json<AgentDetail>, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    let row = find(&workspace, &path.name).await?;
    Ok(Json(detail(&app, &workspace, &row)))
}

fn detail(app: &App, workspace: &Workspace, row: &AgentRow) -> AgentDetail {
    let tools = app.tools.of_agent(workspace.name(), &row.spec).tools;
    AgentDetail {
        agent: view::agent(row),
        spec: row.spec.as_ref().clone(),
        spec_digest: row.spec_digest,
        tools: tools.into_iter().map(|tool| ToolView { id: tool.id.to_string(), description: tool.description }).collect(),
        warnings: Vec::new(),
    }
}

/// Deploys one agent, new or in place of what there is.
///
/// The body is the agent's file: TOML, or JSON with the file as `toml`. The rest of the workspace stays as it is.
#[utoipa::path(
    put, path = "/agents/{name}", operation_id = "put_agent", tag = "agents",
    params(("name" = schema::AgentName, Path, description = "The agent")),
    request_body(content((String = "application/toml"), (AgentPut = "application/json")), description = "The agent's file"),
    responses(
        (status = 200, description = "The agent in its new revision", body = AgentDetail),
        (status = 201, description = "The agent, which is new", body = AgentDetail, headers(("Location" = String, description = "The agent"))),
    )
)]
pub(crate) async fn put(State(app): State<App>, By(caller): By, PathOf(path): PathOf<NamePath>, body: RawBody) -> Result<Response, Fail> {
    caller.require(Action::Deploy)?;
    let name: AgentName = path.name.parse().map_err(|error: caxton_types::InvalidName| Fail::invalid(error.to_string()))?;
    let toml = toml_of(&body)?;
    let workspace = app.workspace_to_deploy(&caller)?;
    let is_new = workspace.agent(&name).await?.is_none();
    let done = app.deploy.put_agent(&caller, &name, &toml).await.map_err(refused)?;
    let row = find(&workspace, name.as_str()).await?;
    let warnings = done.warnings.iter().map(view::diagnostic).collect();
    let agent = Json(AgentDetail { warnings, ..detail(&app, &workspace, &row) });
    let location = format!("/api/v1/workspaces/{}/agents/{name}", caller.workspace);
    Ok(if is_new { (StatusCode::CREATED, [(header::LOCATION, location)], agent).into_response() } else { agent.into_response() })
}

fn toml_of(body: &RawBody) -> Result<String, Fail> {
    match body.media_type.as_deref() {
        Some("application/toml" | "text/toml" | "text/plain") => match text_of(body)? {
            Value::String(text) => Ok(text),
            other => Ok(other.to_string()),
        },
        _ if body.is_json() => Ok(body.json::<AgentPut>()?.toml),
        _ => Err(body.unsupported("application/toml")),
    }
}

/// Removes one agent with the files that are its own.
#[utoipa::path(
    delete, path = "/agents/{name}", operation_id = "remove_agent", tag = "agents",
    params(("name" = schema::AgentName, Path, description = "The agent")),
    responses((status = 204, description = "The agent is gone"))
)]
pub(crate) async fn delete(State(app): State<App>, By(caller): By, PathOf(path): PathOf<NamePath>) -> Result<StatusCode, Fail> {
    caller.require(Action::Deploy)?;
    App::not_system(&caller)?;
    let workspace = app.workspace(&caller)?;
    let row = find(&workspace, &path.name).await?;
    app.deploy.remove_agent(&caller, &row.name).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks an agent and waits for its answer.
///
/// The body is the content of the request: JSON, or text under any `text/*` media type. Answers 200 with the content of the reply where it
/// comes within 30 s (`Prefer: wait=N` for more or less), else 202. `X-Caxton-Performative` tells whether the agent answered (`inform`)
/// or could not (`refuse`, `failure`).
#[utoipa::path(
    post, path = "/agents/{name}/invoke", operation_id = "invoke_agent", tag = "agents",
    params(
        ("name" = schema::AgentName, Path, description = "The agent"),
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds (at most 120) for the reply", example = "wait=10"),
        ("conversation" = Option<schema::ConversationId>, Query, description = "The conversation to continue"),
    ),
    request_body(content((schema::Content = "application/json"), (inline(schema::Words) = "text/plain")), description = "What is asked"),
    responses(
        (status = 200, description = "The content of the reply", body = Value, headers(
            ("X-Caxton-Message" = schema::MessageId, description = "The message that was sent"),
            ("X-Caxton-Conversation" = schema::ConversationId, description = "Its conversation"),
            ("X-Caxton-Performative" = String, description = "`inform`, `refuse` or `failure`"),
        )),
        (status = 202, description = "The message is recorded; its reply is not there yet", body = MessageAccepted, headers(
            ("Location" = String, description = "The message"),
            ("X-Caxton-Message" = schema::MessageId, description = "The message that was sent"),
            ("X-Caxton-Conversation" = schema::ConversationId, description = "Its conversation"),
        )),
    )
)]
pub(crate) async fn invoke(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<NamePath>,
    QueryOf(query): QueryOf<InvokeQuery>,
    info: RequestInfo,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Fail> {
    let wait = wait_of(&headers)?.unwrap_or_else(|| app.config.current().config.runtime.default_agent_timeout.get().min(WAIT_MAX));
    let Some(name) = name_of(&path.name) else { return Err(unknown(&app.workspace(&caller)?, &path.name).await?) };
    let mut draft = Draft::request(Address::Agent(name), content_of(&body)?);
    draft.conversation = query.conversation;
    draft.trace = Some(info.trace);
    let (_, sent, _) = messages::submit(&app, &caller, draft).await?;
    let accepted = messages::accepted(&sent);
    let mut response = match messages::answer_within(&app, sent, wait).await {
        Some(answer) => {
            let performative = HeaderValue::from_static(answer.performative.as_str());
            ([(ours::PERFORMATIVE, performative)], Json(&answer.content)).into_response()
        }
        None => messages::later(&caller, &accepted),
    };
    for (name, id) in [(ours::MESSAGE, accepted.message.to_string()), (ours::CONVERSATION, accepted.conversation.to_string())] {
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(name, id);
        }
    }
    Ok(response)
}

fn content_of(body: &RawBody) -> Result<Value, Fail> {
    match body.media_type.as_deref() {
        _ if body.is_json() => body.json(),
        // What `curl --data` says when it is told nothing.
        None | Some("application/x-www-form-urlencoded") => text_of(body),
        Some(media_type) if media_type.starts_with("text/") => text_of(body),
        Some(_) => Err(body.unsupported("application/json")),
    }
}

fn text_of(body: &RawBody) -> Result<Value, Fail> {
    std::str::from_utf8(&body.bytes).map(Value::from).map_err(|_| Fail::invalid("the body is not UTF-8 text"))
}

/// The agent of this name or display name.
pub(crate) async fn find(workspace: &Workspace, name: &str) -> Result<AgentRow, Fail> {
    if let Some(parsed) = name_of(name)
        && let Some(row) = workspace.agent(&parsed).await?
    {
        return Ok(row);
    }
    Err(unknown(workspace, name).await?)
}

pub(super) fn name_of(text: &str) -> Option<AgentName> {
    text.parse().or_else(|_| AgentName::from_display(text)).ok()
}

async fn unknown(workspace: &Workspace, name: &str) -> Result<Fail, Fail> {
    let rows = workspace.agents().await?;
    let near = nearest(name, rows.iter().map(|row| row.name.as_str()));
    let near = near.and_then(|near| near.parse().ok()).into_iter().collect();
    Ok(AgentError::NotFound { name: name.chars().take(80).collect(), nearest: near }.into())
}

#[derive(Deserialize)]
pub(crate) struct NamePath {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvokeQuery {
    conversation: Option<ConversationId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    capability: Option<String>,
    limit: Option<u32>,
    after: Option<AgentName>,
}
