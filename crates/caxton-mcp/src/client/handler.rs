//! What a server sends of its own accord: progress, changes of its lists, log lines, questions to a person.
#![expect(deprecated, reason = "servers of the first era still send their logs")]

use super::{
    convert,
    types::{Progress, Question, Reply},
};
use parking_lot::Mutex;
use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationCapability, FormElicitationCapability,
        Implementation, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken, RequestId, UrlElicitationCapability,
    },
    service::{InboundStreamOrigin, NotificationContext, RequestContext},
};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot, watch,
};

/// A question on its way to whoever makes the call, and where its answer goes.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// So many questions of one call are put at once, and so many more wait for that; beyond, they are declined.
pub(super) const QUESTIONS_MAX: usize = 16;

/// A call under way, as its server's notifications and questions find it.
struct UnderWay {
    token: ProgressToken,
    /// The last that it told; more than one hears of, if they come too fast.
    progress: watch::Sender<Option<Progress>>,
    asked: mpsc::Sender<Asked>,
}

/// What the connection's two sides share.
pub(super) struct Shared {
    server: Box<str>,
    calls: Mutex<HashMap<RequestId, UnderWay>>,
    /// Counts changes of the server's lists.
    pub(super) changes: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(server: &str) -> Arc<Self> {
        Arc::new(Self { server: server.into(), calls: Mutex::default(), changes: watch::Sender::new(0) })
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.calls.lock().is_empty()
    }

    /// From now on what comes for this call is told to it.
    pub(super) fn enter(
        self: &Arc<Self>,
        id: RequestId,
        token: ProgressToken,
    ) -> (Entered, watch::Receiver<Option<Progress>>, mpsc::Receiver<Asked>) {
        let (asked, questions) = mpsc::channel(QUESTIONS_MAX);
        let (progress, told) = watch::channel(None);
        self.calls.lock().insert(id.clone(), UnderWay { token, progress, asked });
        (Entered { shared: Arc::clone(self), id }, told, questions)
    }

    /// The call that a question belongs to. Over pipes nothing says so: then it must be the only one, or a person would be asked in the
    /// name of somebody else.
    fn asking(&self, origin: Option<&InboundStreamOrigin>) -> Option<mpsc::Sender<Asked>> {
        let calls = self.calls.lock();
        match origin {
            Some(InboundStreamOrigin::OutboundRequest(id)) => calls.get(id).map(|call| call.asked.clone()),
            Some(InboundStreamOrigin::Unassociated) | None => match calls.len() {
                1 => calls.values().next().map(|call| call.asked.clone()),
                _ => None,
            },
        }
    }
}

/// A call that is under way as long as this value lives.
pub(super) struct Entered {
    shared: Arc<Shared>,
    id: RequestId,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.shared.calls.lock().remove(&self.id);
    }
}

/// Answers the server.
pub(super) struct Handler(pub(super) Arc<Shared>);

/// We as a client.
pub(super) fn implementation() -> Implementation {
    Implementation::new("caxton", env!("CARGO_PKG_VERSION"))
}

/// What we can do for a server: put questions to a person.
pub(super) fn capabilities() -> ClientCapabilities {
    let mut capabilities = ClientCapabilities::default();
    capabilities.elicitation =
        Some(ElicitationCapability::new().with_form(FormElicitationCapability::new()).with_url(UrlElicitationCapability::new()));
    capabilities
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(capabilities(), implementation())
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let call = self.0.asking(context.extensions.get::<InboundStreamOrigin>());
        let (Some(call), Some(question)) = (call, convert::question(request)) else {
            tracing::debug!(server = %self.0.server, "a question that belongs to no call is declined");
            return Ok(convert::elicited(Reply::Decline));
        };
        let (reply, answer) = oneshot::channel();
        match call.try_send(Asked { question, reply }) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => return Ok(convert::elicited(Reply::Cancel)),
            Err(TrySendError::Full(_)) => {
                tracing::warn!(server = %self.0.server, most = QUESTIONS_MAX, "a question is declined: its call asks too much at once");
                return Ok(convert::elicited(Reply::Decline));
            }
        }
        let reply = tokio::select! {
            reply = answer => reply.unwrap_or(Reply::Cancel),
            () = context.ct.cancelled() => Reply::Cancel,
        };
        Ok(convert::elicited(reply))
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        let ProgressNotificationParam { progress: done, total, message, progress_token, .. } = params;
        tracing::debug!(server = %self.0.server, progress = done, total, message, "progress of a call");
        if let Some(call) = self.0.calls.lock().values().find(|call| call.token == progress_token) {
            call.progress.send_replace(Some(Progress { done, total, message }));
        }
    }

    async fn on_logging_message(&self, params: LoggingMessageNotificationParam, _context: NotificationContext<RoleClient>) {
        let said: String = params.data.to_string().chars().take(500).collect();
        tracing::debug!(server = %self.0.server, level = ?params.level, logger = params.logger, "{said}");
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.0.changed();
    }

    async fn on_resource_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.0.changed();
    }

    async fn on_prompt_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.0.changed();
    }
}
