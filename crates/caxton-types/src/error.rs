//! The errors of the domain, one enum per area; each says what was attempted and carries the ids.

use crate::{AgentName, Code, ConversationId, Fault, MessageId, unit::ByteSize};
use std::time::Duration;
use thiserror::Error;

/// What goes wrong with an agent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AgentError {
    /// No such agent.
    #[error("agent `{name}` is not deployed in this workspace")]
    NotFound {
        /// The name asked for.
        name: Box<str>,
        /// Deployed agents with a similar name.
        nearest: Vec<AgentName>,
    },
    /// The agent cannot do this in its present state.
    #[error("agent `{name}` is {state} and cannot {operation}")]
    InvalidState {
        /// The agent.
        name: AgentName,
        /// The state it is in.
        state: &'static str,
        /// What was attempted.
        operation: &'static str,
    },
    /// A bound of the agent's turn is reached.
    #[error("agent `{name}` reached its bound of {limit}")]
    ResourceLimitExceeded {
        /// The agent.
        name: AgentName,
        /// The bound with its value, such as `16 steps`.
        limit: Box<str>,
    },
}

impl Fault for AgentError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::NotFound,
            Self::InvalidState { .. } => Code::Conflict,
            Self::ResourceLimitExceeded { .. } => Code::Exhausted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { nearest, .. } if nearest.is_empty() => Some("`caxton agent list` shows what is deployed".into()),
            Self::NotFound { nearest, .. } => {
                let names: Vec<_> = nearest.iter().map(|name| format!("`{name}`")).collect();
                Some(format!("did you mean {}?", names.join(" or ")))
            }
            Self::InvalidState { .. } => None,
            Self::ResourceLimitExceeded { .. } => Some("raise the bound under `[limits]` in the agent's file, then deploy".into()),
        }
    }
}

/// What goes wrong on a message's way.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoutingError {
    /// Nobody offers what the message asks for.
    #[error("no agent offers the capability `{capability}`")]
    NoRoute {
        /// What was asked for.
        capability: Box<str>,
        /// Offered capabilities that come near.
        nearest: Vec<Box<str>>,
    },
    /// The message could not be handed over.
    #[error("message {message} could not be delivered: {reason}")]
    DeliveryFailed {
        /// The message.
        message: MessageId,
        /// Why.
        reason: Box<str>,
    },
    /// The message breaks a rule of the envelope.
    #[error("the message is malformed: {details}")]
    InvalidMessageFormat {
        /// Which rule and where.
        details: Box<str>,
    },
    /// No such conversation.
    #[error("conversation {0} does not exist in this workspace")]
    ConversationNotFound(ConversationId),
    /// The message is larger than the workspace accepts.
    #[error("the message has {size} bytes; at most {size_max} are accepted")]
    MessageTooLarge {
        /// Its size.
        size: u64,
        /// The bound.
        size_max: ByteSize,
    },
    /// An agent has more messages waiting than its mailbox holds.
    #[error("the mailbox of `{agent}` is full ({len_max} messages)")]
    MailboxFull {
        /// The agent.
        agent: AgentName,
        /// The bound.
        len_max: usize,
    },
}

