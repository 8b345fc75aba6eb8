//! Random batches against a model that is too simple to be wrong, for both kinds of journal.

use crate::support::{accepted, agent, began, dead, ended, message, note, open, row};
use caxton_store::{Batch, ConversationState, Error, EventQuery, MessageState, Page, TurnQuery, Workspace};
use caxton_types::{ConversationId, Durability, Fact, MessageId, NewEvent, TurnEnd, TurnId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// One thing that a batch may do; the numbers name things.
#[derive(Debug, Clone)]
enum Act {
    Accept { id: u8, conversation: u8, sender: u8, key: Option<u8> },
    Enqueue { id: u8, conversation: u8 },
    Dequeue(u8),
    Begin { turn: u8, id: u8, conversation: u8 },
    End { turn: u8, conversation: u8, completed: bool },
    Dead { id: u8, conversation: u8 },
    Note(Option<u8>),
}

fn act() -> impl Strategy<Value = Act> {
    let (id, conversation, turn) = (0..12u8, 0..3u8, 0..4u8);
    prop_oneof![
        4 => (id.clone(), conversation.clone(), 0..2u8, prop::option::of(0..3u8))
            .prop_map(|(id, conversation, sender, key)| Act::Accept { id, conversation, sender, key }),
        4 => (id.clone(), conversation.clone()).prop_map(|(id, conversation)| Act::Enqueue { id, conversation }),
        2 => id.clone().prop_map(Act::Dequeue),
        2 => (turn.clone(), id.clone(), conversation.clone()).prop_map(|(turn, id, conversation)| Act::Begin { turn, id, conversation }),
        2 => (turn, conversation.clone(), any::<bool>()).prop_map(|(turn, conversation, completed)| Act::End { turn, conversation, completed }),
        1 => (id, conversation.clone()).prop_map(|(id, conversation)| Act::Dead { id, conversation }),
        1 => prop::option::of(conversation).prop_map(Act::Note),
    ]
}

fn message_id(id: u8) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(u128::from(id) + 1))
}

fn conversation_id(id: u8) -> ConversationId {
    ConversationId::from_uuid(Uuid::from_u128(u128::from(id) + 1))
}

fn turn_id(id: u8) -> TurnId {
    TurnId::from_uuid(Uuid::from_u128(u128::from(id) + 1))
}

fn batch_of(acts: &[Act]) -> Batch {
    let mut batch = Batch::default();
    for act in acts {
        match act {
            Act::Accept { id, conversation, sender, key } => {
                let message = message(message_id(*id), conversation_id(*conversation), &format!("sender-{sender}"));
                batch.events.push(accepted(message, key.map(|key| key.to_string()).as_deref()));
            }
            Act::Enqueue { id, conversation } => batch.enqueue.push(row(message_id(*id), conversation_id(*conversation))),
            Act::Dequeue(id) => batch.dequeue.push(message_id(*id)),
            Act::Begin { turn, id, conversation } => {
                batch.events.push(began(turn_id(*turn), message_id(*id), conversation_id(*conversation)));
            }
            Act::End { turn, conversation, completed } => {
                let end = if *completed { TurnEnd::Completed } else { TurnEnd::Failed };
                batch.events.push(ended(turn_id(*turn), conversation_id(*conversation), end));
            }
            Act::Dead { id, conversation } => batch.events.push(dead(message_id(*id), conversation_id(*conversation))),
            Act::Note(conversation) => {
                batch.events.push(NewEvent { conversation: conversation.map(conversation_id), ..note("note", 1) });
            }
        }
    }
    batch
}

#[derive(Debug, Default, Clone)]
struct Model {
    events: Vec<NewEvent>,
    accepted: BTreeMap<MessageId, u64>,
    dedup: BTreeMap<(String, String), MessageId>,
    dead: BTreeSet<MessageId>,
    queue: BTreeMap<MessageId, ConversationId>,
    turns: BTreeMap<TurnId, (MessageId, ConversationId)>,
    begun: BTreeSet<TurnId>,
    /// What ended last in a conversation, and whether well.
    ended: BTreeMap<ConversationId, bool>,
    /// When a conversation was first written to.
    opened: BTreeMap<ConversationId, u64>,
    /// What is queued for a conversation that nothing happened in does not count for it.
    pending: BTreeMap<ConversationId, i64>,
}

