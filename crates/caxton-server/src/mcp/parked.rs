//! Direct calls whose server waits for an answer, while the client of the later era asks for it: each is known by a word that nobody can
//! guess, and taken up once, by the very request that it was made for.

use super::direct::Running;
use caxton_types::Digest;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
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

/// Where the time of a call that waits is watched, and what ends it before.
pub(super) struct Upkeep<'u> {
    pub(super) tasks: &'u TaskTracker,
    pub(super) stopping: &'u CancellationToken,
}

impl Parked {
    pub(super) fn is_full(&self) -> bool {
        self.0.lock().len() >= PARKED_MAX
    }

    /// Keeps a call until its client comes back with this word, and no longer than somebody may think.
    pub(super) fn keep(self: &Arc<Self>, upkeep: &Upkeep<'_>, word: Uuid, subject: Digest, running: Box<Running>) {
        let taken = CancellationToken::new();
        let waiting = Waiting { subject, running, _watched: taken.clone().drop_guard() };
        self.0.lock().insert(word, waiting);
        let (parked, stopping): (Weak<Self>, _) = (Arc::downgrade(self), upkeep.stopping.clone());
        upkeep.tasks.spawn(async move {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A call that never ends, and says when it is called off.
    fn call() -> (Box<Running>, CancellationToken) {
        let called_off = CancellationToken::new();
        (Running::endless(called_off.clone().drop_guard()), called_off)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_nobody_takes_up_in_time_is_called_off() {
        let (parked, tasks, stopping) = (Arc::new(Parked::default()), TaskTracker::new(), CancellationToken::new());
        let (upkeep, subject) = (Upkeep { tasks: &tasks, stopping: &stopping }, Digest::of(b"order"));
        let words = [(); 4].map(|()| Uuid::new_v4());
        let mut calls = Vec::new();
        for word in words {
            let (running, called_off) = call();
            parked.keep(&upkeep, word, subject, running);
            calls.push(called_off);
        }
        let taken = parked.take(&words[0].to_string(), subject);
        assert!(taken.is_some() && parked.take(&words[0].to_string(), subject).is_none(), "once");
        assert!(parked.take(&words[1].to_string(), Digest::of(b"pay")).is_none() && calls[1].is_cancelled(), "another call");
        calls[2].cancelled().await;
        assert!(parked.take(&words[2].to_string(), subject).is_none(), "too late");
        assert!(!calls[0].is_cancelled(), "it was taken up");

        let (running, called_off) = call();
        parked.keep(&upkeep, words[0], subject, running);
        stopping.cancel();
        called_off.cancelled().await;
        tasks.close();
        tasks.wait().await;
        assert!(!parked.is_full() && parked.0.lock().is_empty());
    }
}
