//! The bounded way to the writer thread: many tasks put in, one thread takes all there is at once.

use super::work::Command;
use crate::Error;
use caxton_types::WorkspaceName;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::{
    collections::VecDeque,
    time::{Duration, Instant as StdInstant},
};
use tokio::{sync::Notify, time::Instant};

/// How long a full inbox keeps somebody waiting before it refuses.
const WAIT_MAX: Duration = Duration::from_secs(5);

pub(super) struct Inbox {
    state: Mutex<State>,
    /// Wakes the writer.
    filled: Condvar,
    /// Wakes those who wait for room.
    emptied: Notify,
    len_max: usize,
}

#[derive(Default)]
struct State {
    commands: VecDeque<Command>,
    closed: bool,
    /// How many must be there for the writer to be woken; none while it does not wait.
    wake_at: Option<usize>,
    /// The writer is to look around although nothing was put in.
    nudged: bool,
}

/// How long the writer waits, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    /// For the first command; for ever where none.
    pub(super) first_max: Option<Duration>,
    /// How many commands are worth waiting for once the first is there.
    pub(super) len_wanted: usize,
    /// How long that is worth it.
    pub(super) more_max: Duration,
}

/// What the writer finds.
pub(super) enum Taken {
    /// Commands, moved to where it asked.
    Commands,
    /// Nothing for as long as it wanted to wait.
    Nothing,
    /// Nothing, and nothing will come any more.
    Closed,
}

impl Inbox {
    pub(super) fn new(len_max: usize) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), emptied: Notify::new(), len_max: len_max.max(1) }
    }

    pub(super) async fn put(&self, command: Command, workspace: &WorkspaceName) -> Result<(), Error> {
        let Some(mut command) = self.try_put(command)? else { return Ok(()) };
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            // From here on no notification is missed.
            emptied.as_mut().enable();
            match self.try_put(command)? {
                None => return Ok(()),
                Some(back) => command = back,
            }
            if tokio::time::timeout_at(deadline, emptied).await.is_err() {
                return Err(Error::Overloaded { workspace: workspace.clone() });
            }
        }
    }

    /// Gives the command back where there is no room.
    fn try_put(&self, command: Command) -> Result<Option<Command>, Error> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        if state.commands.len() >= self.len_max {
            return Ok(Some(command));
        }
        state.commands.push_back(command);
        let len = state.commands.len();
        let wake = state.wake_at.take_if(|wake_at| len >= *wake_at).is_some();
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Ok(None)
    }

    /// Moves up to `len_max` commands to `group`, after waiting for them.
    pub(super) fn take(&self, group: &mut Vec<Command>, len_max: usize, wait: Wait) -> Taken {
        let mut state = self.state.lock();
        let first_until = wait.first_max.map(|max| StdInstant::now() + max);
        while state.commands.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            let in_time = self.wait(&mut state, 1, first_until);
            let nudged = std::mem::take(&mut state.nudged);
            if (!in_time || nudged) && state.commands.is_empty() && !state.closed {
                return Taken::Nothing;
            }
        }
        let wanted = wait.len_wanted.min(len_max).min(self.len_max);
        if state.commands.len() < wanted {
            let until = Some(StdInstant::now() + wait.more_max);
            while state.commands.len() < wanted && !state.closed && self.wait(&mut state, wanted, until) {}
        }
        let was_full = state.commands.len() >= self.len_max;
        let len = state.commands.len().min(len_max.max(1));
        group.extend(state.commands.drain(..len));
        drop(state);
        if was_full {
            self.emptied.notify_waiters();
        }
        Taken::Commands
    }

    /// Waits until so many commands are there, or something else happens; false when the time is over.
    fn wait(&self, state: &mut MutexGuard<'_, State>, len: usize, until: Option<StdInstant>) -> bool {
        state.wake_at = Some(len);
        let in_time = match until {
            None => {
                self.filled.wait(state);
                true
            }
            Some(until) => !self.filled.wait_until(state, until).timed_out(),
        };
        state.wake_at = None;
        in_time
    }

    /// Whether nothing is inside and the writer waits for just anything.
    pub(super) fn is_quiet(&self) -> bool {
        let state = self.state.lock();
        state.commands.is_empty() && !state.closed && state.wake_at == Some(1)
    }

    /// Something else than a command asks for the writer.
    pub(super) fn nudge(&self) {
        self.state.lock().nudged = true;
        self.filled.notify_one();
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().commands.len()
    }

    /// Refuses what comes from now on; what is inside is still taken.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_one();
        self.emptied.notify_waiters();
    }
}
