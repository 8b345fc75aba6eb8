//! Why a deployment was refused.

use caxton_config::Diagnostics;
use caxton_types::{Code, Digest, Fault, error::SecurityError, unit::ByteSize};

/// Why a deployment was refused; nothing of it was applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Security(#[from] SecurityError),
    #[error("the workspace cannot be deployed:\n{0}")]
    Invalid(#[from] Diagnostics),
    #[error("{} files have not been uploaded", .0.len())]
    Missing(Vec<Digest>),
    #[error("the workspace has {len} files; at most {len_max} are taken")]
    FilesTooMany { len: usize, len_max: usize },
    #[error("`{path}` has {size} bytes; at most {size_max} are taken")]
    FileTooLarge { path: Box<str>, size: u64, size_max: ByteSize },
    #[error("`{path}` has {size} bytes, and the deployment says {told}")]
    SizeOther { path: Box<str>, told: u64, size: u64 },
    #[error("the files come to {size} bytes together; at most {size_max} are taken")]
    TotalTooLarge { size: u64, size_max: ByteSize },
    #[error("`{0}` is no path of a workspace file")]
    Path(Box<str>),
    #[error("`{0}` is listed twice")]
    PathTwice(Box<str>),
    #[error("tool `{tool}` cannot be deployed")]
    Tool { tool: Box<str>, source: Box<caxton_tools::Error> },
    #[error("agent `{0}` is not deployed in this workspace")]
    AgentUnknown(caxton_types::AgentName),
    #[error("the file names the agent `{found}`, not `{expected}`")]
    AgentNamedOtherwise { expected: caxton_types::AgentName, found: caxton_types::AgentName },
    #[error("the deployment could not be recorded")]
    Store(#[from] caxton_store::Error),
    #[error("the agents could not be registered")]
    Exchange(#[from] caxton_exchange::Error),
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Security(error) => error.code(),
            Self::Invalid(_) | Self::Path(_) | Self::PathTwice(_) | Self::SizeOther { .. } | Self::AgentNamedOtherwise { .. } => {
                Code::Invalid
            }
            Self::Missing(_) => Code::Conflict,
            Self::FilesTooMany { .. } | Self::FileTooLarge { .. } | Self::TotalTooLarge { .. } => Code::TooLarge,
            Self::Tool { source, .. } => source.code(),
            Self::AgentUnknown(_) => Code::NotFound,
            Self::Store(error) => error.code(),
            Self::Exchange(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(_) => Some("upload them (`POST …/blobs`), then deploy again".into()),
            Self::SizeOther { .. } => Some("`size` is the length of the content that `digest` is of, in bytes".into()),
            Self::Path(_) => Some("a deployment holds caxton.toml, agents/ and tools/ only".into()),
            Self::Tool { source, .. } => source.hint(),
            Self::AgentUnknown(_) => Some("`caxton agent list` shows what is deployed".into()),
            Self::Security(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Exchange(error) => error.hint(),
            Self::Invalid(_)
            | Self::FilesTooMany { .. }
            | Self::FileTooLarge { .. }
            | Self::TotalTooLarge { .. }
            | Self::PathTwice(_)
            | Self::AgentNamedOtherwise { .. } => None,
        }
    }
}
