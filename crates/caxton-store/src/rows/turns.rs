//! Turns, what they wait for, the decisions that they ask for, and what they cost.

use caxton_types::{
    AgentName, ApprovalId, ApprovalKind, ConversationId, Day, Decision, Digest, Fact, MessageId, Seq, Spend, StepId, Timestamp, TurnEnd,
    TurnId, TurnOrigin, WaitOn,
};

/// Which turns are wanted, the one that began last first.
#[derive(Debug, Clone)]
pub struct TurnQuery {
    /// Only open ones, or only ended ones.
    pub state: Option<TurnState>,
    /// Only turns of this agent.
    pub agent: Option<AgentName>,
    /// Only turns of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only turns that began before this one.
    pub before: Option<TurnId>,
    /// The most rows that come back, at most [`TurnQuery::LIMIT_MAX`].
    pub limit: u32,
}

impl TurnQuery {
    /// The most turns that one query returns.
    pub const LIMIT_MAX: u32 = 1000;
}

impl Default for TurnQuery {
    fn default() -> Self {
        Self { state: None, agent: None, conversation: None, before: None, limit: 100 }
    }
}

/// Whether a turn is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TurnState {
    /// It has begun and not ended.
    Open,
    /// It is over.
    Ended,
}

/// A turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnRow {
    /// Names it.
    pub turn: TurnId,
    /// The agent whose turn it is.
    pub agent: AgentName,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The message that began it.
    pub message: MessageId,
    /// The event that began it.
    pub began: Seq,
    /// When that was.
    pub at: Timestamp,
    /// The turn whose past it shares, where it is a fork or a second try.
    pub origin: Option<TurnOrigin>,
    /// How many steps it has intended.
    pub steps: u32,
    /// How it ended; none while it is open.
    pub ended: Option<Ended>,
}

impl TurnRow {
    /// Whether it is over.
    pub const fn state(&self) -> TurnState {
        match self.ended {
            None => TurnState::Open,
            Some(_) => TurnState::Ended,
        }
    }
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// How.
    pub end: TurnEnd,
    /// The message that it answered with.
    pub reply: Option<MessageId>,
}

/// What a step of an open turn waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitRow {
    /// The turn.
    pub turn: TurnId,
    /// Its step.
    pub step: StepId,
    /// For what.
    pub on: Awaited,
    /// The event that began the wait.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
    /// When it has waited long enough.
    pub due: Timestamp,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// A person's decision.
    Approval(ApprovalId),
    /// The answer to this message.
    Reply(MessageId),
    /// Nothing but time.
    Time,
}

impl Awaited {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approval(_) => "approval",
            Self::Reply(_) => "reply",
            Self::Time => "time",
        }
    }

    /// What a fact that was written at `at` begins to wait for, and until when.
    pub(crate) fn of(fact: &Fact, at: Timestamp) -> Option<(Self, Timestamp)> {
        match fact {
            Fact::WaitBegan { on: WaitOn::Reply(message), within } => Some((Self::Reply(*message), at.plus(within.get()))),
            Fact::WaitBegan { on: WaitOn::Time, within } => Some((Self::Time, at.plus(within.get()))),
            Fact::ApprovalAsked { approval, within, .. } => Some((Self::Approval(*approval), at.plus(within.get()))),
            _ => None,
        }
    }
}

/// Which approvals are wanted, the one asked for last first.
#[derive(Debug, Clone)]
pub struct ApprovalQuery {
    /// Only those that are open, or were decided, or are not needed any more.
    pub state: Option<ApprovalState>,
    /// Only what this agent asks for.
    pub agent: Option<AgentName>,
    /// Only what was delegated to this person.
    pub delegate: Option<Box<str>>,
    /// Only those of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only those of this turn.
    pub turn: Option<TurnId>,
    /// Only those asked for before this one.
    pub before: Option<ApprovalId>,
    /// The most rows that come back, at most [`ApprovalQuery::LIMIT_MAX`].
    pub limit: u32,
}

impl ApprovalQuery {
    /// The most approvals that one query returns.
    pub const LIMIT_MAX: u32 = 1000;
}

impl Default for ApprovalQuery {
    fn default() -> Self {
        Self { state: None, agent: None, delegate: None, conversation: None, turn: None, before: None, limit: 100 }
    }
}

/// How an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApprovalState {
    /// It waits for a decision.
    Open,
    /// It was decided.
    Decided,
    /// Its step or its turn was over before anybody decided.
    Withdrawn,
}

impl ApprovalState {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Decided => "decided",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A decision that a person is or was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// Names it.
    pub approval: ApprovalId,
    /// The turn that asks.
    pub turn: TurnId,
    /// The step that waits.
    pub step: StepId,
    /// The agent whose turn it is.
    pub agent: AgentName,
    /// The conversation of the turn.
    pub conversation: ConversationId,
    /// What kind of decision.
    pub kind: ApprovalKind,
    /// The digest of the intent that it is about.
    pub subject: Digest,
    /// The event that asked.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
    /// When nobody is waited for any longer.
    pub due: Timestamp,
    /// Whose decision it is, where it was delegated.
    pub delegate: Option<Box<str>>,
    /// How it stands.
    pub state: ApprovalState,
    /// What was decided, by whom, when and why.
    pub decision: Option<Decision>,
}

/// Whose spending is wanted. What ended turns were settled at is added up; open ones are not in it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpendQuery {
    /// All of the workspace, on this day or ever.
    Workspace(Option<Day>),
    /// All of this agent, on this day or ever.
    Agent(AgentName, Option<Day>),
    /// All of this conversation.
    Conversation(ConversationId),
}

/// What the turns of an agent cost that ended on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendRow {
    /// The day.
    pub day: Day,
    /// The agent.
    pub agent: AgentName,
    /// What was spent.
    pub spend: Spend,
}
