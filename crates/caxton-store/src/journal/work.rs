//! A batch on its way to the writer, its bodies already written out by the task that sent it.

use crate::{Batch, Error, Receipt, blobs::IN_JOURNAL_LEN_MAX, retention::Chore, state::StateCall};
use caxton_types::NewEvent;
use tokio::sync::oneshot;

/// What a task may write itself, in bytes.
const SMALL_LEN_MAX: u64 = 64 << 10;

/// A batch and where its answer goes.
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
    pub(super) fn answer(self, result: Result<Receipt, Error>) {
        // Whoever sent it may have gone.
        let _ = self.reply.send(Answer { result, _work: self.work });
    }
}

/// A batch and the JSON of its events.
pub(super) struct Work {
    pub(super) batch: Batch,
    /// What is to be removed, beside a batch that is empty then.
    pub(super) chore: Option<Chore>,
    /// What is to be kept by key, beside a batch that is empty then.
    pub(super) state: Option<StateCall>,
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
        Ok(Self { batch, chore: None, state: None, text, ends })
    }

    pub(super) fn of(chore: Chore) -> Self {
        Self { batch: Batch::default(), chore: Some(chore), state: None, text: String::new(), ends: Vec::new() }
    }

    pub(super) fn of_state(call: StateCall) -> Self {
        Self { batch: Batch::default(), chore: None, state: Some(call), text: String::new(), ends: Vec::new() }
    }

    /// The bytes that it brings, but for those that go into files of their own.
    pub(super) fn len(&self) -> u64 {
        let blobs = self.batch.blobs.iter().map(|(_, bytes)| bytes.len()).filter(|len| *len <= IN_JOURNAL_LEN_MAX);
        (self.text.len() + blobs.sum::<usize>()) as u64
    }

    /// Whether it takes no longer than the commit itself.
    pub(super) fn is_small(&self) -> bool {
        self.chore.is_none() && self.state.is_none() && !self.batch.is_fed() && self.len() <= SMALL_LEN_MAX
    }

    pub(super) fn events(&self) -> impl Iterator<Item = (&NewEvent, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let bodies = starts.zip(&self.ends).map(|(start, end)| self.text.get(start..*end).unwrap_or_default());
        self.batch.events.iter().zip(bodies)
    }
}
