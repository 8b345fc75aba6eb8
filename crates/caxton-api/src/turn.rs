//! Turns on the wire: what they did, what they wait for, what people do with them.

use crate::{ActorView, DecisionView, UsageView, schema};
use caxton_types::{AgentName, ApprovalId, ApprovalKind, Code, ConversationId, Digest, MessageId, Spend, Timestamp, TurnEnd, TurnId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Whether a turn is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// It has begun and not ended.
    Open,
    /// It is over.
    Ended,
}

/// The turn whose past another one shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OriginView {
    /// That turn.
    #[schema(value_type = schema::TurnId)]
    pub turn: TurnId,
    /// The first step that is not shared.
    pub at: u32,
}

/// A turn at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnSummary {
    /// Names the turn.
    #[schema(value_type = schema::TurnId)]
    pub id: TurnId,
    /// The agent whose turn it is.
    #[schema(value_type = schema::AgentName)]
    pub agent: AgentName,
    /// The conversation it belongs to.
    #[schema(value_type = schema::ConversationId)]
    pub conversation: ConversationId,
    /// The message that began it.
    #[schema(value_type = schema::MessageId)]
    pub message: MessageId,
    /// Whether it is over.
    pub state: TurnState,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TurnEnd, nullable = false)]
    pub end: Option<TurnEnd>,
    /// The message that it answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::MessageId, nullable = false)]
    pub reply: Option<MessageId>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub began_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub ended_at: Option<Timestamp>,
    /// How many steps it has intended.
    pub steps: u32,
    /// The turn whose past it shares, where it is a fork or a second try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub origin: Option<OriginView>,
}

/// What something was settled at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct TurnSpend {
    /// Tokens, read and written together.
    pub tokens: u64,
    /// Money, in millionths of a US dollar.
    pub micro_usd: u64,
    /// Calls of tools.
    pub tool_calls: u64,
    /// Steps.
    pub steps: u64,
    /// Wall time in microseconds, waits not counted.
    pub wall_us: u64,
}

impl From<Spend> for TurnSpend {
    fn from(spend: Spend) -> Self {
        let Spend { tokens, money, tool_calls, steps, wall_us } = spend;
        Self { tokens, micro_usd: money.as_micros(), tool_calls, steps, wall_us }
    }
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It is under way.
    Running,
    /// It waits for somebody or something outside.
    Waiting,
    /// It has happened.
    Done,
    /// It could not be done.
    Failed,
    /// It may or may not have happened.
    Unknown,
    /// It was not begun, because a budget did not allow it.
    OverBudget,
}

/// What a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum WaitView {
    /// A person's decision.
    Approval {
        /// Names it.
        #[schema(value_type = schema::ApprovalId)]
        approval: ApprovalId,
        /// For no longer than this.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// The answer of another agent.
    Reply {
        /// The message to it.
        #[schema(value_type = schema::MessageId)]
        message: MessageId,
        /// For no longer than this.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// Nothing but time.
    Time {
        /// Until then.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
}

impl WaitView {
    /// For no longer than this.
    pub const fn until(self) -> Timestamp {
        match self {
            Self::Approval { until, .. } | Self::Reply { until, .. } | Self::Time { until } => until,
        }
    }
}

/// A decision that a step asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepApproval {
    /// Names it.
    #[schema(value_type = schema::ApprovalId)]
    pub id: ApprovalId,
    /// What kind of decision.
    #[schema(value_type = schema::ApprovalKind)]
    pub kind: ApprovalKind,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decision: Option<DecisionView>,
}

/// One step of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// Its ordinal inside the turn.
    pub step: u32,
    /// The kind of effect: `ask`, `call`, `recall`, `remember`, `send` or `finish`.
    pub effect: String,
    /// Where it stands.
    pub state: StepState,
    /// When its intent was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub began_at: Timestamp,
    /// When it had happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub ended_at: Option<Timestamp>,
    /// How often it was begun: more than once where a stop interrupted it, not at all where nobody has agreed yet.
    pub attempts: u32,
    /// What it waits for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub waits: Option<WaitView>,
    /// The decisions that it asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<StepApproval>,
    /// What it wants: `{"inline": …}`, or `{"blob": {digest, size}}` where that is large.
    #[schema(value_type = Object)]
    pub intent: Value,
    /// What came of it, in the same form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub outcome: Option<Value>,
    /// What it took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub wall_us: Option<u64>,
    /// What it was settled at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub spent: Option<TurnSpend>,
}

