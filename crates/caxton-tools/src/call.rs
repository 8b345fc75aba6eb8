//! The one way to call a tool.

use crate::{
    Asker, Clock, Error, Grant, Heard, Notice, Patience, Reply, Tools, Within, asking,
    built_in::Produced,
    perform::{Attempt, Progress, perform},
    registry::Own,
    schema,
    server::Server,
};
use caxton_sandbox::{Attachment, Reuse};
use caxton_types::{
    AgentName, Digest, Elicitation, Fault as _, Metering, ToolCall, ToolDefinition, ToolId, ToolResult, WorkspaceName, error::SecurityError,
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

/// How long a call is waited for when its caller's time is over: a guest ends then by itself and tells what it used.
const GRACE: Duration = Duration::from_millis(50);

/// The circumstances of a call.
#[derive(Debug, Clone, Copy)]
pub struct CallContext<'c> {
    pub workspace: &'c WorkspaceName,
    /// The agent whose turn calls; nobody's where the call comes from outside of any turn.
    pub agent: Option<&'c AgentName>,
    /// The tools that the agent's file allows, as they were when the turn began.
    pub allowed: &'c [ToolDefinition],
    /// The files that the call may read, by name.
    pub attachments: &'c [Attachment],
    /// What is left of the turn's time; it stands still while a person is asked.
    pub time_left: Duration,
    /// The same for every attempt at this call; told to the tool, where it has a place for it.
    pub idempotency_key: &'c str,
    /// Who hears of what happens beside the result.
    pub heard: Heard<'c>,
    /// Who puts questions of servers of others to a person; they are declined where nobody does.
    pub asker: Option<&'c dyn Asker>,
    /// The calls that it is made within.
    pub within: Within<'c>,
}

impl CallContext<'_> {
    /// The end of a call whose caller has no more time.
    pub(crate) fn out_of_time(&self, tool: &ToolId) -> Error {
        let clock = match (self.within.tool(), self.agent) {
            (Some(outer), _) => Clock::Tool(outer.clone()),
            (None, Some(_)) => Clock::Turn,
            (None, None) => Clock::Direct,
        };
        Error::OutOfTime { tool: tool.clone(), clock, left: self.time_left }
    }
}

/// Stops a call's clock while somebody is asked.
#[derive(Debug)]
struct Patient<'c> {
    asker: &'c dyn Asker,
    patience: &'c Arc<Patience>,
}

#[async_trait::async_trait]
impl Asker for Patient<'_> {
    fn is_able(&self) -> bool {
        self.asker.is_able()
    }

    fn hear(&self, progress: asking::Progress) {
        self.asker.hear(progress);
    }

    async fn ask(&self, question: Elicitation) -> Reply {
        let _paused = self.patience.pause();
        self.asker.ask(question).await
    }
}

/// What a call gave, and what it took.
#[derive(Debug)]
pub struct Called {
    pub result: ToolResult,
    /// Files that it made; they are the caller's to keep.
    pub files: Vec<Produced>,
    pub metering: Metering,
}

impl Tools {
    /// Calls a tool for an agent, if its file allows it and the arguments fit the tool's schema.
    pub async fn call(&self, context: CallContext<'_>, call: &ToolCall) -> Result<Called, Error> {
        let own = self.own(context.workspace);
        let Some(tool) = Self::find(context.allowed, call) else {
            return Err(self.refuse(&own, &context, call));
        };
        let id = &tool.id;
        let began = Instant::now();
        let running = own.tallies.of(id).begin(began.into_std());
        let progress = Progress::new(Patience::since(began, context.time_left));
        let Attempt { called, metering, denials } = self.in_time(&own, &context, tool, call, progress).await;
        for denial in denials {
            let reason = format!("`{id}` is not granted it: `{}` of its permissions would", denial.key);
            running.denied(&format!("{}: {reason}", denial.what));
            context.heard.tell(Notice::Denied { tool: id.clone(), what: denial.what.into(), reason: reason.into() });
        }
        match called {
            Ok(mut called) => {
                called.metering.wall_us = running.ended(&called.metering, called.result.is_error);
                Ok(called)
            }
            Err(error) => {
                let wall_us = running.failed(error.code(), &error.to_string());
                context.heard.tell(Notice::Spent(Metering { wall_us, ..metering }));
                Err(error)
            }
        }
    }

