//! Why a server of others could not be reached, or did not do what it was asked.

use caxton_types::{Code, Fault};
use std::time::Duration;

/// Why a server could not be talked to. Every message names the server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program could not be started.
    #[error("MCP server `{server}`: `{command}` could not be started")]
    Start {
        /// Its name.
        server: Box<str>,
        /// What was to be started.
        command: Box<str>,
        /// Why not.
        source: std::io::Error,
    },
    /// The options cannot be used.
    #[error("MCP server `{server}`: {reason}")]
    Options {
        /// Its name.
        server: Box<str>,
        /// What is wrong.
        reason: String,
    },
    /// It could not be reached, or does not speak the protocol.
    #[error("MCP server `{server}` could not be connected: {reason}")]
    Connect {
        /// Its name.
        server: Box<str>,
        /// Why not.
        reason: String,
    },
    /// It wants to know who we are.
    #[error("MCP server `{server}` does not let us in: {reason}")]
    Unauthorized {
        /// Its name.
        server: Box<str>,
        /// What it said.
        reason: String,
    },
    /// The connection ended.
    #[error("MCP server `{server}` closed the connection{said}")]
    Closed {
        /// Its name.
        server: Box<str>,
        /// What it last said, with what leads to it; empty where nothing is known.
        said: String,
    },
    /// A message could not be sent or its answer not be read.
    #[error("MCP server `{server}` could not be asked: {reason}")]
    Transport {
        /// Its name.
        server: Box<str>,
        /// Why not.
        reason: String,
    },
    /// It took too long.
    #[error("MCP server `{server}` did not answer within {}", caxton_types::unit::Period::new(*.after))]
    Timeout {
        /// Its name.
        server: Box<str>,
        /// How long was waited.
        after: Duration,
    },
    /// It answered with an error of the protocol.
    #[error("MCP server `{server}` refused: {message} (code {code})")]
    Refused {
        /// Its name.
        server: Box<str>,
        /// The code of JSON-RPC.
        code: i32,
        /// Its words.
        message: String,
    },
    /// It answered with something else than was asked for.
    #[error("MCP server `{server}` answered {what}")]
    Unexpected {
        /// Its name.
        server: Box<str>,
        /// With what.
        what: &'static str,
    },
    /// One of its lists is longer than is read.
    #[error("MCP server `{server}` lists more than {len_max} {what}")]
    TooMany {
        /// Its name.
        server: Box<str>,
        /// Of what.
        what: &'static str,
        /// The bound.
        len_max: usize,
    },
}

impl Error {
    /// Whether the server itself is in doubt: it could not be reached, or stopped answering. An answer that we do not like is none.
    pub fn is_of_connection(&self) -> bool {
        match self {
            Self::Start { .. }
            | Self::Connect { .. }
            | Self::Unauthorized { .. }
            | Self::Closed { .. }
            | Self::Transport { .. }
            | Self::Timeout { .. } => true,
            Self::Options { .. } | Self::Refused { .. } | Self::Unexpected { .. } | Self::TooMany { .. } => false,
        }
    }
}

const INVALID_PARAMS: i32 = -32602;
/// Of resources, in the era with sessions.
const NOT_FOUND: i32 = -32002;

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Start { .. } | Self::Connect { .. } | Self::Closed { .. } | Self::Transport { .. } => Code::Unavailable,
            Self::Options { .. } | Self::Refused { code: INVALID_PARAMS, .. } => Code::Invalid,
            Self::Refused { code: NOT_FOUND, .. } => Code::NotFound,
            Self::Unauthorized { .. } => Code::Unauthenticated,
            Self::Timeout { .. } => Code::Deadline,
            Self::Refused { .. } | Self::Unexpected { .. } => Code::Unavailable,
            Self::TooMany { .. } => Code::TooLarge,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Start { command, .. } => Some(format!("check that `{command}` is installed and in PATH, or give its whole path")),
            Self::Unauthorized { server, .. } => {
                Some(format!("give `integrations.mcp.servers` entry `{server}` a `bearer_secret` or the header that it wants"))
            }
            Self::Options { .. }
            | Self::Connect { .. }
            | Self::Closed { .. }
            | Self::Transport { .. }
            | Self::Timeout { .. }
            | Self::Refused { .. }
            | Self::Unexpected { .. }
            | Self::TooMany { .. } => None,
        }
    }
}
