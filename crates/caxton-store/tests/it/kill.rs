//! kill -9 in the middle of work: the test starts itself again as the process that is killed.

use crate::support::{accepted, message, note, open, row};
use caxton_store::{Batch, EventQuery, Workspace, ids};
use caxton_types::{Durability, Event, Fact, Seq};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

const DIR: &str = "CAXTON_STORE_TEST_DIR";
const DURABILITY: &str = "CAXTON_STORE_TEST_DURABILITY";
const WRITERS: u64 = 8;
const ACKED_MIN: usize = 400;

/// A batch of several events that carry its number and their count, and a message that is queued with them.
fn batch(writer: u64, number: u64) -> Batch {
    let of = number % 4 + 1;
    let (id, conversation) = (ids::message(), ids::conversation());
    let mut events: Vec<_> = (0..of).map(|_| note(&format!("{writer}/{number}"), of)).collect();
    events.push(accepted(message(id, conversation, "local"), None));
    Batch { events, enqueue: vec![row(id, conversation)], ..Batch::default() }
}

async fn write_for_ever(workspace: Workspace, writer: u64) {
    for number in 0.. {
        let receipt = workspace.commit(batch(writer, number)).await.unwrap();
        println!("acked {writer}/{number} {}", receipt.last);
    }
}

/// The process that is killed; as a test of its own it has nothing to do.
#[test]
fn child() {
    let (Ok(dir), Ok(durability)) = (std::env::var(DIR), std::env::var(DURABILITY)) else { return };
    let durability = if durability == "full" { Durability::Full } else { Durability::Normal };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (_store, workspace) = open(Path::new(&dir), durability);
        let writers = (0..WRITERS).map(|writer| write_for_ever(workspace.clone(), writer));
        let mut tasks = tokio::task::JoinSet::new();
        writers.for_each(|writer| drop(tasks.spawn(writer)));
        tasks.join_all().await;
    });
}

/// Starts the child, kills it in full work, and returns what it had been told is written.
fn killed_child(dir: &Path, durability: Durability) -> BTreeMap<String, Seq> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::child", "--exact", "--nocapture"])
        .env(DIR, dir)
        .env(DURABILITY, durability.as_str())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acked = BTreeMap::new();
    let mut killed = false;
    // What it said before it died is read to the end.
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((_, said)) = line.split_once("acked ") else { continue };
        let Some((batch, seq)) = said.split_once(' ') else { continue };
        acked.insert(batch.to_owned(), Seq(seq.parse().unwrap()));
        if acked.len() >= ACKED_MIN && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child was killed while it worked");
    acked
}

async fn all_events(workspace: &Workspace) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after = events.last().map_or(Seq(0), |event| event.seq);
        let more = workspace.events(EventQuery { after, limit: 10_000, ..EventQuery::default() }).await.unwrap();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_half_written() {
    for durability in [Durability::Normal, Durability::Full] {
        let dir = tempfile::tempdir().unwrap();
        let acked = killed_child(dir.path(), durability);
        let (_store, workspace) = open(dir.path(), durability);
        let events = all_events(&workspace).await;
        assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)), "dense from 1");

        let mut parts: BTreeMap<&str, (u64, Seq)> = BTreeMap::new();
        let mut messages = BTreeSet::new();
        for event in &events {
            match &event.new.fact {
                Fact::ConfigChanged { key, .. } => parts.entry(key).or_insert((0, event.seq)).0 += 1,
                Fact::MessageAccepted { message, .. } => drop(messages.insert(message.id)),
                other => panic!("{other:?}"),
            }
        }
        for (batch, (count, _)) in &parts {
            let number: u64 = batch.split_once('/').unwrap().1.parse().unwrap();
            assert_eq!(*count, number % 4 + 1, "batch {batch} is there whole");
        }
        assert_eq!(messages.len(), parts.len(), "each with its message");
        for (batch, last) in &acked {
            let (count, first) = parts.get(batch.as_str()).unwrap_or_else(|| panic!("{durability}: acknowledged batch {batch} is lost"));
            assert_eq!(Seq(first.0 + count), *last);
        }
        let queued: BTreeSet<_> = workspace.queued().await.unwrap().into_iter().map(|(_, row)| row.message).collect();
        assert_eq!(queued, messages, "and each message waits");
    }
}
