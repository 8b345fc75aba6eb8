//! Calls of tools outside of any turn: by people, and by programs that speak MCP.
//!
//! They pass the same door as the calls of agents. A call goes on to its record although nobody waits for it any more: who gives it up calls
//! the tool off, and that is recorded too.

use crate::{Error, Runtime, files, overheard::Overheard};
use caxton_store::{Batch, Workspace, ids, payload_of};
use caxton_tools::{Asker, CallContext, Called, Heard, Notice, Tools, Within};
use caxton_types::{
    Action, Actor, Attachment, Caller, CallerKind, Code, Fact, Failure, Metering, NewEvent, Outcome, ToolCall, ToolDefinition, ToolId,
    ToolResult, TraceContext,
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    slice,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info_span, warn};

/// The longest that a direct call may take, whatever its tool is granted.
const TIME_MAX: Duration = Duration::from_mins(2);

/// A call of a tool outside of any turn.
#[derive(Debug, Clone)]
pub struct DirectCall {
    /// `server/tool`, `server__tool`, or `tool` alone where that says enough.
    pub tool: Box<str>,
    /// What the tool is told; checked against its schema.
    pub arguments: Value,
    /// Files that it may read, which the blob table holds.
    pub attachments: Vec<Attachment>,
    /// Whether the caller, a person, agrees to a call that somebody must agree to. Never true for a program's own call.
    pub approved: bool,
    /// The trace that the call belongs to.
    pub trace: Option<TraceContext>,
    /// Who puts questions of servers of others to a person, and hears how far the call is; they are declined where nobody does.
    pub asker: Option<Arc<dyn Asker>>,
}

impl DirectCall {
    /// A call with nothing but arguments.
    pub fn new(tool: impl Into<Box<str>>, arguments: Value) -> Self {
        Self { tool: tool.into(), arguments, attachments: vec![], approved: false, trace: None, asker: None }
    }
}

/// What a direct call gave, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectCalled {
    /// The tool that was called.
    pub tool: ToolId,
    /// Its result; the files that it made are blobs by now.
    pub result: ToolResult,
    /// What it took.
    pub metering: Metering,
}

impl Runtime {
    /// Calls a tool of the workspace for a caller outside of any turn.
    ///
    /// The tool is found, its policy asked, its arguments checked, the call performed within what the tool is granted; then the journal says
    /// [`Fact::ToolCalled`] with the caller, the arguments and the outcome, and only then does the caller learn it. A tool that needs
    /// somebody's approval is refused unless the call says that its caller agrees; either is recorded as [`Fact::AccessDecided`]. That the
    /// tool itself reports an error (`is_error`) is a result. Dropping the future calls the tool off, which is recorded as well.
    pub async fn call_tool(&self, caller: &Caller, workspace: &Workspace, call: DirectCall) -> Result<DirectCalled, Error> {
        caller.require(Action::Send).map_err(caxton_exchange::Error::from)?;
        let tool = self.tools().named(workspace.name(), &call.tool)?;
        let trace = call.trace.map_or_else(ids::trace, |trace| trace.child(ids::span()));
        let desk = Desk {
            tools: self.tools().clone(),
            workspace: workspace.clone(),
            actor: caller.actor(),
            trace,
            tool,
            overheard: Mutex::default(),
        };
        desk.admit(&call).await?;
        let id = desk.tool.id.clone();
        let given_up = CancellationToken::new();
        let guard = given_up.clone().drop_guard();
        let performed = self.direct().spawn(desk.perform(call, given_up).in_current_span()).await;
        guard.disarm();
        performed.unwrap_or_else(|_| Err(Error::CallLost(id)))
    }

    /// Records what was heard while a caller had something done outside of any turn that is no call of a tool.
    pub async fn record(&self, caller: &Caller, workspace: &Workspace, trace: TraceContext, heard: Vec<Notice>) -> Result<(), Error> {
        let event = |fact| NewEvent { caller: caller.actor(), trace, conversation: None, agent: None, turn: None, step: None, fact };
        let events: Vec<_> = heard.into_iter().filter_map(Notice::into_fact).map(event).collect();
        if !events.is_empty() {
            workspace.commit(Batch::of(events)).await?;
        }
        Ok(())
    }
}

/// One call with all that its record needs.
struct Desk {
    tools: Tools,
    workspace: Workspace,
    actor: Actor,
    trace: TraceContext,
    tool: ToolDefinition,
    overheard: Mutex<Overheard>,
}

