//! What a command says when it cannot do its work: a sentence, perhaps a hint, an exit code.

use caxton_types::{Code, Failure, Fault};
use std::{fmt, io};

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Error {
    /// It failed.
    Failed {
        /// What kind of failure; decides the exit code.
        code: Code,
        /// What was attempted and what came of it.
        message: String,
        /// The next step.
        hint: Option<String>,
    },
    /// It did its work, and the result is bad news that stands on standard output already.
    BadNews(Code),
    /// Nobody reads its output any more (`caxton log | head -1`).
    OutputClosed,
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::Failed { code, message: message.into(), hint: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message)
    }

    /// What an operating system call on `what` came to.
    pub(crate) fn io(what: impl fmt::Display, source: &io::Error) -> Self {
        let code = match source.kind() {
            io::ErrorKind::NotFound => Code::NotFound,
            io::ErrorKind::PermissionDenied => Code::Denied,
            io::ErrorKind::AlreadyExists => Code::Conflict,
            _ => Code::Internal,
        };
        Self::new(code, format!("cannot {what}: {source}"))
    }

    /// The same with a hint, unless it has one.
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Failed { hint: hint @ None, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    /// The same with another hint: one that knows more of what the user attempted.
    pub(crate) fn rehint(mut self, text: impl Into<String>) -> Self {
        if let Self::Failed { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    /// The same with a next step that fits its kind, where nobody knew a better one.
    pub(crate) fn or_hint(self) -> Self {
        let Some(code) = self.code() else { return self };
        self.hint(match code {
            Code::Invalid | Code::Unsupported => "`caxton help COMMAND` shows what a command takes",
            Code::NotFound => "`caxton status` and `caxton agent list` show what there is",
            Code::Conflict => "`caxton status` shows how things stand",
            Code::Denied | Code::Unauthenticated => "ask whoever runs the server, or whoever owns the file",
            Code::Exhausted | Code::Unavailable | Code::Deadline => "try again in a while; `caxton health` tells how the server is",
            Code::TooLarge => "`caxton config get` shows the bounds",
            Code::Cancelled => "run the command again",
            Code::Internal => "the server's log tells more; `caxton health` tells how it is",
        })
    }

    /// The same with exit code 1, the one way in which a container's health check may say no.
    pub(crate) fn unhealthy(self) -> Self {
        match self {
            Self::Failed { message, hint, .. } => Self::Failed { code: Code::Internal, message, hint },
            Self::BadNews(_) => Self::BadNews(Code::Internal),
            Self::OutputClosed => Self::OutputClosed,
        }
    }

    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Self::Failed { code, .. } | Self::BadNews(code) => Some(*code),
            Self::OutputClosed => None,
        }
    }

    /// What the process ends with.
    pub(crate) fn exit(&self) -> u8 {
        self.code().map_or(0, Code::exit)
    }
}

/// Every fault of the crates below becomes an error of the command, sources included.
///
/// `Error` itself is no `Fault`, or this would contradict the reflexive conversion.
impl<F: Fault> From<F> for Error {
    fn from(fault: F) -> Self {
        Failure::of(&fault).into_error()
    }
}

/// What an agent, a tool or a server reports.
pub(crate) trait IntoError {
    fn into_error(self) -> Error;
}

impl IntoError for Failure {
    fn into_error(self) -> Error {
        Error::Failed { code: self.code, message: self.reason, hint: self.hint }
    }
}

/// `error: …` and `hint: …`, as they go to standard error; nothing where there is nothing to say.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Failed { message, hint, .. } = self else { return Ok(()) };
        write!(f, "error: {}", message.trim_end())?;
        if let Some(hint) = hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}
