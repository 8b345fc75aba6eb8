//! Queries over the tables of a journal.

pub(crate) mod expiry;
pub(crate) mod turns;

use crate::{
    ConversationRow, ConversationState, EventQuery, MessageState, OpenTurn, Page, QueueRow, StoredMessage,
    sqlite::{self, count, seq_at, text_at, time_at, unreadable, uuid_at},
};
use caxton_types::{ConversationId, Digest, Event, Fact, MessageId, NewEvent, Seq, Timestamp, TurnId};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use std::fmt::Write as _;

/// The last event, and when it was written.
pub(super) fn head(conn: &Connection) -> rusqlite::Result<(Seq, Timestamp)> {
    let last = conn.query_row("SELECT seq, at FROM event ORDER BY seq DESC LIMIT 1", [], |row| Ok((seq_at(row, 0)?, time_at(row, 1)?)));
    last.optional().map(Option::unwrap_or_default)
}

pub(crate) fn events(conn: &Connection, query: &EventQuery) -> rusqlite::Result<Vec<Event>> {
    let mut after = query.after;
    if let Some(since) = query.since {
        after = after.max(before(conn, since)?);
    }
    let (after, until, limit) = (sqlite::seq(after), query.until.map_or(i64::MAX, sqlite::seq), query.limit.min(EventQuery::LIMIT_MAX));
    let conversation = query.conversation.map(|id| id.as_uuid().into_bytes());
    let turn = query.turn.map(|id| id.as_uuid().into_bytes());
    let agent = query.agent.as_ref().map(AsRef::<str>::as_ref);
    let mut sql = String::from("SELECT seq, at, v, body FROM event WHERE seq > ? AND seq <= ?");
    let mut values: Vec<&dyn ToSql> = vec![&after, &until];
    if conversation.is_some() {
        sql.push_str(" AND conversation = ?");
        values.push(&conversation);
    }
    if turn.is_some() {
        sql.push_str(" AND turn = ?");
        values.push(&turn);
    }
    if agent.is_some() {
        sql.push_str(" AND agent = ?");
        values.push(&agent);
    }
    if !query.kinds.is_empty() {
        let marks = vec!["?"; query.kinds.len()].join(", ");
        // The unary plus keeps the small index of the projections out of it: order and limit come from seq.
        let _ = write!(sql, " AND +kind IN ({marks})");
        values.extend(query.kinds.iter().map(|kind| kind as &dyn ToSql));
    }
    sql.push_str(" ORDER BY seq LIMIT ?");
    values.push(&limit);
    conn.prepare_cached(&sql)?.query_map(&*values, event_of)?.collect()
}

/// The last event before this moment, or one behind it up to which there is none any more. Time never goes back, so halving finds it, whatever
/// was removed in between.
fn before(conn: &Connection, moment: Timestamp) -> rusqlite::Result<Seq> {
    let mut last = conn.prepare_cached("SELECT seq, at FROM event WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1")?;
    // All events up to `low` are before the moment, and none behind `high` is.
    let (mut low, mut high) = (0, head(conn)?.0.0);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let found = last.query_row([sqlite::seq(Seq(middle))], |row| Ok((seq_at(row, 0)?, time_at(row, 1)?))).optional()?;
        match found {
            Some((seq, at)) if at >= moment => high = seq.0 - 1,
            _ => low = middle,
        }
    }
    Ok(Seq(low))
}

fn event_of(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event { seq: seq_at(row, 0)?, at: time_at(row, 1)?, v: row.get(2)?, new: body_at(row, 3)? })
}

fn body_at(row: &Row<'_>, column: usize) -> rusqlite::Result<NewEvent> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| unreadable(column, error))
}

/// Events that feed projections, behind `after`.
pub(crate) fn fed(conn: &Connection, after: Seq, limit: u32) -> rusqlite::Result<Vec<Event>> {
    let sql = "SELECT seq, at, v, body FROM event WHERE kind IN ('deployed', 'observation_stored') AND seq > ?1 ORDER BY seq LIMIT ?2";
    conn.prepare_cached(sql)?.query_map(params![sqlite::seq(after), limit], event_of)?.collect()
}

pub(crate) const MESSAGE: &str = "SELECT e.seq, e.at, e.body, CASE
        WHEN m.dead THEN 3
        WHEN EXISTS (SELECT 1 FROM queue q WHERE q.message = m.id) THEN 0
        WHEN EXISTS (SELECT 1 FROM turn t WHERE t.message = m.id AND t.ended IS NULL) THEN 1
        ELSE 2 END FROM message m JOIN event e ON e.seq = m.seq WHERE m.id = ?1";

pub(crate) fn message(conn: &Connection, id: MessageId) -> rusqlite::Result<Option<StoredMessage>> {
    conn.prepare_cached(MESSAGE)?.query_row([id.as_uuid().into_bytes()], message_of).optional().map(Option::flatten)
}

pub(crate) fn messages(conn: &Connection, conversation: ConversationId, after: Seq, limit: u32) -> rusqlite::Result<Vec<StoredMessage>> {
    // The id of a message stands in the body of its event only: from there to its state.
    let sql = "SELECT seq, at, body, 2 FROM event INDEXED BY event_message
        WHERE kind = 'message_accepted' AND conversation = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    let limit = limit.min(EventQuery::LIMIT_MAX);
    let mut rows = conn
        .prepare_cached(sql)?
        .query_map(params![conversation.as_uuid().into_bytes(), sqlite::seq(after), limit], message_of)?
        .filter_map(Result::transpose)
        .collect::<rusqlite::Result<Vec<StoredMessage>>>()?;
    let mut state = conn.prepare_cached(MESSAGE)?;
    for row in &mut rows {
        row.state = state.query_row([row.message.id.as_uuid().into_bytes()], |found| state_at(found, 3))?;
    }
    Ok(rows)
}

