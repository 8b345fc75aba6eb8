//! Connections: how they are opened and tuned, and how our types become columns.

use crate::{Error, Options};
use caxton_types::{Durability, Seq, Timestamp};
use rusqlite::{CachedStatement, Connection, OpenFlags, Params, Row, config::DbConfig, types::Type};
use std::{error::Error as StdError, path::Path, str::FromStr, time::Duration};
use uuid::Uuid;

/// Pages of the write-ahead log after which a commit also carries them into the database: 16 MiB, so that the fsyncs of it are rare.
const AUTOCHECKPOINT_PAGES: u32 = 4096;
/// A writer never waits for another writer; a checkpoint may stand in a reader's way for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The bound of a projection in memory: 256 MiB.
const MEMORY_PAGES_MAX: u32 = 65_536;

/// The one connection that writes; it promises what survives a kill until it is told otherwise.
pub(crate) fn writer(options: &Options, path: &Path, cache_kib: i64) -> Result<Connection, Error> {
    let open = || {
        let conn = open(options, path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        // Heard only by a database that is new: pages that become free can be given back.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        // For migrations: the first commit that promises more syncs the whole log, them included.
        synchronous(&conn, Durability::Normal)?;
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        conn.pragma_update(None, "cache_size", -cache_kib)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        autocheckpoint(&conn, true)?;
        // What a burst left behind is given back to the disk at the next checkpoint.
        conn.query_row("PRAGMA journal_size_limit = 67108864", [], |_| Ok(()))?;
        Ok(conn)
    };
    open().map_err(Error::sqlite(path))
}

/// A connection that can only read.
pub(crate) fn reader(options: &Options, path: &Path) -> Result<Connection, Error> {
    let open = || {
        let conn = open(options, path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        conn.pragma_update(None, "query_only", true)?;
        conn.pragma_update(None, "cache_size", -8192)?;
        Ok(conn)
    };
    open().map_err(Error::sqlite(path))
}

/// A database without a file.
pub(crate) fn in_memory() -> rusqlite::Result<Connection> {
    let conn = Connection::open_in_memory()?;
    conn.query_row(&format!("PRAGMA max_page_count = {MEMORY_PAGES_MAX}"), [], |_| Ok(()))?;
    prepare_once(&conn)?;
    Ok(conn)
}

/// Lets the database grow no longer than this; what is longer already stays as it is.
pub(crate) fn bound(conn: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page_len: i64 = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page_len.max(1);
    conn.query_row(&format!("PRAGMA max_page_count = {}", pages.clamp(1, 0xffff_fffe)), [], |_| Ok(()))
}

fn open(options: &Options, path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // No connection is shared between threads without a lock of ours, so SQLite's own is not needed.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, &**vfs)?,
        None => Connection::open_with_flags(path, flags)?,
    };
    conn.busy_timeout(BUSY_TIMEOUT)?;
    prepare_once(&conn)?;
    Ok(conn)
}

/// Statements are kept, and mean the same whatever is bound to them: else some with partial indexes would be planned anew each time.
fn prepare_once(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// How much the next commits promise.
pub(crate) fn synchronous(conn: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let level = if durability == Durability::Full { "FULL" } else { "NORMAL" };
    conn.pragma_update(None, "synchronous", level)
}

/// Whether the next commits also carry a long write-ahead log into the database. Where they do not, the first that does carries all of it.
pub(crate) fn autocheckpoint(conn: &Connection, on: bool) -> rusqlite::Result<()> {
    let pages = if on { AUTOCHECKPOINT_PAGES } else { 0 };
    conn.prepare_cached(&format!("PRAGMA wal_autocheckpoint = {pages}"))?.query_row([], |_| Ok(()))
}

/// Carries as much of the write-ahead log into the database as no reader is in the way of.
pub(crate) fn checkpoint_passive(conn: &Connection) -> rusqlite::Result<()> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// Carries the write-ahead log into the database and empties it. Whether it could (a reader may be in the way).
pub(crate) fn checkpoint(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).map(|busy| busy == 0)
}

pub(crate) fn seq(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// Numbers that are never negative in our tables.
pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

pub(crate) fn seq_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Seq> {
    count(row, column).map(Seq)
}

pub(crate) fn time_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

pub(crate) fn uuid_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

/// A column that holds the text of one of our types.
pub(crate) fn text_at<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: StdError + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error: T::Err| unreadable(column, error))
}

/// A column whose content does not become what it must be.
pub(crate) fn unreadable(column: usize, error: impl StdError + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// A statement that the connection prepares once, and that costs nothing where it is not used.
pub(crate) struct Lazy<'c> {
    conn: &'c Connection,
    sql: &'c str,
    found: Option<CachedStatement<'c>>,
}

impl<'c> Lazy<'c> {
    pub(crate) fn new(conn: &'c Connection, sql: &'c str) -> Self {
        Self { conn, sql, found: None }
    }

    pub(crate) fn get(&mut self) -> rusqlite::Result<&mut CachedStatement<'c>> {
        let found = match self.found.take() {
            Some(found) => found,
            None => self.conn.prepare_cached(self.sql)?,
        };
        Ok(self.found.insert(found))
    }

    pub(crate) fn execute(&mut self, params: impl Params) -> rusqlite::Result<usize> {
        self.get()?.execute(params)
    }

    pub(crate) fn exists(&mut self, params: impl Params) -> rusqlite::Result<bool> {
        self.get()?.exists(params)
    }

    pub(crate) fn query_row<T>(&mut self, params: impl Params, read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.get()?.query_row(params, read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{journal::read, migrate};
    use caxton_types::{MessageId, TurnId};
    use rusqlite::StatementStatus;

    #[test]
    fn a_statement_that_is_kept_is_planned_once_whatever_is_bound_to_it() {
        let mut conn = in_memory().unwrap();
        migrate::migrate(&mut conn, Path::new(":memory:"), migrate::JOURNAL).unwrap();
        for id in 0..3 {
            read::message(&conn, MessageId::from_uuid(Uuid::from_u128(id))).unwrap();
            read::turns::turn_events(&conn, TurnId::from_uuid(Uuid::from_u128(id)), 10).unwrap();
        }
        for sql in [read::MESSAGE, read::turns::EVENTS] {
            assert_eq!(conn.prepare_cached(sql).unwrap().get_status(StatementStatus::RePrepare), 0, "{sql}");
        }
    }
}
