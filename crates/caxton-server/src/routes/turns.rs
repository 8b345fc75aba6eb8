//! Turns: what they did and wait for; calling them off, trying them again, running them again from their record.

mod steps;

use super::page::limit_of;
use crate::{
    App,
    edge::{By, Fail, JsonBody, MaybeBody, PathOf, QueryOf},
};
use axum::{Json, extract::State, http::StatusCode};
use caxton_api::{
    Because, DifferenceView, ForkTurn, ForkView, MismatchView, Page, PlannedStep, Problem, ReplayView, TurnDetail, TurnSummary, schema,
};
use caxton_runtime::{Error, Fork, Forked, Mismatch, Replayed};
use caxton_store::TurnQuery;
use caxton_types::{Action, AgentName, ConversationId, Intent, Outcome, StepId, Template, ToolResult, TurnId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Lists turns, the one that began last first.
#[utoipa::path(
    get, path = "/turns", operation_id = "list_turns", tag = "turns",
    params(
        ("state" = Option<caxton_api::TurnState>, Query, description = "Only open ones, or only ended ones"),
        ("agent" = Option<schema::AgentName>, Query, description = "Only turns of this agent"),
        ("conversation" = Option<schema::ConversationId>, Query, description = "Only turns of this conversation"),
        ("limit" = Option<u32>, Query, description = "The most on one page (100)", minimum = 1, maximum = 1000),
        ("after" = Option<schema::TurnId>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "A page of turns", body = Page<TurnSummary>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    By(caller): By,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Page<TurnSummary>>, Fail> {
    caller.require(Action::Read)?;
    let limit = limit_of(query.limit)?;
    let state = query.state.map(|state| match state {
        caxton_api::TurnState::Open => caxton_store::TurnState::Open,
        caxton_api::TurnState::Ended => caxton_store::TurnState::Ended,
    });
    let query = TurnQuery { state, agent: query.agent, conversation: query.conversation, before: query.after, limit };
    let rows = app.workspace(&caller)?.turns(query).await?;
    Ok(Json(Page::of(rows.iter().map(steps::summary).collect(), limit as usize, |last: &TurnSummary| last.id.to_string())))
}

/// Reads a turn with its steps.
#[utoipa::path(
    get, path = "/turns/{id}", operation_id = "get_turn", tag = "turns",
    params(("id" = schema::TurnId, Path, description = "The turn")),
    responses((status = 200, description = "The turn", body = TurnDetail))
)]
pub(crate) async fn get(State(app): State<App>, By(caller): By, PathOf(path): PathOf<IdPath>) -> Result<Json<TurnDetail>, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    let row = workspace.turn(path.id).await?.ok_or(Error::TurnUnknown(path.id))?;
    let events = workspace.turn_events(path.id).await?;
    let detail = steps::detail(&row, events.into_iter());
    Ok(Json(detail.ok_or(Error::TurnUnknown(path.id))?))
}

/// Calls an open turn off.
///
/// What it has under way is given up, and whoever asked gets a `failure`. Answers as soon as that is recorded.
#[utoipa::path(
    post, path = "/turns/{id}/cancel", operation_id = "cancel_turn", tag = "turns",
    params(("id" = schema::TurnId, Path, description = "The turn")),
    request_body(content = Because, description = "Why; may be left out"),
    responses((status = 202, description = "The turn, which ends now", body = TurnSummary))
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<IdPath>,
    MaybeBody(body): MaybeBody<Because>,
) -> Result<(StatusCode, Json<TurnSummary>), Fail> {
    caller.require(Action::Send)?;
    App::not_system(&caller)?;
    let workspace = app.workspace(&caller)?;
    let reason = super::approvals::reason_of(body.reason)?;
    app.runtime.cancel(&caller, &workspace, path.id, reason).await?;
    let row = workspace.turn(path.id).await?.ok_or(Error::TurnUnknown(path.id))?;
    Ok((StatusCode::ACCEPTED, Json(steps::summary(&row))))
}

/// Tries an ended turn again.
///
/// What it had achieved stays, what failed is done anew; the answer goes into the same conversation. Where the agent was deployed anew since
/// then, it starts from the beginning.
#[utoipa::path(
    post, path = "/turns/{id}/retry", operation_id = "retry_turn", tag = "turns",
    params(("id" = schema::TurnId, Path, description = "The turn")),
    responses(
        (status = 202, description = "The new turn", body = ForkView),
        (status = 409, description = "`conflict`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn retry(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<IdPath>,
) -> Result<(StatusCode, Json<ForkView>), Fail> {
    caller.require(Action::Send)?;
    App::not_system(&caller)?;
    let workspace = app.workspace(&caller)?;
    let tried = app.runtime.retry(&caller, &workspace, path.id).await?;
    Ok((StatusCode::ACCEPTED, Json(forked(path.id, tried, false)?)))
}

/// Runs a turn again from its record, with nobody outside.
///
/// No model is asked and no tool is called: each step gets the outcome that is recorded for it. Either the journal hash is equal, or
/// `mismatch` names the first step that differs, with what comes nearest to it.
#[utoipa::path(
    post, path = "/turns/{id}/replay", operation_id = "replay_turn", tag = "turns",
    params(("id" = schema::TurnId, Path, description = "The turn")),
    responses((status = 200, description = "What came of it", body = ReplayView))
)]
pub(crate) async fn replay(State(app): State<App>, By(caller): By, PathOf(path): PathOf<IdPath>) -> Result<Json<ReplayView>, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    Ok(Json(replayed(app.runtime.replay(&workspace, path.id).await?)?))
}

