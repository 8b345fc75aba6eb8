//! Why a tool call did not give a result.

use crate::built_in::Refusal;
use caxton_types::{
    Code, Digest, Fault, InvalidName, ToolId,
    error::{ResourceError, SecurityError},
    unit::Period,
};
use std::{fmt, sync::Arc, time::Duration};

/// Why a tool could not be loaded or called.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Security(#[from] SecurityError),
    #[error(transparent)]
    Resource(#[from] ResourceError),
    #[error("`{tool}` cannot take these arguments: {reason}")]
    InvalidArguments { tool: ToolId, reason: String },
    #[error("`{tool}` failed: {reason}")]
    Failed { tool: ToolId, reason: String },
    #[error("`{tool}`: {refusal}")]
    Refused { tool: ToolId, refusal: Refusal },
    /// What the sandbox says of a call, with its code and its hint.
    #[error("`{tool}` failed: {fault}")]
    Sandbox { tool: ToolId, fault: caxton_sandbox::Error },
    /// Not a limit of the tool: whoever called had no more time.
    #[error("`{tool}` was ended: {clock} {} ms left, which are over", .left.as_millis())]
    OutOfTime { tool: ToolId, clock: Clock, left: Duration },
    #[error("tool server `{server}` offers `{tool}`, which cannot be named")]
    ToolName { server: Box<str>, tool: Box<str>, source: InvalidName },
    #[error("tool server `{server}`: the input schema of `{tool}` is not usable: {reason}")]
    Schema { server: Box<str>, tool: Box<str>, reason: String },
    #[error("tool server `{server}` could not be loaded")]
    Load { server: Box<str>, source: caxton_sandbox::Error },
    #[error("a tool server cannot be named `{server}`: that one is built in")]
    Reserved { server: Box<str> },
    #[error("the code of `{tool}` that the turn began with ({digest}) is not kept any more")]
    CodeGone { tool: ToolId, digest: Digest },
    #[error("the code of `{tool}` that the turn began with could not be read")]
    Archive { tool: ToolId, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("`{tool}` is performed by the turn that calls it, and by nobody else")]
    PerformedByTurn { tool: ToolId },
    #[error("no tool is named `{tool}` in this workspace")]
    Unknown { tool: Box<str>, nearest: Option<Box<str>> },
    #[error("`{name}` means {} tools, and one was asked for: {}", tools.len(), first_of(tools))]
    Several { name: Box<str>, tools: Vec<ToolId> },
    #[error("`{tool}` could not be called")]
    Remote { tool: ToolId, source: caxton_mcp::client::Error },
    /// What a server of others says of something that is no call of a tool.
    #[error(transparent)]
    Relayed(#[from] caxton_mcp::client::Error),
    #[error("no MCP server of others is named `{server}`")]
    ServerUnknown { server: Box<str>, nearest: Option<Box<str>> },
    #[error("MCP server `{server}` is not there: {reason}")]
    RemoteDown { server: Box<str>, reason: Arc<str> },
    #[error("MCP server `{server}` failed too often and is left alone")]
    BreakerOpen { server: Box<str>, retry_in: Duration },
    #[error("`{tool}` was defined anew by its server after this turn began, and is not called")]
    DefinedAnew { tool: ToolId },
    #[error("`{tool}` is not what was first seen of it, and is not called")]
    Changed { tool: ToolId },
    #[error("{} of MCP server `{server}` is defined as {digest} now", no_tool(tool.as_deref()))]
    DefinedOtherwise { server: Box<str>, tool: Option<Box<str>>, digest: Digest },
    #[error("MCP server `{server}` offers no tool `{tool}`")]
    NotOffered { server: Box<str>, tool: Box<str>, nearest: Option<Box<str>> },
    #[error("that tools of MCP server `{server}` are accepted could not be kept: {refusal}")]
    Unkept { server: Box<str>, refusal: Refusal },
    #[error("http_client could not be set up")]
    Http(#[from] reqwest::Error),
}

/// Whose time a call takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clock {
    /// The turn that calls.
    Turn,
    /// The tool that calls.
    Tool(ToolId),
    /// Nobody's turn: a call has what such a call has.
    Direct,
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turn => f.write_str("the turn had"),
            Self::Tool(tool) => write!(f, "`{tool}`, which called it, had"),
            Self::Direct => f.write_str("a call outside of a turn has"),
        }
    }
}

impl Clock {
    fn hint(&self) -> String {
        match self {
            Self::Turn => "raise `wall_time` under `[limits]` in the agent's file, then deploy".into(),
            Self::Tool(tool) => format!("let `{tool}` ask for less at once, or raise `timeout` under `[limits]` in its tool.toml"),
            Self::Direct => "ask for less at once, or let an agent with more `wall_time` call it".into(),
        }
    }
}

