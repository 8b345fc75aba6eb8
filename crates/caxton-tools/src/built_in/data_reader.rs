//! The built-in `data_reader` (also `csv_parser`): rows of a table, and what its columns hold.

mod filter;
mod profile;
mod rows;

use super::{
    Answer, BuiltIn, Traffic,
    define::{Definition, READS, arguments, merged},
    table::{self, Source},
    work,
};
use crate::{CallContext, Error};
use async_trait::async_trait;
use caxton_types::ToolDefinition;
use serde_json::{Value, json};

const SERVER: &str = "data_reader";

#[derive(Debug)]
pub(crate) struct DataReader([ToolDefinition; 2]);

impl DataReader {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self([read()?, profile()?]))
    }
}

#[async_trait]
impl BuiltIn for DataReader {
    fn definitions(&self) -> Vec<ToolDefinition> {
        self.0.to_vec()
    }

    async fn call(&self, tool: &ToolDefinition, given: &Value, context: &CallContext<'_>, _: &Traffic) -> Result<Answer, Error> {
        let refused = |refusal| Error::Refused { tool: tool.id.clone(), refusal };
        let source: Source = arguments(given).map_err(refused)?;
        let table = source.find(context).map_err(refused)?;
        if tool.id.tool() == "profile" {
            return work::compute(tool, context, move |watch| profile::profile(table, watch)).await;
        }
        let query: rows::Query = arguments(given).map_err(refused)?;
        work::compute(tool, context, move |watch| rows::read(table, &query, watch)).await
    }
}

fn read() -> Result<ToolDefinition, Error> {
    let value =
        json!({"type": ["string", "number", "boolean", "array"], "items": {"type": ["string", "number", "boolean"]}, "maxItems": 1000});
    let condition = json!({
        "type": "object",
        "properties": {
            "column": {"type": "string"},
            "op": {"type": "string", "enum": filter::OPS},
            "value": value,
            "ignore_case": {"type": "boolean", "default": false}
        },
        "required": ["column", "op"],
        "additionalProperties": false
    });
    let sort = json!({
        "type": "object",
        "properties": {"column": {"type": "string"}, "descending": {"type": "boolean", "default": false}},
        "required": ["column"],
        "additionalProperties": false
    });
    let own = json!({
        "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1000, "description": "the columns wanted, in this order; all where absent"},
        "where": {"type": "array", "items": condition, "maxItems": 32, "description": "conditions on rows; a missing value fits only `is_null`"},
        "any": {"type": "boolean", "default": false, "description": "whether one condition is enough; otherwise all must hold"},
        "sort": {"type": "array", "items": sort, "maxItems": 8, "description": "by these columns, the first one first; missing values come last"},
        "limit": {"type": "integer", "minimum": 0, "maximum": rows::LIMIT_MAX, "default": rows::LIMIT, "description": "most rows wanted"},
        "offset": {"type": "integer", "minimum": 0, "maximum": rows::OFFSET_MAX, "default": 0, "description": "how many fitting rows to pass over"}
    });
    Definition {
        server: SERVER,
        tool: "read",
        description: "Reads rows of a table (csv, tsv, json, ndjson) from an attached file or from text: selects columns, filters, sorts, pages. \
                      Finds out delimiter, header and types by itself."
            .into(),
        properties: merged([table::properties(), own]),
        required: &[],
        gives: json!({
            "source": {"type": "object"}, "columns": {"type": "array"}, "rows": {"type": "array", "items": {"type": "array"}},
            "total": {"type": "integer"}, "matched": {"type": "integer"}, "offset": {"type": "integer"}, "next_offset": {"type": ["integer", "null"]}
        }),
        annotations: READS,
    }
    .build()
}

fn profile() -> Result<ToolDefinition, Error> {
    Definition {
        server: SERVER,
        tool: "profile",
        description: "Tells what a table (csv, tsv, json, ndjson) holds: how many rows, and for each column its type, missing and distinct values, \
                      smallest, largest, mean and most frequent ones."
            .into(),
        properties: table::properties(),
        required: &[],
        gives: json!({"source": {"type": "object"}, "total": {"type": "integer"}, "columns": {"type": "array", "items": {"type": "object"}}}),
        annotations: READS,
    }
    .build()
}
