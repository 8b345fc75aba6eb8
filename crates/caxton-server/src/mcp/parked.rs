//! Direct calls whose server waits for an answer, while the client of the later era asks for it: each is known by a word that nobody can
//! guess, and taken up once, by the very request that it was made for.

use super::direct::Running;
use crate::App;
use caxton_types::Digest;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// The most calls that wait so at the same time; what further ones are asked is declined.
const PARKED_MAX: usize = 256;
/// How long somebody may think about an answer. After that the call is called off.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);

/// The calls that wait, of one server.
#[derive(Default)]
pub(crate) struct Parked(Mutex<HashMap<Uuid, Waiting>>);

struct Waiting {
    /// What exactly is called, and by whom.
    subject: Digest,
    running: Box<Running>,
    /// Ends the watch over its time.
    _watched: DropGuard,
}

impl Parked {
    pub(super) fn is_full(&self) -> bool {
        self.0.lock().len() >= PARKED_MAX
    }

    /// Keeps a call until its client comes back with this word, and no longer than somebody may think.
    pub(super) fn keep(self: &Arc<Self>, app: &App, word: Uuid, subject: Digest, running: Box<Running>) {
        let taken = CancellationToken::new();
        let waiting = Waiting { subject, running, _watched: taken.clone().drop_guard() };
        self.0.lock().insert(word, waiting);
        let (parked, stopping): (Weak<Self>, _) = (Arc::downgrade(self), app.life.stopping().clone());
        app.upkeep.spawn(async move {
            tokio::select! {
                () = taken.cancelled() => return,
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(PATIENCE) => {}
            }
            // Dropped, it is called off.
            let late = parked.upgrade().and_then(|parked| parked.0.lock().remove(&word));
            drop(late);
        });
    }

    /// The call that this word was given for, if it is this very one. The word is no good for a second time, whatever comes of it.
    pub(super) fn take(&self, word: &str, subject: Digest) -> Option<Box<Running>> {
        let waiting = self.0.lock().remove(&word.parse::<Uuid>().ok()?)?;
        (waiting.subject == subject).then_some(waiting.running)
    }
}
