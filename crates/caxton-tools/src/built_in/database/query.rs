//! Statements with their parameters, and what they give.

use super::connection::failed;
use crate::built_in::{Answer, Refusal, float, work::Watch};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use caxton_types::unit::ByteSize;
use csv::WriterBuilder;
use rusqlite::{
    Connection, Statement,
    types::{Value as Sql, ValueRef},
};
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) const ROWS: usize = 100;
pub(super) const ROWS_MAX: usize = 1_000;
const RESULT_LEN_MAX: ByteSize = ByteSize::new(256 << 10);

fn prepare<'c>(conn: &'c Connection, sql: &str, params: &Value, watch: &Watch) -> Result<Statement<'c>, Refusal> {
    let mut statement = conn.prepare(sql).map_err(|error| failed(&error, watch))?;
    bind(&mut statement, params, watch)?;
    Ok(statement)
}

/// By place (a list) or by name (an object, with the mark before the name or without).
fn bind(statement: &mut Statement<'_>, params: &Value, watch: &Watch) -> Result<(), Refusal> {
    let wanted = statement.parameter_count();
    let given = match params {
        Value::Null => 0,
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        _ => return Err(Refusal::invalid("`params` is neither a list nor an object")),
    };
    if given != wanted {
        let reason = format!("the statement has {wanted} parameters, and {given} are given");
        return Err(Refusal::invalid(reason).hint("give `params` as a list for `?`, or as an object for `:name`"));
    }
    for at in 1..=wanted {
        let value = match (params, statement.parameter_name(at)) {
            (Value::Array(list), _) => list.get(at - 1),
            (Value::Object(map), Some(name)) => map.get(name).or_else(|| map.get(name.trim_start_matches([':', '@', '$', '?']))),
            _ => None,
        };
        let value = value.ok_or_else(|| {
            let name = statement.parameter_name(at).map_or_else(|| format!("number {at}"), |name| format!("`{name}`"));
            Refusal::invalid(format!("no value is given for the parameter {name}")).hint("name it in `params`")
        })?;
        statement.raw_bind_parameter(at, sql_of(value)).map_err(|error| failed(&error, watch))?;
    }
    Ok(())
}

fn sql_of(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Bool(flag) => Sql::Integer(i64::from(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Sql::Integer(whole),
            None => number.as_f64().map_or(Sql::Null, Sql::Real),
        },
        Value::String(text) => Sql::Text(text.clone()),
        nested @ (Value::Array(_) | Value::Object(_)) => Sql::Text(nested.to_string()),
    }
}

fn json_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => float::json(number),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => json!({"base64": BASE64_STANDARD.encode(bytes)}),
    }
}

pub(super) fn query(conn: &Connection, sql: &str, params: &Value, limit: Option<usize>, watch: &Watch) -> Result<Answer, Refusal> {
    let limit = limit.unwrap_or(ROWS).min(ROWS_MAX);
    let mut statement = prepare(conn, sql, params, watch)?;
    if statement.column_count() == 0 || !statement.readonly() {
        return Err(Refusal::invalid("the statement reads nothing").hint("`query` takes a `SELECT`; `execute` takes what writes"));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let (mut rows, mut len, mut is_cut) = (Vec::new(), 0, false);
    let mut found = statement.raw_query();
    while let Some(row) = found.next().map_err(|error| failed(&error, watch))? {
        watch.look()?;
        if rows.len() == limit {
            is_cut = true;
            break;
        }
        let mut values = Vec::with_capacity(columns.len());
        for at in 0..columns.len() {
            let value = row.get_ref(at).map_err(|error| failed(&error, watch))?;
            len += match value {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() + 4,
                ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 8,
            };
            if len > RESULT_LEN_MAX.as_usize() {
                break;
            }
            values.push(json_of(value));
        }
        if len > RESULT_LEN_MAX.as_usize() {
            if rows.is_empty() {
                return Err(Refusal::too_large(format!("the first row alone is larger than {RESULT_LEN_MAX}"))
                    .hint("select fewer columns, or a part with `substr`"));
            }
            is_cut = true;
            break;
        }
        rows.push(values);
    }
    let mut text = shown(&columns, &rows);
    if is_cut {
        let _ = writeln!(text, "… only the first {} rows; go on with `LIMIT` and `OFFSET` in the statement, or narrow it down", rows.len());
    }
    Ok(Answer::new(text, json!({"columns": columns, "rows": rows, "truncated": is_cut})))
}

fn shown(columns: &[String], rows: &[Vec<Value>]) -> String {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    // Writing to memory does not fail.
    let _ = writer.write_record(columns);
    for row in rows {
        let _ = writer.write_record(row.iter().map(text));
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

pub(super) fn execute(conn: &Connection, sql: &str, params: &Value, watch: &Watch) -> Result<Answer, Refusal> {
    let mut statement = prepare(conn, sql, params, watch)?;
    if statement.readonly() {
        return Err(Refusal::invalid("the statement writes nothing").hint("`query` takes what reads"));
    }
    let before = conn.total_changes();
    // Also one that returns rows is run to its end.
    let mut returned = statement.raw_query();
    while returned.next().map_err(|error| failed(&error, watch))?.is_some() {}
    drop(returned);
    let changes = conn.total_changes().saturating_sub(before);
    let last = conn.last_insert_rowid();
    let last = (last != 0).then_some(last);
    Ok(Answer::new(format!("{changes} rows were changed"), json!({"changes": changes, "last_insert_rowid": last})))
}
