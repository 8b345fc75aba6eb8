//! What can go wrong on a message's way in.

use caxton_messaging::Malformed;
use caxton_types::{
    Code, Digest, Fault,
    error::{AgentError, RoutingError, SecurityError},
};

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Routing(#[from] RoutingError),
    #[error(transparent)]
    Security(#[from] SecurityError),
    #[error("attachment `{name}` names the blob {digest}, which this workspace does not have")]
    BlobUnknown { name: Box<str>, digest: Digest },
    #[error("could not record the message")]
    Store(#[from] caxton_store::Error),
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Malformed(error) => error.code(),
            Self::Agent(error) => error.code(),
            Self::Routing(error) => error.code(),
            Self::Security(error) => error.code(),
            Self::BlobUnknown { .. } => Code::Invalid,
            Self::Store(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed(error) => error.hint(),
            Self::Agent(error) => error.hint(),
            Self::Routing(error) => error.hint(),
            Self::Security(error) => error.hint(),
            Self::BlobUnknown { .. } => Some("upload it first (`POST …/blobs`), then send the message again".into()),
            Self::Store(error) => error.hint(),
        }
    }
}
