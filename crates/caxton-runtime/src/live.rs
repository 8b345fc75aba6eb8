//! The turns that are driven now, each with a bell: how others tell a turn that something it waits for may be there.

use caxton_types::{Failure, TurnId};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Notify;

/// Rung when a decision, an answer or a moment has come, or the turn is called off.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    look: bool,
    cancel: Option<Failure>,
}

impl Bell {
    /// Waits until it was rung.
    pub(crate) async fn rung(&self) {
        self.rung.notified().await;
    }

    /// Takes the reason for which the turn was called off, and counts all rings so far as heard.
    pub(crate) fn hear(&self) -> Option<Failure> {
        let mut state = self.state.lock();
        state.look = false;
        state.cancel.take()
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Live(Mutex<HashMap<TurnId, Arc<Bell>>>);

impl Live {
    /// From now on the turn hears.
    pub(crate) fn enter(&self, turn: TurnId) -> Arc<Bell> {
        Arc::clone(self.0.lock().entry(turn).or_default())
    }

    /// Rings; false where nobody is there to hear.
    pub(crate) fn ring(&self, turn: TurnId, cancel: Option<Failure>) -> bool {
        let live = self.0.lock();
        let Some(bell) = live.get(&turn) else { return false };
        {
            let mut state = bell.state.lock();
            state.look = true;
            state.cancel = cancel.or(state.cancel.take());
        }
        bell.rung.notify_one();
        true
    }

    /// The turn wants to go; it may unless it was rung for and has not heard.
    pub(crate) fn leave(&self, turn: TurnId) -> bool {
        let mut live = self.0.lock();
        let unheard = live.get(&turn).is_some_and(|bell| {
            let state = bell.state.lock();
            state.look || state.cancel.is_some()
        });
        if !unheard {
            live.remove(&turn);
        }
        !unheard
    }

    /// The turn is gone, whatever it has heard.
    pub(crate) fn gone(&self, turn: TurnId) {
        self.0.lock().remove(&turn);
    }
}
