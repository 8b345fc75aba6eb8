//! Queries over turns, what they wait for, decisions and spending.

use super::event_of;
use crate::{
    ApprovalQuery, ApprovalRow, ApprovalState, Awaited, Ended, SpendQuery, SpendRow, TurnQuery, TurnRow, TurnState, WaitRow,
    journal::approvals::{Stand, Standing},
    sqlite::{count, seq_at, text_at, time_at, unreadable, uuid_at},
};
use caxton_types::{
    ApprovalId, ConversationId, Day, Decision, Digest, Event, MessageId, Money, Spend, StepId, Timestamp, TurnId, TurnOrigin,
};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use serde::{Deserialize, de::value::StrDeserializer};

const TURN: &str = "SELECT id, agent, conversation, message, began, at, origin, origin_step, ended, outcome, reply,
    (SELECT count(*) FROM event e WHERE e.turn = t.id AND e.kind = 'step_intended') FROM turn t";

pub(crate) fn turn(conn: &Connection, id: TurnId) -> rusqlite::Result<Option<TurnRow>> {
    conn.prepare_cached(&format!("{TURN} WHERE id = ?1"))?.query_row([id.as_uuid().into_bytes()], turn_of).optional()
}

pub(crate) fn turns(conn: &Connection, query: &TurnQuery) -> rusqlite::Result<Vec<TurnRow>> {
    let before = place(conn, "SELECT began FROM turn WHERE id = ?1", query.before.map(TurnId::as_uuid))?;
    let agent = query.agent.as_ref().map(AsRef::<str>::as_ref);
    let conversation = query.conversation.map(|id| id.as_uuid().into_bytes());
    let limit = query.limit.min(TurnQuery::LIMIT_MAX);
    // Open turns are few among many; all others are read from the newest on.
    let mut sql = match query.state {
        Some(TurnState::Open) => format!("{TURN} INDEXED BY turn_open WHERE ended IS NULL AND began < ?"),
        Some(TurnState::Ended) => format!("{TURN} WHERE ended IS NOT NULL AND began < ?"),
        None => format!("{TURN} WHERE began < ?"),
    };
    let mut values: Vec<&dyn ToSql> = vec![&before];
    if agent.is_some() {
        sql.push_str(" AND agent = ?");
        values.push(&agent);
    }
    if conversation.is_some() {
        sql.push_str(" AND conversation = ? AND began IN (SELECT seq FROM event WHERE conversation = ? AND +kind = 'turn_began')");
        values.extend([&conversation as &dyn ToSql; 2]);
    }
    sql.push_str(" ORDER BY began DESC LIMIT ?");
    values.push(&limit);
    conn.prepare_cached(&sql)?.query_map(&*values, turn_of)?.collect()
}

/// Where a list goes on: at the end of it where nothing is named, at its beginning where that is not known.
fn place(conn: &Connection, sql: &str, id: Option<uuid::Uuid>) -> rusqlite::Result<i64> {
    let Some(id) = id else { return Ok(i64::MAX) };
    conn.prepare_cached(sql)?.query_row([id.into_bytes()], |row| row.get(0)).optional().map(Option::unwrap_or_default)
}

fn turn_of(row: &Row<'_>) -> rusqlite::Result<TurnRow> {
    let origin = match (id_at(row, 6)?, row.get(7)?) {
        (Some(turn), Some(step)) => Some(TurnOrigin { turn: TurnId::from_uuid(turn), at: StepId(step) }),
        _ => None,
    };
    let ended = match row.get::<_, Option<i64>>(8)? {
        None => None,
        Some(at) => Some(Ended { at: Timestamp::from_micros(at), end: word_at(row, 9)?, reply: id_at(row, 10)?.map(MessageId::from_uuid) }),
    };
    Ok(TurnRow {
        turn: TurnId::from_uuid(uuid_at(row, 0)?),
        agent: text_at(row, 1)?,
        conversation: ConversationId::from_uuid(uuid_at(row, 2)?),
        message: MessageId::from_uuid(uuid_at(row, 3)?),
        began: seq_at(row, 4)?,
        at: time_at(row, 5)?,
        origin,
        steps: row.get(11)?,
        ended,
    })
}

fn id_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<uuid::Uuid>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(uuid::Uuid::from_bytes))
}

/// A column that holds the name of a variant.
fn word_at<T: for<'de> Deserialize<'de>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    T::deserialize(StrDeserializer::<serde::de::value::Error>::new(text)).map_err(|error| unreadable(column, error))
}

