//! The inbox: what turns ask people, and what people decide.

use super::page::limit_of;
use crate::{
    App,
    edge::{By, Fail, JsonBody, MaybeBody, PathOf, QueryOf},
};
use axum::{Json, extract::State};
use caxton_api::{Answer, ApprovalState, ApprovalView, Because, Delegation, ElicitationView, FailoverView, Page, schema};
use caxton_runtime::Error;
use caxton_store::{ApprovalQuery, ApprovalRow, EventQuery, Workspace};
use caxton_types::{
    Action, AgentName, ApprovalId, ApprovalKind, Caller, ConversationId, Elicitation, Event, Fact, Intent, Payload, Ruling, TurnId,
};
use serde::Deserialize;
use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
};

/// Lists the decisions that turns ask for, the one asked for last first.
///
/// With `state=open` it is the inbox. To be told of new ones, follow `GET …/events` with `kind=approval_asked,approval_decided`.
#[utoipa::path(
    get, path = "/approvals", operation_id = "list_approvals", tag = "approvals",
    params(
        ("state" = Option<ApprovalState>, Query, description = "Only those that are open, were decided, or are not needed any more"),
        ("agent" = Option<schema::AgentName>, Query, description = "Only what this agent asks for"),
        ("delegate" = Option<schema::Person>, Query, description = "Only what was delegated to this person"),
        ("conversation" = Option<schema::ConversationId>, Query, description = "Only those of this conversation"),
        ("turn" = Option<schema::TurnId>, Query, description = "Only those of this turn"),
        ("limit" = Option<u32>, Query, description = "The most on one page (100)", minimum = 1, maximum = 1000),
        ("after" = Option<schema::ApprovalId>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "A page of approvals", body = Page<ApprovalView>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    By(caller): By,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Page<ApprovalView>>, Fail> {
    caller.require(Action::Read)?;
    let limit = limit_of(query.limit)?;
    let workspace = app.workspace(&caller)?;
    let state = query.state.map(|state| match state {
        ApprovalState::Open => caxton_store::ApprovalState::Open,
        ApprovalState::Decided => caxton_store::ApprovalState::Decided,
        ApprovalState::Withdrawn => caxton_store::ApprovalState::Withdrawn,
    });
    let ListQuery { agent, delegate, conversation, turn, after: before, .. } = query;
    let delegate = delegate.as_deref().map(|person| person_of("delegate", person)).transpose()?;
    let rows = workspace.approvals(ApprovalQuery { state, agent, delegate, conversation, turn, before, limit }).await?;
    let (mut intents, mut views) = (Intents::default(), Vec::with_capacity(rows.len()));
    for row in rows {
        let mut view = intents.view(&workspace, row).await?;
        view.arguments = view.arguments.filter(|arguments| arguments.to_string().len() <= Payload::INLINE_LEN_MAX);
        if let Some(asked) = &mut view.elicitation {
            asked.form = asked.form.take().filter(|form| form.to_string().len() <= Payload::INLINE_LEN_MAX);
        }
        views.push(view);
    }
    Ok(Json(Page::of(views, limit as usize, |last: &ApprovalView| last.id.to_string())))
}

/// Reads one decision: what would be executed, for whom, until when.
#[utoipa::path(
    get, path = "/approvals/{id}", operation_id = "get_approval", tag = "approvals",
    params(("id" = schema::ApprovalId, Path, description = "The approval")),
    responses((status = 200, description = "The approval", body = ApprovalView))
)]
pub(crate) async fn get(State(app): State<App>, By(caller): By, PathOf(path): PathOf<IdPath>) -> Result<Json<ApprovalView>, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    let row = workspace.approval(path.id).await?.ok_or(Error::ApprovalUnknown(path.id))?;
    Ok(Json(Intents::default().view(&workspace, row).await?))
}

/// Approves a call: exactly what is recorded is executed. Of a page that an MCP server wants visited, it says that it was.
///
/// Each decision is taken once; whoever comes second learns who decided what.
#[utoipa::path(
    post, path = "/approvals/{id}/approve", operation_id = "approve", tag = "approvals",
    params(("id" = schema::ApprovalId, Path, description = "The approval")),
    request_body(content = Because, description = "Why; may be left out"),
    responses((status = 200, description = "The approval, decided", body = ApprovalView))
)]
pub(crate) async fn approve(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<IdPath>,
    MaybeBody(body): MaybeBody<Because>,
) -> Result<Json<ApprovalView>, Fail> {
    decide(&app, &caller, path.id, Ruling::Approved, body.reason).await
}

