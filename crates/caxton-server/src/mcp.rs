//! Every workspace is an MCP server: its agents and tools are tools, its memory is resources, the prompts of its agents are prompts. What
//! other people's servers offer that it uses stands there too (`others`).
//!
//! Nothing here is special to MCP but its words: whoever asks is a [`Caller`], asking an agent is sending it a message, calling a tool is the
//! direct call of the runtime, and all of it stands in the journal.

mod answer;
mod ask;
mod attachments;
mod changes;
mod complete;
mod consents;
mod direct;
mod follow;
mod foreign;
mod form;
mod mount;
mod offer;
mod others;
mod parked;
mod prompts;
mod resources;
mod session;
mod telling;
mod tools;

pub(crate) use self::mount::{Mount, routes};

use self::{consents::Consents, parked::Parked, session::Session};
use crate::{
    App,
    edge::{Fail, RequestInfo},
};
use axum::http::request::Parts;
use caxton_mcp::rmcp::{
    RoleServer,
    model::{ErrorData, Extensions},
    service::RequestContext,
};
use caxton_store::{AgentEntry, Workspace};
use caxton_types::{Action, Caller, TraceContext};
use std::sync::Arc;

/// A workspace as one client sees it, for one request or one session.
#[derive(Clone)]
pub(crate) struct Front {
    app: App,
    /// Who opened the session; each request brings its own caller.
    caller: Caller,
    session: Arc<Session>,
    consents: Arc<Consents>,
    parked: Arc<Parked>,
}

/// One request: who asks, and the trace that it belongs to.
struct Visit {
    caller: Caller,
    trace: TraceContext,
}

impl Front {
    fn new(app: App, caller: Caller, consents: Arc<Consents>, parked: Arc<Parked>) -> Self {
        Self { app, caller, session: Arc::default(), consents, parked }
    }

    /// Who asks, if they may do this.
    fn visit(&self, context: &RequestContext<RoleServer>, action: Action) -> Result<Visit, ErrorData> {
        let visit = self.visitor(&context.extensions);
        visit.caller.require(action).map_err(said)?;
        Ok(visit)
    }

    /// What the edge said of the HTTP request that brought the message.
    fn visitor(&self, extensions: &Extensions) -> Visit {
        let parts = extensions.get::<Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<Caller>()).unwrap_or(&self.caller).clone();
        let info = parts.and_then(|parts| parts.extensions.get::<RequestInfo>());
        Visit { caller, trace: info.map_or_else(caxton_store::ids::trace, |info| info.trace) }
    }

    /// The workspace; none before the first deployment into it.
    fn workspace(&self) -> Result<Option<Workspace>, ErrorData> {
        self.app.store.existing(&self.caller.workspace).map_err(said)
    }

    async fn agents(&self) -> Result<Vec<AgentEntry>, ErrorData> {
        match self.workspace()? {
            Some(workspace) => workspace.agents().await.map_err(said),
            None => Ok(vec![]),
        }
    }
}

/// A failure as JSON-RPC says it; what only the log may know goes there.
fn said(fail: impl Into<Fail>) -> ErrorData {
    fail.into().rpc()
}
