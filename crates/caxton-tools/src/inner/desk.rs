//! Answers what the guest of one call asks, as far as its tool is granted that.

use super::{
    CALLS_MAX, DEPTH_MAX, Outer, Within,
    line::{Asked, Listener},
};
use crate::{CallContext, Called, Error, Grant, Heard, InnerCall, Notice, Tools, content};
use caxton_sandbox::Denial;
use caxton_types::{
    Access, Code, Failure, Metering, Observation, Outcome, Scope, ToolCall, ToolDefinition, ToolId, ToolResult, unit::ByteSize,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    pin::Pin,
    slice,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};
use tracing::{Instrument as _, info_span};

/// How much one search finds at most.
const RECALLED_MAX: u32 = 100;
/// How much one may remember at once.
const REMEMBERED_LEN_MAX: ByteSize = ByteSize::new(4 << 10);

/// Where the guest of one call is answered.
pub(crate) struct Desk<'c> {
    tools: &'c Tools,
    tool: &'c ToolId,
    grant: &'c Grant,
    context: &'c CallContext<'c>,
    deadline: Instant,
    /// How many calls all of this has led to, where this call is the first.
    made: AtomicU32,
    /// How many calls this one has made: their place is part of their keys.
    own: AtomicU32,
    denials: Mutex<Vec<Denial>>,
}

type Performing<'c> = Pin<Box<dyn Future<Output = Result<Called, Error>> + Send + 'c>>;

impl<'c> Desk<'c> {
    pub(crate) fn new(tools: &'c Tools, tool: &'c ToolId, grant: &'c Grant, context: &'c CallContext<'c>, time: Duration) -> Self {
        let deadline = Instant::now() + time;
        Self { tools, tool, grant, context, deadline, made: AtomicU32::new(0), own: AtomicU32::new(0), denials: Mutex::default() }
    }

    /// Whether a tool with these permissions has anything to ask.
    pub(crate) fn is_wanted(grant: &Grant) -> bool {
        !grant.permissions.memory.is_empty() || !grant.permissions.tools.is_empty()
    }

    /// What was asked for and is not granted.
    pub(crate) fn into_denials(self) -> Vec<Denial> {
        self.denials.into_inner()
    }

    /// Answers, one after the other, until nobody can ask any more.
    pub(crate) async fn serve(&self, mut listener: Listener) {
        while let Some(asked) = listener.0.recv().await {
            // Where nobody waits for the answer, the call is over.
            match asked {
                Asked::Recall { query, limit, reply } => drop(reply.send(self.recall(&query, limit).await)),
                Asked::Remember { text, scope, reply } => drop(reply.send(self.remember(text, &scope))),
                Asked::CallTool { name, arguments_json, reply } => drop(reply.send(self.call(&name, &arguments_json).await)),
            }
        }
    }

    fn deny<T>(&self, what: String, key: &'static str) -> Result<T, String> {
        let refused = format!("{what} is not granted: `permissions.{key}` of `{}` would", self.tool.server());
        self.denials.lock().push(Denial { what, key });
        Err(refused)
    }

    async fn recall(&self, query: &str, limit: u32) -> Result<String, String> {
        let granted = self.grant.permissions.memory.iter().map(|grant| grant.scope);
        let scopes: Vec<Scope> = granted.filter(|scope| self.context.agent.is_some() || *scope != Scope::Agent).collect();
        if scopes.is_empty() {
            return Err(NO_AGENT.to_owned());
        }
        let workspace = self.tools.workspace(self.context.workspace).await.map_err(|refusal| refusal.to_string())?;
        let limit = u16::try_from(limit.min(RECALLED_MAX)).unwrap_or(u16::MAX);
        let found = caxton_memory::recall_in(&workspace, query, &scopes, self.context.agent, limit).await;
        let found = found.map_err(|error| error.to_string())?;
        let told = found.iter().map(|one| json!({"about": one.entity, "text": one.text, "scope": one.scope.as_str(), "at": one.at}));
        Ok(Value::Array(told.collect()).to_string())
    }

    fn remember(&self, text: String, scope: &str) -> Result<(), String> {
        let scope = match scope {
            "agent" => Scope::Agent,
            "workspace" => Scope::Workspace,
            _ => return Err(format!("`{}` is no scope: `agent` or `workspace`", scope.chars().take(40).collect::<String>())),
        };
        let memory = &self.grant.permissions.memory;
        if !memory.iter().any(|grant| grant.scope == scope && grant.access == Access::ReadWrite) {
            return self.deny(format!("adding to memory of scope {}", scope.as_str()), "memory");
        }
        let Some(agent) = self.context.agent else { return Err(NO_AGENT.to_owned()) };
        if text.trim().is_empty() {
            return Err("the text is empty".to_owned());
        }
        if text.len() as u64 > REMEMBERED_LEN_MAX.get() {
            return Err(format!("the text has {} bytes; at most {REMEMBERED_LEN_MAX} are remembered at once", text.len()));
        }
        if self.context.heard.0.is_none() {
            return Err("nothing is kept here".to_owned());
        }
        let observation = Observation { entity: self.tool.to_string().into(), kind: "tool".into(), text, scope, agent: agent.clone() };
        self.context.heard.tell(Notice::Remembered(observation));
        Ok(())
    }

