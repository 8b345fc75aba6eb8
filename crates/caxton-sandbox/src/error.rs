//! What goes wrong with a component or a call of it.

use std::io;

use caxton_types::{Code, Fault, error::ResourceError, unit::ByteSize};

/// What goes wrong with a component or a call of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the sandbox could not be started: {0}")]
    Engine(String),
    #[error("component `{name}` has {size} bytes; at most {size_max} are compiled")]
    ComponentTooLarge { name: String, size: usize, size_max: ByteSize },
    #[error("`{name}` is {found}, not a WebAssembly component")]
    NotAComponent { name: String, found: &'static str },
    #[error("component `{name}` needs {}, which the `{profile}` profile refuses", .proposals.join(" and "))]
    ProposalRefused { name: String, profile: crate::Profile, proposals: Vec<&'static str> },
    #[error("component `{name}` is invalid: {reason}")]
    InvalidComponent { name: String, reason: String },
    #[error("component `{name}` imports {}, which no tool is granted", .imports.join(", "))]
    ImportRefused { name: String, imports: Vec<String> },
    #[error("component `{name}` exports no tool{}", exported(.exports))]
    NotATool { name: String, exports: Vec<String> },
    #[error("component `{name}` offers a tool that cannot be used: {reason}")]
    InvalidTool { name: String, reason: String },
    #[error("{0}")]
    UnknownTool(String),
    #[error("{0}")]
    InvalidArguments(String),
    #[error("{0}")]
    Failed(String),
    #[error("the tool crashed: {0}")]
    Trap(String),
    #[error(transparent)]
    Limit(#[from] ResourceError),
    #[error("all {slots} slots are taken and {waiting} calls wait")]
    Exhausted { slots: u32, waiting: usize },
    #[error("attachment `{name}` could not be handed to the tool: {source}")]
    Attachment { name: String, source: io::Error },
    #[error("the sandbox is stopping")]
    Stopping,
}

fn exported(exports: &[String]) -> String {
    if exports.is_empty() { String::new() } else { format!("; it exports {}", exports.join(", ")) }
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Engine(_) | Self::Trap(_) | Self::Attachment { .. } | Self::Failed(_) => Code::Internal,
            Self::ComponentTooLarge { .. } => Code::TooLarge,
            Self::NotAComponent { .. }
            | Self::ProposalRefused { .. }
            | Self::InvalidComponent { .. }
            | Self::NotATool { .. }
            | Self::InvalidTool { .. }
            | Self::InvalidArguments(_) => Code::Invalid,
            Self::ImportRefused { .. } => Code::Denied,
            Self::UnknownTool(_) => Code::NotFound,
            Self::Limit(limit) => limit.code(),
            Self::Exhausted { .. } => Code::Exhausted,
            Self::Stopping => Code::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotAComponent { .. } => "compile it for wasm32-wasip2, or let the module export `handle_tool_call` (docs/wasm.md)",
            Self::ProposalRefused { profile, proposals, .. } => return Some(profile.remedy(proposals)),
            Self::ImportRefused { .. } => "a tool has WASI 0.2 and nothing else; build it without that import",
            Self::NotATool { .. } => "export the world `tool-server` of wit/caxton-tool.wit, or functions whose types are plain values",
            Self::ComponentTooLarge { .. } => "build it with `opt-level = \"s\"`, `lto = true` and `strip = true`",
            Self::Limit(ResourceError::MemoryLimitExceeded { .. }) => "raise `memory` under `[limits]` in the tool's tool.toml",
            Self::Limit(ResourceError::TimeLimitExceeded { .. }) => "raise `timeout` under `[limits]` in the tool's tool.toml",
            Self::Limit(ResourceError::OutputLimitExceeded { .. }) => "ask for less: a filter, fewer groups, a smaller limit",
            Self::Exhausted { .. } => "try again later, or raise `sandbox.slots`",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
