//! Removes what its time is over for, in the transaction of a group. What was found by a reader a moment ago is looked at again here.

use crate::{
    retention::{Chore, Expired, Marked, Marks, Retention, Sweep, Swept},
    sqlite::{self, count},
};
use caxton_types::{ConversationId, Digest, Fact, MessageId, Seq, Timestamp, TurnId};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::HashMap;

/// The most that is looked through again before a blob is removed; where more was written since, a reader has to look again.
const AGAIN_MAX: i64 = 2000;

/// Does the work; `last` is the end of the journal, and `is_queued` knows what waits.
pub(super) fn sweep(conn: &Connection, chore: &Chore, last: Seq, is_queued: &dyn Fn(MessageId) -> bool) -> rusqlite::Result<()> {
    let swept = match &*chore.sweep {
        Sweep::Events(events) => remove_events(conn, events, last, is_queued)?,
        Sweep::Conversations { ids, before } => remove_conversations(conn, ids, *before)?,
        Sweep::Blobs { digests, marked, sent_before } => remove_blobs(conn, digests, *marked, *sent_before)?,
        Sweep::Vacuum { pages } => vacuum(conn, *pages)?,
    };
    *chore.swept.lock() = swept;
    Ok(())
}

fn remove_events(conn: &Connection, events: &[Expired], last: Seq, is_queued: &dyn Fn(MessageId) -> bool) -> rusqlite::Result<Swept> {
    let mut swept = Swept::default();
    let mut busy = Busy { conn, conversations: HashMap::new(), turns: HashMap::new() };
    let mut remove = conn.prepare_cached("DELETE FROM event WHERE seq = ?1")?;
    for event in events {
        // The last event stays whatever it is: the next one counts on from it.
        if event.seq >= last || !Retention::is_expirable(&event.kind) || busy.is_needed(event, is_queued)? {
            continue;
        }
        if remove.execute([sqlite::seq(event.seq)])? == 1 {
            forget(conn, event)?;
            swept.events.push(event.clone());
        }
    }
    if let Some(until) = swept.events.iter().map(|event| event.seq).max() {
        let mark = "INSERT INTO expired (id, until) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET until = max(until, excluded.until)";
        conn.prepare_cached(mark)?.execute([sqlite::seq(until)])?;
    }
    Ok(swept)
}

/// What is derived from the event alone.
fn forget(conn: &Connection, event: &Expired) -> rusqlite::Result<()> {
    if let Some(message) = &event.message {
        conn.prepare_cached("DELETE FROM message WHERE id = ?1")?.execute([message.id.as_uuid().into_bytes()])?;
        if let Some((sender, key)) = &message.dedup {
            conn.prepare_cached("DELETE FROM dedup WHERE sender = ?1 AND key = ?2")?.execute(params![sender.to_string(), key])?;
        }
    }
    if &*event.kind == "turn_began" {
        conn.prepare_cached("DELETE FROM turn WHERE began = ?1 AND ended IS NOT NULL")?.execute([sqlite::seq(event.seq)])?;
    }
    Ok(())
}

/// What is at work now, asked once each.
struct Busy<'c> {
    conn: &'c Connection,
    conversations: HashMap<ConversationId, bool>,
    turns: HashMap<TurnId, bool>,
}

impl Busy<'_> {
    fn is_needed(&mut self, event: &Expired, is_queued: &dyn Fn(MessageId) -> bool) -> rusqlite::Result<bool> {
        if let Some(message) = &event.message {
            let in_turn = "SELECT 1 FROM turn WHERE message = ?1 AND ended IS NULL";
            if is_queued(message.id) || self.conn.prepare_cached(in_turn)?.exists([message.id.as_uuid().into_bytes()])? {
                return Ok(true);
            }
        }
        if let Some(id) = event.turn {
            let open = match self.turns.get(&id) {
                Some(known) => *known,
                None => {
                    self.conn.prepare_cached("SELECT 1 FROM turn WHERE id = ?1 AND ended IS NULL")?.exists([id.as_uuid().into_bytes()])?
                }
            };
            self.turns.insert(id, open);
            if open {
                return Ok(true);
            }
        }
        let Some(id) = event.conversation else { return Ok(false) };
        if let Some(known) = self.conversations.get(&id) {
            return Ok(*known);
        }
        let busy = is_busy(self.conn, id)?;
        self.conversations.insert(id, busy);
        Ok(busy)
    }
}

/// Turns whose past open turns share, and theirs in turn.
const SHARED: &str = "WITH RECURSIVE shared (id) AS (
        SELECT origin FROM turn INDEXED BY turn_fork WHERE ended IS NULL AND origin IS NOT NULL
        UNION SELECT t.origin FROM turn t JOIN shared s ON t.id = s.id WHERE t.origin IS NOT NULL
    )";

