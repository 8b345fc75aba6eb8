//! What a batch changes in conversations, gathered so that each is written once.

use super::{tables::Tables, turns::amounts};
use crate::{rows::is_completed, sqlite};
use caxton_types::{Address, AgentName, ConversationId, Fact, NewEvent, Party, Seq, Spend, Timestamp, TraceContext};
use rusqlite::params;
use std::fmt::{self, Write as _};

#[derive(Default)]
pub(super) struct Changes<'w> {
    changes: Vec<Change<'w>>,
}

/// What happens to one conversation.
struct Change<'w> {
    id: ConversationId,
    /// The first event that opens it where it is new; none where only its queue moves.
    opened: Option<(Seq, TraceContext)>,
    protocol: Option<&'w str>,
    initiator: Option<PartyRef<'w>>,
    messages: i64,
    pending: i64,
    outcome: Option<bool>,
    spent: Spend,
}

impl<'w> Changes<'w> {
    fn of(&mut self, id: ConversationId) -> Option<&mut Change<'w>> {
        let place = self.changes.iter().position(|change| change.id == id).unwrap_or_else(|| {
            self.changes.push(Change {
                id,
                opened: None,
                protocol: None,
                initiator: None,
                messages: 0,
                pending: 0,
                outcome: None,
                spent: Spend::ZERO,
            });
            self.changes.len() - 1
        });
        self.changes.get_mut(place)
    }

    /// More (or less) is queued or worked on.
    pub(super) fn pending(&mut self, id: ConversationId, by: i64) {
        if let Some(change) = self.of(id) {
            change.pending += by;
        }
    }

    /// A turn in it was settled.
    pub(super) fn spent(&mut self, id: ConversationId, spent: Spend) {
        if let Some(change) = self.of(id) {
            change.spent = change.spent.saturating_add(spent);
        }
    }

    pub(super) fn event(&mut self, event: &'w NewEvent, moves: Moves<'w>, seq: Seq) {
        let Some(change) = event.conversation.and_then(|id| self.of(id)) else { return };
        change.opened.get_or_insert((seq, event.trace));
        match moves {
            Moves::Message { sender, protocol, .. } => {
                change.messages += 1;
                change.initiator = change.initiator.or(Some(sender));
                change.protocol = change.protocol.or(protocol);
            }
            Moves::Protocol(protocol) => change.protocol = change.protocol.or(Some(protocol)),
            Moves::Outcome(completed) => change.outcome = Some(completed),
            Moves::Turn => {}
        }
    }

    pub(super) fn write(self, tables: &mut Tables<'_>, at: Timestamp) -> rusqlite::Result<()> {
        let Tables { conversation, conversation_pending, texts: [trace_text, initiator_text], .. } = tables;
        for change in self.changes {
            let id = change.id.as_uuid().into_bytes();
            let [tokens, money, tool_calls, steps, wall_us] = amounts(change.spent);
            if let Some((seq, trace)) = change.opened {
                conversation.execute(params![
                    sqlite::seq(seq),
                    id,
                    at.as_micros(),
                    text_of(trace_text, &trace),
                    change.protocol,
                    change.initiator.map(|party| text_of(initiator_text, &party)),
                    change.messages,
                    change.pending,
                    change.outcome,
                    tokens,
                    money,
                    tool_calls,
                    steps,
                    wall_us,
                ])?;
            } else if change.pending != 0 {
                conversation_pending.execute(params![id, change.pending, tokens, money, tool_calls, steps, wall_us])?;
            }
        }
        Ok(())
    }
}

/// What a fact does to its conversation, the same for a journal on disk and one in memory.
pub(crate) enum Moves<'w> {
    Message {
        sender: PartyRef<'w>,
        receiver: Option<PartyRef<'w>>,
        protocol: Option<&'w str>,
    },
    Protocol(&'w str),
    /// A turn began in it.
    Turn,
    /// Something ended, well or not.
    Outcome(bool),
}

impl<'w> Moves<'w> {
    pub(crate) fn of(fact: &'w Fact) -> Option<Self> {
        match fact {
            Fact::MessageAccepted { message, to, .. } => {
                let receiver = match (to, &message.receiver) {
                    (Some(agent), _) | (None, Address::Agent(agent)) => Some(PartyRef::Agent(agent)),
                    (None, Address::Client(who)) => Some(PartyRef::Client(who)),
                    (None, _) => None,
                };
                Some(Self::Message { sender: PartyRef::of(&message.sender), receiver, protocol: message.protocol.as_deref() })
            }
            Fact::ConversationOpened { protocol } => Some(Self::Protocol(protocol)),
            Fact::TurnBegan { .. } => Some(Self::Turn),
            Fact::MessageDeadLettered { .. } => Some(Self::Outcome(false)),
            Fact::TurnEnded { end, .. } => Some(Self::Outcome(is_completed(*end))),
            _ => None,
        }
    }
}

/// A party that stands somewhere else.
#[derive(Clone, Copy)]
pub(crate) enum PartyRef<'w> {
    Agent(&'w AgentName),
    Client(&'w str),
}

impl<'w> PartyRef<'w> {
    fn of(party: &'w Party) -> Self {
        match party {
            Party::Agent(name) => Self::Agent(name),
            Party::Client(who) => Self::Client(who),
        }
    }

    pub(crate) fn owned(self) -> Party {
        match self {
            Self::Agent(name) => Party::Agent(name.clone()),
            Self::Client(who) => Party::Client(who.into()),
        }
    }
}

/// As [`Party`] writes it.
impl fmt::Display for PartyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Client(who) => write!(f, "client:{who}"),
        }
    }
}

/// Writes a value into a text that is used again and again.
pub(super) fn text_of<'t>(text: &'t mut String, value: &impl fmt::Display) -> &'t str {
    text.clear();
    // Writing into a text does not fail.
    let _ = write!(text, "{value}");
    text
}
