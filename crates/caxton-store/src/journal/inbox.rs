//! The bounded way to the writer thread: many tasks put in, one thread takes all there is at once.

use super::writer::Command;
use crate::Error;
use caxton_types::WorkspaceName;
use parking_lot::{Condvar, Mutex};
use std::{collections::VecDeque, time::Duration};
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
    /// Whether the writer waits: only then it must be woken.
    idle: bool,
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
        let wake = std::mem::take(&mut state.idle);
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Ok(None)
    }

    /// Moves up to `len_max` commands to `group`; waits for the first one, for ever where `wait_max` is none.
    pub(super) fn take(&self, group: &mut Vec<Command>, len_max: usize, wait_max: Option<Duration>) -> Taken {
        let mut state = self.state.lock();
        while state.commands.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            state.idle = true;
            match wait_max {
                None => self.filled.wait(&mut state),
                Some(wait_max) => {
                    if self.filled.wait_for(&mut state, wait_max).timed_out() && state.commands.is_empty() && !state.closed {
                        state.idle = false;
                        return Taken::Nothing;
                    }
                }
            }
        }
        state.idle = false;
        let was_full = state.commands.len() >= self.len_max;
        let len = state.commands.len().min(len_max.max(1));
        group.extend(state.commands.drain(..len));
        drop(state);
        if was_full {
            self.emptied.notify_waiters();
        }
        Taken::Commands
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
