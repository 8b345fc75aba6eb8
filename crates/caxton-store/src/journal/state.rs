//! The table of what agents keep by key.

use crate::{
    StateChange, StateOutcome, StateRow, StateWrite,
    sqlite::{count, unreadable},
};
use caxton_types::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// So many whose time is over go with each change.
const EXPIRED_MAX: i64 = 100;

/// Makes the change, or tells why not; inside a transaction of the writer. `text` is the JSON of what is to be kept.
pub(crate) fn apply(conn: &Connection, write: &StateWrite, text: &str, now: Timestamp) -> rusqlite::Result<StateOutcome> {
    expire(conn, write, now)?;
    let found = "SELECT version, len, call FROM state WHERE owner = ?1 AND key = ?2 AND (expires IS NULL OR expires > ?3)";
    let found = conn.prepare_cached(found)?.query_row(params![&*write.owner, &*write.key, now.as_micros()], |row| {
        Ok((count(row, 0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
    });
    let found = found.optional()?;
    let version = found.as_ref().map_or(0, |(version, ..)| *version);
    match (&write.change, &found) {
        (StateChange::Put { .. }, Some((.., call))) if **call == *write.call => return Ok(StateOutcome::Kept { version, is_new: false }),
        // It is gone, as was wanted; perhaps by the first attempt at this very call.
        (StateChange::Delete, None) => return Ok(StateOutcome::Removed(false)),
        _ if write.if_version.is_some_and(|wanted| wanted != version) => return Ok(StateOutcome::Conflict { version }),
        _ => {}
    }
    let before = found.map_or(0, |(_, len, _)| len);
    let StateChange::Put { expires, .. } = &write.change else {
        remove(conn, &write.owner, &write.key, before)?;
        return Ok(StateOutcome::Removed(true));
    };
    let len = i64::try_from(write.key.len() + text.len()).unwrap_or(i64::MAX);
    let (keys, bytes) = size(conn, &write.owner)?;
    let is_new = version == 0;
    let fits = keys + u64::from(is_new) <= write.bounds.keys_max && bytes.saturating_add_signed(len - before) <= write.bounds.bytes_max;
    if !fits {
        return Ok(StateOutcome::Full { keys, bytes });
    }
    // From the clock, so that it rises also over a removal.
    let next = now.as_micros().max(version.cast_signed().saturating_add(1));
    let put = "INSERT INTO state (owner, key, value, len, version, call, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value, len = excluded.len, version = excluded.version,
                   call = excluded.call, expires = excluded.expires";
    let expires = expires.map(Timestamp::as_micros);
    conn.prepare_cached(put)?.execute(params![&*write.owner, &*write.key, text, len, next, &*write.call, expires])?;
    grow(conn, &write.owner, i64::from(is_new), len - before)?;
    Ok(StateOutcome::Kept { version: next.unsigned_abs(), is_new })
}

fn remove(conn: &Connection, owner: &str, key: &str, len: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM state WHERE owner = ?1 AND key = ?2")?.execute([owner, key])?;
    grow(conn, owner, -1, -len)
}

fn grow(conn: &Connection, owner: &str, keys: i64, bytes: i64) -> rusqlite::Result<()> {
    let grow = "INSERT INTO state_size (owner, keys, bytes) VALUES (?1, ?2, ?3)
                ON CONFLICT (owner) DO UPDATE SET keys = keys + excluded.keys, bytes = bytes + excluded.bytes";
    conn.prepare_cached(grow)?.execute(params![owner, keys, bytes]).map(drop)
}

fn size(conn: &Connection, owner: &str) -> rusqlite::Result<(u64, u64)> {
    let size = conn
        .prepare_cached("SELECT keys, bytes FROM state_size WHERE owner = ?1")?
        .query_row([owner], |row| Ok((count(row, 0)?, count(row, 1)?)));
    size.optional().map(Option::unwrap_or_default)
}

/// The one that is written first, then some others.
fn expire(conn: &Connection, write: &StateWrite, now: Timestamp) -> rusqlite::Result<()> {
    let mut over = conn.prepare_cached(
        "SELECT owner, key, len FROM state WHERE owner = ?3 AND key = ?4 AND expires <= ?1
         UNION SELECT * FROM (SELECT owner, key, len FROM state WHERE expires <= ?1 LIMIT ?2)",
    )?;
    let over = over
        .query_map(params![now.as_micros(), EXPIRED_MAX, &*write.owner, &*write.key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let over: Vec<(String, String, i64)> = over.collect::<rusqlite::Result<_>>()?;
    over.iter().try_for_each(|(owner, key, len)| remove(conn, owner, key, *len))
}

fn row(row: &Row<'_>) -> rusqlite::Result<StateRow> {
    Ok(StateRow {
        key: row.get(0)?,
        value: serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|error| unreadable(1, error))?,
        version: count(row, 2)?,
        expires: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros),
    })
}

pub(crate) fn get(conn: &Connection, owner: &str, key: &str, now: Timestamp) -> rusqlite::Result<Option<StateRow>> {
    let get = "SELECT key, value, version, expires FROM state WHERE owner = ?1 AND key = ?2 AND (expires IS NULL OR expires > ?3)";
    conn.prepare_cached(get)?.query_row(params![owner, key, now.as_micros()], row).optional()
}

/// In the order of keys, those with the prefix that come behind `after`.
pub(crate) fn list(
    conn: &Connection,
    owner: &str,
    prefix: &str,
    after: &str,
    limit: u32,
    now: Timestamp,
) -> rusqlite::Result<Vec<StateRow>> {
    let list = "SELECT key, value, version, expires FROM state
                WHERE owner = ?1 AND key >= ?2 AND key > ?3 AND substr(key, 1, length(?2)) = ?2 AND (expires IS NULL OR expires > ?4)
                ORDER BY key LIMIT ?5";
    let mut list = conn.prepare_cached(list)?;
    let rows = list.query_map(params![owner, prefix, after, now.as_micros(), limit], row)?;
    rows.collect()
}
