//! Who writes a journal: the task that wants it where nobody else does, else the one thread that takes all that has gathered.
//!
//! To hand a batch to another thread and to be woken by it takes longer than a commit on a good disk. So a task that finds the seat free, nothing
//! waiting and commits quick writes its own batch (as in flat combining: Hendler et al., 2010). As soon as several want to, the thread writes for
//! all of them in one transaction.

use super::{
    inbox::{Inbox, Taken, Wait},
    work::{Command, Errand},
    writer::Writer,
};
use crate::{Error, Receipt};
use parking_lot::Mutex;
use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// After so long without work the write-ahead log is emptied.
const IDLE: Duration = Duration::from_secs(2);
/// The smallest group that another like it is awaited after, and how long at most.
const GATHER_LEN_MIN: usize = 16;
const GATHER_MAX: Duration = Duration::from_millis(5);

/// The place of the writer; empty when the journal is closed or broken.
pub(super) struct Seat {
    inbox: Arc<Inbox>,
    writer: Mutex<Option<Writer>>,
}

impl Seat {
    pub(super) fn new(inbox: Arc<Inbox>, writer: Writer) -> Self {
        Self { inbox, writer: Mutex::new(Some(writer)) }
    }

    /// Does it on the thread that asks; gives it back where the writer's own thread does better.
    pub(super) fn write_here(&self, errand: Errand) -> ControlFlow<Result<Receipt, Error>, Errand> {
        let Errand::Commit(work) = &errand else { return ControlFlow::Continue(errand) };
        if !work.is_small() || !self.inbox.is_quiet() {
            return ControlFlow::Continue(errand);
        }
        let Some(mut seat) = self.writer.try_lock() else { return ControlFlow::Continue(errand) };
        let Some(writer) = seat.as_mut().filter(|writer| writer.is_quick(&work.batch)) else { return ControlFlow::Continue(errand) };
        let was_empty = writer.log.is_empty();
        let (reply, mut answer) = oneshot::channel();
        let written = writer.write(&mut vec![Command { errand, reply }]);
        writer.others_wait(self.inbox.len());
        let wakes = was_empty || writer.log.is_long();
        if let Err(error) = written {
            self.leave(&mut seat, &error);
        }
        drop(seat);
        if wakes {
            self.inbox.nudge();
        }
        ControlFlow::Break(answer.try_recv().map_or(Err(Error::Closed), |answer| answer.result))
    }

    /// Writes what comes in until the journal is closed.
    pub(super) fn serve(&self, group_len_max: usize) {
        let _close = CloseOnExit(&self.inbox);
        let mut group = Vec::with_capacity(group_len_max);
        let mut wait = Wait { first_max: Some(IDLE), len_wanted: 1, more_max: Duration::ZERO };
        loop {
            let taken = self.inbox.take(&mut group, group_len_max, wait);
            let mut seat = self.writer.lock();
            let Some(writer) = seat.as_mut() else { return };
            let (len, began) = (group.len(), Instant::now());
            match taken {
                Taken::Closed => {
                    writer.checkpoint();
                    *seat = None;
                    return;
                }
                Taken::Nothing if writer.log.is_idle(IDLE) => writer.checkpoint(),
                Taken::Nothing => {}
                Taken::Commands => {
                    if let Err(error) = writer.write(&mut group) {
                        return self.leave(&mut seat, &error);
                    }
                }
            }
            wait = gathering(wait, len, began.elapsed());
            writer.carry();
            wait.first_max = (!writer.log.is_empty()).then_some(IDLE);
        }
    }

    /// A writer that cannot even undo writes no more.
    fn leave(&self, seat: &mut Option<Writer>, error: &rusqlite::Error) {
        if let Some(mut writer) = seat.take() {
            tracing::error!(%error, path = %writer.path.display(), "the writer of a journal stopped");
            writer.checkpoint();
        }
        self.inbox.close();
    }
}

/// Nobody waits for a thread that is gone.
struct CloseOnExit<'s>(&'s Inbox);

impl Drop for CloseOnExit<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// How long it is worth to wait for a next group like this one.
///
/// Whoever was just answered comes back soon, if at all. To start with the first of them would make every other group a small one, and a page
/// that many batches change is written once a group. A few writers are never kept waiting for each other.
fn gathering(wait: Wait, len: usize, took: Duration) -> Wait {
    if len < GATHER_LEN_MIN {
        return Wait { len_wanted: 1, more_max: Duration::ZERO, ..wait };
    }
    Wait { len_wanted: len - len / 8, more_max: (took / 4).min(GATHER_MAX), ..wait }
}
