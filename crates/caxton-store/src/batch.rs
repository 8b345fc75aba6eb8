//! What is written in one piece.

use crate::projection::feeds;
use bytes::Bytes;
use caxton_types::{
    AgentName, ConversationId, Digest, Durability, Fact, MessageId, NewEvent, Payload, Seq, Timestamp, canonical_json, canonical_len_max,
};
use serde::Serialize;
use serde_json::Value;

/// Facts and what they do to the queue: applied whole or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// What happened, in this order.
    pub events: Vec<NewEvent>,
    /// Messages that wait for their agent from now on; each is accepted in this batch or was before.
    pub enqueue: Vec<QueueRow>,
    /// Messages that wait no longer; each must have waited before this batch.
    pub dequeue: Vec<MessageId>,
    /// Content that the events name.
    pub blobs: Vec<(Digest, Bytes)>,
    /// What the acknowledgement promises: the workspace's default where nothing is said, and never less than that.
    pub durability: Option<Durability>,
}

impl Batch {
    /// A batch of these events and nothing else.
    pub fn of(events: Vec<NewEvent>) -> Self {
        Self { events, ..Self::default() }
    }

    /// Whether a projection reads any of it.
    pub(crate) fn is_fed(&self) -> bool {
        self.events.iter().any(|event| feeds(&event.fact))
    }

    /// Whether it may be too long to be written out or applied on a thread that others wait for: a deployment may bring any number of agents.
    pub(crate) fn is_heavy(&self) -> bool {
        self.events.iter().any(|event| matches!(event.fact, Fact::Deployed { .. }))
    }
}

/// A message that waits for its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRow {
    /// The message.
    pub message: MessageId,
    /// The agent it waits for.
    pub agent: AgentName,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
}

/// Where a batch stands in the journal. A batch without events stands at the end of it: `first` and `last` are the last event before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The seq of its first event.
    pub first: Seq,
    /// The seq of its last event.
    pub last: Seq,
    /// When it was written.
    pub at: Timestamp,
}

/// The payload of a fact: in place while its canonical JSON is short, else a blob that is added to `blobs`.
///
/// A value that JSON cannot express (a map whose keys are not texts) is recorded as null; the facts of the journal hold none.
pub fn payload_of(value: &impl Serialize, blobs: &mut Vec<(Digest, Bytes)>) -> Payload {
    let value = serde_json::to_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a payload is not expressible in JSON");
        Value::Null
    });
    if canonical_len_max(&value) <= Payload::INLINE_LEN_MAX {
        return Payload::Inline(value);
    }
    let text = canonical_json(&value);
    if text.len() <= Payload::INLINE_LEN_MAX {
        return Payload::Inline(value);
    }
    let (digest, size) = (Digest::of(text.as_bytes()), text.len() as u64);
    blobs.push((digest, text.into()));
    Payload::Blob { digest, size }
}
