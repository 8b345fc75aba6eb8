//! What is asked, and what comes back.

pub(crate) mod turns;

use caxton_types::{
    Actor, AgentName, AgentSpec, Capability, ConversationId, DeploymentId, Digest, GitState, Message, MessageId, Party, Route, Scope, Seq,
    Timestamp, ToolRef, TraceContext, TurnEnd, TurnId,
};
use std::{borrow::Cow, sync::Arc};

/// Which events are wanted, oldest first.
#[derive(Debug, Clone)]
pub struct EventQuery {
    /// Only events behind this one.
    pub after: Seq,
    /// Only events up to this one, itself included.
    pub until: Option<Seq>,
    /// Only events of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only events of this turn.
    pub turn: Option<TurnId>,
    /// Only events about this agent.
    pub agent: Option<AgentName>,
    /// Only these kinds of fact; all where empty.
    pub kinds: Vec<Cow<'static, str>>,
    /// Only events from this moment on.
    pub since: Option<Timestamp>,
    /// The most events that come back, at most [`EventQuery::LIMIT_MAX`].
    pub limit: u32,
}

impl EventQuery {
    /// The most events that one query returns.
    pub const LIMIT_MAX: u32 = 10_000;

    /// This one event.
    pub fn at(seq: Seq) -> Self {
        Self { after: Seq(seq.0.saturating_sub(1)), until: Some(seq), limit: 1, ..Self::default() }
    }
}

impl Default for EventQuery {
    fn default() -> Self {
        Self { after: Seq(0), until: None, conversation: None, turn: None, agent: None, kinds: Vec::new(), since: None, limit: 1000 }
    }
}

/// A piece of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Only what comes behind this conversation in the list.
    pub after: Option<ConversationId>,
    /// The most rows that come back.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, limit: 100 }
    }
}

/// Where a message is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// It waits for its agent.
    Queued,
    /// A turn works on it.
    InTurn,
    /// It was answered, or needs no answer.
    Done,
    /// It could not be delivered and is set aside.
    Dead,
}

impl MessageState {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InTurn => "in_turn",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

/// A message as the journal holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMessage {
    /// The event that accepted it.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
    /// The message.
    pub message: Message,
    /// The agent it was routed to.
    pub to: Option<AgentName>,
    /// How that was decided.
    pub route: Route,
    /// Where it is now.
    pub state: MessageState,
}

/// How a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConversationState {
    /// Something in it waits or is worked on, or nothing in it has ended yet.
    InProgress,
    /// The last thing that ended in it ended well.
    Completed,
    /// The last thing that ended in it failed.
    Failed,
}

impl ConversationState {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn of(pending: i64, outcome: Option<bool>) -> Self {
        match outcome {
            Some(true) if pending <= 0 => Self::Completed,
            Some(false) if pending <= 0 => Self::Failed,
            _ => Self::InProgress,
        }
    }
}

/// Whether a turn that ended so leaves its conversation completed; else it failed.
pub(crate) const fn is_completed(end: TurnEnd) -> bool {
    match end {
        TurnEnd::Completed | TurnEnd::Refused => true,
        TurnEnd::Failed | TurnEnd::Exhausted | TurnEnd::BudgetExhausted | TurnEnd::Cancelled | TurnEnd::Interrupted => false,
    }
}

/// One conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRow {
    /// Names it.
    pub id: ConversationId,
    /// The interaction protocol that it follows, where one is named.
    pub protocol: Option<Box<str>>,
    /// Who sent its first message.
    pub initiator: Party,
    /// Everyone who sent or was sent a message, in order of their names.
    pub participants: Vec<Party>,
    /// How it stands.
    pub state: ConversationState,
    /// How many messages it has.
    pub messages: u64,
    /// When its first event was written.
    pub opened_at: Timestamp,
    /// When its last message, or the beginning or end of a turn was written.
    pub last_at: Timestamp,
    /// The trace that it began in.
    pub trace: TraceContext,
}

/// A turn that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTurn {
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
}

/// A deployed agent as listings show it; its whole spec is read one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentEntry {
    /// Names it.
    pub name: AgentName,
    /// Counts its revisions.
    pub revision: u32,
    /// The digest of its canonical spec.
    pub spec_digest: Digest,
    /// The name that people see.
    pub display_name: Box<str>,
    /// Its version, as its file says.
    pub version: Box<str>,
    /// One line on what it is for.
    pub description: Option<Box<str>>,
    /// What it offers.
    pub capabilities: Vec<Capability>,
    /// The tools that it may call.
    pub tools: Vec<ToolRef>,
    /// The deployment event that brought this revision.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
}

/// A deployed agent with its whole spec.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRow {
    /// Names it.
    pub name: AgentName,
    /// Counts its revisions.
    pub revision: u32,
    /// The digest of its canonical spec.
    pub spec_digest: Digest,
    /// The spec.
    pub spec: Arc<AgentSpec>,
    /// The deployment event that brought this revision.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
}

/// A deployed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its path inside the workspace.
    pub path: Box<str>,
    /// The SHA-256 of its content.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The version of the deployment that last changed it.
    pub version: u32,
}

/// What became of the files of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileCounts {
    /// New ones.
    pub added: u32,
    /// Changed ones.
    pub modified: u32,
    /// The ones that stayed as they were.
    pub unchanged: u32,
    /// The ones that went.
    pub removed: u32,
}

/// One deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentRow {
    /// Names it.
    pub deployment: DeploymentId,
    /// Counts the deployments of the workspace.
    pub version: u32,
    /// Its event.
    pub seq: Seq,
    /// When it was.
    pub at: Timestamp,
    /// Who did it.
    pub caller: Actor,
    /// Where it came from.
    pub git: Option<GitState>,
    /// What became of the files.
    pub files: FileCounts,
    /// How many agents it left behind.
    pub agents: u32,
    /// What it took.
    pub took_ms: u64,
}

/// A lexical question to memory.
#[derive(Debug, Clone)]
pub struct MemoryQuery {
    /// Words, any of which may match; the store quotes them.
    pub terms: Vec<String>,
    /// Who asks: other agents' own memory is never searched, and nobody's where no agent asks.
    pub agent: Option<AgentName>,
    /// Where to look.
    pub scopes: Vec<Scope>,
    /// The most observations that come back.
    pub limit: u32,
}

/// Which observations are listed.
#[derive(Debug, Clone, Default)]
pub struct ObservationFilter {
    /// Only this scope.
    pub scope: Option<Scope>,
    /// Only what this agent observed.
    pub agent: Option<AgentName>,
    /// Only what is about this.
    pub entity: Option<Box<str>>,
    /// The most that come back, newest first; 100 where zero.
    pub limit: u32,
}

/// Something that memory knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityRow {
    /// Its name.
    pub name: Box<str>,
    /// What kind of thing it is.
    pub kind: Box<str>,
    /// How much was observed about it.
    pub observations: u64,
}

/// One observation as memory holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservationRow {
    /// What it is about.
    pub entity: Box<str>,
    /// What kind of thing that is.
    pub kind: Box<str>,
    /// What was observed.
    pub text: String,
    /// Who can recall it.
    pub scope: Scope,
    /// Who observed it.
    pub agent: AgentName,
    /// When.
    pub at: Timestamp,
}
