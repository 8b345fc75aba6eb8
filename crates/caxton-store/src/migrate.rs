//! Numbered migrations, each applied once and for ever.

use crate::Error;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// The scripts of one kind of database; the version of a database is how many of them it has seen.
pub(crate) type Migrations = &'static [&'static str];

pub(crate) const JOURNAL: Migrations = &[
    include_str!("../migrations/journal/0001_journal.sql"),
    include_str!("../migrations/journal/0002_turns.sql"),
    include_str!("../migrations/journal/0003_retention.sql"),
    STATE,
];
/// Also alone, for a workspace that has no journal on a disk.
pub(crate) const STATE: &str = include_str!("../migrations/journal/0004_state.sql");
pub(crate) const PROJECTION: Migrations = &[
    include_str!("../migrations/projection/0001_deployment.sql"),
    include_str!("../migrations/projection/0002_memory.sql"),
    include_str!("../migrations/projection/0003_agent_listing.sql"),
];
pub(crate) const GLOBAL: Migrations = &[include_str!("../migrations/global/0001_memory.sql")];

/// Brings the database up to date, one transaction a step.
pub(crate) fn migrate(conn: &mut Connection, path: &Path, migrations: Migrations) -> Result<(), Error> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let failed = Error::sqlite(path);
    let found: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(&failed)?;
    if found > known {
        return Err(Error::Newer { path: path.into(), found, known });
    }
    for (script, version) in migrations.iter().zip(1..).skip(found as usize) {
        let step = |conn: &mut Connection| {
            let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(script)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()
        };
        step(conn).map_err(&failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
