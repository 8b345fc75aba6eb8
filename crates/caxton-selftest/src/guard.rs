//! What stopped an attack.

use caxton_sandbox::Error;
use caxton_types::error::ResourceError;
use serde::Serialize;

/// What stopped an attack: one of the sandbox's own guards, or of the component model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// The limit of processor time.
    Cpu,
    /// The limit of time, waiting included.
    Time,
    /// The limit of memory.
    Memory,
    /// The limit of table entries.
    TableEntries,
    /// The limit of handles held at once.
    HandleCount,
    /// The stack that a guest's calls have.
    Stack,
    /// The limit of a result.
    Result,
    /// The limit of what is handed to the host at once.
    HostCall,
    /// The limit of what is printed.
    Printed,
    /// The limit of open files.
    OpenFiles,
    /// The limit of what is written to disk.
    Disk,
    /// The limit of requests.
    Requests,
    /// The limit of what is sent.
    Egress,
    /// The limit of what is received.
    Ingress,
    /// The bound of what an agent's calls use within a window.
    Window,
    /// The share of the slots that one agent may have.
    Share,
    /// Who calls is said by the host, whatever a guest says.
    Identity,
    /// The directories that are granted.
    Directories,
    /// The environment, of which a guest has what it is granted.
    Environment,
    /// The hosts that are granted.
    Hosts,
    /// That private addresses need a word of their own.
    PrivateAddresses,
    /// That a component is linked with the interfaces that it is granted.
    Imports,
    /// Handles belong to the instance that they were given to.
    Handles,
    /// What a guest hands over is checked against its memory.
    Pointers,
    /// The bound of random bytes at once.
    Random,
    /// A trap ends its own instance.
    Trap,
    /// An instance serves one call, of one workspace, and its memory begins empty.
    FreshInstance,
    /// A component is validated before it is compiled.
    Validation,
    /// The bounds of what the compiler has to keep in mind.
    Complexity,
    /// The bound of a component's size.
    ComponentSize,
    /// The proposals of WebAssembly that the profile accepts.
    Profile,
    /// A component offers its tools under the interface of tools.
    Interface,
    /// None of these.
    Unknown,
}

impl Guard {
    /// The guard that an error is of.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Limit(limit) => Self::of_limit(limit),
            Error::Trap(text) => Self::of_trap(text),
            Error::ImportRefused { .. } | Error::ImportNotGranted { .. } => Self::Imports,
            Error::TooComplex { .. } => Self::Complexity,
            Error::ComponentTooLarge { .. } => Self::ComponentSize,
            Error::ProposalRefused { .. } => Self::Profile,
            Error::InvalidComponent { .. } | Error::NotAComponent { .. } => Self::Validation,
            Error::NotATool { .. } | Error::InvalidTool { .. } => Self::Interface,
            Error::ShareTaken { .. } => Self::Share,
            Error::OutOfTime => Self::Time,
            Error::Grant(_) => Self::Directories,
            Error::Engine(_)
            | Error::CodeGone { .. }
            | Error::Unread { .. }
            | Error::UnknownTool(_)
            | Error::InvalidArguments(_)
            | Error::Failed(_)
            | Error::Exhausted { .. }
            | Error::Attachment { .. }
            | Error::Stopping
            | Error::CompilerBusy { .. }
            | Error::Swaps => Self::Unknown,
        }
    }

    fn of_limit(limit: &ResourceError) -> Self {
        match limit {
            ResourceError::MemoryLimitExceeded { .. } => Self::Memory,
            ResourceError::TableLimitExceeded { .. } => Self::TableEntries,
            ResourceError::HandleLimitExceeded { .. } => Self::HandleCount,
            ResourceError::RandomLimitExceeded { .. } => Self::Random,
            ResourceError::TimeLimitExceeded { .. } => Self::Time,
            ResourceError::CpuLimitExceeded { .. } => Self::Cpu,
            ResourceError::OutputLimitExceeded { .. } => Self::Result,
            ResourceError::HostCallLimitExceeded { .. } => Self::HostCall,
            ResourceError::PrintLimitExceeded { .. } => Self::Printed,
            ResourceError::OpenFilesLimitExceeded { .. } => Self::OpenFiles,
            ResourceError::DiskLimitExceeded { .. } => Self::Disk,
            ResourceError::RequestLimitExceeded { .. } => Self::Requests,
            ResourceError::IngressLimitExceeded { .. } => Self::Ingress,
            ResourceError::WindowExceeded { .. } => Self::Window,
            ResourceError::EgressLimitExceeded { .. } => Self::Egress,
        }
    }

    /// wasmtime tells these apart by their text only.
    fn of_trap(text: &str) -> Self {
        let of = [
            ("call stack exhausted", Self::Stack),
            ("handle", Self::Handles),
            ("out of bounds", Self::Pointers),
            ("beyond end of memory", Self::Pointers),
            ("unreachable", Self::Trap),
        ];
        of.iter().find(|(part, _)| text.contains(part)).map_or(Self::Unknown, |(_, guard)| *guard)
    }
}

impl std::fmt::Display for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cpu => "processor limit",
            Self::Time => "time limit",
            Self::Memory => "memory limit",
            Self::TableEntries => "table limit",
            Self::HandleCount => "handle limit",
            Self::Stack => "stack limit",
            Self::Result => "result limit",
            Self::HostCall => "host call limit",
            Self::Printed => "print limit",
            Self::OpenFiles => "open files limit",
            Self::Disk => "disk limit",
            Self::Requests => "request limit",
            Self::Egress => "send limit",
            Self::Ingress => "receive limit",
            Self::Window => "agent's window",
            Self::Share => "agent's share",
            Self::Identity => "caller's identity",
            Self::Directories => "granted directories",
            Self::Environment => "granted variables",
            Self::Hosts => "granted hosts",
            Self::PrivateAddresses => "private addresses",
            Self::Imports => "granted imports",
            Self::Handles => "handle check",
            Self::Pointers => "pointer check",
            Self::Random => "random limit",
            Self::Trap => "trap",
            Self::FreshInstance => "fresh instance",
            Self::Validation => "validation",
            Self::Complexity => "complexity",
            Self::ComponentSize => "component size",
            Self::Profile => "profile",
            Self::Interface => "tool interface",
            Self::Unknown => "unknown",
        })
    }
}
