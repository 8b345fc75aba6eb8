//! Queries over the events in memory.

use super::{Ring, state::State};
use crate::{
    ApprovalQuery, ApprovalRow, ConversationRow, ConversationState, EventQuery, MessageState, OpenTurn, Page, QueueRow, SpendQuery,
    SpendRow, StoredMessage, TurnQuery, TurnRow, WaitRow,
};
use bytes::Bytes;
use caxton_types::{ApprovalId, ConversationId, Day, Digest, Event, Fact, MessageId, Seq, Spend, StepId, Timestamp, TurnId};
use std::{collections::VecDeque, sync::Arc};

impl Ring {
    pub(crate) fn first_kept(&self) -> Seq {
        self.state.lock().first()
    }

    pub(crate) fn events(&self, query: &EventQuery) -> Vec<Event> {
        let found = self.state.lock().events(query);
        // The copies are made when nobody waits for them.
        found.into_iter().map(Arc::unwrap_or_clone).collect()
    }

    pub(crate) fn message(&self, id: MessageId) -> Option<StoredMessage> {
        let state = self.state.lock();
        state.messages.get(&id).and_then(|accepted| state.stored(accepted.seq))
    }

    pub(crate) fn messages(&self, conversation: ConversationId, after: Seq, limit: u32) -> Vec<StoredMessage> {
        let state = self.state.lock();
        let seqs = state.by_conversation.get(&conversation).map(|seqs| behind(seqs, after)).into_iter().flatten();
        seqs.filter_map(|seq| state.stored(seq)).take(limit.min(EventQuery::LIMIT_MAX) as usize).collect()
    }

    pub(crate) fn conversation(&self, id: ConversationId) -> Option<ConversationRow> {
        self.state.lock().conversation(id)
    }

    pub(crate) fn conversations(&self, page: Page) -> Vec<ConversationRow> {
        let state = self.state.lock();
        let before = match page.after {
            None => state.last().next(),
            Some(id) => state.conversations.get(&id).map_or(Seq(0), |conversation| conversation.opened),
        };
        let ids = state.opened.range(..before).rev().map(|(_, id)| *id);
        ids.filter_map(|id| state.conversation(id)).take(page.limit.min(EventQuery::LIMIT_MAX) as usize).collect()
    }

    pub(crate) fn queued(&self) -> Vec<(Seq, QueueRow)> {
        let mut rows: Vec<_> = self.state.lock().queue.values().cloned().collect();
        rows.sort_by_key(|(seq, _)| *seq);
        rows
    }

    pub(crate) fn open_turns(&self) -> Vec<OpenTurn> {
        self.state.lock().turns.open_turns()
    }

    pub(crate) fn turn(&self, id: TurnId) -> Option<TurnRow> {
        self.state.lock().turns.turn(id).cloned()
    }

    pub(crate) fn turns(&self, query: &TurnQuery) -> Vec<TurnRow> {
        self.state.lock().turns.turns(query)
    }

    pub(crate) fn turn_events(&self, turn: TurnId) -> Vec<Event> {
        let state = self.state.lock();
        let found: Vec<_> = state.by_turn.get(&turn).into_iter().flatten().filter_map(|seq| state.event(*seq)).cloned().collect();
        drop(state);
        found.into_iter().map(Arc::unwrap_or_clone).collect()
    }

    pub(crate) fn waits(&self, turn: TurnId) -> Vec<WaitRow> {
        self.state.lock().turns.waits(turn)
    }

    pub(crate) fn wait_for_reply(&self, message: MessageId) -> Option<(TurnId, StepId)> {
        self.state.lock().turns.wait_for_reply(message)
    }

    pub(crate) fn waits_due(&self, now: Timestamp, limit: u32) -> Vec<WaitRow> {
        self.state.lock().turns.waits_due(now, limit)
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.state.lock().turns.next_due()
    }

    pub(crate) fn approval(&self, id: ApprovalId) -> Option<ApprovalRow> {
        self.state.lock().turns.approval(id).cloned()
    }

    pub(crate) fn approvals(&self, query: &ApprovalQuery) -> Vec<ApprovalRow> {
        self.state.lock().turns.approvals(query)
    }

    pub(crate) fn spent(&self, query: &SpendQuery) -> Spend {
        self.state.lock().turns.spent(query)
    }

    pub(crate) fn spending(&self, from: Day, to: Day) -> Vec<SpendRow> {
        self.state.lock().turns.spending(from, to)
    }

    pub(crate) fn blob(&self, digest: &Digest) -> Option<Bytes> {
        self.state.lock().blobs.get(digest).cloned()
    }
}

/// The seqs behind `after`, which are in order.
fn behind(seqs: &VecDeque<Seq>, after: Seq) -> impl Iterator<Item = Seq> {
    seqs.range(seqs.partition_point(|seq| *seq <= after)..).copied()
}

impl State {
    fn events(&self, query: &EventQuery) -> Vec<Arc<Event>> {
        let first = self.first();
        let mut after = query.after.max(Seq(first.0 - 1));
        if let Some(since) = query.since {
            let earlier = self.events.partition_point(|event| event.at < since);
            after = after.max(Seq(first.0 - 1 + earlier as u64));
        }
        let until = query.until.unwrap_or(self.last()).min(self.last());
        let wanted = |event: &&Arc<Event>| {
            event.seq <= until
                && query.conversation.is_none_or(|id| event.new.conversation == Some(id))
                && query.turn.is_none_or(|id| event.new.turn == Some(id))
                && query.agent.as_ref().is_none_or(|agent| event.new.agent.as_ref() == Some(agent))
                && (query.kinds.is_empty() || query.kinds.iter().any(|kind| kind == event.new.fact.kind()))
        };
        let limit = query.limit.min(EventQuery::LIMIT_MAX) as usize;
        let seqs = match (query.turn, query.conversation) {
            (Some(turn), _) => self.by_turn.get(&turn),
            (None, Some(conversation)) => self.by_conversation.get(&conversation),
            (None, None) => {
                let from = usize::try_from(after.0 + 1 - first.0).unwrap_or(usize::MAX).min(self.events.len());
                return self.events.range(from..).filter(wanted).take(limit).cloned().collect();
            }
        };
        let seqs = seqs.map(|seqs| behind(seqs, after)).into_iter().flatten();
        seqs.filter_map(|seq| self.event(seq)).filter(wanted).take(limit).cloned().collect()
    }

    fn stored(&self, seq: Seq) -> Option<StoredMessage> {
        let event = self.event(seq)?;
        let Fact::MessageAccepted { message, to, route, .. } = &event.new.fact else { return None };
        let state = if self.messages.get(&message.id).is_some_and(|accepted| accepted.dead) {
            MessageState::Dead
        } else if self.queue.contains_key(&message.id) {
            MessageState::Queued
        } else if self.turns.is_in_turn(message.id) {
            MessageState::InTurn
        } else {
            MessageState::Done
        };
        Some(StoredMessage { seq, at: event.at, message: Box::as_ref(message).clone(), to: to.clone(), route: *route, state })
    }

    /// As a journal on disk has it: a conversation is there from its first message on.
    fn conversation(&self, id: ConversationId) -> Option<ConversationRow> {
        let found = self.conversations.get(&id)?;
        Some(ConversationRow {
            id,
            protocol: found.protocol.clone(),
            initiator: found.initiator.clone()?,
            participants: found.participants.iter().cloned().collect(),
            state: ConversationState::of(found.pending, found.outcome),
            messages: found.messages,
            opened_at: found.opened_at,
            last_at: found.last_at,
            trace: found.trace,
        })
    }
}
