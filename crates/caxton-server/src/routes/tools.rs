//! Tools: what there is, how it stands, and calling it without an agent.

use super::{
    messages::{attachment, measure},
    page::limit_of,
};
use crate::{
    App,
    edge::{By, Fail, JsonBody, PathOf, QueryOf, RequestInfo},
};
use axum::{Json, extract::State};
use caxton_api::{
    CallTool, FirstSeen, Page, ToolCalled, ToolDetail, ToolErrorCount, ToolErrorView, ToolKind, ToolLimits, ToolState, ToolStatsView,
    ToolSummary, schema,
};
use caxton_config::workspace::permission_words;
use caxton_messaging::ATTACHMENTS_MAX;
use caxton_runtime::DirectCall;
use caxton_sandbox::Limits;
use caxton_tools::{Grant, LastError, ServerKind, ServerState, Standing, ToolStats};
use caxton_types::{Action, Attachment, Execution};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::HashSet, time::Duration};

/// The most characters of the name of a tool or of its server.
const ID_LEN_MAX: usize = 160;

/// Lists the tools of the workspace, by name.
///
/// A server that could not be loaded stands there by its own name, with the reason. Counts begin with the start of the server.
#[utoipa::path(
    get, path = "/tools", operation_id = "list_tools", tag = "tools",
    params(
        ("limit" = Option<u32>, Query, description = "The most on one page (100)", minimum = 1, maximum = 1000),
        ("after" = Option<String>, Query, description = "`next` of the page before", max_length = 160),
    ),
    responses((status = 200, description = "A page of tools", body = Page<ToolSummary>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    By(caller): By,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Page<ToolSummary>>, Fail> {
    caller.require(Action::Read)?;
    let limit = limit_of(query.limit)? as usize;
    if let Some(after) = query.after.as_ref().filter(|after| after.chars().count() > ID_LEN_MAX) {
        let len = after.chars().count();
        return Err(Fail::invalid(format!("`after` has {len} characters; the name of a tool has {ID_LEN_MAX} at most")));
    }
    let workspace = app.workspace(&caller)?;
    let mut tools: Vec<ToolSummary> = app.tools.standing(workspace.name()).iter().map(summary).collect();
    tools.extend(app.tools.failed(workspace.name()).iter().map(|(server, kind, state)| failed(server, *kind, state)));
    tools.sort_by(|a, b| a.id.cmp(&b.id));
    tools.retain(|tool| query.after.as_ref().is_none_or(|after| tool.id > *after));
    tools.truncate(limit);
    Ok(Json(Page::of(tools, limit, |last: &ToolSummary| last.id.clone())))
}

/// Reads a tool: its schema, how it is handled, what it may touch, what became of its calls.
///
/// A tool of an MCP server that is not there now is told as it last was, with the reason.
#[utoipa::path(
    get, path = "/tools/{tool}", operation_id = "get_tool", tag = "tools",
    params(("tool" = schema::ToolName, Path, description = "The tool, as `server__tool`")),
    responses((status = 200, description = "The tool", body = ToolDetail))
)]
pub(crate) async fn get(State(app): State<App>, By(caller): By, PathOf(path): PathOf<ToolPath>) -> Result<Json<ToolDetail>, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    let standing = app.tools.standing_named(workspace.name(), &path.tool)?;
    Ok(Json(detail(standing)))
}

/// Calls a tool outside of any turn.
///
/// The arguments are checked, what the tool is granted bounds the call, and the journal keeps it with its caller (`tool_called`) before the
/// answer. A tool whose author wants somebody to agree is refused unless the call itself does (`approve`). Closing the connection calls it off.
#[utoipa::path(
    post, path = "/tools/{tool}/call", operation_id = "call_tool", tag = "tools",
    params(("tool" = schema::ToolName, Path, description = "The tool, as `server__tool`")),
    request_body(content = CallTool, description = "The arguments; at most `messaging.max_message_size` (1 MB)"),
    responses((status = 200, description = "What the tool gave, which may be an error of its own (`is_error`)", body = ToolCalled))
)]
pub(crate) async fn call(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<ToolPath>,
    info: RequestInfo,
    JsonBody(body): JsonBody<CallTool>,
) -> Result<Json<ToolCalled>, Fail> {
    caller.require(Action::Send)?;
    App::not_system(&caller)?;
    let workspace = app.workspace(&caller)?;
    let mut attachments: Vec<Attachment> = body.attachments.into_iter().map(attachment).collect();
    check(&attachments)?;
    measure(&app, &caller, &mut attachments).await?;
    let call = DirectCall {
        attachments,
        approved: body.approve,
        trace: Some(info.trace),
        ..DirectCall::new(path.tool, Value::Object(body.arguments))
    };
    let given = app.runtime.call_tool(&caller, &workspace, call).await?;
    Ok(Json(ToolCalled {
        tool: given.tool.to_string(),
        text: given.result.text,
        structured: given.result.structured,
        is_error: given.result.is_error,
        files: given.result.files.into_iter().map(Into::into).collect(),
        wall_us: given.metering.wall_us,
        memory_peak: given.metering.memory_peak,
        cpu_us: given.metering.cpu_us,
    }))
}

