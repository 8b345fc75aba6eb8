//! What keeps a turn from being driven at all, or a direct call from giving a result; what goes wrong inside a turn is part of the turn.

use crate::Divergence;
use caxton_types::{ApprovalId, Code, Elicitation, Fault, StepId, ToolId, TurnEnd, TurnId};

/// Why a turn could not be driven, or a tool not be called outside of one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] caxton_store::Error),
    #[error(transparent)]
    Exchange(#[from] caxton_exchange::Error),
    #[error(transparent)]
    Tool(#[from] caxton_tools::Error),
    #[error("`{0}` needs somebody's approval, and nobody is asked for a call outside of a turn")]
    ApprovalNeeded(ToolId),
    #[error("attachment `{name}` is not kept any more")]
    AttachmentGone { name: Box<str> },
    #[error("the call of `{0}` ended without a result")]
    CallLost(ToolId),
    #[error("the journal holds no turn {0}")]
    TurnUnknown(TurnId),
    #[error("turn {turn} has ended already ({})", end.as_str())]
    TurnEnded { turn: TurnId, end: TurnEnd },
    #[error("turn {0} has not ended")]
    TurnOpen(TurnId),
    #[error("turn {turn} cannot be run again: {what} is not kept any more")]
    Gone { turn: TurnId, what: &'static str },
    #[error("turn {turn} cannot go on")]
    Diverged { turn: TurnId, source: Box<Divergence> },
    #[error("nothing says from which step on the fork of turn {turn} goes its own way")]
    ForkNowhere { turn: TurnId },
    #[error("turn {turn} has no step {step} that ended")]
    StepUnknown { turn: TurnId, step: StepId },
    #[error("the journal holds no request for the decision {0}")]
    ApprovalUnknown(ApprovalId),
    #[error("the decision {approval} {why}")]
    RulingUnfit { approval: ApprovalId, why: &'static str },
    #[error("the answer to {approval} is not what the server `{}` asks for: {reason}", question.server)]
    AnswerUnfit { approval: ApprovalId, reason: String, question: Box<Elicitation> },
    #[error("what {0} asks is not kept any more; it can only be denied")]
    QuestionGone(ApprovalId),
    #[error("the journal holds a payload that this version cannot read")]
    Unreadable(#[source] serde_json::Error),
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Exchange(error) => error.code(),
            Self::Tool(error) => error.code(),
            Self::ApprovalNeeded(_) => Code::Denied,
            Self::TurnUnknown(_)
            | Self::Gone { .. }
            | Self::StepUnknown { .. }
            | Self::ApprovalUnknown(_)
            | Self::QuestionGone(_)
            | Self::AttachmentGone { .. } => Code::NotFound,
            Self::TurnEnded { .. } | Self::TurnOpen(_) => Code::Conflict,
            Self::RulingUnfit { .. } | Self::AnswerUnfit { .. } | Self::ForkNowhere { .. } => Code::Invalid,
            Self::Diverged { .. } | Self::Unreadable(_) | Self::CallLost(_) => Code::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Exchange(error) => error.hint(),
            Self::Tool(error) => error.hint(),
            Self::ApprovalNeeded(_) => {
                Some("agree to it with the call (`--approve`), or ask an agent that has the tool: its call waits in the inbox".into())
            }
            Self::AttachmentGone { .. } => Some("upload it again (`POST …/blobs`)".into()),
            Self::TurnUnknown(_) => Some("`caxton turns list` shows those that are there".into()),
            Self::TurnEnded { turn, end: TurnEnd::Completed } => {
                Some(format!("`caxton replay {turn} --fork-at STEP` goes another way from one of its steps"))
            }
            Self::TurnEnded { turn, .. } => Some(format!("`caxton turns retry {turn}` tries it again")),
            Self::TurnOpen(turn) => Some(format!("wait for it, or call it off with `caxton turns cancel {turn}`")),
            Self::StepUnknown { turn, .. } => Some(format!("`caxton turns show {turn}` lists its steps")),
            Self::ApprovalUnknown(_) => Some("`caxton approvals list` shows those that are open".into()),
            Self::Diverged { turn, .. } => {
                Some(format!("it was begun by another version of the server; `caxton turns retry {turn}` starts it anew"))
            }
            Self::ForkNowhere { turn } => {
                Some(format!("name a step with `--fork-at` (`caxton turns show {turn}` lists them), another model, prompt or outcome"))
            }
            Self::RulingUnfit { approval, .. } => Some(format!("`caxton approvals show {approval}` shows what is asked")),
            Self::AnswerUnfit { question, .. } => {
                let fields: Vec<String> = question.fields().iter().map(ToString::to_string).collect();
                Some(format!("it wants {}; for example: {}", fields.join(", "), question.example()))
            }
            Self::QuestionGone(approval) => Some(format!("`caxton approvals deny {approval}`")),
            Self::Gone { .. } | Self::Unreadable(_) | Self::CallLost(_) => None,
        }
    }
}
