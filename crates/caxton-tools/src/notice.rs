//! What happens beside the result of a call, for whoever keeps the record.

use crate::BreakerNotice;
use caxton_types::{Fact, Metering, Observation, Outcome, ToolId};
use serde_json::Value;
use std::fmt;

/// Something that happened during a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A circuit breaker opened or closed.
    Breaker(BreakerNotice),
    /// The tool tried something that it is not granted.
    Denied {
        tool: ToolId,
        /// What it tried, such as `GET https://example.com:443`.
        what: Box<str>,
        /// Why it was refused, with the key of its permissions that would grant it.
        reason: Box<str>,
    },
    /// What a call took that gave no result.
    Spent(Metering),
    /// The tool remembers something: it is to be kept with the outcome of the call.
    Remembered(Observation),
    /// The tool called another one.
    Called(Box<InnerCall>),
}

/// A call that a tool made of another, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct InnerCall {
    /// The tool that made it.
    pub by: ToolId,
    pub tool: ToolId,
    pub arguments: Value,
    pub outcome: Outcome,
    pub metering: Metering,
}

impl Notice {
    /// The same as a fact of the journal, where it is one of its own.
    pub fn into_fact(self) -> Option<Fact> {
        match self {
            Self::Breaker(notice) => Some(notice.fact()),
            Self::Denied { what, reason, .. } => Some(Fact::AccessDecided { action: "use".into(), resource: what, allowed: false, reason }),
            Self::Remembered(observation) => Some(Fact::ObservationStored { observation }),
            // Its arguments and its outcome may be too long for a fact alone.
            Self::Called(_) | Self::Spent(_) => None,
        }
    }
}

/// Who hears of it.
#[derive(Clone, Copy, Default)]
pub struct Heard<'c>(pub Option<&'c (dyn Fn(Notice) + Send + Sync)>);

impl Heard<'_> {
    pub(crate) fn tell(&self, notice: Notice) {
        if let Some(heard) = self.0 {
            heard(notice);
        }
    }
}

impl fmt::Debug for Heard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Heard" } else { "Unheard" })
    }
}
