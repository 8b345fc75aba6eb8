//! What a batch changes in conversations, gathered so that each is written once.

use super::tables::Tables;
use crate::{rows::is_completed, sqlite};
use caxton_types::{Address, ConversationId, Fact, NewEvent, Party, Seq, Timestamp, TraceContext};
use rusqlite::params;

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
    initiator: Option<&'w Party>,
    messages: i64,
    pending: i64,
    outcome: Option<bool>,
    participants: Vec<Party>,
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
                participants: Vec::new(),
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

    pub(super) fn event(&mut self, event: &'w NewEvent, seq: Seq) {
        let Some(moves) = Moves::of(&event.fact) else { return };
        let Some(change) = event.conversation.and_then(|id| self.of(id)) else { return };
        change.opened.get_or_insert((seq, event.trace));
        match moves {
            Moves::Message { sender, receiver, protocol } => {
                change.messages += 1;
                change.initiator = change.initiator.or(Some(sender));
                change.protocol = change.protocol.or(protocol);
                change.participants.push(sender.clone());
                change.participants.extend(receiver);
            }
            Moves::Protocol(protocol) => change.protocol = change.protocol.or(Some(protocol)),
            Moves::Outcome(completed) => change.outcome = Some(completed),
            Moves::Turn => {}
        }
    }

    pub(super) fn write(self, tables: &mut Tables<'_>, at: Timestamp) -> rusqlite::Result<()> {
        for change in self.changes {
            let id = change.id.as_uuid().into_bytes();
            if let Some((seq, trace)) = change.opened {
                tables.conversation.execute(params![
                    sqlite::seq(seq),
                    id,
                    at.as_micros(),
                    trace.to_string(),
                    change.protocol,
                    change.initiator.map(ToString::to_string),
                    change.messages,
                    change.pending,
                    change.outcome,
                ])?;
                for party in change.participants {
                    tables.participant.execute(params![id, party.to_string()])?;
                }
            } else if change.pending != 0 {
                tables.conversation_pending.execute(params![id, change.pending])?;
            }
        }
        Ok(())
    }
}

/// What a fact does to its conversation, the same for a journal on disk and one in memory.
pub(crate) enum Moves<'w> {
    Message {
        sender: &'w Party,
        receiver: Option<Party>,
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
                    (Some(agent), _) | (None, Address::Agent(agent)) => Some(Party::Agent(agent.clone())),
                    (None, Address::Client(who)) => Some(Party::Client(who.clone())),
                    (None, _) => None,
                };
                Some(Self::Message { sender: &message.sender, receiver, protocol: message.protocol.as_deref() })
            }
            Fact::ConversationOpened { protocol } => Some(Self::Protocol(protocol)),
            Fact::TurnBegan { .. } => Some(Self::Turn),
            Fact::MessageDeadLettered { .. } => Some(Self::Outcome(false)),
            Fact::TurnEnded { end, .. } => Some(Self::Outcome(is_completed(*end))),
            _ => None,
        }
    }
}
