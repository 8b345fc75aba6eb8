//! What keeps a turn from being driven at all; what goes wrong inside a turn is part of the turn.

use caxton_types::{Code, Fault};

/// Why a turn could not be driven.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the turn could not be recorded")]
    Store(#[from] caxton_store::Error),
    #[error("the message could not be handed over")]
    Exchange(#[from] caxton_exchange::Error),
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Exchange(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Exchange(error) => error.hint(),
        }
    }
}
