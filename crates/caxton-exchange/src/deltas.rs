//! Pieces of a streaming answer: shown while they come, never recorded.

use caxton_types::{AgentName, ConversationId, TurnId, WorkspaceName};
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::broadcast;

/// A listener that falls further behind than this loses pieces; the whole answer still comes as a message.
const BACKLOG_MAX: usize = 1024;

/// A piece of an answer that a model is still writing.
#[derive(Debug, Clone)]
pub struct Delta {
    pub conversation: ConversationId,
    pub turn: TurnId,
    pub agent: AgentName,
    pub text: Box<str>,
}

#[derive(Debug, Default)]
pub(crate) struct Deltas(Mutex<HashMap<WorkspaceName, broadcast::Sender<Delta>>>);

impl Deltas {
    pub(crate) fn subscribe(&self, workspace: &WorkspaceName) -> broadcast::Receiver<Delta> {
        let mut channels = self.0.lock();
        channels.entry(workspace.clone()).or_insert_with(|| broadcast::channel(BACKLOG_MAX).0).subscribe()
    }

    /// Costs nothing where nobody listens.
    pub(crate) fn publish(&self, workspace: &WorkspaceName, delta: impl FnOnce() -> Delta) {
        let channels = self.0.lock();
        if let Some(channel) = channels.get(workspace).filter(|channel| channel.receiver_count() > 0) {
            // An error only says that the last listener has just left.
            let _ = channel.send(delta());
        }
    }
}
