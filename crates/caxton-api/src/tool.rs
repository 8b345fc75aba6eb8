//! Tools on the wire.

use crate::{AttachmentRef, schema};
use caxton_types::{Code, Digest, Timestamp, ToolAnnotations};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What stands behind a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// Code of the server.
    BuiltIn,
    /// A WebAssembly component of the workspace, in its sandbox.
    Component,
    /// Somebody else's MCP server.
    Remote,
    /// The turn that calls: it waits for somebody, and cannot be called directly.
    Turn,
}

impl ToolKind {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Component => "component",
            Self::Remote => "remote",
            Self::Turn => "turn",
        }
    }
}

/// Whether a tool takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolState {
    /// It does.
    Ready,
    /// Its code could not be loaded.
    Failed,
    /// Its server does not answer now.
    Unavailable,
}

impl ToolState {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A tool in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolSummary {
    /// `server/tool`; the server alone where it could not be loaded.
    pub id: String,
    /// What stands behind it.
    pub kind: ToolKind,
    /// Whether it takes calls.
    pub state: ToolState,
    /// Why it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Whether its MCP server, which is another's, defines it otherwise than when it was first seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
    /// What it does, for the model.
    pub description: String,
    /// What it may touch beyond its own memory, in a few words each; nothing where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
    /// Calls that ended since the server started.
    pub calls: u64,
    /// How many of them gave no result, or one that reports an error.
    pub errors: u64,
    /// Calls that were refused.
    pub denials: u64,
    /// Wall time of half of the calls, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub p50_us: Option<u64>,
    /// Wall time of 99 of 100 calls, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub p99_us: Option<u64>,
}

/// A tool in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolDetail {
    /// What a listing shows of it.
    pub tool: ToolSummary,
    /// JSON Schema of its arguments.
    #[schema(value_type = Object)]
    pub input_schema: Value,
    /// JSON Schema of its structured result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub output_schema: Option<Value>,
    /// What it says of its side effects, as in MCP.
    #[schema(value_type = Object)]
    pub annotations: ToolAnnotations,
    /// What is done about a call that a stop interrupted: `idempotent`, `at_most_once` or `ask_human`.
    pub execution: String,
    /// Whether somebody must agree to a call, as far as its author says.
    pub needs_approval: bool,
    /// The SHA-256 of its code, where that is ours to run; of its definition, where it is of another's MCP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Digest>, nullable = false)]
    pub digest: Option<Digest>,
    /// What it was when it was first seen, or accepted since; where it is `changed` and that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub first_seen: Option<FirstSeen>,
    /// What it may touch, where that was for somebody to decide: directories, hosts, variables, scopes of memory, tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub permissions: Option<Value>,
    /// What a call may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limits: Option<ToolLimits>,
    /// What became of its calls.
    pub stats: ToolStatsView,
}

/// A definition of a tool of another's MCP server that is not the present one any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FirstSeen {
    /// What it did, for the model.
    pub description: String,
    /// JSON Schema of its arguments; absent where its schemas were too long to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub input_schema: Option<Value>,
    /// JSON Schema of its structured result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub output_schema: Option<Value>,
    /// What it said of its side effects, as in MCP.
    #[schema(value_type = Object)]
    pub annotations: ToolAnnotations,
}

/// What one call of a tool may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolLimits {
    /// Memory in bytes.
    pub memory: u64,
    /// Wall time in milliseconds.
    pub timeout_ms: u64,
    /// Of that, computing.
    pub cpu_ms: u64,
    /// Bytes of its result.
    pub result_size: u64,
    /// Bytes that it may hand to the host at once.
    pub host_call_size: u64,
    /// Bytes that it may print.
    pub printed_size: u64,
    /// Files and directories open at once.
    pub open_files: u32,
    /// Bytes that it may write to files.
    pub disk: u64,
    /// HTTP requests, connections, and what it may ask of memory and other tools.
    pub requests: u32,
    /// Bytes that it may send.
    pub egress: u64,
    /// Bytes that it may receive.
    pub ingress: u64,
    /// Whether it sees the files that come with a request.
    pub attachments: bool,
    /// Whether an instance serves one call after the other.
    pub reuse: bool,
}

/// What became of the calls of a tool since the server started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolStatsView {
    /// Calls under way.
    pub running: u64,
    /// Calls that gave no result, by kind.
    pub errors: Vec<ToolErrorCount>,
    /// Results that report an error of the tool itself.
    pub error_results: u64,
    /// The most memory that a call held, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub memory_peak: Option<u64>,
    /// Processor time of all calls, in microseconds.
    pub cpu_us: u64,
    /// When something last became of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub last_at: Option<Timestamp>,
    /// The last call that gave no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_error: Option<ToolErrorView>,
}

/// How many calls of a tool failed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolErrorCount {
    /// What kind of failure.
    #[schema(value_type = schema::Code)]
    pub code: Code,
    /// How many.
    pub count: u64,
}

/// A call that gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolErrorView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What kind of failure.
    #[schema(value_type = schema::Code)]
    pub code: Code,
    /// Why.
    pub reason: String,
}

/// A call of a tool, outside of any turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallTool {
    /// Its arguments, which its schema describes.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub arguments: Map<String, Value>,
    /// Files that it may read, where it reads any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    pub attachments: Vec<AttachmentRef>,
    /// Agrees to the call, where its tool needs somebody's approval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approve: bool,
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolCalled {
    /// The tool, as `server/tool`.
    pub tool: String,
    /// The result as text.
    pub text: String,
    /// The result as data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub structured: Option<Value>,
    /// Whether the tool itself reports an error.
    pub is_error: bool,
    /// The files that it made: `GET …/blobs/{digest}` reads one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<AttachmentRef>,
    /// Wall time in microseconds.
    pub wall_us: u64,
    /// The most memory that its sandbox held, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub memory_peak: Option<u64>,
    /// Processor time of its sandbox, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cpu_us: Option<u64>,
}
