//! What goes wrong between a client and a server.

use caxton_api::Problem;
use caxton_types::{Code, Fault};
use std::time::Duration;

/// Why a request had no good answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is no URL of a server.
    #[error("`{url}` is not the address of a server")]
    Address {
        /// The address.
        url: String,
    },
    /// Nobody answers there.
    #[error("no server answers at {url}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the connection said.
        source: reqwest::Error,
    },
    /// The server did not answer in time.
    #[error("the server at {url} did not answer within {} s", .waited.as_secs())]
    Timeout {
        /// The address.
        url: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The server refused.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// Something answered that is no Caxton server, or one of another version.
    #[error("the answer of {url} is not understood: {reason}")]
    Protocol {
        /// The address.
        url: String,
        /// What is odd about it.
        reason: String,
    },
    /// The server ended a stream, as it does when it stops.
    #[error("the server at {url} ended the stream")]
    Ended {
        /// The address.
        url: String,
    },
    /// The connection broke in the middle of an answer.
    #[error("the connection to {url} broke")]
    Broken {
        /// The address.
        url: String,
        /// What the connection said.
        source: reqwest::Error,
    },
}

impl Error {
    /// What the server said, where it was the server that refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Address { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Protocol { .. }
            | Self::Ended { .. }
            | Self::Broken { .. } => None,
        }
    }

    /// Whether the same request may succeed later without a change.
    pub fn is_transient(&self) -> bool {
        self.code().is_transient()
    }
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Address { .. } => Code::Invalid,
            Self::Unreachable { .. } | Self::Ended { .. } | Self::Broken { .. } => Code::Unavailable,
            Self::Timeout { .. } => Code::Deadline,
            Self::Problem(problem) => problem.code,
            Self::Protocol { .. } => Code::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Address { .. } => Some("use an address such as `http://127.0.0.1:8080`".into()),
            Self::Unreachable { .. } => Some("start one with `caxton serve`, or name another with `--server URL`".into()),
            Self::Timeout { .. } => Some("`caxton health` tells how the server is".into()),
            Self::Problem(problem) => problem.hint.clone(),
            Self::Protocol { .. } => Some("is it a Caxton server, and of this version?".into()),
            Self::Ended { .. } | Self::Broken { .. } => Some("is the server still running? `caxton health` tells".into()),
        }
    }
}
