//! Looks for what its time is over for, and for content that nothing names.

use super::{before, body_at, head};
use crate::{
    journal::sweep::busy,
    retention::{Accepted, Expired, Marked, Marks, Retention},
    sqlite::{self, count, seq_at, uuid_at},
};
use caxton_types::{ConversationId, Digest, Seq, Timestamp, TurnId};
use rusqlite::{Connection, OptionalExtension as _, params, types::ValueRef};
use std::collections::{HashMap, HashSet};

/// The most conversations that one run gives up; the next one goes on.
const CONVERSATIONS_MAX: u32 = 100_000;
/// Events, and blobs, that are looked at in one go.
const CHUNK_LEN: u32 = 4000;
const BLOBS_LEN: u32 = 64;

/// Behind this event nothing was ever removed.
pub(crate) fn expired_until(conn: &Connection) -> rusqlite::Result<Seq> {
    let until = conn.prepare_cached("SELECT until FROM expired")?.query_row([], |row| seq_at(row, 0)).optional()?;
    Ok(until.unwrap_or_default())
}

/// Until where events go.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    kinds: HashMap<Box<str>, Seq>,
    busy: HashSet<ConversationId>,
    pub(crate) conversations: HashSet<ConversationId>,
    /// The last event of a conversation that goes is older than this.
    pub(crate) before: Timestamp,
    until: Seq,
}

pub(crate) fn limits(conn: &Connection, retention: &Retention, at: Timestamp) -> rusqlite::Result<Limits> {
    let conn = &*conn.unchecked_transaction()?;
    let mut limits = Limits { busy: busy(conn)?.into_iter().collect(), ..Limits::default() };
    // The last event stays whatever it is, and its conversation with it until another one comes.
    let last = "SELECT conversation FROM event ORDER BY seq DESC LIMIT 1";
    let last: Option<Option<[u8; 16]>> = conn.prepare_cached(last)?.query_row([], |row| row.get(0)).optional()?;
    limits.busy.extend(last.flatten().map(|id| ConversationId::from_uuid(uuid::Uuid::from_bytes(id))));
    for (kind, kept) in &retention.kinds {
        let until = before(conn, at.minus(*kept))?;
        limits.until = limits.until.max(until);
        limits.kinds.insert(kind.clone(), until);
    }
    if let Some(kept) = retention.conversations {
        limits.before = at.minus(kept);
        let until = before(conn, limits.before)?;
        limits.until = limits.until.max(until);
        let sql = "SELECT id FROM conversation WHERE opened <= ?1 AND last_at < ?2 AND pending <= 0 ORDER BY opened LIMIT ?3";
        let mut ids = conn.prepare_cached(sql)?;
        let ids = ids.query_map(params![sqlite::seq(until), limits.before.as_micros(), CONVERSATIONS_MAX], |row| uuid_at(row, 0))?;
        for id in ids {
            let id = ConversationId::from_uuid(id?);
            if !limits.busy.contains(&id) {
                limits.conversations.insert(id);
            }
        }
    }
    Ok(limits)
}

impl Limits {
    fn is_over(&self, seq: Seq, kind: &str, conversation: Option<ConversationId>) -> bool {
        if !Retention::is_expirable(kind) || conversation.is_some_and(|id| self.busy.contains(&id)) {
            return false;
        }
        conversation.is_some_and(|id| self.conversations.contains(&id)) || self.kinds.get(kind).is_some_and(|until| seq <= *until)
    }
}

/// Events behind `after` whose time is over, and how far was looked; no place where that is all.
pub(crate) fn expired(conn: &Connection, limits: &Limits, after: Seq) -> rusqlite::Result<(Vec<Expired>, Option<Seq>)> {
    let last = head(conn)?.0;
    let sql = "SELECT seq, kind, octet_length(body), conversation, turn, CASE kind WHEN 'message_accepted' THEN body END
        FROM event WHERE seq > ?1 AND seq <= ?2 AND seq < ?3 ORDER BY seq LIMIT ?4";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params![sqlite::seq(after), sqlite::seq(limits.until), sqlite::seq(last), CHUNK_LEN])?;
    let (mut found, mut seen, mut at) = (Vec::new(), 0, after);
    while let Some(row) = rows.next()? {
        seen += 1;
        at = seq_at(row, 0)?;
        let kind = row.get_ref(1)?.as_str()?;
        let conversation = row.get::<_, Option<[u8; 16]>>(3)?.map(|id| ConversationId::from_uuid(uuid::Uuid::from_bytes(id)));
        if limits.is_over(at, kind, conversation) {
            let turn = row.get::<_, Option<[u8; 16]>>(4)?.map(|id| TurnId::from_uuid(uuid::Uuid::from_bytes(id)));
            let message = if kind == "message_accepted" { Accepted::of(body_at(row, 5)?) } else { None };
            found.push(Expired { seq: at, kind: kind.into(), size: count(row, 2)?, conversation, turn, message });
        }
    }
    Ok((found, (seen == CHUNK_LEN).then_some(at)))
}

