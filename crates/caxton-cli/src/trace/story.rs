//! Events put together again: messages, and turns with their steps.

use caxton_types::{
    AgentName, ApprovalId, ApprovalKind, ConversationId, Elicitation, Event, Fact, Failure, Intent, Message, MessageId, Metering, Money,
    Outcome, Payload, Route, Ruling, Scope, Seq, Spend, StepId, Timestamp, TokenUsage, TurnEnd, TurnId, TurnOrigin, WaitOn,
};
use std::collections::HashMap;

/// What happened in a conversation, in its order.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
    pub(crate) scenes: Vec<Scene>,
}

/// Where an event stands, and when it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    seq: Seq,
    pub(crate) time: Timestamp,
}

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Scene {
    Said { at: At, message: Box<Message>, to: Option<AgentName>, route: Route },
    Lost { at: At, message: MessageId, agent: Option<AgentName>, failure: Failure },
    Turn(Box<Turn>),
}

/// One turn of an agent.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) agent: Option<AgentName>,
    pub(crate) at: At,
    pub(crate) message: MessageId,
    pub(crate) revision: u32,
    /// The turn whose past it shares.
    pub(crate) origin: Option<TurnOrigin>,
    pub(crate) steps: Vec<Step>,
    /// When it was called off, and why.
    pub(crate) cancelled: Option<(At, Failure)>,
    pub(crate) ended: Option<Ended>,
}

/// How a turn ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) at: At,
    pub(crate) end: TurnEnd,
    pub(crate) usage: TokenUsage,
    pub(crate) cost: Money,
    pub(crate) wall_us: u64,
}

/// One step of a turn.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: Option<StepId>,
    pub(crate) effect: Box<str>,
    pub(crate) at: At,
    /// Nothing where the payload is not at hand.
    pub(crate) intent: Option<Intent>,
    /// What happened to it before it was done.
    pub(crate) notes: Vec<(At, Note)>,
    pub(crate) done: Option<Done>,
}

/// What happens to a step between its intent and its end.
#[derive(Debug)]
pub(crate) enum Note {
    /// It began, not for the first time.
    Again { attempt: u16 },
    /// It waits for another agent or a moment.
    Waits { on: WaitOn, until: Timestamp },
    /// It waits for a person.
    Asked { approval: ApprovalId, kind: ApprovalKind, elicitation: Option<Box<Elicitation>>, until: Timestamp },
    /// The decision is somebody else's.
    Delegated { to: Box<str>, by: Box<str>, reason: Option<Box<str>> },
    /// The decision is there.
    Decided { ruling: Ruling, by: Box<str>, reason: Option<Box<str>> },
    /// Another provider is asked.
    FailedOver { from: Box<str>, to: Box<str>, reason: Box<str> },
    /// Its tool tried something that it is not granted.
    Refused { what: Box<str>, reason: Box<str> },
    /// Its tool called another.
    Called { tool: Box<str>, wall_us: u64, failure: Option<Box<str>> },
    /// Its tool remembers something.
    Remembers { scope: Scope },
    /// It used more than was kept for it.
    Overrun { reserved: Spend, reported: Spend },
}

impl Step {
    /// Whether it waits for somebody or something outside.
    pub(crate) fn waits(&self) -> bool {
        self.done.is_none() && matches!(self.notes.last(), Some((_, Note::Waits { .. } | Note::Asked { .. } | Note::Delegated { .. })))
    }
}

impl Turn {
    /// Whether everything that is left to do waits for somebody or something outside.
    pub(crate) fn waits(&self) -> bool {
        let mut open = self.steps.iter().filter(|step| step.done.is_none()).peekable();
        self.ended.is_none() && open.peek().is_some() && open.all(Step::waits)
    }
}

/// What came of a step.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) at: At,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) metering: Metering,
    pub(crate) cost: Money,
}

impl Story {
    /// Puts together what the events tell; those that are about something else are passed over.
    pub(crate) fn of(events: Vec<Event>) -> Self {
        let mut story = Self::default();
        let mut turns: HashMap<Option<TurnId>, usize> = HashMap::new();
        for event in events {
            story.conversation = story.conversation.or(event.new.conversation);
            story.first = story.first.or(Some(event.at));
            story.last = Some(event.at);
            story.tell(event, &mut turns);
        }
        story
    }

    fn tell(&mut self, event: Event, turns: &mut HashMap<Option<TurnId>, usize>) {
        let (at, key, agent, step) = (At { seq: event.seq, time: event.at }, event.new.turn, event.new.agent, event.new.step);
        if let Some(note) = note(&event.new.fact, event.at, &event.new.caller.who) {
            return self.note(turns, key, step, at, note);
        }
        match event.new.fact {
            Fact::MessageAccepted { message, to, route, dedup: _ } => self.scenes.push(Scene::Said { at, message, to, route }),
            Fact::MessageDeadLettered { message, failure } => self.scenes.push(Scene::Lost { at, message, agent, failure }),
            Fact::TurnBegan { message, revision, origin, .. } => {
                turns.insert(key, self.scenes.len());
                let steps = Vec::new();
                let turn = Turn { agent, at, message, revision, origin, steps, cancelled: None, ended: None };
                self.scenes.push(Scene::Turn(Box::new(turn)));
            }
            Fact::StepIntended { effect, intent, reserved: _ } => {
                if let Some(turn) = self.turn(turns, key) {
                    turn.steps.push(Step { id: step, effect, at, intent: inline(intent), notes: Vec::new(), done: None });
                }
            }
            Fact::StepEnded { effect: _, outcome, metering, spent } => {
                let step = self.turn(turns, key).and_then(|turn| turn.steps.iter_mut().rev().find(|known| known.id == step));
                if let Some(step) = step {
                    let cost = spent.unwrap_or_default().money;
                    step.done = Some(Done { at, outcome: inline(outcome), metering, cost });
                }
            }
            Fact::TurnCancelled { failure } => {
                if let Some(turn) = self.turn(turns, key) {
                    turn.cancelled = Some((at, failure));
                }
            }
            Fact::TurnEnded { end, usage, wall_us, spent, .. } => {
                if let Some(turn) = self.turn(turns, key) {
                    let cost = spent.unwrap_or_default().money;
                    turn.ended = Some(Ended { at, end, usage, cost, wall_us });
                }
            }
            Fact::ConversationOpened { .. }
            | Fact::StepStarted { .. }
            | Fact::WaitBegan { .. }
            | Fact::ApprovalAsked { .. }
            | Fact::ApprovalDelegated { .. }
            | Fact::ApprovalDecided { .. }
            | Fact::BudgetOverrun { .. }
            | Fact::ModelFailedOver { .. }
            | Fact::BreakerChanged { .. }
            | Fact::ToolCalled { .. }
            | Fact::EventsExpired { .. }
            | Fact::ObservationStored { .. }
            | Fact::Deployed { .. }
            | Fact::ConfigChanged { .. }
            | Fact::AccessDecided { .. }
            | Fact::ServerStarted { .. }
            | Fact::ServerStopped {} => {}
        }
    }

