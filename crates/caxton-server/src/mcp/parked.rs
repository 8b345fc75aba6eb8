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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
pub(crate) struct Parked {
    waiting: Mutex<HashMap<Uuid, Waiting>>,
    places: Arc<Semaphore>,
}

/// The right to have one call wait.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

struct Waiting {
    /// What exactly is called, and by whom.
    subject: Digest,
    running: Box<Running>,
    _place: Place,
    /// Ends the watch over its time.
    _watched: DropGuard,
}

/// Where the time of a call that waits is watched, and what ends it before.
pub(super) struct Upkeep<'u> {
    pub(super) tasks: &'u TaskTracker,
    pub(super) stopping: &'u CancellationToken,
}

impl Default for Parked {
    fn default() -> Self {
        Self { waiting: Mutex::default(), places: Arc::new(Semaphore::new(PARKED_MAX)) }
    }
}

impl Parked {
    /// A place for one call more; none while too many wait already.
    pub(super) fn place(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(|permit| Place { _permit: permit })
    }

    /// Keeps a call until its client comes back with this word, and no longer than somebody may think.
    pub(super) fn keep(self: &Arc<Self>, upkeep: &Upkeep<'_>, place: Place, word: Uuid, subject: Digest, running: Box<Running>) {
        let taken = CancellationToken::new();
        let waiting = Waiting { subject, running, _place: place, _watched: taken.clone().drop_guard() };
        self.waiting.lock().insert(word, waiting);
        let (parked, stopping): (Weak<Self>, _) = (Arc::downgrade(self), upkeep.stopping.clone());
        upkeep.tasks.spawn(async move {
            tokio::select! {
                () = taken.cancelled() => return,
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(PATIENCE) => {}
            }
            // Dropped, it is called off.
            let late = parked.upgrade().and_then(|parked| parked.waiting.lock().remove(&word));
            drop(late);
        });
    }

    /// The call that this word was given for, if it is this very one. The word is no good for a second time, whatever comes of it.
    pub(super) fn take(&self, word: &str, subject: Digest) -> Option<Box<Running>> {
        let waiting = self.waiting.lock().remove(&word.parse::<Uuid>().ok()?)?;
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
            parked.keep(&upkeep, parked.place().unwrap(), word, subject, running);
            calls.push(called_off);
        }
        let taken = parked.take(&words[0].to_string(), subject);
        assert!(taken.is_some() && parked.take(&words[0].to_string(), subject).is_none(), "once");
        assert!(parked.take(&words[1].to_string(), Digest::of(b"pay")).is_none() && calls[1].is_cancelled(), "another call");
        calls[2].cancelled().await;
        assert!(parked.take(&words[2].to_string(), subject).is_none(), "too late");
        assert!(!calls[0].is_cancelled(), "it was taken up");

        let (running, called_off) = call();
        parked.keep(&upkeep, parked.place().unwrap(), words[0], subject, running);
        stopping.cancel();
        called_off.cancelled().await;
        tasks.close();
        tasks.wait().await;
        assert!(parked.waiting.lock().is_empty());
        assert_eq!(parked.places.available_permits(), PARKED_MAX, "every place is free again");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_wait_than_there_are_places() {
        let (parked, tasks, stopping) = (Arc::new(Parked::default()), TaskTracker::new(), CancellationToken::new());
        let (upkeep, subject, word) = (Upkeep { tasks: &tasks, stopping: &stopping }, Digest::of(b"order"), Uuid::new_v4());
        // Whoever has a place and keeps nothing yet counts too.
        let mut places: Vec<_> = std::iter::from_fn(|| parked.place()).take(PARKED_MAX + 1).collect();
        assert_eq!(places.len(), PARKED_MAX);
        parked.keep(&upkeep, places.pop().unwrap(), word, subject, call().0);
        assert!(parked.place().is_none());
        let taken = parked.take(&word.to_string(), subject);
        assert!(taken.is_some() && parked.place().is_some(), "what is taken up waits no more");
    }
}