/// All content that was not sent a moment ago, and up to which row that is.
pub(crate) fn unnamed(conn: &Connection, sent_before: Timestamp) -> rusqlite::Result<(Marks, Marked)> {
    let conn = &*conn.unchecked_transaction()?;
    let last: Option<i64> = conn.prepare_cached("SELECT max(rowid) FROM blob")?.query_row([], |row| row.get(0))?;
    let sql = "SELECT digest, size FROM blob WHERE rowid < ?1 AND digest NOT IN (SELECT digest FROM upload WHERE at >= ?2)";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params![last, sent_before.as_micros()])?;
    let mut marks = Marks::default();
    while let Some(row) = rows.next()? {
        marks.insert(Digest::from_bytes(row.get(0)?), count(row, 1)?);
    }
    Ok((marks, Marked { seq: Seq(0), blob: last.unwrap_or_default() }))
}

/// Takes out what events behind `after` name, but for those that go. How far it looked; no place where that is all.
pub(crate) fn mark_events(
    conn: &Connection,
    marks: &mut Marks,
    after: Seq,
    goes: &HashSet<Seq>,
    named: &mut Vec<Digest>,
) -> rusqlite::Result<(Seq, bool)> {
    let mut statement = conn.prepare_cached("SELECT seq, body FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let mut rows = statement.query(params![sqlite::seq(after), CHUNK_LEN])?;
    let (mut seen, mut at) = (0, after);
    while let Some(row) = rows.next()? {
        seen += 1;
        at = seq_at(row, 0)?;
        if !goes.contains(&at) {
            named.extend(marks.take_named(row.get_ref(1)?.as_bytes()?));
        }
    }
    Ok((at, seen < CHUNK_LEN))
}

/// Takes out what content names that is itself named, from this row on. The row that it came to, whether that is all, and which content stands
/// in files that only the caller can look into.
pub(crate) fn mark_blobs(
    conn: &Connection,
    marks: &mut Marks,
    after: i64,
    named: &mut Vec<Digest>,
) -> rusqlite::Result<(i64, bool, Vec<Digest>)> {
    let mut statement = conn.prepare_cached("SELECT rowid, digest, bytes FROM blob WHERE rowid > ?1 ORDER BY rowid LIMIT ?2")?;
    let mut rows = statement.query(params![after, BLOBS_LEN])?;
    let (mut seen, mut at, mut files) = (0, after, Vec::new());
    while let Some(row) = rows.next()? {
        seen += 1;
        at = row.get(0)?;
        let digest = Digest::from_bytes(row.get(1)?);
        if marks.contains(&digest) {
            continue;
        }
        match row.get_ref(2)? {
            ValueRef::Blob(bytes) => named.extend(marks.take_named(bytes)),
            _ => files.push(digest),
        }
    }
    Ok((at, seen < BLOBS_LEN, files))
}

/// How large the journal is.
pub(crate) fn pages(conn: &Connection) -> rusqlite::Result<Pages> {
    let pragma = |name: &str| conn.prepare_cached(&format!("PRAGMA {name}"))?.query_row([], |row| count(row, 0));
    Ok(Pages {
        all: pragma("page_count")?,
        free: pragma("freelist_count")?,
        len: pragma("page_size")?,
        shrinks: pragma("auto_vacuum")? == 2,
    })
}

/// How large a database is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pages {
    pub(crate) all: u64,
    pub(crate) free: u64,
    pub(crate) len: u64,
    /// Whether free pages can be given back to the disk; a journal that an earlier version made keeps them and fills them again.
    pub(crate) shrinks: bool,
}

impl Pages {
    /// The bytes that hold something.
    pub(crate) fn used(self) -> u64 {
        self.all.saturating_sub(self.free).saturating_mul(self.len)
    }
}
