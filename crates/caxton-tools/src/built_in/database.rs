//! The built-in `database`: SQLite files that the operator granted, read unless writing is granted too.
//!
//! A connection lives for one call. What it may do is decided by SQLite's own authorizer when the statement is compiled, so
//! no way of writing it leads around: other files cannot be attached, no extension loaded, no setting changed.

mod connection;
mod definitions;
mod query;
mod schema;

use super::{
    Answer, BuiltIn, Traffic,
    define::arguments,
    grants::{Granted, Kind},
    work,
};
use crate::{CallContext, Error};
use async_trait::async_trait;
use caxton_types::ToolDefinition;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

const SERVER: &str = "database";
const KIND: Kind = Kind { what: "database file", argument: "database", key: "tools.database.files" };

#[derive(Debug)]
pub(crate) struct Database {
    files: Arc<[Granted]>,
    definitions: [ToolDefinition; 3],
}

/// What all of its tools may be given.
#[derive(Debug, Deserialize)]
struct Arguments {
    database: Option<String>,
    sql: Option<String>,
    #[serde(default)]
    params: Value,
    limit: Option<usize>,
    table: Option<String>,
}

impl Database {
    pub(crate) fn new(files: Vec<Granted>) -> Result<Self, Error> {
        let definitions = definitions::all(&files)?;
        Ok(Self { files: files.into(), definitions })
    }
}

#[async_trait]
impl BuiltIn for Database {
    fn definitions(&self) -> Vec<ToolDefinition> {
        self.definitions.to_vec()
    }

    async fn call(&self, tool: &ToolDefinition, given: &Value, context: &CallContext<'_>, _: &Traffic) -> Result<Answer, Error> {
        let refused = |refusal| Error::Refused { tool: tool.id.clone(), refusal };
        let own: Arguments = arguments(given).map_err(refused)?;
        let file = KIND.find(&self.files, own.database.as_deref()).map_err(refused)?.clone();
        let name = tool.id.tool().to_owned();
        if name == "execute" {
            KIND.check_write(&file).map_err(refused)?;
        }
        work::compute(tool, context, move |watch| {
            let sql = own.sql.as_deref().unwrap_or_default();
            match name.as_str() {
                "query" => query::query(&connection::open(&file, connection::May::Read, watch)?, sql, &own.params, own.limit, watch),
                "execute" => query::execute(&connection::open(&file, connection::May::Write, watch)?, sql, &own.params, watch),
                _ => schema::schema(&connection::open(&file, connection::May::Look, watch)?, own.table.as_deref()),
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests;
