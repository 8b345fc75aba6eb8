//! The one thread that writes a journal: it takes what has gathered, commits it in one transaction, and then tells everyone.

use super::{
    inbox::{Inbox, Taken, Wait},
    measure::Measure,
    tables::{Head, Stop, Tables},
};
use crate::{Batch, Error, Receipt, blobs::IN_JOURNAL_LEN_MAX, projection::Projection, retention::Chore, sqlite};
use caxton_types::{Durability, NewEvent, Seq};
use metrics::{Counter, Gauge, Histogram};
use rusqlite::Connection;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// After so long without work the write-ahead log is carried over and emptied.
const IDLE: Duration = Duration::from_secs(2);
/// The smallest group that another like it is awaited after, and how long at most.
const GATHER_LEN_MIN: usize = 16;
const GATHER_MAX: Duration = Duration::from_millis(5);

/// A batch on its way, its bodies already written out by the task that sent it.
pub(super) struct Command {
    pub(super) work: Work,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What became of a batch. The batch goes back with it, so that the writer spends no time on freeing what others allocated.
pub(super) struct Answer {
    pub(super) result: Result<Receipt, Error>,
    _work: Work,
}

impl Command {
    fn answer(self, result: Result<Receipt, Error>) {
        // Whoever sent it may have gone.
        let _ = self.reply.send(Answer { result, _work: self.work });
    }
}

/// A batch and the JSON of its events.
pub(super) struct Work {
    pub(super) batch: Batch,
    /// What is to be removed, beside a batch that is empty then.
    pub(super) chore: Option<Chore>,
    text: String,
    /// Where each body ends in `text`.
    ends: Vec<usize>,
}

impl Work {
    pub(super) fn new(mut batch: Batch) -> Result<Self, serde_json::Error> {
        if batch.is_heavy() {
            batch.blobs.sort_unstable_by_key(|(digest, _)| *digest);
        }
        let mut text = Vec::with_capacity(batch.events.len() * 1024);
        let mut ends = Vec::with_capacity(batch.events.len());
        for event in &batch.events {
            serde_json::to_writer(&mut text, event)?;
            ends.push(text.len());
        }
        let text = String::from_utf8(text).map_err(serde::ser::Error::custom)?;
        Ok(Self { batch, chore: None, text, ends })
    }

    pub(super) fn of(chore: Chore) -> Self {
        Self { batch: Batch::default(), chore: Some(chore), text: String::new(), ends: Vec::new() }
    }

    /// The bytes that it brings, but for those that go into files of their own.
    fn len(&self) -> u64 {
        let blobs = self.batch.blobs.iter().map(|(_, bytes)| bytes.len()).filter(|len| *len <= IN_JOURNAL_LEN_MAX);
        (self.text.len() + blobs.sum::<usize>()) as u64
    }

    pub(super) fn events(&self) -> impl Iterator<Item = (&NewEvent, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let bodies = starts.zip(&self.ends).map(|(start, end)| self.text.get(start..*end).unwrap_or_default());
        self.batch.events.iter().zip(bodies)
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

pub(super) struct Meters {
    pub(super) events: Counter,
    pub(super) commits: Counter,
    pub(super) group_len: Histogram,
    pub(super) queue_len: Gauge,
}

/// Everything that the thread owns.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) projection: Projection,
    pub(super) inbox: Arc<Inbox>,
    pub(super) head: Head,
    pub(super) last: watch::Sender<Seq>,
    pub(super) measure: Measure,
    pub(super) durability: Durability,
    pub(super) group_len_max: usize,
    pub(super) meters: Meters,
}

/// Nobody waits for a thread that is gone.
struct CloseOnExit(Arc<Inbox>);

impl Drop for CloseOnExit {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Writer {
    pub(super) fn run(mut self, conn: &Connection) {
        let _close = CloseOnExit(Arc::clone(&self.inbox));
        if let Err(error) = self.serve(conn) {
            tracing::error!(%error, path = %self.path.display(), "the writer of a journal stopped");
        }
        self.checkpoint(conn);
    }