    async fn call(&self, name: &str, arguments_json: &str) -> Result<String, String> {
        let shown = || name.chars().take(140).collect::<String>();
        let id: ToolId = name.parse().map_err(|_| format!("`{}` is no whole name of a tool: `server/tool`", shown()))?;
        if !self.grant.permissions.tools.iter().any(|grant| grant.covers(&id)) {
            return self.deny(format!("a call of {id}"), "tools");
        }
        let arguments: Value = serde_json::from_str(arguments_json).map_err(|error| format!("the arguments are not JSON: {error}"))?;
        if !arguments.is_object() {
            return Err("the arguments are not a JSON object".to_owned());
        }
        let outer = Outer {
            tool: self.tool,
            within: self.context.within.outer,
            agents: self.context.within.outer.map_or(self.context.allowed, |outer| outer.agents),
            made: self.context.within.outer.map_or(&self.made, |outer| outer.made),
        };
        let tool = self.admit(&id, &arguments, &outer).await?;
        let time_left = self.deadline.saturating_duration_since(Instant::now());
        let place = self.own.fetch_add(1, Relaxed);
        let key = format!("{}/{place}", self.context.idempotency_key);
        let record =
            Record { context: self.context, spent: Mutex::default(), call: Mutex::new(Some((self.tool.clone(), id, arguments.clone()))) };
        let hear = |notice: Notice| record.hear(notice);
        let context = CallContext {
            allowed: slice::from_ref(&tool),
            attachments: if self.grant.attachments { self.context.attachments } else { &[] },
            time_left,
            idempotency_key: &key,
            heard: Heard(Some(&hear)),
            asker: None,
            within: Within { outer: Some(&outer), ..self.context.within },
            ..*self.context
        };
        let span = info_span!(
            "execute_tool", "gen_ai.tool.name" = %tool.id, workspace = %self.context.workspace, called_by = %self.tool, depth = outer.depth()
        );
        let call = ToolCall { call_id: "inner".into(), tool: tool.id.to_string(), arguments };
        let called = perform(self.tools, context, &call).instrument(span).await;
        record.ended(&called);
        called.map(|called| content::write(&called.result, &called.files)).map_err(|error| Failure::of(&error).reason)
    }

    /// The tool, where it may be called now, and is paid for.
    async fn admit(&self, id: &ToolId, arguments: &Value, outer: &Outer<'_>) -> Result<ToolDefinition, String> {
        if Tools::is_of_turn(id) {
            return Err(Error::PerformedByTurn { tool: id.clone() }.to_string());
        }
        if outer.holds(id) {
            return Err(format!("`{id}` is being called already: no tool calls itself, not even through others"));
        }
        if outer.depth() > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} calls within each other"));
        }
        let known = outer.agents.iter().find(|tool| tool.id == *id).cloned();
        let tool = known.or_else(|| self.tools.defined(self.context.workspace, id));
        let tool = tool.ok_or_else(|| Error::Unknown { tool: id.to_string().into(), nearest: None }.to_string())?;
        if Tools::handling(&tool, arguments).needs_approval {
            let reason = "it needs somebody's approval, and nobody is asked for a call that a tool makes";
            self.tools.count_denied(self.context.workspace, id, reason);
            self.context.heard.tell(Notice::Denied {
                tool: self.tool.clone(),
                what: format!("a call of {id}").into(),
                reason: reason.into(),
            });
            return Err(format!("`{id}`: {reason}"));
        }
        if outer.made.fetch_add(1, Relaxed) >= CALLS_MAX {
            return Err(format!("more than {CALLS_MAX} calls of tools by tools"));
        }
        if let Some(payer) = self.context.within.payer {
            payer.pay().await.map_err(|failure| failure.reason)?;
        }
        Ok(tool)
    }
}

/// A call within a call is a call again: somewhere the future must get a size.
fn perform<'f>(tools: &'f Tools, context: CallContext<'f>, call: &'f ToolCall) -> Performing<'f> {
    Box::pin(tools.call(context, call))
}

/// Without an agent nobody's own memory is searched, and nobody observes anything.
const NO_AGENT: &str = "no agent calls, so there is none whose memory it would be";

/// Tells of a call, also where it is given up with the one around it.
struct Record<'c> {
    context: &'c CallContext<'c>,
    spent: Mutex<Metering>,
    call: Mutex<Option<(ToolId, ToolId, Value)>>,
}

impl Record<'_> {
    fn hear(&self, notice: Notice) {
        match notice {
            // It is this call's, and not that of the call around it.
            Notice::Spent(metering) => *self.spent.lock() = metering,
            notice => self.context.heard.tell(notice),
        }
    }

    fn ended(&self, called: &Result<Called, Error>) {
        match called {
            Ok(called) => self.tell(Outcome::Called(ToolResult::clone(&called.result)), called.metering),
            Err(error) => self.tell(Outcome::Failed(Failure::of(error)), *self.spent.lock()),
        }
    }

    fn tell(&self, outcome: Outcome, metering: Metering) {
        if let Some((by, tool, arguments)) = self.call.lock().take() {
            self.context.heard.tell(Notice::Called(Box::new(InnerCall { by, tool, arguments, outcome, metering })));
        }
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        let given_up = Failure::new(Code::Cancelled, "it was given up with the call that made it");
        self.tell(Outcome::Unknown(given_up), *self.spent.lock());
    }
}
