//! Why a server did not start, or did not stop in good order.

use crate::PortError;
use caxton_types::{Code, Fault, WorkspaceName};
use std::path::Path;

/// Why a server did not start, or did not stop in good order.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is not to be had.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The data is not to be had.
    #[error(transparent)]
    Store(#[from] caxton_store::Error),
    /// The directory of the data cannot be used.
    #[error("the data directory `{}` cannot be used: {reason}", .dir.display())]
    DataDir {
        /// The directory.
        dir: Box<Path>,
        /// Why not.
        reason: &'static str,
    },
    /// A model provider is set up wrongly.
    #[error(transparent)]
    Models(#[from] caxton_llm::Error),
    /// The sandbox of tools does not start.
    #[error("the sandbox of tools does not start")]
    Sandbox(#[from] caxton_sandbox::Error),
    /// The built-in tools do not start.
    #[error("the built-in tools do not start")]
    Tools(#[from] caxton_tools::Error),
    /// What was deployed could not be brought back.
    #[error("what was deployed in workspace `{workspace}` could not be brought back")]
    Restore {
        /// The workspace.
        workspace: WorkspaceName,
        /// Why.
        source: Box<caxton_deploy::Error>,
    },
    /// What was open could not be taken up again.
    #[error("what was open in workspace `{workspace}` could not be taken up again")]
    Recover {
        /// The workspace.
        workspace: WorkspaceName,
        /// Why.
        source: Box<caxton_runtime::Error>,
    },
    /// A part of the server ended that should not have.
    #[error("the {0} of the server ended unexpectedly")]
    Task(&'static str),
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Port(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::DataDir { .. } => Code::Invalid,
            Self::Models(error) => error.code(),
            Self::Sandbox(error) => error.code(),
            Self::Tools(error) => error.code(),
            Self::Restore { source, .. } => source.code(),
            Self::Recover { source, .. } => source.code(),
            Self::Task(_) => Code::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Port(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::DataDir { .. } => Some("choose another one with `resources.disk.data_dir`".into()),
            Self::Models(error) => error.hint(),
            Self::Sandbox(error) => error.hint(),
            Self::Tools(error) => error.hint(),
            Self::Restore { source, .. } => source.hint(),
            Self::Recover { source, .. } => source.hint(),
            Self::Task(_) => None,
        }
    }
}