pub(crate) const EVENTS: &str = "SELECT seq, at, v, body FROM event INDEXED BY event_turn WHERE turn = ?1 ORDER BY seq";

/// Every event of a turn, oldest first, where there are no more than `most`.
pub(crate) fn turn_events(conn: &Connection, turn: TurnId, most: usize) -> rusqlite::Result<Option<Vec<Event>>> {
    let mut events = conn.prepare_cached(EVENTS)?;
    let mut rows = events.query([turn.as_uuid().into_bytes()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if found.len() == most {
            return Ok(None);
        }
        found.push(event_of(row)?);
    }
    Ok(Some(found))
}

const WAIT: &str = "SELECT turn, step, kind, key, seq, at, due FROM wait";

pub(crate) fn waits(conn: &Connection, turn: TurnId) -> rusqlite::Result<Vec<WaitRow>> {
    let sql = format!("{WAIT} WHERE turn = ?1 ORDER BY step");
    conn.prepare_cached(&sql)?.query_map([turn.as_uuid().into_bytes()], wait_of)?.collect()
}

pub(crate) fn wait_for_reply(conn: &Connection, message: MessageId) -> rusqlite::Result<Option<(TurnId, StepId)>> {
    conn.prepare_cached("SELECT turn, step FROM wait WHERE kind = 'reply' AND key = ?1")?
        .query_row([message.as_uuid().into_bytes()], |row| Ok((TurnId::from_uuid(uuid_at(row, 0)?), StepId(row.get(1)?))))
        .optional()
}

pub(crate) fn waits_due(conn: &Connection, now: Timestamp, limit: u32) -> rusqlite::Result<Vec<WaitRow>> {
    let sql = format!("{WAIT} WHERE due <= ?1 ORDER BY due LIMIT ?2");
    conn.prepare_cached(&sql)?.query_map(params![now.as_micros(), limit], wait_of)?.collect()
}

pub(crate) fn next_due(conn: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    conn.prepare_cached("SELECT due FROM wait ORDER BY due LIMIT 1")?.query_row([], |row| time_at(row, 0)).optional()
}

fn wait_of(row: &Row<'_>) -> rusqlite::Result<WaitRow> {
    let on = match (row.get_ref(2)?.as_str()?, id_at(row, 3)?) {
        ("approval", Some(key)) => Awaited::Approval(ApprovalId::from_uuid(key)),
        ("reply", Some(key)) => Awaited::Reply(MessageId::from_uuid(key)),
        _ => Awaited::Time,
    };
    Ok(WaitRow {
        turn: TurnId::from_uuid(uuid_at(row, 0)?),
        step: StepId(row.get(1)?),
        on,
        seq: seq_at(row, 4)?,
        at: time_at(row, 5)?,
        due: time_at(row, 6)?,
    })
}

/// The first seven columns say how it stands.
const APPROVAL: &str = "SELECT turn, step, state, ruling, decided_by, reason, decided_at,
    id, agent, conversation, kind, subject, asked, at, due, delegate FROM approval";

pub(crate) fn approval(conn: &Connection, id: ApprovalId) -> rusqlite::Result<Option<ApprovalRow>> {
    conn.prepare_cached(&format!("{APPROVAL} WHERE id = ?1"))?.query_row([id.as_uuid().into_bytes()], approval_of).optional()
}

pub(crate) fn approvals(conn: &Connection, query: &ApprovalQuery) -> rusqlite::Result<Vec<ApprovalRow>> {
    let before = place(conn, "SELECT asked FROM approval WHERE id = ?1", query.before.map(ApprovalId::as_uuid))?;
    let agent = query.agent.as_ref().map(AsRef::<str>::as_ref);
    let [conversation, turn] =
        [query.conversation.map(ConversationId::as_uuid), query.turn.map(TurnId::as_uuid)].map(|id| id.map(uuid::Uuid::into_bytes));
    let limit = query.limit.min(ApprovalQuery::LIMIT_MAX);
    let mut sql = match query.state {
        Some(ApprovalState::Open) => format!("{APPROVAL} INDEXED BY approval_open WHERE state = 0 AND asked < ?"),
        Some(ApprovalState::Decided) => format!("{APPROVAL} WHERE state = 1 AND asked < ?"),
        Some(ApprovalState::Withdrawn) => format!("{APPROVAL} WHERE state = 2 AND asked < ?"),
        None => format!("{APPROVAL} WHERE asked < ?"),
    };
    let mut values: Vec<&dyn ToSql> = vec![&before];
    let filters: [(&str, bool, &dyn ToSql); 4] = [
        ("agent", agent.is_some(), &agent),
        ("delegate", query.delegate.is_some(), &query.delegate),
        ("conversation", conversation.is_some(), &conversation),
        ("turn", turn.is_some(), &turn),
    ];
    for (column, _, value) in filters.into_iter().filter(|(_, wanted, _)| *wanted) {
        sql.push_str(" AND ");
        sql.push_str(column);
        sql.push_str(" = ?");
        values.push(value);
    }
    sql.push_str(" ORDER BY asked DESC LIMIT ?");
    values.push(&limit);
    conn.prepare_cached(&sql)?.query_map(&*values, approval_of)?.collect()
}

/// How an approval stands, from the first seven columns.
pub(crate) fn standing_of(row: &Row<'_>) -> rusqlite::Result<Standing> {
    let state = match row.get(2)? {
        0 => Stand::Open,
        1 => Stand::Decided(Decision {
            ruling: serde_json::from_str(row.get_ref(3)?.as_str()?).map_err(|error| unreadable(3, error))?,
            by: row.get(4)?,
            reason: row.get(5)?,
            at: time_at(row, 6)?,
        }),
        _ => Stand::Withdrawn,
    };
    Ok(Standing { turn: TurnId::from_uuid(uuid_at(row, 0)?), step: StepId(row.get(1)?), state })
}

fn approval_of(row: &Row<'_>) -> rusqlite::Result<ApprovalRow> {
    let Standing { turn, step, state } = standing_of(row)?;
    let (state, decision) = state.parts();
    Ok(ApprovalRow {
        approval: ApprovalId::from_uuid(uuid_at(row, 7)?),
        turn,
        step,
        agent: text_at(row, 8)?,
        conversation: ConversationId::from_uuid(uuid_at(row, 9)?),
        kind: word_at(row, 10)?,
        subject: Digest::from_bytes(row.get(11)?),
        seq: seq_at(row, 12)?,
        at: time_at(row, 13)?,
        due: time_at(row, 14)?,
        delegate: row.get(15)?,
        state,
        decision,
    })
}

pub(crate) fn spent(conn: &Connection, query: &SpendQuery) -> rusqlite::Result<Spend> {
    // Added up here, because a sum in SQL fails where it runs over.
    let all = |rule: &str, values: &[&dyn ToSql]| {
        let mut rows = conn.prepare_cached(&format!("SELECT tokens, money, tool_calls, steps, wall_us FROM {rule}"))?;
        rows.query_map(values, spend_of)?.try_fold(Spend::ZERO, |sum, row| Ok(sum.saturating_add(row?)))
    };
    match query {
        SpendQuery::Workspace(None) => all("spend", &[]),
        SpendQuery::Workspace(Some(day)) => all("spend WHERE day = ?1", &[&day.0]),
        SpendQuery::Agent(agent, None) => all("spend WHERE agent = ?1", &[&agent.as_str()]),
        SpendQuery::Agent(agent, Some(day)) => all("spend WHERE day = ?1 AND agent = ?2", &[&day.0, &agent.as_str()]),
        SpendQuery::Conversation(id) => all("conversation WHERE id = ?1", &[&id.as_uuid().into_bytes()]),
    }
}

pub(crate) fn spending(conn: &Connection, from: Day, to: Day) -> rusqlite::Result<Vec<SpendRow>> {
    let sql = "SELECT tokens, money, tool_calls, steps, wall_us, day, agent FROM spend WHERE day >= ?1 AND day <= ?2 ORDER BY day, agent";
    let row_of = |row: &Row<'_>| Ok(SpendRow { day: Day(row.get(5)?), agent: text_at(row, 6)?, spend: spend_of(row)? });
    conn.prepare_cached(sql)?.query_map([from.0, to.0], row_of)?.collect()
}

fn spend_of(row: &Row<'_>) -> rusqlite::Result<Spend> {
    Ok(Spend {
        tokens: count(row, 0)?,
        money: Money::from_micros(count(row, 1)?),
        tool_calls: count(row, 2)?,
        steps: count(row, 3)?,
        wall_us: count(row, 4)?,
    })
}
