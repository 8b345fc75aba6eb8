//! How a server of others is reached, and what may be expected of it.

use std::{fmt, path::PathBuf, time::Duration};

/// A value that is never printed: a token, a header, a variable of an environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Box<str>);

impl Hidden {
    /// Takes the value.
    pub fn new(value: impl Into<Box<str>>) -> Self {
        Self(value.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A program that is started here and spoken to through its standard input and output.
    Program(Program),
    /// A URL that speaks streamable HTTP.
    Url(Url),
}

/// A program and how it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its path, or its name to be found in `PATH`.
    pub command: Box<str>,
    /// Its arguments.
    pub args: Vec<Box<str>>,
    /// Variables of its environment beside [`KEPT_VARIABLES`].
    pub env: Vec<(Box<str>, Hidden)>,
    /// Where it runs; here where absent.
    pub cwd: Option<PathBuf>,
}

/// The only variables of our own environment that a program gets without being given them.
pub const KEPT_VARIABLES: [&str; 7] = ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"];

/// A URL and what is sent along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// The endpoint, such as `https://example.com/mcp`.
    pub url: Box<str>,
    /// Headers of every request.
    pub headers: Vec<(Box<str>, Hidden)>,
    /// A bearer token.
    pub bearer: Option<Hidden>,
}

/// Which of the protocol's two eras is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Era {
    /// The newest that the server knows.
    #[default]
    Newest,
    /// 2025-11-25 and before: sessions, begun by `initialize`.
    Sessions,
    /// 2026-07-28 and later: every request stands alone; `server/discover` tells what there is.
    Stateless,
}

/// A server, and what may be expected of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How messages name it.
    pub name: Box<str>,
    /// Where it is.
    pub place: Place,
    /// Which era is spoken with it.
    pub era: Era,
    /// Longest time until it can be talked to, and for each of its lists.
    pub connect_timeout: Duration,
    /// Longest time that a call may take without a sign of progress.
    pub idle_timeout: Duration,
    /// The largest message that is read from it, as far as the transport can tell.
    pub message_len_max: usize,
    /// The most entries of each of its lists.
    pub entries_max: usize,
}

impl Options {
    /// A server with the usual bounds.
    pub fn new(name: impl Into<Box<str>>, place: Place) -> Self {
        Self {
            name: name.into(),
            place,
            era: Era::default(),
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            message_len_max: 16 << 20,
            entries_max: 1000,
        }
    }
}