    fn serve(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let mut tables = Tables::prepare(conn)?;
        self.measure.look(conn);
        let mut group = Vec::with_capacity(self.group_len_max);
        let mut synchronous = None;
        let mut deferred = false;
        let mut dirty = true;
        let mut wait = Wait { first_max: None, len_wanted: 1, more_max: Duration::ZERO };
        loop {
            wait.first_max = dirty.then_some(IDLE);
            match self.inbox.take(&mut group, self.group_len_max, wait) {
                Taken::Closed => return Ok(()),
                Taken::Nothing => {
                    dirty = !self.checkpoint(conn);
                    continue;
                }
                Taken::Commands => dirty = true,
            }
            let asked = group.iter().filter_map(|command: &Command| command.work.batch.durability).max();
            let durability = asked.unwrap_or(self.durability).max(self.durability);
            if synchronous != Some(durability) {
                sqlite::synchronous(conn, durability)?;
                synchronous = Some(durability);
            }
            let (len, start) = (group.len(), Instant::now());
            let heavy = group.iter().any(|command| command.work.batch.is_heavy());
            if heavy != deferred {
                // Whoever deploys waits for no more than must be on the disk: the log is carried over later.
                sqlite::autocheckpoint(conn, !heavy)?;
                deferred = heavy;
            }
            let (wrote, swept) =
                (group.iter().map(|command| command.work.len()).sum(), group.iter().any(|command| command.work.chore.is_some()));
            self.commit(conn, &mut tables, &mut group)?;
            self.measure.wrote(conn, wrote, swept);
            wait = gathering(wait, len, start.elapsed());
        }
    }

    /// One transaction for the whole group; a batch that is refused leaves no trace in it.
    fn commit(&mut self, conn: &Connection, tables: &mut Tables<'_>, group: &mut Vec<Command>) -> rusqlite::Result<()> {
        let before = self.head;
        let mut answers = Vec::with_capacity(group.len());
        let written = self.write(tables, group, &mut answers);
        if let Err(source) = written {
            let error = Error::sqlite(&self.path)(source);
            tracing::error!(%error, path = %self.path.display(), "a group of batches could not be written");
            self.head = before;
            let undone = tables.rollback();
            for command in group.drain(..) {
                command.answer(Err(error.clone()));
            }
            return undone;
        }
        self.meters.events.increment(self.head.last.0 - before.last.0);
        self.meters.commits.increment(1);
        #[expect(clippy::cast_precision_loss, reason = "lengths of queues are exact in a double")]
        {
            self.meters.group_len.record(group.len() as f64);
            self.meters.queue_len.set(self.inbox.len() as f64);
        }
        let applied = if group.iter().zip(&answers).any(|(command, answer)| answer.is_ok() && command.work.batch.is_fed()) {
            let batches = group.iter().map(|command| &command.work.batch);
            let brought = batches.filter(|batch| batch.is_heavy()).flat_map(|batch| &batch.blobs).map(|(digest, bytes)| (digest, bytes));
            self.projection.catch_up(conn, &brought.collect())
        } else {
            Ok(())
        };
        if let Err(error) = &applied {
            tracing::error!(%error, "the projection of a workspace is behind its journal");
        }
        if self.head.last != before.last {
            self.last.send_replace(self.head.last);
        }
        for (command, answer) in group.drain(..).zip(answers) {
            let answer = match (&applied, answer) {
                (Err(source), Ok(receipt)) if command.work.batch.is_fed() => {
                    Err(Error::NotApplied { last: receipt.last, source: Box::new(source.clone()) })
                }
                (_, answer) => answer,
            };
            command.answer(answer);
        }
        Ok(())
    }

    fn write(&mut self, tables: &mut Tables<'_>, group: &[Command], answers: &mut Vec<Result<Receipt, Error>>) -> rusqlite::Result<()> {
        tables.begin()?;
        for command in group {
            answers.push(match tables.apply(&command.work, &mut self.head) {
                Ok(receipt) => Ok(receipt),
                Err(Stop::Refused(error)) => Err(error),
                Err(Stop::Broken(error)) => return Err(error),
            });
        }
        tables.commit()
    }

    /// Whether everything is in the database now.
    fn checkpoint(&self, conn: &Connection) -> bool {
        self.projection.checkpoint();
        sqlite::checkpoint(conn).unwrap_or_else(|error| {
            tracing::warn!(%error, path = %self.path.display(), "the write-ahead log could not be emptied");
            false
        })
    }
}