impl Desk {
    /// Whether the call may be performed without asking anybody.
    async fn admit(&self, call: &DirectCall) -> Result<(), Error> {
        let id = &self.tool.id;
        if Tools::is_of_turn(id) {
            return Err(caxton_tools::Error::PerformedByTurn { tool: id.clone() }.into());
        }
        if !Tools::handling(&self.tool, &call.arguments).needs_approval {
            return Ok(());
        }
        let allowed = call.approved && self.actor.kind == CallerKind::Local;
        let reason = if allowed { "its caller agreed to it" } else { "it needs somebody's approval" };
        if !allowed {
            self.tools.count_denied(self.workspace.name(), id, reason);
        }
        let fact = Fact::AccessDecided { action: "call_tool".into(), resource: id.to_string().into(), allowed, reason: reason.into() };
        self.workspace.commit(Batch::of(vec![self.event(fact)])).await?;
        if allowed { Ok(()) } else { Err(Error::ApprovalNeeded(id.clone())) }
    }

    async fn perform(self, call: DirectCall, given_up: CancellationToken) -> Result<DirectCalled, Error> {
        let (began, id) = (Instant::now(), &self.tool.id);
        let span = info_span!(
            "execute_tool", "gen_ai.tool.name" = %id, workspace = %self.workspace.name(), caller = %self.actor.who,
            trace_id = %self.trace.trace_id()
        );
        let called = tokio::select! {
            called = self.call(&call).instrument(span) => called,
            () = given_up.cancelled() => Err(Lost::GivenUp),
        };
        let wall = || Metering::wall(began.elapsed());
        let spent = || self.overheard.lock().spent.unwrap_or_else(wall);
        let (outcome, metering) = match &called {
            Ok(called) => (Outcome::Called(called.result.clone()), called.metering),
            Err(Lost::Failed(error)) => (Outcome::Failed(Failure::of(error)), spent()),
            Err(Lost::GivenUp) => (Outcome::Unknown(Failure::new(Code::Cancelled, "its caller gave it up")), wall()),
        };
        self.record(&call, &outcome, metering).await?;
        match called {
            Ok(called) => Ok(DirectCalled { tool: self.tool.id, result: called.result, metering }),
            Err(Lost::Failed(error)) => {
                warn!(tool = %id, code = %caxton_types::Fault::code(&error), %error, "tool call failed");
                Err(error)
            }
            Err(Lost::GivenUp) => Err(Error::CallLost(self.tool.id)),
        }
    }

    async fn call(&self, call: &DirectCall) -> Result<Called, Lost> {
        let files = files::lent(&self.workspace, &call.attachments).await?;
        let hear = |notice: Notice| self.overheard.lock().hear(notice);
        let context = CallContext {
            workspace: self.workspace.name(),
            agent: None,
            allowed: slice::from_ref(&self.tool),
            attachments: &files,
            time_left: TIME_MAX,
            idempotency_key: &format!("{}/{}", self.trace.trace_id(), self.trace.span_id()),
            heard: Heard(Some(&hear)),
            asker: call.asker.as_deref(),
            within: Within::default(),
        };
        let called = ToolCall { call_id: "direct".into(), tool: self.tool.id.to_string(), arguments: call.arguments.clone() };
        let mut called = self.tools.call(context, &called).await?;
        called.result.files.extend(files::kept(&self.workspace, std::mem::take(&mut called.files)).await?);
        Ok(called)
    }

    async fn record(&self, call: &DirectCall, outcome: &Outcome, metering: Metering) -> Result<(), Error> {
        let mut blobs = Vec::new();
        let arguments = payload_of(&call.arguments, &mut blobs);
        let outcome = payload_of(outcome, &mut blobs);
        let fact = Fact::ToolCalled { tool: self.tool.id.to_string().into(), by: None, arguments, outcome, metering };
        let overheard = std::mem::take(&mut *self.overheard.lock()).into_facts(&mut blobs);
        let events = overheard.into_iter().chain([fact]).map(|fact| self.event(fact)).collect();
        self.workspace.commit(Batch { blobs, ..Batch::of(events) }).await?;
        Ok(())
    }

    fn event(&self, fact: Fact) -> NewEvent {
        NewEvent { caller: self.actor.clone(), trace: self.trace, conversation: None, agent: None, turn: None, step: None, fact }
    }
}

/// Why a call gave nothing.
enum Lost {
    Failed(Error),
    GivenUp,
}

impl<E: Into<Error>> From<E> for Lost {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
