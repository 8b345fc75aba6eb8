//! What agents keep by key: what is asked of it and what comes of that.

use caxton_types::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;

/// The most that one owner keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateBounds {
    /// Keys.
    pub keys_max: u64,
    /// Bytes of keys and values together.
    pub bytes_max: u64,
}

/// A change of what is kept under one key.
#[derive(Debug, Clone)]
pub struct StateWrite {
    /// Whose it is.
    pub owner: Box<str>,
    /// Its name.
    pub key: Box<str>,
    /// The call that asks; the same call a second time changes nothing.
    pub call: Box<str>,
    /// What is to become of it.
    pub change: StateChange,
    /// Only where it stands at this version; 0 for where nothing is kept.
    pub if_version: Option<u64>,
    /// What must not be exceeded.
    pub bounds: StateBounds,
}

impl StateWrite {
    /// The JSON of what is to be kept.
    pub(crate) fn text(&self) -> String {
        match &self.change {
            StateChange::Put { value, .. } => value.to_string(),
            StateChange::Delete => String::new(),
        }
    }
}

/// What is to become of it.
#[derive(Debug, Clone)]
pub enum StateChange {
    /// It is this, until then.
    Put { value: Value, expires: Option<Timestamp> },
    /// It is nothing.
    Delete,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateOutcome {
    /// It is kept, at this version.
    Kept { version: u64, is_new: bool },
    /// It was removed; false where nothing was kept.
    Removed(bool),
    /// It stands at another version; 0 where nothing is kept.
    Conflict { version: u64 },
    /// The owner has so much already.
    Full { keys: u64, bytes: u64 },
}

/// What is kept under one key.
#[derive(Debug, Clone, PartialEq)]
pub struct StateRow {
    /// Its name.
    pub key: Box<str>,
    /// What is kept.
    pub value: Value,
    /// Rises with each change.
    pub version: u64,
    /// When it goes by itself.
    pub expires: Option<Timestamp>,
}

/// A change on its way to the writer, and where what became of it is told.
#[derive(Clone)]
pub(crate) struct StateCall {
    pub(crate) write: Arc<StateWrite>,
    /// The JSON of what is to be kept.
    pub(crate) text: Arc<str>,
    pub(crate) outcome: Arc<Mutex<Option<StateOutcome>>>,
}

impl StateCall {
    pub(crate) fn new(write: StateWrite) -> Self {
        Self { text: write.text().into(), write: Arc::new(write), outcome: Arc::default() }
    }

    /// The bytes that it may add.
    pub(crate) fn len(&self) -> u64 {
        (self.write.key.len() + self.text.len()) as u64
    }
}
