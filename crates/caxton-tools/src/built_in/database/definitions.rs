//! What its tools say of themselves.

use super::{SERVER, connection, query};
use crate::{
    Error,
    built_in::{
        define::{Definition, READS, WRITES, merged},
        grants::{Granted, listed},
    },
};
use caxton_types::{ToolAnnotations, ToolDefinition};
use serde_json::{Value, json};

pub(super) fn all(granted: &[Granted]) -> Result<[ToolDefinition; 3], Error> {
    let files = listed(granted);
    let common = json!({"database": {"type": "string", "description": format!("which granted database: {files}; may be left out where there is one only")}});
    let statement = |about: &str| {
        json!({
            "sql": {"type": "string", "minLength": 1, "maxLength": connection::SQL_LEN_MAX, "description": about},
            "params": {"type": ["array", "object"], "description": "values for `?` (a list) or `:name` (an object); never write values into the statement"}
        })
    };
    let build = |tool: &'static str,
                 description: &str,
                 own: Value,
                 required: &'static [&'static str],
                 gives: Value,
                 annotations: ToolAnnotations| {
        let description = format!("{description} Granted databases (SQLite): {files}.");
        Definition { server: SERVER, tool, description, properties: merged([common.clone(), own]), required, gives, annotations }.build()
    };
    Ok([
        build(
            "query",
            "Reads rows with one SELECT statement.",
            merged([
                statement("one SELECT statement"),
                json!({"limit": {"type": "integer", "minimum": 1, "maximum": query::ROWS_MAX, "default": query::ROWS, "description": "most rows"}}),
            ]),
            &["sql"],
            json!({"columns": {"type": "array"}, "rows": {"type": "array", "items": {"type": "array"}}, "truncated": {"type": "boolean"}}),
            READS,
        )?,
        build(
            "schema",
            "Shows the tables and views with their columns.",
            json!({"table": {"type": "string", "description": "only this one"}}),
            &[],
            json!({"tables": {"type": "array", "items": {"type": "object"}}}),
            READS,
        )?,
        build(
            "execute",
            "Changes data with one statement (INSERT, UPDATE, DELETE, CREATE, …), where writing is granted.",
            statement("one statement that writes"),
            &["sql"],
            json!({"changes": {"type": "integer"}, "last_insert_rowid": {"type": ["integer", "null"]}}),
            ToolAnnotations { idempotent_hint: false, ..WRITES },
        )?,
    ])
}
