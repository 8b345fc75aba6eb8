//! The journal on the wire.

use crate::schema;
use caxton_types::{Actor, AgentName, CallerKind, ConversationId, Event, Fact, NewEvent, Seq, StepId, Timestamp, TraceContext, TurnId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Who caused something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActorView {
    /// The name it is known under.
    pub who: Box<str>,
    /// How it came to the server: `local`, `agent`, `boot` or `system`.
    #[schema(value_type = schema::CallerKind)]
    pub kind: CallerKind,
    /// Whether it proved who it is.
    pub verified: bool,
}

impl From<Actor> for ActorView {
    fn from(actor: Actor) -> Self {
        Self { who: actor.who, kind: actor.kind, verified: actor.verified }
    }
}

/// One event of a workspace's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Its place in the journal, dense from 1.
    pub seq: u64,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The schema version of the fact.
    pub v: u16,
    /// The kind of fact, such as `message_accepted`.
    pub kind: String,
    /// Who caused it.
    pub caller: ActorView,
    /// The trace it belongs to, as a W3C `traceparent`.
    #[schema(value_type = String)]
    pub trace: TraceContext,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::ConversationId, nullable = false)]
    pub conversation: Option<ConversationId>,
    /// The agent that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::AgentName, nullable = false)]
    pub agent: Option<AgentName>,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TurnId, nullable = false)]
    pub turn: Option<TurnId>,
    /// The step it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub step: Option<u32>,
    /// What happened; `type` tells the kind, a large payload stands as `{"blob": {digest, size}}`.
    #[schema(value_type = Object)]
    pub fact: Value,
}

impl TryFrom<Event> for EventView {
    type Error = serde_json::Error;

    fn try_from(event: Event) -> Result<Self, Self::Error> {
        let NewEvent { caller, trace, conversation, agent, turn, step, fact } = event.new;
        Ok(Self {
            seq: event.seq.0,
            at: event.at,
            v: event.v,
            kind: fact.kind().to_owned(),
            caller: caller.into(),
            trace,
            conversation,
            agent,
            turn,
            step: step.map(|step| step.0),
            fact: serde_json::to_value(fact)?,
        })
    }
}

impl TryFrom<EventView> for Event {
    type Error = serde_json::Error;

    /// Reads the fact; fails where the server is newer and writes facts that are not known here.
    fn try_from(view: EventView) -> Result<Self, Self::Error> {
        let ActorView { who, kind, verified } = view.caller;
        Ok(Self {
            seq: Seq(view.seq),
            at: view.at,
            v: view.v,
            new: NewEvent {
                caller: Actor { who, kind, verified },
                trace: view.trace,
                conversation: view.conversation,
                agent: view.agent,
                turn: view.turn,
                step: view.step.map(StepId),
                fact: serde_json::from_value::<Fact>(view.fact)?,
            },
        })
    }
}

/// Words of a model while it still speaks: on the stream only, in no journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeltaView {
    /// The conversation.
    #[schema(value_type = schema::ConversationId)]
    pub conversation: ConversationId,
    /// The turn.
    #[schema(value_type = schema::TurnId)]
    pub turn: TurnId,
    /// The agent that speaks.
    #[schema(value_type = schema::AgentName)]
    pub agent: AgentName,
    /// What comes next.
    pub text: String,
}

/// Events that a follower asked for and that are not all kept any more; what is still there of them comes behind this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GapView {
    /// The first event that may be missing.
    pub from: u64,
    /// The last one that may be missing.
    pub to: u64,
}