    fn note(&mut self, turns: &HashMap<Option<TurnId>, usize>, key: Option<TurnId>, step: Option<StepId>, at: At, note: Note) {
        let step = self.turn(turns, key).and_then(|turn| turn.steps.iter_mut().rev().find(|known| known.id == step));
        if let Some(step) = step {
            let agreed = matches!(&*step.notes, [.., (_, Note::Asked { kind: ApprovalKind::Failover, .. }), (_, Note::Decided { .. })]);
            // What a person agreed to is no second beginning after a stop.
            if !(agreed && matches!(note, Note::Again { .. })) {
                step.notes.push((at, note));
            }
        }
    }

    fn turn(&mut self, turns: &HashMap<Option<TurnId>, usize>, key: Option<TurnId>) -> Option<&mut Turn> {
        match self.scenes.get_mut(*turns.get(&key)?)? {
            Scene::Turn(turn) => Some(turn),
            Scene::Said { .. } | Scene::Lost { .. } => None,
        }
    }

    /// How the conversation stands: it goes on while a message waits or a turn runs.
    pub(crate) fn state(&self) -> &'static str {
        let waits = |message: &Message| message.performative.expects_reply() && !self.turns().any(|turn| turn.message == message.id);
        if self.turns().any(|turn| turn.ended.is_none()) || self.messages().any(waits) {
            return "in progress";
        }
        match self.messages().last() {
            Some(message) if message.performative.is_failure() => "failed",
            _ => "completed",
        }
    }

    pub(crate) fn turns(&self) -> impl Iterator<Item = &Turn> {
        self.scenes.iter().filter_map(|scene| match scene {
            Scene::Turn(turn) => Some(&**turn),
            Scene::Said { .. } | Scene::Lost { .. } => None,
        })
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.scenes.iter().filter_map(|scene| match scene {
            Scene::Said { message, .. } => Some(&**message),
            Scene::Turn(_) | Scene::Lost { .. } => None,
        })
    }
}

/// What a fact tells of a step under way; nothing where it tells something else.
fn note(fact: &Fact, at: Timestamp, by: &str) -> Option<Note> {
    Some(match fact {
        // The first beginning of what was approved needs no words.
        Fact::StepStarted { attempt, .. } if *attempt > 1 => Note::Again { attempt: *attempt },
        Fact::WaitBegan { on, within } => Note::Waits { on: *on, until: at.plus(within.get()) },
        Fact::ApprovalAsked { approval, kind, within, elicitation, subject: _ } => {
            Note::Asked { approval: *approval, kind: *kind, elicitation: elicitation.clone(), until: at.plus(within.get()) }
        }
        Fact::ApprovalDelegated { to, reason, approval: _ } => Note::Delegated { to: to.clone(), by: by.into(), reason: reason.clone() },
        Fact::ApprovalDecided { ruling, reason, approval: _ } => {
            Note::Decided { ruling: ruling.clone(), by: by.into(), reason: reason.clone() }
        }
        Fact::ModelFailedOver { from, to, reason, code: _ } => {
            Note::FailedOver { from: from.clone(), to: to.clone(), reason: reason.clone() }
        }
        // That a call itself was refused is what came of its step.
        Fact::AccessDecided { action, resource, allowed: false, reason } if &**action == "use" => {
            Note::Refused { what: resource.clone(), reason: reason.clone() }
        }
        Fact::ToolCalled { tool, by: Some(_), outcome, metering, arguments: _ } => {
            let failure = match inline::<Outcome>(outcome.clone()) {
                Some(Outcome::Failed(failure) | Outcome::Unknown(failure)) => Some(failure.reason.into()),
                _ => None,
            };
            Note::Called { tool: tool.clone(), wall_us: metering.wall_us, failure }
        }
        // What an agent remembers is a step of its own, and says so itself.
        Fact::ObservationStored { observation } if &*observation.kind == "tool" => Note::Remembers { scope: observation.scope },
        Fact::BudgetOverrun { reserved, reported } => Note::Overrun { reserved: *reserved, reported: *reported },
        _ => return None,
    })
}

/// The value of a payload; one that lies in the blob table is summed up without it.
fn inline<T: serde::de::DeserializeOwned>(payload: Payload) -> Option<T> {
    match payload {
        Payload::Inline(value) => serde_json::from_value(value).ok(),
        Payload::Blob { .. } => None,
    }
}
