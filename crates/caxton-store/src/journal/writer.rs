//! Writes groups of batches, each in one transaction, and then tells everyone.

use super::{
    inbox::Inbox,
    log::WriteAhead,
    measure::Measure,
    pace::Pace,
    tables::{Head, Known, Stop, Tables},
    work::{Command, Errand},
};
use crate::{Batch, Error, Receipt, projection::Projection, sqlite};
use caxton_types::{Durability, Seq};
use metrics::{Counter, Gauge, Histogram};
use rusqlite::Connection;
use std::{path::PathBuf, sync::Arc, time::Instant};
use tokio::sync::watch;

pub(super) struct Meters {
    pub(super) events: Counter,
    pub(super) commits: Counter,
    pub(super) group_len: Histogram,
    pub(super) queue_len: Gauge,
}

/// Everything that writing takes; whoever holds it writes.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) known: Known,
    pub(super) path: PathBuf,
    pub(super) projection: Projection,
    pub(super) inbox: Arc<Inbox>,
    pub(super) head: Head,
    pub(super) last: watch::Sender<Seq>,
    pub(super) measure: Measure,
    pub(super) durability: Durability,
    pub(super) meters: Meters,
    pub(super) log: WriteAhead,
    /// What the connection promises now.
    pub(super) synchronous: Option<Durability>,
    pub(super) pace: Pace,
}

impl Writer {
    /// One transaction for the whole group.
    pub(super) fn write(&mut self, group: &mut Vec<Command>) -> rusqlite::Result<()> {
        let asked = group.iter().filter_map(|command: &Command| command.errand.batch()?.durability).max();
        let durability = asked.unwrap_or(self.durability).max(self.durability);
        if self.synchronous != Some(durability) {
            sqlite::synchronous(&self.conn, durability)?;
            self.synchronous = Some(durability);
        }
        let (len, began) = (group.len(), Instant::now());
        let wrote = group.iter().map(|command| command.errand.len()).sum();
        let swept = group.iter().any(|command| matches!(command.errand, Errand::Sweep(_)));
        self.commit(group)?;
        self.measure.wrote(&self.conn, wrote, swept);
        self.log.written();
        if !swept {
            self.pace.took(len, durability, began.elapsed());
        }
        Ok(())
    }

    /// So many batches came while one was written.
    pub(super) fn others_wait(&mut self, len: usize) {
        self.pace.others_wait(len);
    }

    /// A batch that is refused leaves no trace in the transaction.
    fn commit(&mut self, group: &mut Vec<Command>) -> rusqlite::Result<()> {
        let before = self.head;
        let mut answers = Vec::with_capacity(group.len());
        let mut tables = Tables::of(&self.conn, &mut self.known);
        if let Err(source) = apply(&mut tables, &mut self.head, group, &mut answers) {
            let error = Error::sqlite(&self.path)(source);
            tracing::error!(%error, path = %self.path.display(), "a group of batches could not be written");
            self.head = before;
            let undone = tables.rollback();
            for command in group.drain(..) {
                command.answer(Err(error.clone()));
            }
            return undone;
        }
        drop(tables);
        self.meters.events.increment(self.head.last.0 - before.last.0);
        self.meters.commits.increment(1);
        #[expect(clippy::cast_precision_loss, reason = "lengths of queues are exact in a double")]
        {
            self.meters.group_len.record(group.len() as f64);
            self.meters.queue_len.set(self.inbox.len() as f64);
        }
        let applied = if group.iter().zip(&answers).any(|(command, answer)| answer.is_ok() && command.errand.is_fed()) {
            let batches = group.iter().filter_map(|command| command.errand.batch());
            let brought = batches.filter(|batch| batch.is_heavy()).flat_map(|batch| &batch.blobs).map(|(digest, bytes)| (digest, bytes));
            self.projection.catch_up(&self.conn, &brought.collect())
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
                (Err(source), Ok(receipt)) if command.errand.is_fed() => {
                    Err(Error::NotApplied { last: receipt.last, source: Box::new(source.clone()) })
                }
                (_, answer) => answer,
            };
            command.answer(answer);
        }
        Ok(())
    }

    /// Reads what is known beside the tables.
    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.measure.look(&self.conn);
        Tables::of(&self.conn, &mut self.known).reread()
    }

    /// Whether one small commit is so quick that a task may do it itself: then it costs no change of threads, which takes longer than it.
    pub(super) fn is_quick(&self, batch: &Batch) -> bool {
        let durability = batch.durability.unwrap_or(self.durability).max(self.durability);
        !self.log.is_long() && self.pace.is_quick(durability)
    }

    /// Carries a log that has become long into the database.
    pub(super) fn carry(&mut self) {
        if self.log.is_long() {
            if let Err(error) = sqlite::checkpoint_passive(&self.conn) {
                tracing::warn!(%error, path = %self.path.display(), "the write-ahead log could not be carried over");
            }
            self.log.carried();
        }
    }

    /// Empties the log.
    pub(super) fn checkpoint(&mut self) {
        self.projection.checkpoint();
        match sqlite::checkpoint(&self.conn) {
            Ok(true) => self.log.emptied(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, path = %self.path.display(), "the write-ahead log could not be emptied"),
        }
    }
}

fn apply(tables: &mut Tables<'_>, head: &mut Head, group: &[Command], answers: &mut Vec<Result<Receipt, Error>>) -> rusqlite::Result<()> {
    tables.begin()?;
    for command in group {
        answers.push(match tables.apply(&command.errand, head) {
            Ok(receipt) => Ok(receipt),
            Err(Stop::Refused(error)) => Err(error),
            Err(Stop::Broken(error)) => return Err(error),
        });
    }
    tables.commit()
}