fn state_at(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageState> {
    Ok(match row.get(column)? {
        0 => MessageState::Queued,
        1 => MessageState::InTurn,
        3 => MessageState::Dead,
        _ => MessageState::Done,
    })
}

/// Nothing where the event is another than the index says, which a sound database does not hold.
fn message_of(row: &Row<'_>) -> rusqlite::Result<Option<StoredMessage>> {
    let Fact::MessageAccepted { message, to, route, .. } = body_at(row, 2)?.fact else { return Ok(None) };
    Ok(Some(StoredMessage { seq: seq_at(row, 0)?, at: time_at(row, 1)?, message: *message, to, route, state: state_at(row, 3)? }))
}

const CONVERSATION: &str =
    "SELECT id, protocol, initiator, pending, outcome, messages, opened_at, last_at, trace FROM conversation WHERE messages > 0";

pub(crate) fn conversation(conn: &Connection, id: ConversationId) -> rusqlite::Result<Option<ConversationRow>> {
    let sql = format!("{CONVERSATION} AND id = ?1");
    let found = conn.prepare_cached(&sql)?.query_row([id.as_uuid().into_bytes()], conversation_of).optional()?;
    found.map(|row| with_participants(conn, row)).transpose()
}

pub(crate) fn conversations(conn: &Connection, page: Page) -> rusqlite::Result<Vec<ConversationRow>> {
    let before = match page.after {
        None => i64::MAX,
        Some(id) => conn
            .prepare_cached("SELECT opened FROM conversation WHERE id = ?1")?
            .query_row([id.as_uuid().into_bytes()], |row| row.get(0))
            .optional()?
            .unwrap_or(0),
    };
    let limit = page.limit.min(EventQuery::LIMIT_MAX);
    let rows = conn
        .prepare_cached(&format!("{CONVERSATION} AND opened < ?1 ORDER BY opened DESC LIMIT ?2"))?
        .query_map(params![before, limit], conversation_of)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    rows.into_iter().map(|row| with_participants(conn, row)).collect()
}

fn conversation_of(row: &Row<'_>) -> rusqlite::Result<ConversationRow> {
    Ok(ConversationRow {
        id: ConversationId::from_uuid(uuid_at(row, 0)?),
        protocol: row.get(1)?,
        initiator: text_at(row, 2)?,
        participants: Vec::new(),
        state: ConversationState::of(row.get(3)?, row.get(4)?),
        messages: count(row, 5)?,
        opened_at: time_at(row, 6)?,
        last_at: time_at(row, 7)?,
        trace: text_at(row, 8)?,
    })
}

fn with_participants(conn: &Connection, mut row: ConversationRow) -> rusqlite::Result<ConversationRow> {
    row.participants = conn
        .prepare_cached("SELECT party FROM participant WHERE conversation = ?1 ORDER BY party")?
        .query_map([row.id.as_uuid().into_bytes()], |row| text_at(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(row)
}

pub(crate) fn queued(conn: &Connection) -> rusqlite::Result<Vec<(Seq, QueueRow)>> {
    let row_of = |row: &Row<'_>| {
        let message = MessageId::from_uuid(uuid_at(row, 1)?);
        let conversation = ConversationId::from_uuid(uuid_at(row, 3)?);
        Ok((seq_at(row, 0)?, QueueRow { message, agent: text_at(row, 2)?, conversation }))
    };
    conn.prepare_cached("SELECT seq, message, agent, conversation FROM queue ORDER BY seq")?.query_map([], row_of)?.collect()
}

pub(crate) fn open_turns(conn: &Connection) -> rusqlite::Result<Vec<OpenTurn>> {
    let turn_of = |row: &Row<'_>| {
        Ok(OpenTurn {
            turn: TurnId::from_uuid(uuid_at(row, 0)?),
            agent: text_at(row, 1)?,
            conversation: ConversationId::from_uuid(uuid_at(row, 2)?),
            message: MessageId::from_uuid(uuid_at(row, 3)?),
            began: seq_at(row, 4)?,
            at: time_at(row, 5)?,
        })
    };
    let sql = "SELECT id, agent, conversation, message, began, at FROM turn INDEXED BY turn_open WHERE ended IS NULL ORDER BY began";
    conn.prepare_cached(sql)?.query_map([], turn_of)?.collect()
}

/// How the journal holds content.
pub(crate) enum StoredBlob {
    /// In place.
    Bytes(Vec<u8>),
    /// In a file of its own.
    File,
}

pub(crate) fn blob(conn: &Connection, digest: &Digest) -> rusqlite::Result<Option<StoredBlob>> {
    let found =
        conn.prepare_cached("SELECT bytes FROM blob WHERE digest = ?1")?.query_row([digest.as_bytes()], |row| row.get(0)).optional()?;
    Ok(found.map(|bytes: Option<Vec<u8>>| bytes.map_or(StoredBlob::File, StoredBlob::Bytes)))
}

pub(crate) fn blob_len(conn: &Connection, digest: &Digest) -> rusqlite::Result<Option<u64>> {
    conn.prepare_cached("SELECT size FROM blob WHERE digest = ?1")?.query_row([digest.as_bytes()], |row| count(row, 0)).optional()
}

/// Whether content has a file of its own; nothing where it is not in this workspace.
pub(crate) fn is_file(conn: &Connection, digest: &Digest) -> rusqlite::Result<Option<bool>> {
    conn.prepare_cached("SELECT bytes IS NULL FROM blob WHERE digest = ?1")?.query_row([digest.as_bytes()], |row| row.get(0)).optional()
}