/// A tool that crashes or gives up is something that we depend on, and no defect of ours: its caller is told how.
fn code_of(fault: &caxton_sandbox::Error) -> Code {
    match fault {
        caxton_sandbox::Error::Trap(_) | caxton_sandbox::Error::Failed(_) => Code::Unavailable,
        other => other.code(),
    }
}

fn no_tool(tool: Option<&str>) -> String {
    tool.map_or_else(|| "no tool".to_owned(), |tool| format!("no tool `{tool}`"))
}

/// The most tools that a name means and an error names.
const NAMED_MAX: usize = 8;

/// So many of them, and how many there are beside those.
fn first_of(tools: &[ToolId]) -> String {
    let named = tools.iter().take(NAMED_MAX).map(|tool| format!("`{tool}`"));
    let more = tools.len().checked_sub(NAMED_MAX).filter(|more| *more > 0).map(|more| format!("{more} more"));
    named.chain(more).collect::<Vec<_>>().join(", ")
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Security(error) => error.code(),
            Self::Resource(error) => error.code(),
            Self::InvalidArguments { .. }
            | Self::ToolName { .. }
            | Self::Schema { .. }
            | Self::Reserved { .. }
            | Self::PerformedByTurn { .. } => Code::Invalid,
            Self::CodeGone { .. } | Self::Unknown { .. } | Self::Several { .. } | Self::ServerUnknown { .. } | Self::NotOffered { .. } => {
                Code::NotFound
            }
            Self::Refused { refusal, .. } | Self::Unkept { refusal, .. } => refusal.code,
            Self::Failed { .. } => Code::Unavailable,
            Self::Sandbox { fault, .. } => code_of(fault),
            Self::OutOfTime { .. } => Code::Deadline,
            Self::Load { source, .. } => source.code(),
            Self::Remote { source, .. } | Self::Relayed(source) => source.code(),
            Self::RemoteDown { .. } | Self::BreakerOpen { .. } => Code::Unavailable,
            Self::DefinedAnew { .. } | Self::Changed { .. } | Self::DefinedOtherwise { .. } => Code::Conflict,
            Self::Archive { .. } | Self::Http(_) => Code::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Security(error) => error.hint(),
            Self::Resource(error) => error.hint(),
            Self::Load { source, .. } => source.hint(),
            Self::Remote { source, .. } | Self::Relayed(source) => source.hint(),
            Self::RemoteDown { .. } => Some("it is tried again by itself; `caxton tool list` shows how it is doing".into()),
            Self::BreakerOpen { retry_in, .. } => Some(format!("it is tried again in {}", Period::new(*retry_in))),
            Self::Changed { tool } => {
                Some(format!("look at it with `caxton tool inspect {tool}`; `caxton tool accept {tool}` takes it as it is"))
            }
            Self::DefinedOtherwise { server, tool: Some(tool), .. } => {
                Some(format!("look at it again with `caxton tool inspect {server}/{tool}`"))
            }
            Self::DefinedOtherwise { tool: None, .. } => Some("`caxton tool inspect NAME` tells the digest of a tool".into()),
            Self::DefinedAnew { tool } => Some(format!("look at it with `caxton tool inspect {tool}`, then send the message again")),
            Self::Refused { refusal, .. } | Self::Unkept { refusal, .. } => refusal.hint.clone(),
            Self::Sandbox { fault, .. } => fault.hint(),
            Self::OutOfTime { clock, .. } => Some(clock.hint()),
            Self::Reserved { .. } => Some("rename its directory below `tools/`".into()),
            Self::CodeGone { .. } => Some("send the message again: a new turn begins with the code that is deployed now".into()),
            Self::PerformedByTurn { .. } => Some("ask an agent that has it: `caxton agent list` shows who is there".into()),
            Self::Unknown { nearest: Some(nearest), .. } | Self::ServerUnknown { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`?"))
            }
            Self::Several { tools, .. } => tools.first().map(|first| format!("name one of them, as in `{first}`")),
            Self::NotOffered { server, nearest: Some(nearest), .. } => Some(format!("did you mean `{server}/{nearest}`?")),
            Self::ServerUnknown { nearest: None, .. } => {
                Some("`caxton config get integrations.mcp.servers` shows those that are there".into())
            }
            Self::Unknown { nearest: None, .. } | Self::NotOffered { nearest: None, .. } => {
                Some("`caxton tool list` shows those that are there".into())
            }
            Self::InvalidArguments { .. }
            | Self::Failed { .. }
            | Self::ToolName { .. }
            | Self::Schema { .. }
            | Self::Archive { .. }
            | Self::Http(_) => None,
        }
    }
}
