//! SQLite alone, set up as the journal's is: the floor of what writes to that.

use caxton_types::Durability;
use rusqlite::Connection;
use std::path::Path;

/// A new database in this folder, or in memory where that is all that is promised.
pub(crate) fn open(folder: &Path, durability: Durability, schema: &str) -> rusqlite::Result<Connection> {
    let conn = if durability == Durability::Memory { Connection::open_in_memory()? } else { Connection::open(folder.join("bare.db"))? };
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4096; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;",
    )?;
    conn.execute_batch(if durability == Durability::Full { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" })?;
    conn.execute_batch(schema)?;
    Ok(conn)
}