/// Denies a call or a question: nothing is executed, and the agent learns why. An MCP server is told that its question was declined.
#[utoipa::path(
    post, path = "/approvals/{id}/deny", operation_id = "deny", tag = "approvals",
    params(("id" = schema::ApprovalId, Path, description = "The approval")),
    request_body(content = Because, description = "Why; may be left out"),
    responses((status = 200, description = "The approval, decided", body = ApprovalView))
)]
pub(crate) async fn deny(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<IdPath>,
    MaybeBody(body): MaybeBody<Because>,
) -> Result<Json<ApprovalView>, Fail> {
    decide(&app, &caller, path.id, Ruling::Denied, body.reason).await
}

/// Answers a question of an agent, or of an MCP server in the middle of a call.
///
/// An answer to a server is checked against its form at once: what does not fit is refused, and the question stays open.
#[utoipa::path(
    post, path = "/approvals/{id}/answer", operation_id = "answer", tag = "approvals",
    params(("id" = schema::ApprovalId, Path, description = "The question")),
    request_body(content = Answer, description = "The answer"),
    responses((status = 200, description = "The question, answered", body = ApprovalView))
)]
pub(crate) async fn answer(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<IdPath>,
    JsonBody(body): JsonBody<Answer>,
) -> Result<Json<ApprovalView>, Fail> {
    let text = text_of("text", body.text, ANSWER_LEN_MAX)?;
    caller.require(Action::Send)?;
    let workspace = app.workspace(&caller)?;
    if let Some(row) = workspace.approval(path.id).await? {
        one_of(&Intents::default().view(&workspace, row).await?, &text)?;
    }
    decide(&app, &caller, path.id, Ruling::Answered(text), body.reason).await
}

/// Gives a decision to somebody else.
#[utoipa::path(
    post, path = "/approvals/{id}/delegate", operation_id = "delegate", tag = "approvals",
    params(("id" = schema::ApprovalId, Path, description = "The approval")),
    request_body(content = Delegation, description = "Whose it is from now on"),
    responses((status = 200, description = "The approval, still open", body = ApprovalView))
)]
pub(crate) async fn delegate(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<IdPath>,
    JsonBody(body): JsonBody<Delegation>,
) -> Result<Json<ApprovalView>, Fail> {
    caller.require(Action::Send)?;
    App::not_system(&caller)?;
    let (to, reason) = (person_of("to", &body.to)?, reason_of(body.reason)?);
    let workspace = app.workspace(&caller)?;
    let row = app.runtime.delegate(&caller, &workspace, path.id, to, reason).await.map_err(told)?;
    Ok(Json(Intents::default().view(&workspace, row).await?))
}

