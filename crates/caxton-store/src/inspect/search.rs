//! Whether the search index says what the texts say.

use super::{Look, Report};
use crate::sqlite;
use rusqlite::Connection;
use std::{fs, path::Path};

/// A database up to this size is copied for the index's own check even where nobody asks for all.
const COPIED_LEN_MAX: u64 = 64 << 20;

pub(super) fn check(conn: &Connection, look: &Look<'_>, report: &mut Report) -> rusqlite::Result<()> {
    let has_index: bool = conn.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'fts'", [], |row| row.get(0))?;
    if !has_index {
        return Ok(());
    }
    let count = |sql: &str| conn.query_row(sql, [], |row| sqlite::count(row, 0));
    let unindexed = count("SELECT count(*) FROM observation WHERE id NOT IN (SELECT id FROM fts_docsize)")?;
    let stale = count("SELECT count(*) FROM fts_docsize WHERE id NOT IN (SELECT id FROM observation)")?;
    if unindexed > 0 {
        report.search_damages.push(format!("{unindexed} observations are not in the search index"));
    }
    if stale > 0 {
        report.search_damages.push(format!("the search index has {stale} observations that are gone"));
    }
    let is_sound = report.damages.is_empty() && report.search_damages.is_empty();
    if is_sound && (look.whole || report.bytes <= COPIED_LEN_MAX) {
        // The index's own check is a statement that writes, so a copy has to bear it.
        let copy = look.scratch.join("copy.db");
        let compared = compare(conn, &copy);
        if let Err(error) = fs::remove_file(&copy) {
            tracing::debug!(%error, "the copy of a database could not be removed");
        }
        report.search_damages.extend(compared.err().map(|error| format!("the search index does not fit its texts: {error}")));
    }
    Ok(())
}

fn compare(conn: &Connection, copy: &Path) -> rusqlite::Result<()> {
    conn.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    let copy = Connection::open(copy)?;
    copy.execute("INSERT INTO fts (fts, rank) VALUES ('integrity-check', 1)", []).map(drop)
}
