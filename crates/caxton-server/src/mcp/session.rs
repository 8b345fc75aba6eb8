//! What is remembered of a session of the era that has them, and how much its client wants to hear.

use super::Front;
use caxton_mcp::{
    rmcp::{
        RoleServer,
        model::{LoggingLevel, LoggingMessageNotificationParam},
        service::{Peer, RequestContext},
    },
    server::is_modern,
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

/// The most resources that one session watches.
const WATCHED_MAX: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Session {
    /// The resources whose changes it wants to hear of.
    watched: Mutex<BTreeSet<String>>,
    /// From which level on it wants to hear; nothing before it says so.
    level: Mutex<Option<LoggingLevel>>,
    /// Whether somebody tells it of changes already.
    told: AtomicBool,
}

impl Session {
    /// Watches one resource more; false where that is one too many.
    pub(super) fn watch(&self, uri: String) -> bool {
        let mut watched = self.watched.lock();
        if watched.len() >= WATCHED_MAX && !watched.contains(&uri) {
            return false;
        }
        watched.insert(uri);
        true
    }

    pub(super) fn unwatch(&self, uri: &str) {
        self.watched.lock().remove(uri);
    }

    pub(super) fn watched(&self) -> BTreeSet<String> {
        self.watched.lock().clone()
    }

    pub(super) fn set_level(&self, level: LoggingLevel) {
        *self.level.lock() = Some(level);
    }

    /// True for whoever asks first: it is their task to tell of changes.
    pub(super) fn begin_telling(&self) -> bool {
        !self.told.swap(true, Ordering::AcqRel)
    }
}

/// What a client hears of one request, where it wants to.
pub(super) struct Log {
    peer: Peer<RoleServer>,
    from: Option<LoggingLevel>,
    /// The tool or agent that it is about.
    about: String,
}

impl Log {
    pub(super) fn new(front: &Front, context: &RequestContext<RoleServer>, about: String) -> Self {
        let from = if is_modern(context) { context.meta.log_level() } else { *front.session.level.lock() };
        Self { peer: context.peer.clone(), from, about }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.from.is_some()
    }

    pub(super) async fn write(&self, level: LoggingLevel, data: Value) {
        if self.from.is_none_or(|from| rank(level) < rank(from)) {
            return;
        }
        let line = LoggingMessageNotificationParam::new(level, data).with_logger(self.about.as_str());
        // Who went away has no use for it.
        let _ = self.peer.notify_logging_message(line).await;
    }
}

fn rank(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}
