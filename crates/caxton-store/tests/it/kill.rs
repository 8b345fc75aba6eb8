//! kill -9 in the middle of work: the test starts itself again as the process that is killed. With the VFS of `power` between the store and
//! the files, what was not synced dies with it, as at a loss of power.

use crate::{
    power,
    support::{accepted, message, note, open, open_with, row},
};
use caxton_store::{Batch, EventQuery, Options, Workspace, ids};
use caxton_types::{Durability, Event, Fact, Seq};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

const DIR: &str = "CAXTON_STORE_TEST_DIR";
const DURABILITY: &str = "CAXTON_STORE_TEST_DURABILITY";
const POWER: &str = "CAXTON_STORE_TEST_POWER";
const WRITERS: u64 = 8;
const ACKED_MIN: usize = 400;

/// A batch of several events that carry its number and their count, and a message that is queued with them.
fn batch(writer: u64, number: u64) -> Batch {
    let of = number % 4 + 1;
    let (id, conversation) = (ids::message(), ids::conversation());
    let mut events: Vec<_> = (0..of).map(|_| note(&format!("{writer}/{number}"), of)).collect();
    events.push(accepted(message(id, conversation, "local"), None));
    let durability = asks_for_full(writer, number).then_some(Durability::Full);
    Batch { events, enqueue: vec![row(id, conversation)], durability, ..Batch::default() }
}

/// A few batches at the beginning ask for more than the workspace promises.
fn asks_for_full(writer: u64, number: u64) -> bool {
    writer == 0 && number < 20 && number.is_multiple_of(5)
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
        let mut options = Options { durability, ..Options::new(dir) };
        if std::env::var(POWER).is_ok() {
            power::register();
            options.vfs = Some(power::NAME.into());
        }
        let (_store, workspace) = open_with(options);
        let writers = (0..WRITERS).map(|writer| write_for_ever(workspace.clone(), writer));
        let mut tasks = tokio::task::JoinSet::new();
        writers.for_each(|writer| drop(tasks.spawn(writer)));
        tasks.join_all().await;
    });
}

/// Starts the child, kills it in full work, and returns what it had been told is written.
fn killed_child(dir: &Path, durability: Durability, with_power: bool) -> BTreeMap<String, Seq> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["kill::child", "--exact", "--nocapture"]).env(DIR, dir).env(DURABILITY, durability.as_str()).stdout(Stdio::piped());
    if with_power {
        command.env(POWER, "1");
    }
    let mut child = command.spawn().unwrap();
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

/// What is in the journal: each batch with its number of parts and its first event. Panics where it holds half a batch.
async fn whole_batches(workspace: &Workspace) -> BTreeMap<String, (u64, Seq)> {
    let events = all_events(workspace).await;
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == Seq(seq)), "dense from 1");
    let mut parts: BTreeMap<String, (u64, Seq)> = BTreeMap::new();
    let mut messages = BTreeSet::new();
    for event in &events {
        match &event.new.fact {
            Fact::ConfigChanged { key, .. } => parts.entry(key.to_string()).or_insert((0, event.seq)).0 += 1,
            Fact::MessageAccepted { message, .. } => drop(messages.insert(message.id)),
            other => panic!("{other:?}"),
        }
    }
    for (batch, (count, _)) in &parts {
        let (_, number) = numbers(batch);
        assert_eq!(*count, number % 4 + 1, "batch {batch} is there whole");
    }
    assert_eq!(messages.len(), parts.len(), "each with its message");
    let queued: BTreeSet<_> = workspace.queued().await.unwrap().into_iter().map(|(_, row)| row.message).collect();
    assert_eq!(queued, messages, "and each message waits");
    parts
}

fn numbers(batch: &str) -> (u64, u64) {
    let (writer, number) = batch.split_once('/').unwrap();
    (writer.parse().unwrap(), number.parse().unwrap())
}

/// The acknowledged batches that are not in the journal.
fn lost<'a>(acked: &'a BTreeMap<String, Seq>, parts: &BTreeMap<String, (u64, Seq)>) -> Vec<&'a str> {
    let mut lost = Vec::new();
    for (batch, last) in acked {
        match parts.get(batch) {
            Some((count, first)) => assert_eq!(Seq(first.0 + count), *last, "batch {batch} stands where it was said to stand"),
            None => lost.push(batch.as_str()),
        }
    }
    lost
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_half_written() {
    for durability in [Durability::Normal, Durability::Full] {
        let dir = tempfile::tempdir().unwrap();
        let acked = killed_child(dir.path(), durability, false);
        let (_store, workspace) = open(dir.path(), durability);
        assert_eq!(lost(&acked, &whole_batches(&workspace).await), Vec::<&str>::new(), "{durability}");
    }
}

#[tokio::test]
async fn at_a_loss_of_power_full_loses_nothing_and_normal_loses_its_last_moments() {
    let dir = tempfile::tempdir().unwrap();
    let acked = killed_child(dir.path(), Durability::Full, true);
    let (_store, workspace) = open(dir.path(), Durability::Full);
    assert_eq!(lost(&acked, &whole_batches(&workspace).await), Vec::<&str>::new());

    let dir = tempfile::tempdir().unwrap();
    let acked = killed_child(dir.path(), Durability::Normal, true);
    let (_store, workspace) = open(dir.path(), Durability::Normal);
    let parts = whole_batches(&workspace).await;
    let lost = lost(&acked, &parts);
    assert!(!lost.is_empty(), "{} acknowledged batches and none of them lost: is the power really off?", acked.len());
    for batch in lost {
        let (writer, number) = numbers(batch);
        assert!(!asks_for_full(writer, number), "batch {batch} had asked for full");
    }
    // What was written before a batch that asked for more got as much.
    let synced = acked.iter().filter(|(batch, _)| asks_for_full(numbers(batch).0, numbers(batch).1)).map(|(_, last)| *last).max().unwrap();
    assert!(workspace.last() >= synced);
}