fn is_busy(conn: &Connection, id: ConversationId) -> rusqlite::Result<bool> {
    let id = id.as_uuid().into_bytes();
    let pending = conn.prepare_cached("SELECT 1 FROM conversation WHERE id = ?1 AND pending > 0")?.exists([id])?;
    let shared = format!("{SHARED} SELECT 1 FROM shared s JOIN turn t ON t.id = s.id WHERE t.conversation = ?1");
    Ok(pending || conn.prepare_cached(&shared)?.exists([id])?)
}

/// Conversations that are at work now.
pub(crate) fn busy(conn: &Connection) -> rusqlite::Result<Vec<ConversationId>> {
    let sql = format!(
        "{SHARED} SELECT conversation FROM queue UNION SELECT conversation FROM turn INDEXED BY turn_open WHERE ended IS NULL
         UNION SELECT t.conversation FROM shared s JOIN turn t ON t.id = s.id"
    );
    conn.prepare_cached(&sql)?.query_map([], |row| sqlite::uuid_at(row, 0).map(ConversationId::from_uuid))?.collect()
}

fn remove_conversations(conn: &Connection, ids: &[ConversationId], before: Timestamp) -> rusqlite::Result<Swept> {
    let mut swept = Swept::default();
    let kinds = Fact::EXPIRABLE.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
    let holds = format!("SELECT 1 FROM event WHERE conversation = ?1 AND +kind IN ({kinds})");
    for id in ids {
        let bytes = id.as_uuid().into_bytes();
        if is_busy(conn, *id)? || conn.prepare_cached(&holds)?.exists([bytes])? {
            continue;
        }
        let remove = "DELETE FROM conversation WHERE id = ?1 AND last_at < ?2";
        if conn.prepare_cached(remove)?.execute(params![bytes, before.as_micros()])? == 1 {
            conn.prepare_cached("DELETE FROM participant WHERE conversation = ?1")?.execute([bytes])?;
            swept.conversations += 1;
        }
    }
    Ok(swept)
}

/// Nothing that was committed names these blobs, as far as `marked` goes; what was written behind that is looked through here.
fn remove_blobs(conn: &Connection, digests: &[Digest], marked: Marked, sent_before: Timestamp) -> rusqlite::Result<Swept> {
    let mut swept = Swept::default();
    let mut unnamed = Marks::default();
    for digest in digests {
        unnamed.insert(*digest, 0);
    }
    swept.stale = !look_again(conn, &mut unnamed, marked)?;
    if swept.stale {
        return Ok(swept);
    }
    for digest in digests.iter().filter(|digest| unnamed.contains(digest)) {
        let digest = digest.as_bytes();
        let sent = "SELECT at FROM upload WHERE digest = ?1";
        let sent: Option<i64> = conn.prepare_cached(sent)?.query_row([digest], |row| row.get(0)).optional()?;
        if sent.is_some_and(|at| at >= sent_before.as_micros()) {
            continue;
        }
        // The youngest row stays, so that the number of a row is never given again.
        let remove = "DELETE FROM blob WHERE digest = ?1 AND rowid < (SELECT max(rowid) FROM blob) RETURNING size";
        if let Some(size) = conn.prepare_cached(remove)?.query_row([digest], |row| count(row, 0)).optional()? {
            conn.prepare_cached("DELETE FROM upload WHERE digest = ?1")?.execute([digest])?;
            swept.blobs += 1;
            swept.blob_bytes += size;
        }
    }
    Ok(swept)
}

/// Takes out what is named by what was written since. False where that is too much.
fn look_again(conn: &Connection, unnamed: &mut Marks, marked: Marked) -> rusqlite::Result<bool> {
    let events = "SELECT body FROM event WHERE seq > ?1 LIMIT ?2";
    let blobs = "SELECT bytes FROM blob WHERE rowid > ?1 LIMIT ?2";
    for (sql, after) in [(events, sqlite::seq(marked.seq)), (blobs, marked.blob)] {
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query(params![after, AGAIN_MAX])?;
        let mut len = 0;
        while let Some(row) = rows.next()? {
            len += 1;
            if let Ok(text) = row.get_ref(0)?.as_bytes() {
                unnamed.take_named(text);
            } else {
                // A file: only a reader looks into it.
                return Ok(false);
            }
        }
        if len >= AGAIN_MAX {
            return Ok(false);
        }
    }
    Ok(true)
}

fn vacuum(conn: &Connection, pages: u32) -> rusqlite::Result<Swept> {
    let mut statement = conn.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let free_pages = conn.prepare_cached("PRAGMA freelist_count")?.query_row([], |row| count(row, 0))?;
    Ok(Swept { free_pages, ..Swept::default() })
}