    async fn in_time(&self, own: &Own, context: &CallContext<'_>, tool: &ToolDefinition, call: &ToolCall, progress: Progress) -> Attempt {
        let patient = context.asker.map(|asker| Patient { asker, patience: &progress.patience });
        let context = CallContext { asker: patient.as_ref().map(|patient| patient as &dyn Asker), ..*context };
        let mut attempt = pin!(self.attempt(own, &context, tool, call, &progress));
        tokio::select! {
            biased;
            attempt = &mut attempt => return attempt,
            () = progress.patience.over() => {}
        }
        let late = timeout(GRACE, attempt).await;
        let (metering, denials) = late.map_or_else(|_| (progress.metering(), vec![]), |late| (late.metering, late.denials));
        Attempt { called: Err(context.out_of_time(&tool.id)), metering, denials }
    }

    async fn attempt(&self, own: &Own, context: &CallContext<'_>, tool: &ToolDefinition, call: &ToolCall, progress: &Progress) -> Attempt {
        let server = match self.server(own, context, tool).await {
            Ok(server) => server,
            Err(error) => return Err(error).into(),
        };
        let fits = match server.validator(&tool.id) {
            Some(validator) => schema::complain(validator, &tool.input_schema, &call.arguments),
            None => return Err(gone(&tool.id)).into(),
        };
        match fits {
            Ok(()) => perform(self, &server, tool, &call.arguments, context, progress).await,
            Err(reason) => Err(Error::InvalidArguments { tool: tool.id.clone(), reason }).into(),
        }
    }

    /// A call of what the agent may not call, or nobody can.
    fn refuse(&self, own: &Own, context: &CallContext<'_>, call: &ToolCall) -> Error {
        let tool: Box<str> = call.tool.as_str().into();
        let Some(agent) = context.agent else { return Error::Unknown { tool, nearest: None } };
        let refused = Error::from(SecurityError::ToolNotAllowed { agent: agent.clone(), tool });
        let remotes = self.remote(own);
        if let Some(known) = self.offered(own, &remotes).into_iter().find(|known| known.id.is_called(&call.tool)) {
            own.tallies.of(&known.id).denied(&refused.to_string());
        }
        refused
    }

    /// Counts a call that was refused before it came here.
    pub fn count_denied(&self, workspace: &WorkspaceName, id: &ToolId, reason: &str) {
        self.own(workspace).tallies.of(id).denied(reason);
    }

    /// The server with exactly the code that the definition is of, also where another version is deployed by now.
    async fn server(&self, own: &Own, context: &CallContext<'_>, tool: &ToolDefinition) -> Result<Arc<Server>, Error> {
        let (workspace, name) = (context.workspace, tool.id.server());
        if let Some(remote) = self.0.remotes.get(name).filter(|_| !own.servers.contains_key(name)) {
            // Apart, like what follows: every call would be as large as these.
            return Box::pin(remote.server(tool, &context.heard)).await;
        }
        let server = own.servers.get(name).or_else(|| self.0.built_in.get(name));
        let server = server.filter(|server| tool.digest.is_none_or(|digest| server.digest() == Some(digest)));
        match (server, tool.digest) {
            (Some(server), _) => Ok(Arc::clone(server)),
            (None, Some(digest)) => Box::pin(self.earlier(workspace, &tool.id, digest)).await,
            (None, None) => Err(gone(&tool.id)),
        }
    }

    async fn earlier(&self, workspace: &WorkspaceName, id: &ToolId, digest: Digest) -> Result<Arc<Server>, Error> {
        let ready = || self.0.earlier.find(workspace, id.server(), digest);
        if let Some(server) = ready() {
            return Ok(server);
        }
        let _one_at_a_time = self.0.loading.lock().await;
        if let Some(server) = ready() {
            return Ok(server);
        }
        let found = match self.0.archive.get() {
            Some(archive) => archive(workspace.clone(), id.server().into(), digest).await,
            None => Ok(None),
        };
        let found = found.map_err(|source| Error::Archive { tool: id.clone(), source })?;
        let archived = found.ok_or_else(|| Error::CodeGone { tool: id.clone(), digest })?;
        // Few calls will come, and its instances would be in the way of others.
        let reuse = archived.grant.reuse.map(|reuse| Reuse { kept: 0, ..reuse });
        let server = self.load(id.server(), archived.binary, Grant { reuse, ..archived.grant }).await?.start();
        self.0.earlier.keep(workspace, Arc::clone(&server));
        metrics::counter!("caxton_tool_earlier_loads_total").increment(1);
        Ok(server)
    }
}

fn gone(id: &ToolId) -> Error {
    Error::Failed { tool: id.clone(), reason: "it is not deployed any more".into() }
}
