//! Budgets: their caps, what they stand at, and what work has cost.

use crate::{
    App,
    edge::{By, Fail, JsonBody, PathOf, QueryOf, RequestInfo},
};
use axum::{Json, extract::State};
use caxton_api::{BudgetReport, BudgetView, CapsView, CostReport, CostRow, StandingView, schema};
use caxton_runtime::BudgetStanding;
use caxton_store::now;
use caxton_types::{Action, BudgetScope, Caller, Caps, ConversationId, Day, Money, Quantity, Spend, WorkspaceName, unit::Period};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// The most days of one report.
const DAYS_MAX: u32 = 366;

/// Tells caps, and what is used and left of them today.
///
/// The caps of every scope are told; what they stand at for the workspace, and for the agent and the conversation that are named.
#[utoipa::path(
    get, path = "/budgets", operation_id = "get_budgets", tag = "budgets",
    params(
        ("agent" = Option<schema::AgentName>, Query, description = "An agent; its own caps count too"),
        ("conversation" = Option<schema::ConversationId>, Query, description = "A conversation"),
    ),
    responses((status = 200, description = "The budgets", body = BudgetReport))
)]
pub(crate) async fn get(State(app): State<App>, By(caller): By, QueryOf(query): QueryOf<OfQuery>) -> Result<Json<BudgetReport>, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    let agent = match &query.agent {
        Some(name) => Some(super::agents::find(&workspace, name).await?),
        None => None,
    };
    let spec = agent.as_ref().map(|agent| &*agent.spec);
    let standings = app.runtime.budgets().standings(&workspace, spec, query.conversation).await?;
    let caps = spec.map_or_else(|| app.runtime.budgets().caps(), |spec| app.runtime.budgets().caps().with(&spec.budget));
    let budget = |scope: BudgetScope| {
        let caps = CapsView::from(caps.get(scope));
        let found = standings.iter().find(|line| line.scope == scope);
        BudgetView { scope, caps, standing: found.map(|line| standing(line, &caps)) }
    };
    Ok(Json(BudgetReport {
        day: Day::of(now()),
        agent: agent.as_ref().map(|agent| agent.name.clone()),
        conversation: query.conversation,
        budgets: BudgetScope::ALL.into_iter().map(budget).collect(),
    }))
}

fn standing(line: &BudgetStanding, caps: &CapsView) -> StandingView {
    let standing = &line.standing;
    let used = standing.spent.saturating_add(standing.reserved);
    StandingView { spent: standing.spent.into(), reserved: standing.reserved.into(), left: caps.left(&used), overran: standing.overran }
}

/// Sets the caps of one scope, for every workspace of the server.
///
/// What is absent has no cap from now on. Turns that run are bound from their next step on. Each change is one of the configuration
/// (`budgets.SCOPE.…`): it is recorded in `_system` and survives a restart.
#[utoipa::path(
    put, path = "/api/v1/budgets/{scope}", operation_id = "set_budget", tag = "budgets",
    params(("scope" = schema::BudgetScope, Path, description = "Whose budget")),
    request_body = CapsView,
    responses((status = 200, description = "The caps from now on", body = CapsView))
)]
pub(crate) async fn set(
    State(app): State<App>,
    info: RequestInfo,
    PathOf(path): PathOf<ScopePath>,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<CapsView>, Fail> {
    // A list would pass for a struct whose fields may all be absent.
    let body: CapsView = serde_json::from_value(body.into()).map_err(|error| Fail::invalid(format!("the caps cannot be read: {error}")))?;
    let caller = Caller::local(WorkspaceName::system());
    let scope = path.scope;
    let wanted = Caps::from(body);
    if let Some((what, cap)) = wanted.iter().find(|(_, cap)| *cap > CapsView::MAX) {
        return Err(Fail::invalid(format!("the cap of `{what}` is {cap}; at most {} is taken", CapsView::MAX)));
    }
    let present = app.runtime.budgets().caps().get(scope);
    let changed = Quantity::ALL.into_iter().filter(|what| present.get(*what) != wanted.get(*what));
    let values: Vec<_> = changed.map(|what| (format!("budgets.{scope}.{what}"), value(what, wanted.get(what)))).collect();
    let values: Vec<_> = values.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    app.config.set_all(&caller, info.trace, &values).await?;
    Ok(Json(app.runtime.budgets().caps().get(scope).into()))
}

/// A cap as the configuration has it.
fn value(what: Quantity, cap: Option<u64>) -> Value {
    match (what, cap) {
        (_, None) => "none".into(),
        (Quantity::Money, Some(micros)) => Money::from_micros(micros).to_string().into(),
        (Quantity::WallTime, Some(micros)) => Period::new(Duration::from_micros(micros)).to_string().into(),
        (Quantity::Tokens | Quantity::ToolCalls | Quantity::Steps, Some(number)) => number.into(),
    }
}

/// Tells what each agent cost on each day.
#[utoipa::path(
    get, path = "/costs", operation_id = "get_costs", tag = "budgets",
    params(
        ("days" = Option<u32>, Query, description = "So many days up to today, in UTC (7)", minimum = 1, maximum = 366),
        ("agent" = Option<schema::AgentName>, Query, description = "Only this agent"),
    ),
    responses((status = 200, description = "What was spent, by day and agent", body = CostReport))
)]
pub(crate) async fn costs(State(app): State<App>, By(caller): By, QueryOf(query): QueryOf<DaysQuery>) -> Result<Json<CostReport>, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    let days = query.days.unwrap_or(7);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Fail::invalid(format!("`days` is {days}; expected 1 to {DAYS_MAX}")));
    }
    let to = Day::of(now());
    let from = to.minus(days - 1);
    let mut rows = workspace.spending(from, to).await?;
    if let Some(name) = &query.agent {
        // One that is not deployed any more has cost something all the same.
        let name = super::agents::name_of(name).ok_or_else(|| Fail::invalid(format!("`{name}` is no agent's name")))?;
        rows.retain(|row| row.agent == name);
    }
    let total = rows.iter().fold(Spend::ZERO, |sum, row| sum.saturating_add(row.spend)).into();
    let rows = rows.into_iter().map(|row| CostRow { day: row.day, agent: row.agent, spent: row.spend.into() }).collect();
    Ok(Json(CostReport { from, to, rows, total }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfQuery {
    agent: Option<String>,
    conversation: Option<ConversationId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DaysQuery {
    days: Option<u32>,
    agent: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct ScopePath {
    scope: BudgetScope,
}
