//! Why a built-in tool does not do what it was asked for.

use caxton_types::Code;
use std::time::Duration;

/// What was refused, why, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    pub code: Code,
    pub reason: String,
    pub hint: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), hint: None }
    }

    /// What was asked for, or what was found, is not right.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::new(Code::Invalid, reason)
    }

    /// More than a bound allows.
    pub(crate) fn too_large(reason: impl Into<String>) -> Self {
        Self::new(Code::TooLarge, reason)
    }

    pub(crate) fn late(limit: Duration) -> Self {
        Self::new(Code::Deadline, format!("the time limit of {} ms is exceeded", limit.as_millis()))
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
