//! The facts of the journal. Each is written once and must be readable for ever: `journal/fixtures/` holds one of every kind.

mod parts;

pub use self::parts::{AgentRevision, DeployedFile, FileChange, GitState, Metering, Payload, Pinned, Route, TurnOrigin, WaitOn};

use crate::{
    Actor, AgentName, ApprovalId, ApprovalKind, Code, ConversationId, DeploymentId, Digest, Elicitation, Failure, Message, MessageId,
    Observation, Ruling, Spend, StepId, Timestamp, TokenUsage, TraceContext, TurnEnd, TurnId, unit::Period,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// The version that facts are written in today.
pub const JOURNAL_VERSION: u16 = 1;

/// The place of an event in its workspace's journal: dense, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One fact in a workspace's journal. Written once, never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place.
    pub seq: Seq,
    /// When it was written, by the writer's clock.
    pub at: Timestamp,
    /// The schema version of the fact.
    pub v: u16,
    /// What it is about, and who caused it.
    #[serde(flatten)]
    pub new: NewEvent,
}

/// An event before the writer gave it its place and time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewEvent {
    /// Who caused it.
    pub caller: Actor,
    /// The trace it belongs to.
    pub trace: TraceContext,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// The agent that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The step it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// A message is in our hands and will be answered or dead-lettered.
    MessageAccepted {
        /// The message.
        message: Box<Message>,
        /// The agent whose turn it begins; nobody where it is an answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<AgentName>,
        /// How that was decided.
        route: Route,
        /// The sender's key under which a second sending is the same message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dedup: Option<Box<str>>,
    },
    /// A message cannot be delivered and is set aside.
    MessageDeadLettered {
        /// The message.
        message: MessageId,
        /// Why.
        failure: Failure,
    },
    /// A conversation began.
    ConversationOpened {
        /// The interaction protocol it follows.
        protocol: Box<str>,
    },
    /// A turn took a message over from its queue.
    TurnBegan {
        /// The message.
        message: MessageId,
        /// The revision of the agent that the turn is pinned to.
        revision: u32,
        /// The digest of that revision's spec.
        spec: Digest,
        /// What else the turn is pinned to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pinned: Option<Pinned>,
        /// The turn whose past it shares, where it is a fork or a second try.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<TurnOrigin>,
    },
    /// A step is about to happen.
    StepIntended {
        /// The kind of effect.
        effect: Box<str>,
        /// The [`crate::Intent`].
        intent: Payload,
        /// What its budgets keep for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserved: Option<Spend>,
    },
    /// A step that did not begin with its intent begins now: it was approved, or a stop interrupted it before.
    StepStarted {
        /// Counts its beginnings, from 1.
        attempt: u16,
        /// What the attempt before it is settled at, where that was lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<Spend>,
        /// What its budgets keep for this attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserved: Option<Spend>,
    },
    /// A step waits, for no longer than this.
    WaitBegan {
        /// For what.
        on: WaitOn,
        /// At most so long, or exactly so long where it waits for nothing else.
        within: Period,
    },
    /// A step waits for a person, for no longer than this.
    ApprovalAsked {
        /// Names the decision.
        approval: ApprovalId,
        /// What kind of decision.
        kind: ApprovalKind,
        /// The digest of the intent that it is about: nothing else may be done in its name.
        subject: Digest,
        /// At most so long.
        within: Period,
        /// The question itself, where it is a server's in the middle of a call; it is its digest then that `subject` holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        elicitation: Option<Box<Elicitation>>,
    },
    /// A decision is somebody else's to take from now on.
    ApprovalDelegated {
        /// Names the decision.
        approval: ApprovalId,
        /// Whose.
        to: Box<str>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
    },
    /// A decision was taken, by the event's caller.
    ApprovalDecided {
        /// Names the decision.
        approval: ApprovalId,
        /// What was decided.
        ruling: Ruling,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
    },
    /// A step has happened.
    StepEnded {
        /// The kind of effect.
        effect: Box<str>,
        /// The [`crate::Outcome`].
        outcome: Payload,
        /// What it took.
        metering: Metering,
        /// What its budgets are settled at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spent: Option<Spend>,
    },
    /// A model call used more than was kept for it; the budget's owner makes no further call.
    BudgetOverrun {
        /// What was kept.
        reserved: Spend,
        /// What the provider reports.
        reported: Spend,
    },
    /// A model was asked of another provider than the one before it in the chain.
    ModelFailedOver {
        /// The provider that was given up.
        from: Box<str>,
        /// The one that was asked next.
        to: Box<str>,
        /// What kind of failure it was.
        code: Code,
        /// In words.
        reason: Box<str>,
    },
    /// A circuit breaker opened, closed or lets a probe through.
    BreakerChanged {
        /// What it guards, such as `model:openai`.
        breaker: Box<str>,
        /// Its state before.
        from: Box<str>,
        /// Its state from now on.
        to: Box<str>,
    },
    /// A turn is called off; its steps under way are given up.
    TurnCancelled {
        /// Why.
        failure: Failure,
    },
    /// A turn is over.
    TurnEnded {
        /// How.
        end: TurnEnd,
        /// The reply that went out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<MessageId>,
        /// The tokens of all its model calls.
        usage: TokenUsage,
        /// What the whole turn is settled at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spent: Option<Spend>,
        /// Wall time in microseconds.
        wall_us: u64,
    },
    /// A tool was called outside of any turn, or by another tool.
    ToolCalled {
        /// The tool, as `server/tool`.
        tool: Box<str>,
        /// The tool that called it, where one did: the event's caller is who called that, and the step is that call's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Box<str>>,
        /// Its arguments.
        arguments: Payload,
        /// The [`crate::Outcome`].
        outcome: Payload,
        /// What it took.
        metering: Metering,
    },
    /// Events were removed from the journal because their time was over.
    EventsExpired {
        /// Up to here, except what is kept.
        until: Seq,
        /// How many events.
        events: u64,
        /// How many blobs, because no event names them any more.
        blobs: u64,
        /// The bytes that these blobs held.
        bytes: u64,
    },
    /// Something is remembered from now on.
    ObservationStored {
        /// What.
        observation: Observation,
    },
    /// A workspace was deployed.
    Deployed {
        /// Names the deployment.
        deployment: DeploymentId,
        /// Counts the deployments of the workspace, from 1.
        version: u32,
        /// Where it came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        git: Option<GitState>,
        /// Every file that is part of it or was removed by it.
        files: Vec<DeployedFile>,
        /// Every agent that it left behind.
        agents: Vec<AgentRevision>,
        /// What it took, in milliseconds.
        took_ms: u64,
    },
    /// A value of the configuration was changed while the server ran.
    ConfigChanged {
        /// The key, dotted.
        key: Box<str>,
        /// The value before.
        old: Value,
        /// The value from now on.
        new: Value,
    },
    /// Something was refused or, where that matters, allowed.
    AccessDecided {
        /// What was attempted.
        action: Box<str>,
        /// On what.
        resource: Box<str>,
        /// Whether it was allowed.
        allowed: bool,
        /// Why.
        reason: Box<str>,
    },
    /// The server began to serve.
    ServerStarted {
        /// Its version.
        version: Box<str>,
        /// The process id.
        pid: u32,
    },
    /// The server stopped in good order.
    ServerStopped {},
}