impl Model {
    /// Applies everything to a copy, so that a refusal changes nothing.
    fn apply(&mut self, batch: &Batch) -> Result<(), &'static str> {
        let mut next = self.clone();
        for event in &batch.events {
            next.apply_event(event)?;
        }
        let mut moved: Vec<(ConversationId, i64)> = Vec::new();
        for row in &batch.enqueue {
            if next.queue.insert(row.message, row.conversation).is_some() {
                return Err("already queued");
            }
            if !next.accepted.contains_key(&row.message) {
                return Err("not accepted");
            }
            moved.push((row.conversation, 1));
        }
        for message in &batch.dequeue {
            let waits = self.queue.contains_key(message);
            let Some(conversation) = next.queue.remove(message).filter(|_| waits) else { return Err("not queued") };
            moved.push((conversation, -1));
        }
        for (conversation, by) in moved {
            next.count(conversation, by);
        }
        *self = next;
        Ok(())
    }

    fn count(&mut self, conversation: ConversationId, by: i64) {
        if self.opened.contains_key(&conversation) {
            *self.pending.entry(conversation).or_default() += by;
        }
    }

    fn apply_event(&mut self, event: &NewEvent) -> Result<(), &'static str> {
        self.events.push(event.clone());
        let seq = self.events.len() as u64;
        match &event.fact {
            Fact::MessageAccepted { message, dedup, .. } => {
                if self.accepted.insert(message.id, seq).is_some() {
                    return Err("duplicate");
                }
                if let Some(key) = dedup
                    && self.dedup.insert((message.sender.to_string(), key.to_string()), message.id).is_some()
                {
                    return Err("duplicate");
                }
                self.opened.entry(message.conversation).or_insert(seq);
            }
            Fact::TurnBegan { message, .. } => {
                let (turn, conversation) = (event.turn.unwrap(), event.conversation.unwrap());
                self.opened.entry(conversation).or_insert(seq);
                // A turn begins and ends once.
                if self.begun.insert(turn) {
                    self.turns.insert(turn, (*message, conversation));
                    self.count(conversation, 1);
                }
            }
            Fact::TurnEnded { end, .. } => {
                let conversation = event.conversation.unwrap();
                self.ended.insert(conversation, *end == TurnEnd::Completed);
                self.opened.entry(conversation).or_insert(seq);
                if let Some((_, began_in)) = self.turns.remove(&event.turn.unwrap()) {
                    self.count(began_in, -1);
                }
            }
            Fact::MessageDeadLettered { message, .. } => {
                let conversation = event.conversation.unwrap();
                self.ended.insert(conversation, false);
                self.opened.entry(conversation).or_insert(seq);
                if self.accepted.contains_key(message) {
                    self.dead.insert(*message);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn state(&self, id: MessageId) -> MessageState {
        if self.dead.contains(&id) {
            MessageState::Dead
        } else if self.queue.contains_key(&id) {
            MessageState::Queued
        } else if self.turns.values().any(|(message, _)| *message == id) {
            MessageState::InTurn
        } else {
            MessageState::Done
        }
    }

    fn conversation_state(&self, id: ConversationId) -> ConversationState {
        match self.ended.get(&id) {
            Some(true) if self.pending.get(&id).is_none_or(|pending| *pending <= 0) => ConversationState::Completed,
            Some(false) if self.pending.get(&id).is_none_or(|pending| *pending <= 0) => ConversationState::Failed,
            _ => ConversationState::InProgress,
        }
    }

    fn messages_of(&self, id: ConversationId) -> Vec<MessageId> {
        let accepted = |event: &NewEvent| match &event.fact {
            Fact::MessageAccepted { message, .. } if message.conversation == id => Some(message.id),
            _ => None,
        };
        self.events.iter().filter_map(accepted).collect()
    }
}

fn word(error: &Error) -> &'static str {
    match error {
        Error::Duplicate { .. } => "duplicate",
        Error::NotQueued { .. } => "not queued",
        Error::AlreadyQueued { .. } => "already queued",
        Error::NotAccepted { .. } => "not accepted",
        other => panic!("{other:?}"),
    }
}

async fn compare(workspace: &Workspace, model: &Model) {
    let all = workspace.events(EventQuery::default()).await.unwrap();
    assert!(all.iter().zip(1..).all(|(event, seq)| event.seq.0 == seq));
    assert_eq!(all.into_iter().map(|event| event.new).collect::<Vec<_>>(), model.events);
    for conversation in (0..3).map(conversation_id) {
        let query = EventQuery { conversation: Some(conversation), ..EventQuery::default() };
        let found: Vec<_> = workspace.events(query).await.unwrap().into_iter().map(|event| event.new).collect();
        assert_eq!(found, model.events.iter().filter(|event| event.conversation == Some(conversation)).cloned().collect::<Vec<_>>());
        let messages = workspace.messages(conversation, caxton_types::Seq(0), 100).await.unwrap();
        assert_eq!(messages.iter().map(|row| row.message.id).collect::<Vec<_>>(), model.messages_of(conversation));
        assert!(messages.iter().all(|row| row.state == model.state(row.message.id)));
        let row = workspace.conversation(conversation).await.unwrap();
        assert_eq!(row.is_some(), !messages.is_empty());
        if let Some(row) = row {
            assert_eq!((row.state, row.messages), (model.conversation_state(conversation), messages.len() as u64));
        }
    }
    for turn in (0..4).map(turn_id) {
        let found = workspace.events(EventQuery { turn: Some(turn), ..EventQuery::default() }).await.unwrap();
        assert_eq!(found.len(), model.events.iter().filter(|event| event.turn == Some(turn)).count());
    }
    for id in (0..12).map(message_id) {
        let found = workspace.message(id).await.unwrap().map(|row| (row.seq.0, row.state));
        assert_eq!(found, model.accepted.get(&id).map(|seq| (*seq, model.state(id))));
    }
    let mut queue: Vec<_> = model.queue.iter().map(|(id, conversation)| (model.accepted[id], row(*id, *conversation))).collect();
    queue.sort_by_key(|(seq, _)| *seq);
    assert_eq!(workspace.queued().await.unwrap().into_iter().map(|(seq, row)| (seq.0, row)).collect::<Vec<_>>(), queue);
    let open: BTreeMap<_, _> =
        workspace.open_turns().await.unwrap().into_iter().map(|open| (open.turn, (open.message, open.conversation))).collect();
    assert_eq!(open, model.turns);
    let turns = workspace.turns(TurnQuery::default()).await.unwrap();
    assert_eq!(turns.iter().map(|row| row.turn).collect::<BTreeSet<_>>(), model.begun);
    assert!(turns.iter().all(|row| row.ended.is_none() == model.turns.contains_key(&row.turn)));
    let mut listed: Vec<_> = model.opened.iter().filter(|(id, _)| !model.messages_of(**id).is_empty()).collect();
    listed.sort_by_key(|(_, seq)| std::cmp::Reverse(**seq));
    let found = workspace.conversations(Page::default()).await.unwrap();
    assert_eq!(found.iter().map(|row| &row.id).collect::<Vec<_>>(), listed.into_iter().map(|(id, _)| id).collect::<Vec<_>>());
    assert!(found.iter().all(|row| row.participants.contains(&caxton_types::Party::Agent(agent("worker")))));
}

async fn run(batches: &[Vec<Act>], durability: Durability, reopen_at: usize) {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut workspace) = open(dir.path(), durability);
    let mut model = Model::default();
    for (place, acts) in batches.iter().enumerate() {
        if place == reopen_at && durability != Durability::Memory {
            drop(workspace);
            drop(store);
            (store, workspace) = open(dir.path(), durability);
        }
        let batch = batch_of(acts);
        let expected = model.apply(&batch);
        let receipt = workspace.commit(batch).await;
        assert_eq!(receipt.as_ref().map(|receipt| receipt.last.0).map_err(word), expected.map(|()| model.events.len() as u64));
    }
    compare(&workspace, &model).await;
    drop(store);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_interleaving_of_batches_does_what_the_model_does(
        batches in prop::collection::vec(prop::collection::vec(act(), 0..6), 1..25),
        reopen_at in 0..25usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            run(&batches, Durability::Memory, reopen_at).await;
            run(&batches, Durability::Normal, reopen_at).await;
        });
    }
}
