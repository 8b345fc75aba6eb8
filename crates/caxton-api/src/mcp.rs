//! Other people's MCP servers on the wire.

use crate::schema;
use caxton_types::{BreakerState, Digest, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether somebody else's MCP server can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum McpServerState {
    /// Not for the first time yet.
    Connecting,
    /// It can.
    Up,
    /// It is not there, and tried again by itself.
    Down,
}

/// Whether calls are let through to a server that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerView {
    /// All are.
    Closed,
    /// None is: calls failed too often, and it is left alone for a while.
    Open,
    /// A few are, to find out.
    HalfOpen,
}

impl From<BreakerState> for BreakerView {
    fn from(state: BreakerState) -> Self {
        match state {
            BreakerState::Closed => Self::Closed,
            BreakerState::Open => Self::Open,
            BreakerState::HalfOpen => Self::HalfOpen,
        }
    }
}

/// Somebody else's MCP server, and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpServerView {
    /// Its name here; its tools are `name/tool`.
    pub name: String,
    /// Its URL, or the program that is started.
    pub place: String,
    /// Whether it can be called.
    pub state: McpServerState,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Why it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Its circuit breaker.
    pub breaker: BreakerView,
    /// What it says of itself, while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub about: Option<McpAboutView>,
    /// Its tools, as `server/tool`; as they last were, where it is not there.
    pub tools: Vec<String>,
    /// Those of them that it defines otherwise than when they were first seen, also before the last start of Caxton.
    pub changed: Vec<String>,
    /// What it offers and nobody can call.
    pub left_out: Vec<LeftOutView>,
    /// How many resources it lists, as far as they are offered here.
    #[serde(default)]
    pub resources: usize,
    /// How many templates of resources.
    #[serde(default)]
    pub resource_templates: usize,
    /// How many prompts.
    #[serde(default)]
    pub prompts: usize,
}

/// Which tools of an MCP server are accepted as they are now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptTools {
    /// This one, without its server's name; all of them where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 160)]
    pub tool: Option<String>,
    /// Only what is defined so: the digest that reading a tool tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Digest>, nullable = false)]
    pub digest: Option<Digest>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolsAccepted {
    /// The server.
    pub server: String,
    /// The tools that were changed and are not any more, as `server/tool`; none where none was.
    pub accepted: Vec<String>,
}

/// What an MCP server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpAboutView {
    /// Its own name for itself.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of the protocol that is spoken with it.
    pub protocol: String,
}

/// A tool that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOutView {
    /// Its server's name for it.
    pub tool: String,
    /// Why it cannot.
    pub reason: String,
}