impl Fact {
    /// The kinds of facts whose time can be over. All others are kept for ever: decisions of people, refusals, deployments, changes of the
    /// configuration, what is remembered, and what retention itself did.
    pub const EXPIRABLE: &[&str] = &[
        "message_accepted",
        "message_dead_lettered",
        "conversation_opened",
        "turn_began",
        "step_intended",
        "step_started",
        "wait_began",
        "step_ended",
        "budget_overrun",
        "model_failed_over",
        "breaker_changed",
        "turn_cancelled",
        "turn_ended",
        "tool_called",
        "server_started",
        "server_stopped",
    ];

    /// The name of the kind of fact, as it stands in `type`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::MessageAccepted { .. } => "message_accepted",
            Self::MessageDeadLettered { .. } => "message_dead_lettered",
            Self::ConversationOpened { .. } => "conversation_opened",
            Self::TurnBegan { .. } => "turn_began",
            Self::StepIntended { .. } => "step_intended",
            Self::StepStarted { .. } => "step_started",
            Self::WaitBegan { .. } => "wait_began",
            Self::ApprovalAsked { .. } => "approval_asked",
            Self::ApprovalDelegated { .. } => "approval_delegated",
            Self::ApprovalDecided { .. } => "approval_decided",
            Self::StepEnded { .. } => "step_ended",
            Self::BudgetOverrun { .. } => "budget_overrun",
            Self::ModelFailedOver { .. } => "model_failed_over",
            Self::BreakerChanged { .. } => "breaker_changed",
            Self::TurnCancelled { .. } => "turn_cancelled",
            Self::ToolCalled { .. } => "tool_called",
            Self::EventsExpired { .. } => "events_expired",
            Self::TurnEnded { .. } => "turn_ended",
            Self::ObservationStored { .. } => "observation_stored",
            Self::Deployed { .. } => "deployed",
            Self::ConfigChanged { .. } => "config_changed",
            Self::AccessDecided { .. } => "access_decided",
            Self::ServerStarted { .. } => "server_started",
            Self::ServerStopped { .. } => "server_stopped",
        }
    }
}
