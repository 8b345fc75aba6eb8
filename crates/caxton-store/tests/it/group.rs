//! Many writers at once, and batches that are refused.

use crate::support::{BOTH, accept, accepted, began, message, note, open, open_with, row};
use caxton_store::{Batch, Error, EventQuery, Options, Receipt, Workspace, ids};
use caxton_types::{Code, Durability, Event, Fact, Fault as _, Seq};
use std::collections::HashMap;

const WRITERS: u64 = 64;
const BATCHES: u64 = 20;

async fn write_all(workspace: &Workspace) -> Vec<(u64, u64, Receipt)> {
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let workspace = workspace.clone();
        tasks.spawn(async move {
            let mut acked = Vec::new();
            for batch in 0..BATCHES {
                let events = (0..=batch % 3).map(|_| note(&writer.to_string(), batch)).collect();
                acked.push((writer, batch, workspace.commit(Batch::of(events)).await.unwrap()));
            }
            acked
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

fn note_of(event: &Event) -> (u64, u64) {
    let Fact::ConfigChanged { key, new, .. } = &event.new.fact else { panic!("{event:?}") };
    (key.parse().unwrap(), new.as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_journal_of_many_writers_is_dense_and_keeps_the_order_of_each() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        // A small inbox and small groups, so that writers wait for room.
        let (_store, workspace) = open_with(Options { durability, group_len_max: 7, queue_len_max: 16, ..Options::new(dir.path()) });
        let acked = write_all(&workspace).await;
        let events = workspace.events(EventQuery { limit: 10_000, ..EventQuery::default() }).await.unwrap();
        assert_eq!(events.len() as u64, acked.iter().map(|(_, batch, _)| batch % 3 + 1).sum::<u64>());
        assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)), "dense from 1");
        assert!(events.is_sorted_by_key(|event| event.at), "time never goes back");
        for (writer, batch, receipt) in &acked {
            for seq in receipt.first.0..=receipt.last.0 {
                let event = &events[usize::try_from(seq - 1).unwrap()];
                assert_eq!((note_of(event), event.at), ((*writer, *batch), receipt.at));
            }
        }
        let mut latest = HashMap::new();
        for (writer, batch) in events.iter().map(note_of) {
            assert!(latest.insert(writer, batch).is_none_or(|before| before <= batch), "the order of writer {writer}");
        }
        assert_eq!(workspace.last().0, events.len() as u64);
    }
}

#[tokio::test]
async fn a_follower_sees_every_commit_and_only_commits() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let mut last = workspace.watch();
        for round in 1..=5 {
            let receipt = workspace.commit(Batch::of(vec![note("a", round)])).await.unwrap();
            last.changed().await.unwrap();
            assert_eq!(*last.borrow_and_update(), receipt.last);
        }
        let first_again = workspace.commit(accept(ids::message(), ids::conversation())).await.unwrap();
        assert_eq!(first_again.last, Seq(6));
    }
}

#[tokio::test]
async fn a_refused_batch_leaves_nothing_behind() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let (first, second, conversation) = (ids::message(), ids::message(), ids::conversation());
        workspace.commit(Batch::of(vec![accepted(message(first, conversation, "ann"), Some("key-1"))])).await.unwrap();

        let again = Batch {
            events: vec![note("before", 1), accepted(message(second, conversation, "ann"), Some("key-1"))],
            enqueue: vec![row(second, conversation)],
            blobs: vec![(caxton_types::Digest::of(b"x"), "x".into())],
            ..Batch::default()
        };
        let error = workspace.commit(again).await.unwrap_err();
        assert!(matches!(error, Error::Duplicate { message } if message == first));
        assert_eq!(error.code(), Code::Conflict);
        let taken_twice = Batch { events: vec![note("before", 2)], dequeue: vec![first], ..Batch::default() };
        assert!(matches!(workspace.commit(taken_twice).await, Err(Error::NotQueued { message }) if message == first));
        let unknown = Batch { enqueue: vec![row(second, conversation)], ..Batch::default() };
        assert!(matches!(workspace.commit(unknown).await, Err(Error::NotAccepted { message }) if message == second));
        let same_id = Batch::of(vec![note("before", 3), accepted(message(first, conversation, "bob"), None)]);
        assert!(matches!(workspace.commit(same_id).await, Err(Error::Duplicate { message }) if message == first));
        let mut homeless = began(ids::turn(), first, conversation);
        homeless.agent = None;
        assert!(matches!(workspace.commit(Batch::of(vec![homeless])).await, Err(Error::Incomplete { kind: "turn_began", .. })));

        assert_eq!(workspace.last(), Seq(1));
        assert_eq!(workspace.message(second).await.unwrap(), None);
        assert_eq!(workspace.queued().await.unwrap(), []);
        assert_eq!(workspace.blob(caxton_types::Digest::of(b"x")).await.unwrap(), None);
        // The same key of another sender is another key.
        workspace.commit(Batch::of(vec![accepted(message(second, conversation, "bob"), Some("key-1"))])).await.unwrap();
    }
}

#[tokio::test]
async fn a_batch_may_ask_for_more_durability_and_one_of_blobs_stands_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, workspace) = open(dir.path(), Durability::Normal);
    let full = Batch { durability: Some(Durability::Full), ..Batch::of(vec![note("a", 1)]) };
    assert_eq!(workspace.commit(full).await.unwrap().last, Seq(1));
    let less = Batch { durability: Some(Durability::Memory), ..Batch::of(vec![note("a", 2)]) };
    assert_eq!(workspace.commit(less).await.unwrap().last, Seq(2));
    let nothing = workspace.commit(Batch::default()).await.unwrap();
    assert_eq!((nothing.first, nothing.last), (Seq(2), Seq(2)));
}

#[tokio::test]
async fn a_ring_keeps_the_latest_and_says_where_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, workspace) = open_with(Options { durability: Durability::Memory, ring_len_max: 10, ..Options::new(dir.path()) });
    let (id, conversation) = (ids::message(), ids::conversation());
    assert_eq!(workspace.first_kept().await.unwrap(), Seq(1));
    workspace.commit(accept(id, conversation)).await.unwrap();
    for round in 0..15 {
        workspace.commit(Batch::of(vec![note("a", round)])).await.unwrap();
    }
    assert_eq!(workspace.first_kept().await.unwrap(), Seq(7));
    let events = workspace.events(EventQuery::default()).await.unwrap();
    assert_eq!((events.len(), events[0].seq, events[9].seq), (10, Seq(7), Seq(16)));
    assert_eq!(workspace.message(id).await.unwrap(), None);
    assert_eq!(workspace.conversation(conversation).await.unwrap(), None);
    // What waits is not dropped, and when too much of it waits no more is taken.
    assert_eq!(workspace.queued().await.unwrap().len(), 1);
    for _ in 0..9 {
        workspace.commit(accept(ids::message(), conversation)).await.unwrap();
    }
    let error = workspace.commit(accept(ids::message(), conversation)).await.unwrap_err();
    assert_eq!(error.code(), Code::Exhausted);
    workspace.commit(Batch { dequeue: vec![id], ..Batch::default() }).await.unwrap();
    workspace.commit(accept(ids::message(), conversation)).await.unwrap();
}