fn check(attachments: &[Attachment]) -> Result<(), Fail> {
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(Fail::invalid(format!("the call has {} attachments; at most {ATTACHMENTS_MAX} are taken", attachments.len())));
    }
    let mut names = HashSet::new();
    for Attachment { name, .. } in attachments {
        if !Attachment::is_valid_name(name) {
            return Err(Fail::invalid("the name of an attachment is no plain file name").hint("use a name such as `zones.csv`"));
        }
        if !names.insert(name) {
            return Err(Fail::invalid(format!("two attachments are named `{name}`")));
        }
    }
    Ok(())
}

/// A server without tools.
fn failed(server: &str, kind: ServerKind, state: &ServerState) -> ToolSummary {
    let (state, reason) = state_of(state);
    ToolSummary {
        id: server.to_owned(),
        kind: kind_of(kind),
        state,
        reason,
        changed: false,
        description: String::new(),
        grants: vec![],
        calls: 0,
        errors: 0,
        denials: 0,
        p50_us: None,
        p99_us: None,
    }
}

fn kind_of(kind: ServerKind) -> ToolKind {
    match kind {
        ServerKind::BuiltIn => ToolKind::BuiltIn,
        ServerKind::Component => ToolKind::Component,
        ServerKind::Remote => ToolKind::Remote,
        ServerKind::Turn => ToolKind::Turn,
    }
}

fn state_of(state: &ServerState) -> (ToolState, Option<String>) {
    match state {
        ServerState::Ready => (ToolState::Ready, None),
        ServerState::Failed(reason) => (ToolState::Failed, Some(reason.clone())),
        ServerState::Unavailable(reason) => (ToolState::Unavailable, Some(reason.clone())),
    }
}

fn summary(standing: &Standing) -> ToolSummary {
    let Standing { definition, kind, state, changed, grant, stats, first_seen: _ } = standing;
    let (state, reason) = state_of(state);
    ToolSummary {
        id: definition.id.to_string(),
        kind: kind_of(*kind),
        state,
        reason,
        changed: *changed,
        description: definition.description.clone(),
        grants: grant.as_ref().map(|grant| permission_words(&grant.permissions)).unwrap_or_default(),
        calls: stats.calls,
        errors: stats.failed(),
        denials: stats.denials,
        p50_us: stats.p50_us,
        p99_us: stats.p99_us,
    }
}

fn detail(standing: Standing) -> ToolDetail {
    let tool = summary(&standing);
    let Standing { definition, grant, stats, first_seen, .. } = standing;
    ToolDetail {
        tool,
        execution: match definition.execution() {
            Execution::Idempotent => "idempotent",
            Execution::AtMostOnce => "at_most_once",
            Execution::AskHuman => "ask_human",
        }
        .into(),
        needs_approval: definition.needs_approval(),
        input_schema: definition.input_schema,
        output_schema: definition.output_schema,
        annotations: definition.annotations,
        digest: definition.digest,
        first_seen: first_seen.map(|first| FirstSeen {
            description: first.description,
            input_schema: first.input_schema,
            output_schema: first.output_schema,
            annotations: first.annotations,
        }),
        permissions: grant.as_ref().and_then(|grant| serde_json::to_value(&*grant.permissions).ok()),
        limits: grant.as_ref().map(limits),
        stats: counts(stats),
    }
}

fn limits(grant: &Grant) -> ToolLimits {
    let Limits { memory, wall, cpu, output, host_call, printed, open_files, disk, requests, egress, ingress } = grant.limits;
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    ToolLimits {
        memory: memory.get(),
        timeout_ms: millis(wall),
        cpu_ms: millis(cpu),
        result_size: output.get(),
        host_call_size: host_call.get(),
        printed_size: printed.get(),
        open_files,
        disk: disk.get(),
        requests,
        egress: egress.get(),
        ingress: ingress.get(),
        attachments: grant.attachments,
        reuse: grant.reuse.is_some(),
    }
}

fn counts(stats: ToolStats) -> ToolStatsView {
    ToolStatsView {
        running: stats.running,
        errors: stats.errors.into_iter().map(|(code, count)| ToolErrorCount { code, count }).collect(),
        error_results: stats.error_results,
        memory_peak: stats.memory_peak,
        cpu_us: stats.cpu_us,
        last_at: stats.last_at,
        last_error: stats.last_error.map(|LastError { at, code, reason }| ToolErrorView { at, code, reason: reason.into() }),
    }
}

#[derive(Deserialize)]
pub(crate) struct ToolPath {
    tool: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    limit: Option<u32>,
    after: Option<String>,
}