/// Why a turn did not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnFailure {
    /// The step that failed; none where the turn was called off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub step: Option<u32>,
    /// What kind of failure.
    #[schema(value_type = schema::Code)]
    pub code: Code,
    /// In words.
    pub reason: String,
}

/// A turn with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnDetail {
    /// The turn at a glance.
    pub turn: TurnSummary,
    /// The revision of the agent that it is pinned to.
    pub revision: u32,
    /// Who caused it to begin.
    pub by: ActorView,
    /// Its steps, in their order.
    pub steps: Vec<StepView>,
    /// Why it did not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<TurnFailure>,
    /// The tokens of all its model calls; known at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<UsageView>,
    /// What it was settled at; known at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub spent: Option<TurnSpend>,
    /// What it took, in microseconds; known at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub wall_us: Option<u64>,
}

/// Why something is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Reason>)]
    pub reason: Option<String>,
}

/// How a fork differs from the turn whose past it shares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"at": 2, "model": "mcp://openai/chat", "dry_run": true}))]
pub struct ForkTurn {
    /// The first step that is not shared; where nothing is said, the first that a change concerns.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::whole::maybe_small")]
    #[schema(maximum = 1_000_000)]
    pub at: Option<u32>,
    /// Another model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 256)]
    pub model: Option<String>,
    /// Another system prompt, as an agent's file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 65536)]
    pub prompt: Option<String>,
    /// Other outcomes of shared steps, by step: each `{"text": …}`, or the whole of an outcome as the journal has it
    /// (`{"outcome": "called", "text": …}`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub outcomes: BTreeMap<u32, Value>,
    /// Only tell what it would do.
    #[serde(default)]
    pub dry_run: bool,
}

/// A step that was not taken yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedStep {
    /// Its ordinal inside the turn.
    pub step: u32,
    /// What it wants; `effect` tells the kind.
    #[schema(value_type = Object)]
    pub intent: Value,
}

/// A turn that shares the past of another: a fork or a second try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForkView {
    /// The new turn.
    #[schema(value_type = schema::TurnId)]
    pub turn: TurnId,
    /// Its conversation.
    #[schema(value_type = schema::ConversationId)]
    pub conversation: ConversationId,
    /// The message that it answers.
    #[schema(value_type = schema::MessageId)]
    pub message: MessageId,
    /// The turn whose past it shares.
    #[schema(value_type = schema::TurnId)]
    pub origin: TurnId,
    /// The first step that is not shared.
    pub at: u32,
    /// How many steps are shared.
    pub shared: u32,
    /// What it does first on its own.
    pub next: Vec<PlannedStep>,
    /// Whether this only tells what would be done.
    pub dry_run: bool,
}

/// One place where two intents differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceView {
    /// Where, as a JSON Pointer (RFC 6901).
    pub path: String,
    /// What the record has there; absent where it has nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, nullable = false)]
    pub recorded: Option<Value>,
    /// What is there now; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, nullable = false)]
    pub now: Option<Value>,
}

/// The first step that differs from the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MismatchView {
    /// The step.
    pub step: u32,
    /// What the record says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub recorded: Option<Value>,
    /// What the turn asks for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub asked: Option<Value>,
    /// The step of the record whose intent comes nearest to what is asked for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub nearest: Option<u32>,
    /// What differs between that intent and this.
    pub differences: Vec<DifferenceView>,
}

/// What came of running a turn again from its record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayView {
    /// The turn.
    #[schema(value_type = schema::TurnId)]
    pub turn: TurnId,
    /// Whose it is.
    #[schema(value_type = schema::AgentName)]
    pub agent: AgentName,
    /// The conversation that it belongs to.
    #[schema(value_type = schema::ConversationId)]
    pub conversation: ConversationId,
    /// How it ended; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TurnEnd, nullable = false)]
    pub end: Option<TurnEnd>,
    /// How many steps the record has.
    pub steps: u32,
    /// Whether it did exactly what the record says.
    pub equal: bool,
    /// The journal hash of the record.
    #[schema(value_type = schema::Digest)]
    pub recorded: Digest,
    /// The journal hash of what the turn did this time.
    #[schema(value_type = schema::Digest)]
    pub replayed: Digest,
    /// Where it first did something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub mismatch: Option<MismatchView>,
}
