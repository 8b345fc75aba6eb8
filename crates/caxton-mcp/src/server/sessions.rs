//! Sessions of the era that has them: bounded in number and in idle time, each known in its own scope only.

use super::Options;
use futures_util::Stream;
use parking_lot::Mutex;
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::streamable_http_server::session::{
        ServerSseMessage, SessionId, SessionManager,
        local::{LocalSessionManager, LocalSessionManagerError},
    },
};
use std::{collections::HashMap, sync::Arc};

#[derive(Debug)]
pub(super) struct Sessions {
    local: LocalSessionManager,
    /// Whose each session is.
    scopes: Mutex<HashMap<SessionId, Arc<str>>>,
    len_max: usize,
}

impl Sessions {
    pub(super) fn new(options: &Options) -> Self {
        let mut local = LocalSessionManager::default();
        local.session_config.keep_alive = Some(options.idle);
        Self { local, scopes: Mutex::default(), len_max: options.sessions_max }
    }

    pub(super) fn is_full(&self) -> bool {
        self.scopes.lock().len() >= self.len_max
    }
}

/// Why a session could not do something.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("{0} sessions are open already")]
    Full(usize),
    #[error(transparent)]
    Local(#[from] LocalSessionManagerError),
}

/// The sessions of one scope.
pub(super) struct Scoped {
    sessions: Arc<Sessions>,
    scope: Arc<str>,
}

impl Scoped {
    pub(super) fn new(sessions: Arc<Sessions>, scope: &str) -> Self {
        Self { sessions, scope: scope.into() }
    }

    fn is_ours(&self, id: &SessionId) -> bool {
        self.sessions.scopes.lock().get(id).is_some_and(|scope| *scope == self.scope)
    }

    fn ours(&self, id: &SessionId) -> Result<&LocalSessionManager, SessionError> {
        if self.is_ours(id) {
            return Ok(&self.sessions.local);
        }
        Err(LocalSessionManagerError::SessionNotFound(Arc::clone(id)).into())
    }
}

impl SessionManager for Scoped {
    type Error = SessionError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionError> {
        if self.sessions.is_full() {
            return Err(SessionError::Full(self.sessions.len_max));
        }
        let (id, transport) = self.sessions.local.create_session().await?;
        self.sessions.scopes.lock().insert(Arc::clone(&id), Arc::clone(&self.scope));
        Ok((id, transport))
    }

    async fn initialize_session(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<ServerJsonRpcMessage, SessionError> {
        Ok(self.ours(id)?.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionError> {
        Ok(self.is_ours(id) && self.sessions.local.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionError> {
        // Both a client's DELETE and the end of the session come here; who comes second finds nothing.
        let Ok(local) = self.ours(id) else { return Ok(()) };
        self.sessions.scopes.lock().remove(id);
        Ok(local.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.ours(id)?.create_stream(id, message).await?)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionError> {
        Ok(self.ours(id)?.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.ours(id)?.create_standalone_stream(id).await?)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.ours(id)?.resume(id, last_event_id).await?)
    }
}