/// Begins a new conversation that shares a turn's past.
///
/// Up to the step `at` nothing is done again; from there on the new turn goes live, with another model, another prompt or other outcomes of
/// shared steps. With `dry_run` it only tells what the turn would do next.
#[utoipa::path(
    post, path = "/turns/{id}/fork", operation_id = "fork_turn", tag = "turns",
    params(("id" = schema::TurnId, Path, description = "The turn")),
    request_body(content = ForkTurn, description = "How it differs"),
    responses(
        (status = 200, description = "What the fork would do (`dry_run`)", body = ForkView),
        (status = 202, description = "The new turn", body = ForkView),
    )
)]
pub(crate) async fn fork(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<IdPath>,
    JsonBody(body): JsonBody<ForkTurn>,
) -> Result<(StatusCode, Json<ForkView>), Fail> {
    caller.require(Action::Send)?;
    App::not_system(&caller)?;
    let workspace = app.workspace(&caller)?;
    let dry_run = body.dry_run;
    let done = app.runtime.fork(&caller, &workspace, path.id, fork_of(body)?, dry_run).await?;
    let status = if dry_run { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(forked(path.id, done, dry_run)?)))
}

/// The longest name of a model, in characters.
const MODEL_LEN_MAX: usize = 256;
/// The longest prompt, in characters.
const PROMPT_LEN_MAX: usize = 65_536;
/// The last step that any turn may have.
const STEP_MAX: u32 = 1_000_000;
/// The most outcomes that a fork changes.
const OUTCOMES_MAX: usize = 100;

fn fork_of(body: ForkTurn) -> Result<Fork, Fail> {
    let bounded = |name: &str, text: Option<&String>, len_max: usize| match text.map(|text| text.chars().count()) {
        Some(len) if len == 0 || len > len_max => Err(Fail::invalid(format!("`{name}` has {len} characters; 1 to {len_max} are taken"))),
        _ => Ok(()),
    };
    bounded("model", body.model.as_ref(), MODEL_LEN_MAX)?;
    bounded("prompt", body.prompt.as_ref(), PROMPT_LEN_MAX)?;
    if let Some(at) = body.at.filter(|at| *at > STEP_MAX) {
        return Err(Fail::invalid(format!("`at` is {at}; no turn has more than {STEP_MAX} steps")));
    }
    if body.outcomes.len() > OUTCOMES_MAX {
        return Err(Fail::invalid(format!("`outcomes` has {} entries; at most {OUTCOMES_MAX} are taken", body.outcomes.len())));
    }
    let prompt = body.prompt.map(|text| text.parse::<Template>()).transpose();
    let outcomes = body.outcomes.into_iter().map(|(step, value)| outcome(step, value).map(|outcome| (StepId(step), outcome)));
    Ok(Fork {
        at: body.at.map(StepId),
        model: body.model.map(Into::into),
        prompt: prompt.map_err(|error| Fail::invalid(format!("`prompt` is no template: {error}")))?,
        outcomes: outcomes.collect::<Result<BTreeMap<_, _>, Fail>>()?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

/// A text of its own is the result of a tool.
fn outcome(step: u32, value: Value) -> Result<Outcome, Fail> {
    let refused = |why: &dyn std::fmt::Display| {
        Fail::invalid(format!("the outcome of step {step} cannot be read: {why}"))
            .hint("give `{\"text\": …}`, or an outcome as `GET …/turns/{id}` shows it under `inline`")
    };
    if value.get("outcome").is_some() {
        return serde_json::from_value(value).map_err(|error| refused(&error));
    }
    let Text { text } = serde_json::from_value(value).map_err(|error| refused(&error))?;
    Ok(Outcome::Called(ToolResult::text(text)))
}

fn forked(origin: TurnId, forked: Forked, dry_run: bool) -> Result<ForkView, Fail> {
    let Forked { turn, conversation, message, at, shared, next } = forked;
    let next = next.iter().map(|(step, intent)| Ok(PlannedStep { step: step.0, intent: json(intent)? }));
    let next = next.collect::<Result<Vec<_>, Fail>>()?;
    let shared = u32::try_from(shared).unwrap_or(u32::MAX);
    Ok(ForkView { turn, conversation, message, origin, at: at.0, shared, next, dry_run })
}

fn replayed(replayed: Replayed) -> Result<ReplayView, Fail> {
    let Replayed { turn, agent, conversation, end, steps, recorded, replayed, mismatch } = replayed;
    let mismatch = mismatch.map(mismatched).transpose()?;
    let equal = mismatch.is_none() && recorded == replayed;
    let steps = u32::try_from(steps).unwrap_or(u32::MAX);
    Ok(ReplayView { turn, agent, conversation, end, steps, equal, recorded, replayed, mismatch })
}

fn mismatched(mismatch: Mismatch) -> Result<MismatchView, Fail> {
    let Mismatch { step, recorded, asked, nearest, differences } = mismatch;
    let intent = |intent: Option<Intent>| intent.as_ref().map(json).transpose();
    let differences = differences.into_iter();
    let differences = differences.map(|one| DifferenceView { path: one.path, recorded: one.recorded, now: one.now });
    Ok(MismatchView {
        step: step.0,
        recorded: intent(recorded)?,
        asked: intent(asked)?,
        nearest: nearest.map(|step| step.0),
        differences: differences.collect(),
    })
}

fn json(value: &impl Serialize) -> Result<Value, Fail> {
    serde_json::to_value(value).map_err(|error| Fail::internal(format!("an intent could not be written: {error}")))
}

#[derive(Deserialize)]
pub(crate) struct IdPath {
    id: TurnId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    state: Option<caxton_api::TurnState>,
    agent: Option<AgentName>,
    conversation: Option<ConversationId>,
    limit: Option<u32>,
    after: Option<TurnId>,
}
