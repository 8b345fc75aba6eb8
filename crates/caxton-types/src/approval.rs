//! Decisions that people take inside a turn, and what a tool says of being called twice.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// What is done about a call that was under way when the server stopped, so that nobody knows whether it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Execution {
    /// Call again with the same idempotency key.
    Idempotent,
    /// Never call again: the model is told that the outcome is unknown.
    AtMostOnce,
    /// A person decides whether to call again.
    AskHuman,
}

/// Whether a person must agree before a tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalRule {
    /// Nobody is asked.
    #[default]
    Never,
    /// Every call needs it.
    Always,
    /// Every call of a tool that does not say that it only reads needs it.
    WhenWriting,
}

/// How a tool is handled; what is not said follows from the tool's annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolPolicy {
    /// What is done about a call that a stop interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
    /// Whether a person must agree first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRule>,
}

impl ToolPolicy {
    /// Whether it says nothing.
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }

    /// This policy where it says something, the other where it does not.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { execution: self.execution.or(other.execution), approval: self.approval.or(other.approval) }
    }
}

/// What a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// May this call be made?
    Call,
    /// The server stopped during this call: may it be made again?
    Repeat,
    /// The provider of the model failed: may the next one of the chain be asked?
    Failover,
    /// A question of the agent, answered in words.
    Question,
    /// A question of an MCP server in the middle of a call; the step goes on meanwhile.
    Elicitation,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// Do it.
    Approved,
    /// Do not do it.
    Denied,
    /// The answer to a question.
    Answered(String),
    /// Nobody decided in time.
    Expired,
}

impl Ruling {
    /// Its name on the wire.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Answered(_) => "answered",
            Self::Expired => "expired",
        }
    }
}

/// A decision, with who took it, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub ruling: Ruling,
    /// Who decided.
    pub by: Box<str>,
    /// Why, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// When.
    pub at: Timestamp,
}
