//! The events that are kept, and the indexes over them.

use super::turns::Turns;
use crate::{
    Error, QueueRow,
    batch::Batch,
    blobs::MemoryBlobs,
    journal::{Moves, PartyRef},
};
use caxton_types::{
    ConversationId, Event, Fact, JOURNAL_VERSION, MessageId, NewEvent, Party, Seq, Timestamp, TraceContext, TurnId, WorkspaceName,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

#[derive(Default)]
pub(super) struct State {
    pub(super) events: VecDeque<Arc<Event>>,
    len_max: usize,
    head: Seq,
    at: Timestamp,
    pub(super) messages: HashMap<MessageId, Accepted>,
    dedup: HashMap<(Party, Box<str>), MessageId>,
    pub(super) conversations: HashMap<ConversationId, Conversation>,
    /// By the seq of their first event.
    pub(super) opened: BTreeMap<Seq, ConversationId>,
    pub(super) by_conversation: HashMap<ConversationId, VecDeque<Seq>>,
    pub(super) by_turn: HashMap<TurnId, VecDeque<Seq>>,
    pub(super) queue: HashMap<MessageId, (Seq, QueueRow)>,
    pub(super) turns: Turns,
    pub(super) blobs: MemoryBlobs,
    pub(super) closed: bool,
}

/// A message whose event is kept.
pub(super) struct Accepted {
    pub(super) seq: Seq,
    pub(super) dead: bool,
}

pub(super) struct Conversation {
    pub(super) opened: Seq,
    pub(super) opened_at: Timestamp,
    pub(super) last_at: Timestamp,
    pub(super) trace: TraceContext,
    pub(super) protocol: Option<Box<str>>,
    pub(super) initiator: Option<Party>,
    pub(super) participants: BTreeSet<Party>,
    pub(super) messages: u64,
    pub(super) pending: i64,
    pub(super) outcome: Option<bool>,
}

impl State {
    pub(super) fn new(len_max: usize) -> Self {
        Self { len_max, ..Self::default() }
    }

    pub(super) fn last(&self) -> Seq {
        self.head
    }

    pub(super) fn last_at(&self) -> Timestamp {
        self.at
    }

    /// The first event that is still here, or the next one to come.
    pub(super) fn first(&self) -> Seq {
        Seq(self.head.0 + 1 - self.events.len() as u64)
    }

    pub(super) fn event(&self, seq: Seq) -> Option<&Arc<Event>> {
        let place = usize::try_from(seq.0.checked_sub(self.first().0)?).ok()?;
        self.events.get(place)
    }

    /// Refuses a batch that breaks a rule; the rules are those of a journal on disk.
    pub(super) fn check(&self, batch: &Batch, workspace: &WorkspaceName) -> Result<(), Error> {
        for (place, event) in batch.events.iter().enumerate() {
            let earlier = batch.events.get(..place).unwrap_or_default();
            match &event.fact {
                Fact::MessageAccepted { message, dedup, .. } => {
                    if self.messages.contains_key(&message.id) || accepts(earlier, message.id) {
                        return Err(Error::Duplicate { message: message.id });
                    }
                    if let Some(key) = dedup
                        && let Some(known) = self.deduplicated(&message.sender, key, earlier)
                    {
                        return Err(Error::Duplicate { message: known });
                    }
                }
                Fact::Deployed { agents, .. } => {
                    let brought: HashSet<_> = batch.blobs.iter().map(|(digest, _)| digest).collect();
                    let held = |digest| brought.contains(digest) || self.blobs.get(digest).is_some();
                    if let Some(missing) = agents.iter().find(|agent| !held(&agent.spec)) {
                        return Err(Error::BlobMissing { digest: missing.spec });
                    }
                }
                _ => self.turns.check(event, earlier, self.at)?,
            }
        }
        self.check_queue(batch, workspace)
    }

    fn check_queue(&self, batch: &Batch, workspace: &WorkspaceName) -> Result<(), Error> {
        for (place, row) in batch.enqueue.iter().enumerate() {
            if self.queue.contains_key(&row.message) || batch.enqueue.iter().take(place).any(|other| other.message == row.message) {
                return Err(Error::AlreadyQueued { message: row.message });
            }
            if !self.messages.contains_key(&row.message) && !accepts(&batch.events, row.message) {
                return Err(Error::NotAccepted { message: row.message });
            }
        }
        for (place, message) in batch.dequeue.iter().enumerate() {
            if !self.queue.contains_key(message) || batch.dequeue.iter().take(place).any(|other| other == message) {
                return Err(Error::NotQueued { message: *message });
            }
        }
        // What waits or is worked on is never dropped, so there is a bound for it.
        let held = self.queue.len() + self.turns.open_len() + batch.enqueue.len();
        if !batch.enqueue.is_empty() && held > self.len_max + batch.dequeue.len() {
            return Err(Error::Overloaded { workspace: workspace.clone() });
        }
        Ok(())
    }

    fn deduplicated(&self, sender: &Party, key: &str, earlier: &[NewEvent]) -> Option<MessageId> {
        let in_batch = earlier.iter().find_map(|event| match &event.fact {
            Fact::MessageAccepted { message, dedup: Some(known), .. } if **known == *key && message.sender == *sender => Some(message.id),
            _ => None,
        });
        in_batch.or_else(|| self.dedup.get(&(sender.clone(), key.into())).copied())
    }

    /// Adds the event and says whether an old one had to go.
    pub(super) fn push(&mut self, new: NewEvent, at: Timestamp) -> (Arc<Event>, bool) {
        self.head = self.head.next();
        self.at = at;
        let event = Arc::new(Event { seq: self.head, at, v: JOURNAL_VERSION, new });
        if let Some(id) = event.new.conversation {
            self.by_conversation.entry(id).or_default().push_back(event.seq);
        }
        if let Some(id) = event.new.turn {
            self.by_turn.entry(id).or_default().push_back(event.seq);
        }
        self.derive(&event);
        self.events.push_back(Arc::clone(&event));
        let full = self.events.len() > self.len_max;
        if full && let Some(oldest) = self.events.pop_front() {
            self.forget(&oldest);
        }
        (event, full)
    }

    fn derive(&mut self, event: &Event) {
        self.move_conversation(event);
        match &event.new.fact {
            Fact::MessageAccepted { message, dedup, .. } => {
                self.messages.insert(message.id, Accepted { seq: event.seq, dead: false });
                if let Some(key) = dedup {
                    self.dedup.insert((message.sender.clone(), key.clone()), message.id);
                }
            }
            Fact::MessageDeadLettered { message, .. } => {
                if let Some(accepted) = self.messages.get_mut(message) {
                    accepted.dead = true;
                }
            }
            _ => {
                let first = self.events.front().map_or(event.seq, |event| event.seq);
                if let Some((conversation, by)) = self.turns.derive(event, first, self.len_max) {
                    self.pending(conversation, by);
                }
            }
        }
    }

    fn move_conversation(&mut self, event: &Event) {
        let (Some(moves), Some(id)) = (Moves::of(&event.new.fact), event.new.conversation) else { return };
        let opened = &mut self.opened;
        let conversation = self.conversations.entry(id).or_insert_with(|| {
            opened.insert(event.seq, id);
            Conversation {
                opened: event.seq,
                opened_at: event.at,
                last_at: event.at,
                trace: event.new.trace,
                protocol: None,
                initiator: None,
                participants: BTreeSet::new(),
                messages: 0,
                pending: 0,
                outcome: None,
            }
        });
        conversation.last_at = event.at;
        match moves {
            Moves::Message { sender, receiver, protocol } => {
                conversation.messages += 1;
                conversation.initiator.get_or_insert_with(|| sender.owned());
                if conversation.protocol.is_none() {
                    conversation.protocol = protocol.map(Into::into);
                }
                conversation.participants.insert(sender.owned());
                conversation.participants.extend(receiver.map(PartyRef::owned));
            }
            Moves::Protocol(protocol) => {
                conversation.protocol.get_or_insert_with(|| protocol.into());
            }
            Moves::Outcome(completed) => conversation.outcome = Some(completed),
            Moves::Turn => {}
        }
    }

    fn pending(&mut self, id: ConversationId, by: i64) {
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.pending += by;
        }
    }

    pub(super) fn enqueue(&mut self, rows: Vec<QueueRow>) {
        for row in rows {
            self.pending(row.conversation, 1);
            // A ring shorter than the batch may have dropped the event already.
            let seq = self.messages.get(&row.message).map_or(self.head, |accepted| accepted.seq);
            self.queue.insert(row.message, (seq, row));
        }
    }

    pub(super) fn dequeue(&mut self, messages: &[MessageId]) {
        for message in messages {
            if let Some((_, row)) = self.queue.remove(message) {
                self.pending(row.conversation, -1);
            }
        }
    }

    /// Forgets what was derived from an event that is dropped. What waits or is worked on stays until it is done.
    fn forget(&mut self, event: &Event) {
        if let Fact::MessageAccepted { message, dedup, .. } = &event.new.fact {
            self.messages.remove(&message.id);
            if let Some(key) = dedup {
                self.dedup.remove(&(message.sender.clone(), key.clone()));
            }
        }
        self.turns.forget(event);
        if let Some(id) = event.new.turn
            && let Some(seqs) = self.by_turn.get_mut(&id)
        {
            seqs.pop_front();
            if seqs.is_empty() {
                self.by_turn.remove(&id);
            }
        }
        if let Some(id) = event.new.conversation
            && let Some(seqs) = self.by_conversation.get_mut(&id)
        {
            seqs.pop_front();
            if seqs.is_empty() {
                self.by_conversation.remove(&id);
                self.turns.forget_conversation(id);
                if let Some(conversation) = self.conversations.remove(&id) {
                    self.opened.remove(&conversation.opened);
                }
            }
        }
    }
}

fn accepts(events: &[NewEvent], id: MessageId) -> bool {
    events.iter().any(|event| matches!(&event.fact, Fact::MessageAccepted { message, .. } if message.id == id))
}
