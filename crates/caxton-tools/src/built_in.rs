//! What a built-in tool is: the same shape, checks and accounting as every other tool, with our own code behind it.

pub(crate) mod chart_generator;
pub(crate) mod data_reader;
pub(crate) mod database;
mod define;
pub(crate) mod file_system;
mod float;
mod grants;
mod refusal;
pub(crate) mod state;
pub(crate) mod stats_calculator;
mod table;
mod work;

pub use self::{grants::Granted, refusal::Refusal};

use crate::{CallContext, Error};
use async_trait::async_trait;
use bytes::Bytes;
use caxton_types::{Metering, ToolDefinition, ToolResult};
use serde_json::Value;
use std::{
    fmt,
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

/// A tool server whose code is part of this program. Its arguments have been checked against the tool's schema.
#[async_trait]
pub(crate) trait BuiltIn: fmt::Debug + Send + Sync {
    /// Its tools; all of one server.
    fn definitions(&self) -> Vec<ToolDefinition>;

    /// Performs a call, and counts what it exchanges with others, also where it fails or is given up.
    async fn call(&self, tool: &ToolDefinition, arguments: &Value, context: &CallContext<'_>, traffic: &Traffic) -> Result<Answer, Error>;
}

/// What a call exchanges with others.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) requests: AtomicU32,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

impl Traffic {
    /// A metering with this besides; what was not exchanged at all is left out.
    pub(crate) fn added_to(&self, metering: Metering) -> Metering {
        let some = |bytes: &AtomicU64| Some(bytes.load(Relaxed)).filter(|bytes| *bytes > 0);
        let requests = Some(self.requests.load(Relaxed)).filter(|requests| *requests > 0);
        Metering { requests, sent: some(&self.sent), received: some(&self.received), ..metering }
    }
}

/// What a tool gave.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) result: ToolResult,
    pub(crate) files: Vec<Produced>,
    pub(crate) metering: Metering,
}

impl Answer {
    /// A result that is text for the model and the same as data.
    pub(crate) fn new(text: impl Into<String>, structured: Value) -> Self {
        ToolResult { structured: Some(structured), ..ToolResult::text(text) }.into()
    }
}

impl From<ToolResult> for Answer {
    fn from(result: ToolResult) -> Self {
        Self { result, files: vec![], metering: Metering::default() }
    }
}

/// A file that a tool made; whoever called keeps it and puts it into [`ToolResult::files`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// A plain file name: see [`caxton_types::Attachment::is_valid_name`].
    pub name: Box<str>,
    pub media_type: Box<str>,
    pub bytes: Bytes,
}
