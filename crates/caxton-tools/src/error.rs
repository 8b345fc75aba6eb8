//! Why a tool call did not give a result.

use caxton_types::{
    Code, Fault, InvalidName, ToolId,
    error::{ResourceError, SecurityError},
};

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
    #[error("tool server `{server}` offers `{tool}`, which cannot be named")]
    ToolName { server: Box<str>, tool: Box<str>, source: InvalidName },
    #[error("tool server `{server}`: the input schema of `{tool}` is not usable: {reason}")]
    Schema { server: Box<str>, tool: Box<str>, reason: String },
    #[error("tool server `{server}` could not be loaded")]
    Load { server: Box<str>, source: caxton_sandbox::Error },
    #[error("http_client could not be set up")]
    Http(#[from] reqwest::Error),
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Security(error) => error.code(),
            Self::Resource(error) => error.code(),
            Self::InvalidArguments { .. } | Self::ToolName { .. } | Self::Schema { .. } => Code::Invalid,
            Self::Failed { .. } => Code::Unavailable,
            Self::Load { source, .. } => source.code(),
            Self::Http(_) => Code::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Security(error) => error.hint(),
            Self::Resource(error) => error.hint(),
            Self::Load { source, .. } => source.hint(),
            Self::InvalidArguments { .. } | Self::Failed { .. } | Self::ToolName { .. } | Self::Schema { .. } | Self::Http(_) => None,
        }
    }
}
