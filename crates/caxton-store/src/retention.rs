//! What is given up when its time is over: which events and conversations, and the content that nothing names any more.
//!
//! Invariant: what is decided for good (decisions, deployments, changes of the configuration, what is remembered) and everything that an open
//! turn or a waiting message may need stays. Readers look for what can go; the writer looks again in the transaction that removes it.

mod files;
mod marks;
mod run;

pub use self::files::FilesExpiry;
pub(crate) use self::marks::Marks;
use caxton_types::{ConversationId, Digest, Fact, MessageId, NewEvent, Party, Seq, Timestamp, TurnId};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long things are kept; for ever where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// A conversation in which nothing waits or is worked on goes so long after its last event, with all that belongs to it.
    pub conversations: Option<Duration>,
    /// Facts of these kinds go earlier, unless their conversation is busy.
    pub kinds: BTreeMap<Box<str>, Duration>,
    /// Content that was sent ahead may wait so long for the event that names it.
    pub uploads: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { conversations: None, kinds: BTreeMap::new(), uploads: Duration::from_hours(1) }
    }
}

impl Retention {
    /// Whether the time of facts of this kind can be over.
    pub(crate) fn is_expirable(kind: &str) -> bool {
        Fact::EXPIRABLE.contains(&kind)
    }

    /// Whether everything is kept for ever.
    pub fn keeps_all(&self) -> bool {
        self.conversations.is_none() && self.kinds.is_empty()
    }
}

/// What goes, or went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expiry {
    /// How many events of each kind.
    pub events: BTreeMap<Box<str>, u64>,
    /// The bytes of these events.
    pub event_bytes: u64,
    /// How many whole conversations.
    pub conversations: u64,
    /// How many blobs that nothing names.
    pub blobs: u64,
    /// The bytes of these blobs.
    pub blob_bytes: u64,
    /// The last event that goes; 0 where none does.
    pub until: Seq,
}

impl Expiry {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.conversations == 0 && self.blobs == 0
    }

    /// How many events, of all kinds.
    pub fn events_len(&self) -> u64 {
        self.events.values().sum()
    }

    fn event(&mut self, expired: &Expired) {
        *self.events.entry(expired.kind.clone()).or_default() += 1;
        self.event_bytes += expired.size;
        self.until = self.until.max(expired.seq);
    }
}

/// An event whose time is over, with what the tables beside it know it by.
#[derive(Debug, Clone)]
pub(crate) struct Expired {
    pub(crate) seq: Seq,
    pub(crate) kind: Box<str>,
    pub(crate) size: u64,
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) turn: Option<TurnId>,
    pub(crate) message: Option<Accepted>,
}

/// The message that an event accepted.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) id: MessageId,
    pub(crate) dedup: Option<(Party, Box<str>)>,
}

impl Accepted {
    pub(crate) fn of(event: NewEvent) -> Option<Self> {
        let Fact::MessageAccepted { message, dedup, .. } = event.fact else { return None };
        Some(Self { id: message.id, dedup: dedup.map(|key| (message.sender, key)) })
    }
}

/// A bounded piece of work for the writer, done in one transaction with whatever else it commits.
pub(crate) enum Sweep {
    Events(Vec<Expired>),
    /// Those that hold nothing more and had their last event before this moment.
    Conversations {
        ids: Vec<ConversationId>,
        before: Timestamp,
    },
    Blobs {
        digests: Vec<Digest>,
        marked: Marked,
        sent_before: Timestamp,
    },
    /// Gives so many free pages back to the disk.
    Vacuum {
        pages: u32,
    },
}

/// How far the references in a journal are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marked {
    /// Up to this event.
    pub(crate) seq: Seq,
    /// Up to this row of the table of blobs.
    pub(crate) blob: i64,
}

/// What became of a piece of work; it counts only where the commit succeeded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Swept {
    pub(crate) events: Vec<Expired>,
    pub(crate) conversations: u64,
    pub(crate) blobs: u64,
    pub(crate) blob_bytes: u64,
    /// Too much was written since the references were looked at: they must be looked at again.
    pub(crate) stale: bool,
    /// Free pages that are left.
    pub(crate) free_pages: u64,
}

/// A piece of work and the place for what becomes of it.
#[derive(Clone)]
pub(crate) struct Chore {
    pub(crate) sweep: Arc<Sweep>,
    pub(crate) swept: Arc<Mutex<Swept>>,
}

impl Chore {
    pub(crate) fn new(sweep: Sweep) -> Self {
        Self { sweep: Arc::new(sweep), swept: Arc::default() }
    }
}
