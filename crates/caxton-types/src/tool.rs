//! The one shape of a tool, wherever it runs; it follows the Model Context Protocol.

use crate::{ApprovalRule, Attachment, Digest, Execution, ToolId, ToolPolicy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a tool offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// Names the tool.
    pub id: ToolId,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub input_schema: Value,
    /// JSON Schema of its structured result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What it says of its side effects.
    #[serde(default)]
    pub annotations: ToolAnnotations,
    /// How it is handled, where its author or the agent's says so.
    #[serde(default, skip_serializing_if = "ToolPolicy::is_silent")]
    pub policy: ToolPolicy,
    /// The SHA-256 of the code behind it, where that is ours to run: a turn goes on with the code that it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

impl ToolDefinition {
    /// What is done about a call that a stop interrupted.
    pub fn execution(&self) -> Execution {
        let repeatable = self.annotations.read_only_hint || self.annotations.idempotent_hint;
        self.policy.execution.unwrap_or(if repeatable { Execution::Idempotent } else { Execution::AtMostOnce })
    }

    /// Whether a person must agree before it is called.
    pub fn needs_approval(&self) -> bool {
        match self.policy.approval.unwrap_or_default() {
            ApprovalRule::Never => false,
            ApprovalRule::Always => true,
            ApprovalRule::WhenWriting => !self.annotations.read_only_hint,
        }
    }
}

/// What a tool says of its side effects; the cautious answer is the default, as in MCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the four hints are MCP's own")]
pub struct ToolAnnotations {
    /// It changes nothing.
    pub read_only_hint: bool,
    /// It may destroy something.
    pub destructive_hint: bool,
    /// Calling it twice with the same arguments has the effect of calling it once.
    pub idempotent_hint: bool,
    /// It reaches the world outside.
    pub open_world_hint: bool,
}

impl Default for ToolAnnotations {
    fn default() -> Self {
        Self { read_only_hint: false, destructive_hint: true, idempotent_hint: false, open_world_hint: true }
    }
}

/// A call that a model asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's own name for the call; its result quotes it.
    pub call_id: String,
    /// The tool as the model named it: `server__tool`.
    pub tool: String,
    /// Its arguments.
    pub arguments: Value,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The result as text, for the model.
    pub text: String,
    /// The result as data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured: Option<Value>,
    /// Whether the tool itself reports an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// The files that it made, which the blob table holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
}

impl ToolResult {
    /// A result that is text and nothing else.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), structured: None, is_error: false, files: vec![] }
    }
}