impl Fault for RoutingError {
    fn code(&self) -> Code {
        match self {
            Self::NoRoute { .. } | Self::ConversationNotFound(_) => Code::NotFound,
            Self::DeliveryFailed { .. } => Code::Unavailable,
            Self::InvalidMessageFormat { .. } => Code::Invalid,
            Self::MessageTooLarge { .. } => Code::TooLarge,
            Self::MailboxFull { .. } => Code::Exhausted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRoute { nearest, .. } if nearest.is_empty() => Some("`caxton agent list` shows what each agent offers".into()),
            Self::NoRoute { nearest, .. } => {
                Some(format!("offered here: {}", nearest.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")))
            }
            Self::MessageTooLarge { .. } => Some("send large data as an attachment (`--attach FILE`)".into()),
            Self::MailboxFull { .. } => Some("try again later, or raise `messaging.queue_size`".into()),
            Self::DeliveryFailed { .. } | Self::InvalidMessageFormat { .. } | Self::ConversationNotFound(_) => None,
        }
    }
}

/// What goes wrong when code runs against a bound of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResourceError {
    /// More memory was wanted than granted.
    #[error("the memory limit of {limit} is exceeded")]
    MemoryLimitExceeded {
        /// The bound.
        limit: ByteSize,
    },
    /// Its tables were to hold more than granted.
    #[error("more than {limit} table entries were wanted")]
    TableLimitExceeded {
        /// The bound.
        limit: u32,
    },
    /// It held more handles at once than granted.
    #[error("more than {limit} handles were held at once")]
    HandleLimitExceeded {
        /// The bound.
        limit: u32,
    },
    /// It asked for more random bytes in one go than are given.
    #[error("more than {limit} of random bytes was asked for at once")]
    RandomLimitExceeded {
        /// The bound.
        limit: ByteSize,
    },
    /// It ran longer than granted, by the clock on the wall.
    #[error("the time limit of {} ms is exceeded", .limit.as_millis())]
    TimeLimitExceeded {
        /// The bound.
        limit: Duration,
    },
    /// It computed longer than granted.
    #[error("the limit of {} ms of processor time is exceeded", .limit.as_millis())]
    CpuLimitExceeded {
        /// The bound.
        limit: Duration,
    },
    /// It gave back more than is taken.
    #[error("the result has more than {limit}")]
    OutputLimitExceeded {
        /// The bound.
        limit: ByteSize,
    },
    /// It handed more to the host in one go than is taken.
    #[error("more than {limit} was handed to the host at once")]
    HostCallLimitExceeded {
        /// The bound.
        limit: ByteSize,
    },
    /// It printed more than is taken.
    #[error("more than {limit} was printed")]
    PrintLimitExceeded {
        /// The bound.
        limit: ByteSize,
    },
    /// It opened more files at once than granted.
    #[error("more than {limit} files were open at once")]
    OpenFilesLimitExceeded {
        /// The bound.
        limit: u32,
    },
    /// It wrote more to disk than granted.
    #[error("more than {limit} was written to disk")]
    DiskLimitExceeded {
        /// The bound.
        limit: ByteSize,
    },
    /// It sent more requests, or opened more connections, than granted.
    #[error("more than {limit} requests were sent")]
    RequestLimitExceeded {
        /// The bound.
        limit: u32,
    },
    /// It sent more to the network than granted.
    #[error("more than {limit} was sent to the network")]
    EgressLimitExceeded {
        /// The bound.
        limit: ByteSize,
    },
    /// The calls of an agent's tools have used up what they may within a window of time.
    #[error("agent `{agent}` has used its {limit} {quantity} of {} ms; some are free again in {} ms", .window.as_millis(), .free_in.as_millis())]
    WindowExceeded {
        /// The agent.
        agent: AgentName,
        /// What is used up.
        quantity: &'static str,
        /// The bound.
        limit: Box<str>,
        /// How long the window is.
        window: Duration,
        /// When the next call may begin.
        free_in: Duration,
    },
    /// It received more from the network than granted.
    #[error("more than {limit} was received from the network")]
    IngressLimitExceeded {
        /// The bound.
        limit: ByteSize,
    },
}

impl Fault for ResourceError {
    fn code(&self) -> Code {
        match self {
            Self::MemoryLimitExceeded { .. }
            | Self::TableLimitExceeded { .. }
            | Self::HandleLimitExceeded { .. }
            | Self::RandomLimitExceeded { .. }
            | Self::OutputLimitExceeded { .. }
            | Self::HostCallLimitExceeded { .. }
            | Self::PrintLimitExceeded { .. }
            | Self::OpenFilesLimitExceeded { .. }
            | Self::DiskLimitExceeded { .. }
            | Self::RequestLimitExceeded { .. }
            | Self::EgressLimitExceeded { .. }
            | Self::IngressLimitExceeded { .. }
            | Self::WindowExceeded { .. } => Code::Exhausted,
            Self::TimeLimitExceeded { .. } | Self::CpuLimitExceeded { .. } => Code::Deadline,
        }
    }
}

/// What is refused for safety's sake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecurityError {
    /// The caller may not do this.
    #[error("`{who}` may not {action} in `{resource}`")]
    Denied {
        /// The caller.
        who: Box<str>,
        /// What was attempted.
        action: &'static str,
        /// On what.
        resource: String,
    },
    /// An agent called a tool that its file does not allow.
    #[error("agent `{agent}` may not call the tool `{tool}`: it is not in its `tools`")]
    ToolNotAllowed {
        /// The agent.
        agent: AgentName,
        /// The tool it named.
        tool: Box<str>,
    },
}

impl Fault for SecurityError {
    fn code(&self) -> Code {
        Code::Denied
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Denied { .. } => None,
            Self::ToolNotAllowed { .. } => Some("add the tool to `tools` in the agent's file, then deploy".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_code_and_says_what_was_attempted() {
        let sum: AgentName = "sum".parse().unwrap();
        let cases: [(&dyn Fault, Code, &str); 6] = [
            (
                &AgentError::NotFound { name: "sun".into(), nearest: vec![sum.clone()] },
                Code::NotFound,
                "agent `sun` is not deployed in this workspace | did you mean `sum`?",
            ),
            (
                &AgentError::ResourceLimitExceeded { name: sum.clone(), limit: "16 steps".into() },
                Code::Exhausted,
                "agent `sum` reached its bound of 16 steps | raise the bound under `[limits]` in the agent's file, then deploy",
            ),
            (
                &RoutingError::MessageTooLarge { size: 9, size_max: ByteSize::new(8) },
                Code::TooLarge,
                "the message has 9 bytes; at most 8B are accepted | send large data as an attachment (`--attach FILE`)",
            ),
            (
                &ResourceError::TimeLimitExceeded { limit: Duration::from_secs(2) },
                Code::Deadline,
                "the time limit of 2000 ms is exceeded | ",
            ),
            (
                &SecurityError::ToolNotAllowed { agent: sum.clone(), tool: "rm".into() },
                Code::Denied,
                "agent `sum` may not call the tool `rm`: it is not in its `tools` | add the tool to `tools` in the agent's file, then deploy",
            ),
            (
                &AgentError::InvalidState { name: sum, state: "draining", operation: "answer" },
                Code::Conflict,
                "agent `sum` is draining and cannot answer | ",
            ),
        ];
        for (error, code, text) in cases {
            assert_eq!(error.code(), code);
            assert_eq!(format!("{error} | {}", error.hint().unwrap_or_default()), text);
        }
    }
}
