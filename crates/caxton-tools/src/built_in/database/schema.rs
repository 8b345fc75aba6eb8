//! What a database holds.

use crate::built_in::{Answer, Refusal};
use caxton_types::Code;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fmt::Write as _;

const TABLES_MAX: usize = 500;
/// So much of a table's own statement is told.
const SQL_LEN_MAX: usize = 2_000;

/// The tables and views with their columns; or one of them.
pub(super) fn schema(conn: &Connection, table: Option<&str>) -> Result<Answer, Refusal> {
    let failed = |error: rusqlite::Error| Refusal::new(Code::Unavailable, format!("the schema cannot be read: {error}"));
    let tables = read(conn, table).map_err(failed)?;
    if let ([], Some(table)) = (tables.as_slice(), table) {
        return Err(Refusal::new(Code::NotFound, format!("there is no table `{table}`")).hint("without `table` all are shown"));
    }
    let mut text = String::new();
    for table in &tables {
        let columns = table.get("columns").and_then(Value::as_array).into_iter().flatten();
        let column = |column: &Value| {
            let part = |name: &str| column.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            format!("{} {}", part("name"), part("type")).trim().to_owned()
        };
        let columns: Vec<_> = columns.map(column).collect();
        let part = |name: &str| table.get(name).and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(text, "{} {} ({})", part("type"), part("name"), columns.join(", "));
    }
    if text.is_empty() {
        text.push_str("the database has no tables");
    }
    Ok(Answer::new(text, json!({"tables": tables})))
}

fn read(conn: &Connection, table: Option<&str>) -> rusqlite::Result<Vec<Value>> {
    let mut tables = conn.prepare(
        "SELECT name, type, substr(coalesce(sql, ''), 1, ?3) FROM sqlite_schema
         WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND (?1 IS NULL OR name = ?1) ORDER BY name LIMIT ?2",
    )?;
    let mut columns = conn.prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1)")?;
    let found = tables.query_map(
        rusqlite::params![table, i64::try_from(TABLES_MAX).unwrap_or(i64::MAX), i64::try_from(SQL_LEN_MAX).unwrap_or(i64::MAX)],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
    )?;
    let mut all = Vec::new();
    for table in found {
        let (name, kind, sql) = table?;
        let columns = columns.query_map([&name], |row| {
            Ok(json!({
                "name": row.get::<_, String>(0)?, "type": row.get::<_, String>(1)?, "not_null": row.get::<_, bool>(2)?, "primary_key": row.get::<_, i64>(3)? > 0
            }))
        })?;
        let columns = columns.collect::<rusqlite::Result<Vec<_>>>()?;
        all.push(json!({"name": name, "type": kind, "columns": columns, "sql": sql}));
    }
    Ok(all)
}
