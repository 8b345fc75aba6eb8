//! Progress of one request, for a client that asked to hear of it.

use rmcp::{
    RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
    service::{Peer, RequestContext},
};

/// Tells a client how far its request is; nothing where it did not ask.
#[derive(Debug)]
pub struct Progress(Option<(Peer<RoleServer>, ProgressToken)>);

impl Progress {
    /// The progress of this request.
    pub fn of(context: &RequestContext<RoleServer>) -> Self {
        Self(context.meta.get_progress_token().map(|token| (context.peer.clone(), token)))
    }

    /// Whether anybody wants to hear of it.
    pub fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Says how far it is: `done` only grows.
    pub async fn report(&self, done: f64, of: Option<f64>, message: impl Into<Option<&str>>) {
        let Some((peer, token)) = &self.0 else { return };
        let mut told = ProgressNotificationParam::new(token.clone(), done);
        told.total = of;
        told.message = message.into().map(ToOwned::to_owned);
        // Who went away has no use for it.
        let _ = peer.notify_progress(told).await;
    }
}
