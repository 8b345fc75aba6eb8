//! The words of a turn: what its step function is told and what it asks of the world.

use crate::{
    AgentSpec, Attachment, AttachmentView, ChatMessage, Code, Message, MessageId, ModelReply, ModelRequest, ModelSettings, Observation,
    Performative, Recall, Recollection, Timestamp, TokenUsage, ToolCall, ToolDefinition, ToolResult, TurnId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// The ordinal of a step inside its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Everything that a turn begins with; clock, tools and prompts enter only here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// Names the turn.
    pub turn: TurnId,
    /// The agent at the revision that the turn is pinned to.
    pub agent: Arc<AgentSpec>,
    /// The message that began it.
    pub message: Arc<Message>,
    /// Earlier messages of the conversation, oldest first.
    pub history: Vec<ChatMessage>,
    /// The tools that the agent may call.
    pub tools: Arc<[ToolDefinition]>,
    /// What came with the message.
    pub attachments: Vec<AttachmentView>,
    /// When the turn began.
    pub now: Timestamp,
}

/// What a turn asks of the world. The driver performs it, journals the outcome, feeds it back.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the model.
    Ask(ModelRequest),
    /// Call a tool.
    Call(ToolCall),
    /// Search memory.
    Recall(Recall),
    /// Remember something.
    Remember(Observation),
    /// Send a follow-up message.
    Send(Box<Message>),
    /// End the turn with this reply.
    Finish(Box<Reply>),
}

/// What the journal keeps of an [`Effect`]: all that is needed to tell whether a replay asks for the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Intent {
    /// Ask the model.
    Ask {
        /// What stays the same through the turn; recorded with the first call only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settings: Option<Arc<ModelSettings>>,
        /// The entries of the dialogue that the previous call had not sent.
        dialogue: Vec<ChatMessage>,
    },
    /// Call a tool.
    Call(ToolCall),
    /// Search memory.
    Recall(Recall),
    /// Remember something.
    Remember(Observation),
    /// Send a follow-up message.
    Send(Box<Message>),
    /// End the turn.
    Finish(Box<Reply>),
}

impl Intent {
    /// The kind of effect, as events and spans name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ask { .. } => "ask",
            Self::Call(_) => "call",
            Self::Recall(_) => "recall",
            Self::Remember(_) => "remember",
            Self::Send(_) => "send",
            Self::Finish(_) => "finish",
        }
    }
}

impl Effect {
    /// What the journal keeps of it.
    pub fn intent(&self) -> Intent {
        match self {
            Self::Ask(request) => Intent::Ask {
                settings: (request.sent_before == 0).then(|| Arc::clone(&request.settings)),
                dialogue: request.dialogue.get(request.sent_before..).unwrap_or_default().to_vec(),
            },
            Self::Call(call) => Intent::Call(call.clone()),
            Self::Recall(recall) => Intent::Recall(recall.clone()),
            Self::Remember(observation) => Intent::Remember(observation.clone()),
            Self::Send(message) => Intent::Send(message.clone()),
            Self::Finish(reply) => Intent::Finish(reply.clone()),
        }
    }
}

impl Effect {
    /// Whether `recorded` is what the journal would keep of it.
    pub fn is(&self, recorded: &Intent) -> bool {
        match (self, recorded) {
            (Self::Ask(request), Intent::Ask { settings, dialogue }) => {
                let told = (request.sent_before == 0).then_some(&request.settings);
                settings.as_ref() == told && request.dialogue.get(request.sent_before..).unwrap_or_default() == dialogue
            }
            (Self::Call(ours), Intent::Call(theirs)) => ours == theirs,
            (Self::Recall(ours), Intent::Recall(theirs)) => ours == theirs,
            (Self::Remember(ours), Intent::Remember(theirs)) => ours == theirs,
            (Self::Send(ours), Intent::Send(theirs)) => ours == theirs,
            (Self::Finish(ours), Intent::Finish(theirs)) => ours == theirs,
            (Self::Ask(_) | Self::Call(_) | Self::Recall(_) | Self::Remember(_) | Self::Send(_) | Self::Finish(_), _) => false,
        }
    }

    /// The kind of effect, as events and spans name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ask(_) => "ask",
            Self::Call(_) => "call",
            Self::Recall(_) => "recall",
            Self::Remember(_) => "remember",
            Self::Send(_) => "send",
            Self::Finish(_) => "finish",
        }
    }
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The model answered.
    Answered(ModelReply),
    /// The tool returned.
    Called(ToolResult),
    /// Memory answered.
    Recalled {
        /// What it found, best first.
        found: Vec<Recollection>,
    },
    /// It is remembered.
    Remembered,
    /// The message is on its way.
    Sent {
        /// Its id.
        message: MessageId,
    },
    /// It could not be done.
    Failed(Failure),
    /// It was under way when the server stopped and may or may not have happened.
    Unknown(Failure),
    /// It was not begun, because it might have cost more than a budget allows.
    OverBudget(Failure),
}

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub code: Code,
    /// In words, for the model and for people.
    pub reason: String,
    /// The next step for whoever sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), hint: None }
    }

    /// As the content of a `failure` message.
    pub fn content(&self) -> Value {
        let mut content = serde_json::json!({ "code": self.code, "reason": self.reason });
        if let (Some(hint), Some(map)) = (&self.hint, content.as_object_mut()) {
            map.insert("hint".into(), hint.as_str().into());
        }
        content
    }

    /// What a fault says of itself, with its sources.
    pub fn of(fault: &dyn crate::Fault) -> Self {
        let mut reason = fault.to_string();
        let mut source = fault.source();
        while let Some(cause) = source {
            reason.push_str(": ");
            reason.push_str(&cause.to_string());
            source = cause.source();
        }
        Self { code: fault.code(), reason, hint: fault.hint() }
    }
}

/// What the step function is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The turn begins.
    Begin(Box<Begin>),
    /// A step has ended.
    Ended(StepId, Outcome),
    /// The turn is called off.
    Cancelled(Failure),
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    /// It answered.
    Completed,
    /// The model or the agent declined.
    Refused,
    /// Something that it needed failed.
    Failed,
    /// A bound was reached.
    Exhausted,
    /// A budget was reached; the reply holds what there was until then.
    BudgetExhausted,
    /// It was called off.
    Cancelled,
    /// The server stopped in the middle of it.
    Interrupted,
}

impl TurnEnd {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Exhausted => "exhausted",
            Self::BudgetExhausted => "budget_exhausted",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What a turn answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// `inform`, `refuse` or `failure`.
    pub performative: Performative,
    /// The answer, or the reason.
    pub content: Value,
    /// How the turn ended.
    pub end: TurnEnd,
    /// The tokens of all its model calls.
    pub usage: TokenUsage,
    /// The files that its tools made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
}
