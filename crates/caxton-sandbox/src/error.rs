//! What goes wrong with a component or a call of it.

use std::{io, path::PathBuf};

use caxton_types::{Code, Failure, Fault, error::ResourceError, unit::ByteSize};

/// What wasmtime says of a guest whose calls went too deep.
const STACK_EXHAUSTED: &str = "call stack exhausted";

/// What goes wrong with a component or a call of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the sandbox could not be started: {0}")]
    Engine(String),
    #[error("component `{name}` has {size} bytes; at most {size_max} are compiled")]
    ComponentTooLarge { name: String, size: u64, size_max: ByteSize },
    #[error("component `{name}` could not be read: {}", .failure.reason)]
    Unread { name: String, failure: Failure },
    #[error("`{name}` is {found}, not a WebAssembly component")]
    NotAComponent { name: String, found: &'static str },
    #[error("component `{name}` needs {}, which the `{profile}` profile refuses", .proposals.join(" and "))]
    ProposalRefused { name: String, profile: crate::Profile, proposals: Vec<&'static str> },
    #[error("component `{name}` is too complex: {what}")]
    TooComplex { name: String, what: String },
    #[error("component `{name}` is invalid: {reason}")]
    InvalidComponent { name: String, reason: String },
    #[error("component `{name}` imports {}, which no tool is granted", .imports.join(", "))]
    ImportRefused { name: String, imports: Vec<String> },
    /// Each import with the key of the permissions that would grant it.
    #[error("component `{name}` imports {}, which its permissions do not grant", imported(.imports))]
    ImportNotGranted { name: String, imports: Vec<(String, &'static str)> },
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error("component `{name}` exports no tool{}", exported(.exports))]
    NotATool { name: String, exports: Vec<String> },
    #[error("the compiled code of component `{name}` has gone from where it was kept")]
    CodeGone { name: String },
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
    /// Not the tool's limit of time: the deadline of the call.
    #[error("the time that its caller had left is over")]
    OutOfTime,
    #[error("component `{name}` was not compiled: {waiting} others wait for that")]
    CompilerBusy { name: String, waiting: usize },
    #[error("all {slots} slots are taken and {waiting} calls wait")]
    Exhausted { slots: u32, waiting: usize },
    #[error("{} in all {slots} slots of the sandbox that one agent may have at once", has_calls(.caller))]
    ShareTaken { caller: crate::Caller, slots: u32 },
    #[error("attachment `{name}` could not be handed to the tool: {source}")]
    Attachment { name: String, source: io::Error },
    #[error("swap was turned on since the sandbox started: what a call leaves in memory cannot be cleared any more")]
    Swaps,
    #[error("the sandbox is stopping")]
    Stopping,
}

/// Why a component cannot be granted what its permissions say.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    #[error("the granted directory {} cannot be opened: {source}", .path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("the granted file {} cannot be read: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is granted, but {} is denied", .path.display(), .denied.display())]
    DirectoryDenied { path: PathBuf, denied: PathBuf },
    #[error("`{guest}` cannot be the place of a granted directory: {reason}")]
    GuestPath { guest: Box<str>, reason: &'static str },
    #[error("{} is denied inside a granted directory, which this system cannot enforce", .denied.display())]
    DeniedInside { denied: PathBuf },
    #[error("the variable `{variable}` cannot be granted: {reason}")]
    Variable { variable: Box<str>, reason: &'static str },
    #[error("the variable `{variable}` is the secret `{secret}`, which the server does not have")]
    SecretMissing { variable: Box<str>, secret: Box<str> },
    #[error("`{host}` is no host, address or network")]
    Host { host: Box<str> },
}

impl Fault for GrantError {
    fn code(&self) -> Code {
        match self {
            Self::Directory { .. } | Self::File { .. } | Self::SecretMissing { .. } => Code::Unavailable,
            Self::DirectoryDenied { .. } => Code::Denied,
            Self::GuestPath { .. } | Self::DeniedInside { .. } | Self::Variable { .. } | Self::Host { .. } => Code::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Directory { .. } => "make the directory, or take it out of the tool's permissions",
            Self::File { .. } => "put the file there, or take it out of the tool's permissions",
            Self::DirectoryDenied { .. } | Self::DeniedInside { .. } => "grant a directory that holds nothing denied",
            Self::SecretMissing { .. } => "add the secret to the server's secrets file",
            Self::Host { .. } => "write `api.example.com`, `*.example.com`, `203.0.113.7` or `203.0.113.0/24`",
            Self::GuestPath { .. } | Self::Variable { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn imported(imports: &[(String, &'static str)]) -> String {
    imports.iter().map(|(import, _)| import.as_str()).collect::<Vec<_>>().join(", ")
}

fn granting(imports: &[(String, &'static str)]) -> String {
    let mut keys: Vec<String> = imports.iter().map(|(_, key)| format!("`{key}`")).collect();
    keys.dedup();
    format!("grant {} in the tool's permissions, or build it without the import", keys.join(" and "))
}

fn has_calls(caller: &crate::Caller) -> String {
    match &caller.agent {
        Some(agent) => format!("agent `{agent}` has calls"),
        None => format!("in workspace `{}`, calls without an agent are", caller.workspace),
    }
}

fn exported(exports: &[String]) -> String {
    if exports.is_empty() { String::new() } else { format!("; it exports {}", exports.join(", ")) }
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Engine(_) | Self::Trap(_) | Self::Attachment { .. } | Self::Failed(_) => Code::Internal,
            Self::ComponentTooLarge { .. } | Self::TooComplex { .. } => Code::TooLarge,
            Self::NotAComponent { .. }
            | Self::ProposalRefused { .. }
            | Self::InvalidComponent { .. }
            | Self::NotATool { .. }
            | Self::InvalidTool { .. }
            | Self::InvalidArguments(_) => Code::Invalid,
            Self::ImportRefused { .. } | Self::ImportNotGranted { .. } => Code::Denied,
            Self::Unread { failure, .. } => failure.code,
            Self::Grant(error) => error.code(),
            Self::UnknownTool(_) => Code::NotFound,
            Self::Limit(limit) => limit.code(),
            Self::OutOfTime => Code::Deadline,
            Self::Exhausted { .. } | Self::ShareTaken { .. } | Self::CompilerBusy { .. } => Code::Exhausted,
            Self::CodeGone { .. } | Self::Stopping | Self::Swaps => Code::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotAComponent { .. } => "compile it for wasm32-wasip2, or let the module export `handle_tool_call` (docs/wasm.md)",
            Self::ProposalRefused { profile, proposals, .. } => return Some(profile.remedy(proposals)),
            Self::ImportRefused { .. } => "a tool has WASI 0.2 and nothing else; build it without that import",
            Self::ImportNotGranted { imports, .. } => return Some(granting(imports)),
            Self::Unread { failure, .. } => return failure.hint.clone(),
            Self::Grant(error) => return error.hint(),
            Self::Limit(error) => return Some(of_limit(error).to_owned()),
            Self::NotATool { .. } => "export the world `tool-server` of sdk/wit/caxton-tool.wit, or functions whose types are plain values",
            Self::ComponentTooLarge { .. } => {
                "build it with `opt-level = \"s\"`, `lto = true` and `strip = true`, or raise `tools.sandbox.component_size`"
            }
            Self::TooComplex { .. } => "build it with -C target-feature=-multivalue, and split its largest functions",
            Self::CodeGone { .. } => "deploy the workspace again, or restart the server",
            Self::ShareTaken { .. } => "let fewer tools be called at once, try again later, or raise `tools.sandbox.agent_instances`",
            Self::Exhausted { .. } => "try again later, or raise `tools.sandbox.instances`",
            Self::OutOfTime => "leave it more time, or ask for less at once",
            Self::Trap(text) if text.contains(STACK_EXHAUSTED) => "let the tool's calls go less deep, or raise `tools.sandbox.stack_size`",
            Self::Trap(_) => {
                "what the tool printed is in the server's log with `observability.logging.level = \"info,caxton_sandbox=debug\"`"
            }
            Self::Swaps => "restart Caxton; it clears memory in another way where the machine swaps",
            Self::CompilerBusy { .. } => "try again when they are done; `/health` tells how many wait",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn of_limit(error: &ResourceError) -> &'static str {
    match error {
        ResourceError::MemoryLimitExceeded { .. } => "raise `memory` under `[limits]` in the tool's tool.toml, or `tools.sandbox.memory`",
        ResourceError::TableLimitExceeded { .. } => {
            "build the tool with fewer functions in its tables, or raise `tools.sandbox.table_entries`"
        }
        ResourceError::HandleLimitExceeded { .. } => "let the tool drop what it has done with, or raise `tools.sandbox.handles`",
        ResourceError::RandomLimitExceeded { .. } => "let the tool ask for less at once, or raise `tools.sandbox.random_size`",
        ResourceError::TimeLimitExceeded { .. } => "raise `timeout` under `[limits]` in the tool's tool.toml, or `tools.sandbox.timeout`",
        ResourceError::CpuLimitExceeded { .. } => "raise `cpu` under `[limits]` in the tool's tool.toml, or `tools.sandbox.cpu`",
        ResourceError::OutputLimitExceeded { .. } => {
            "ask for less: a filter, fewer groups, a smaller limit; `tools.sandbox.result_size` allows more"
        }
        ResourceError::HostCallLimitExceeded { .. } => "let the tool write in smaller pieces, or raise `tools.sandbox.host_call_size`",
        ResourceError::PrintLimitExceeded { .. } => "let the tool print less, or raise `tools.sandbox.printed_size`",
        ResourceError::OpenFilesLimitExceeded { .. } => "let the tool close what it has read, or raise `tools.sandbox.open_files`",
        ResourceError::WindowExceeded { .. } => "try again then, or raise the agents' window under `tools.sandbox`",
        ResourceError::DiskLimitExceeded { .. } => "let the tool write less, call it for less at once, or raise `tools.sandbox.disk`",
        ResourceError::RequestLimitExceeded { .. } => "let the tool ask for less at once, or raise `tools.sandbox.requests`",
        ResourceError::EgressLimitExceeded { .. } => "let the tool send less at once, or raise `tools.sandbox.egress`",
        ResourceError::IngressLimitExceeded { .. } => "let the tool ask for less at once, or raise `tools.sandbox.ingress`",
    }
}
