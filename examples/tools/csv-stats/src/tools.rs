//! The tools this server offers, and the way into each.

use std::path::Path;

use crate::{describe, json::Json, rows, stats};

/// Bounds what a caller may send: no honest question is longer.
const ARGUMENTS_LEN_MAX: usize = 64 << 10;

/// One tool as a model sees it.
#[derive(Debug)]
pub struct Tool {
    pub name: &'static str,
    pub description: &'static str,
    pub input_schema: &'static str,
}

/// What all of them are, as MCP says it: they read, and twice the same question has twice the same answer.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "told by the component only"))]
pub(crate) const OPTIONS: &str =
    r#"{"annotations":{"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}}"#;

#[derive(Debug, PartialEq)]
pub enum Error {
    UnknownTool(String),
    Invalid(String),
    Failed(String),
}

/// A readable line for a model, the same as data for a program.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) data: Json,
}

pub fn list() -> [Tool; 3] {
    [
        Tool {
            name: "describe",
            description: "Describes a CSV file: number of rows; each column's name, type (number, text, mixed, empty), \
                number of empty cells, minimum, maximum and mean, sample values. Call it first to learn the columns.",
            input_schema: include_str!("schema/describe.json"),
        },
        Tool {
            name: "stats",
            description: "Computes one figure over a CSV file: count, count_distinct, sum, mean (average), min, max, median, \
                percentile or stddev (sample) of a column, over all rows or those that pass a filter, as a whole or per group. \
                For min and max it also tells the row that holds it.",
            input_schema: include_str!("schema/stats.json"),
        },
        Tool {
            name: "rows",
            description: "Lists rows of a CSV file: those that pass a filter, sorted by a column, the first few of them.",
            input_schema: include_str!("schema/rows.json"),
        },
    ]
}

/// `one, two, three`.
pub(crate) fn listed(items: &mut dyn Iterator<Item = &str>) -> String {
    let mut text = String::new();
    for item in items {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(item);
    }
    text
}

/// Runs a tool on the attachments in `root`; answers with the JSON text of an MCP `CallToolResult`.
pub fn call(root: &Path, name: &str, arguments: &str) -> Result<String, Error> {
    if arguments.len() > ARGUMENTS_LEN_MAX {
        return Err(Error::Invalid(format!("the arguments are longer than {ARGUMENTS_LEN_MAX} bytes")));
    }
    let answer = match name {
        "describe" => describe::run(root, arguments),
        "stats" => stats::run(root, arguments),
        "rows" => rows::run(root, arguments),
        _ => {
            let known = listed(&mut list().iter().map(|tool| tool.name));
            Err(Error::UnknownTool(format!("no tool is named `{name}`; there are {known}")))
        }
    }?;
    let content = Json::object([("type", Json::text("text")), ("text", Json::Text(answer.text))]);
    let result =
        Json::object([("content", Json::Array(vec![content])), ("structuredContent", answer.data), ("isError", Json::Bool(false))]);
    let mut text = String::new();
    result.write(&mut text);
    Ok(text)
}