/// A question may name the answers to choose from.
fn one_of(view: &ApprovalView, text: &str) -> Result<(), Fail> {
    let options = view.arguments.as_ref().and_then(|arguments| arguments.get("options")?.as_array());
    let Some(options) = options.filter(|options| view.kind == ApprovalKind::Question && !options.is_empty()) else { return Ok(()) };
    if options.iter().any(|option| option.as_str() == Some(text)) {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    let options: Vec<String> = options.iter().map(ToString::to_string).collect();
    Err(Fail::invalid(format!("`{shown}` is not one of the options")).hint(format!("answer with one of {}", options.join(", "))))
}

async fn decide(app: &App, caller: &Caller, id: ApprovalId, ruling: Ruling, reason: Option<String>) -> Result<Json<ApprovalView>, Fail> {
    caller.require(Action::Send)?;
    App::not_system(caller)?;
    let reason = reason_of(reason)?;
    let workspace = app.workspace(caller)?;
    let row = app.runtime.decide(caller, &workspace, id, ruling, reason).await.map_err(told)?;
    Ok(Json(Intents::default().view(&workspace, row).await?))
}

/// Who comes second is told by the store who decided what, and when.
fn told(error: Error) -> Fail {
    match error {
        Error::Store(refused) => refused.into(),
        other => other.into(),
    }
}

/// The longest answer, in characters.
const ANSWER_LEN_MAX: usize = 16_000;
/// The longest reason, in characters.
const REASON_LEN_MAX: usize = 2000;
/// The longest name of a person.
const PERSON_LEN_MAX: usize = 128;

pub(super) fn reason_of(reason: Option<String>) -> Result<Option<Box<str>>, Fail> {
    reason.map(|reason| text_of("reason", reason, REASON_LEN_MAX).map(Into::into)).transpose()
}

fn text_of(name: &str, text: String, len_max: usize) -> Result<String, Fail> {
    let len = text.chars().count();
    if text.trim().is_empty() || text.contains('\0') {
        return Err(Fail::invalid(format!("`{name}` says nothing")).hint("leave it away, or write a few words"));
    }
    if len > len_max {
        return Err(Fail::invalid(format!("`{name}` has {len} characters; at most {len_max} are taken")));
    }
    Ok(text)
}

fn person_of(name: &str, text: &str) -> Result<Box<str>, Fail> {
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ._@+-".contains(&byte));
    if begins && fits && text.len() <= PERSON_LEN_MAX {
        return Ok(text.into());
    }
    Err(Fail::invalid(format!("`{name}` does not name a person"))
        .hint("use a login or a mail address, at most 128 of `A-Z a-z 0-9 . _ @ + -`"))
}

/// The recorded intents, questions and failed providers of the turns that ask, each turn read once.
#[derive(Default)]
struct Intents(HashMap<TurnId, Vec<Event>>);

impl Intents {
    async fn view(&mut self, workspace: &Workspace, row: ApprovalRow) -> Result<ApprovalView, Fail> {
        let (mut tool, mut arguments) = (None, None);
        if let Some(Intent::Call(call)) = self.of(workspace, &row).await? {
            tool = Some(call.tool.replacen("__", "/", 1));
            arguments = Some(call.arguments);
        }
        let (elicitation, failover) = (self.elicitation(&row), self.failover(&row));
        Ok(ApprovalView {
            id: row.approval,
            state: match row.state {
                caxton_store::ApprovalState::Open => ApprovalState::Open,
                caxton_store::ApprovalState::Decided => ApprovalState::Decided,
                caxton_store::ApprovalState::Withdrawn => ApprovalState::Withdrawn,
            },
            kind: row.kind,
            agent: row.agent,
            conversation: row.conversation,
            turn: row.turn,
            step: row.step.0,
            tool,
            arguments,
            elicitation,
            failover,
            subject: row.subject,
            asked_at: row.at,
            expires_at: row.due,
            delegate: row.delegate.map(Into::into),
            decision: row.decision.map(Into::into),
        })
    }

    /// What a server asks in the middle of a call, of a turn that was read.
    fn elicitation(&self, row: &ApprovalRow) -> Option<ElicitationView> {
        let asked = self.0.get(&row.turn)?.iter().find(|event| event.seq == row.seq)?;
        let Fact::ApprovalAsked { elicitation: Some(elicitation), .. } = &asked.new.fact else { return None };
        Some(Elicitation::clone(elicitation).into())
    }

    /// The provider that failed last before it was asked whether to go on with the next one, of a turn that was read.
    fn failover(&self, row: &ApprovalRow) -> Option<FailoverView> {
        let of_step = self.0.get(&row.turn)?.iter().filter(|event| event.new.step == Some(row.step) && event.seq <= row.seq);
        let last = of_step.filter_map(|event| FailoverView::of(&event.new.fact)).next_back();
        last.filter(|_| row.kind == ApprovalKind::Failover)
    }

    /// What is asked about; nothing where the journal does not keep it any more.
    async fn of(&mut self, workspace: &Workspace, row: &ApprovalRow) -> Result<Option<Intent>, Fail> {
        let intended = match self.0.entry(row.turn) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let kinds = vec![Cow::Borrowed("step_intended"), Cow::Borrowed("approval_asked"), Cow::Borrowed("model_failed_over")];
                let query = EventQuery { turn: Some(row.turn), kinds, limit: EventQuery::LIMIT_MAX, ..EventQuery::default() };
                vacant.insert(workspace.events(query).await?)
            }
        };
        let intent = intended.iter().filter(|event| event.new.step == Some(row.step)).find_map(|event| match &event.new.fact {
            Fact::StepIntended { intent, .. } => Some(intent),
            _ => None,
        });
        let Some(intent) = intent else { return Ok(None) };
        let value = match workspace.payload(intent).await {
            Ok(value) => value,
            Err(caxton_store::Error::BlobMissing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        serde_json::from_value(value).map(Some).map_err(|error| Fail::internal(format!("an intent could not be read: {error}")))
    }
}

#[derive(Deserialize)]
pub(crate) struct IdPath {
    id: ApprovalId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    state: Option<ApprovalState>,
    agent: Option<AgentName>,
    delegate: Option<String>,
    conversation: Option<ConversationId>,
    turn: Option<TurnId>,
    limit: Option<u32>,
    after: Option<ApprovalId>,
}
