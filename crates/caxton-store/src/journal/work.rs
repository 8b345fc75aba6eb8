//! What is on its way to the writer, its texts already written out by the task that sent it.

use crate::{Batch, Error, Receipt, blobs::IN_JOURNAL_LEN_MAX, retention::Chore, state::StateCall};
use caxton_types::NewEvent;
use tokio::sync::oneshot;

/// What a task may write itself, in bytes.
const SMALL_LEN_MAX: u64 = 64 << 10;

/// What is to be done and where its answer goes.
pub(super) struct Command {
    pub(super) errand: Errand,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What became of an errand. It goes back itself, so that the writer spends no time on freeing what others allocated.
pub(super) struct Answer {
    pub(super) result: Result<Receipt, Error>,
    _errand: Errand,
}

impl Command {
    pub(super) fn answer(self, result: Result<Receipt, Error>) {
        // Whoever sent it may have gone.
        let _ = self.reply.send(Answer { result, _errand: self.errand });
    }
}

/// What the writer is asked to do.
pub(super) enum Errand {
    /// Commit a batch.
    Commit(Work),
    /// Remove what its time is over for.
    Sweep(Chore),
    /// Change what is kept under a key.
    Keep(StateCall),
}

impl Errand {
    pub(super) fn batch(&self) -> Option<&Batch> {
        match self {
            Self::Commit(work) => Some(&work.batch),
            Self::Sweep(_) | Self::Keep(_) => None,
        }
    }

    /// Whether a projection reads any of it.
    pub(super) fn is_fed(&self) -> bool {
        self.batch().is_some_and(Batch::is_fed)
    }

    /// The bytes that it brings, but for those that go into files of their own.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Commit(work) => work.len(),
            Self::Sweep(_) => 0,
            Self::Keep(call) => call.len(),
        }
    }
}

/// A batch and the JSON of its events.
pub(super) struct Work {
    pub(super) batch: Batch,
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
        Ok(Self { batch, text, ends })
    }

    fn len(&self) -> u64 {
        let blobs = self.batch.blobs.iter().map(|(_, bytes)| bytes.len()).filter(|len| *len <= IN_JOURNAL_LEN_MAX);
        (self.text.len() + blobs.sum::<usize>()) as u64
    }

    /// Whether it takes no longer than the commit itself.
    pub(super) fn is_small(&self) -> bool {
        !self.batch.is_fed() && self.len() <= SMALL_LEN_MAX
    }

    pub(super) fn events(&self) -> impl Iterator<Item = (&NewEvent, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let bodies = starts.zip(&self.ends).map(|(start, end)| self.text.get(start..*end).unwrap_or_default());
        self.batch.events.iter().zip(bodies)
    }
}
