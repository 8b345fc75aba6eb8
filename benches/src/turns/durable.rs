//! A durable step against the bare SQLite commits that it needs: the rows of a real turn, put into the same tables by prepared statements in one
//! thread, in the same transactions.

use super::kit::{self, Kit, Script, p50, p99, rounded};
use crate::{Failure, Rows, sqlite};
use caxton_runtime::Options;
use caxton_types::{Durability, Event, Fact};
use rusqlite::{Connection, Statement, params};
use serde_json::json;
use std::time::Instant;

const SCHEMA: &str = include_str!("../../../crates/caxton-store/migrations/journal/schema.sql");
const ROUNDS: usize = 10;
/// Each round asks the model and calls a tool; then come the last question and the end.
const STEPS: f64 = 22.0;
const TURNS: usize = 100;
/// Ours and the floor take turns, and the best of each counts: others use this machine too.
const REPEATS: usize = 3;

pub(crate) fn measure(rows: &Rows, tokio: &tokio::runtime::Runtime) -> Result<(), Failure> {
    for durability in [Durability::Full, Durability::Normal] {
        let id = format!("turns.durable_step_{durability}");
        if !rows.wants(&id) {
            continue;
        }
        let (mut ours, mut floor): (Vec<Vec<f64>>, Vec<Vec<f64>>) = Default::default();
        for _ in 0..REPEATS {
            let (times, turn) = tokio.block_on(live(durability));
            ours.push(times);
            floor.push(bare(durability, &transactions(turn)));
        }
        let best = |all: &[Vec<f64>]| all.iter().min_by(|a, b| p50(a).total_cmp(&p50(b))).cloned().expect("it was measured");
        let (ours, floor) = (best(&ours), best(&floor));
        let (step, bare) = (rounded(p50(&ours) / STEPS), rounded(p50(&floor) / STEPS));
        let goal = rounded(bare * 1.3);
        rows.print(&json!({
            "id": id, "what": "a durable step against the bare SQLite commits it needs", "unit": "us", "better": "lower",
            "ours": step, "p99": rounded(p99(&ours) / STEPS), "floor": bare, "floor_name": "bare SQLite, the same rows and transactions",
            "goal": goal, "met": step <= goal, "durability": durability.as_str(),
            "note": format!("{:.2}x the floor; goal 1.3x; {REPEATS} x {TURNS} turns of {STEPS} steps, message accepted to reply received", step / bare),
        }))?;
    }
    Ok(())
}

/// The times of so many turns, and the events of the last one with what came before it in its conversation.
async fn live(durability: Durability) -> (Vec<f64>, Vec<Event>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = kit::open(dir.path(), durability);
    kit::deploy(&store).await;
    let kit = Kit::start(&store, dir.path(), Script { rounds: ROUNDS }, Options::default()).await;
    let times = kit.turns(20, TURNS).await;
    let (_, conversation) = kit.turn().await;
    let query = caxton_store::EventQuery { conversation: Some(conversation), ..caxton_store::EventQuery::default() };
    let events = kit::workspace(&store).events(query).await.expect("the events are there");
    kit.stop().await;
    store.close().await.expect("the store closes");
    (times, events)
}

/// The events of one turn as they were committed: the message; then always up to an intent behind which the driver goes outside; the rest.
fn transactions(events: Vec<Event>) -> Vec<Vec<Event>> {
    let mut transactions = vec![Vec::new()];
    for event in events {
        let ends = match &event.new.fact {
            Fact::StepIntended { effect, .. } => matches!(&**effect, "ask" | "call"),
            Fact::MessageAccepted { .. } => event.new.turn.is_none(),
            _ => false,
        };
        transactions.last_mut().expect("there is one").push(event);
        if ends {
            transactions.push(Vec::new());
        }
    }
    transactions
}

fn bare(durability: Durability, transactions: &[Vec<Event>]) -> Vec<f64> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let conn = sqlite::open(dir.path(), durability, SCHEMA).expect("SQLite takes its settings and the schema");
    let mut statements = Statements::prepare(&conn).expect("the statements are good");
    // JSON is not what is measured here.
    let transactions: Vec<Vec<(&Event, String)>> = transactions
        .iter()
        .map(|events| events.iter().map(|event| (event, serde_json::to_string(&event.new).expect("it is JSON"))).collect())
        .collect();
    let mut times = Vec::with_capacity(TURNS);
    for turn in 0..20 + TURNS {
        let id = (turn as u128).to_be_bytes();
        let began = Instant::now();
        for events in &transactions {
            statements.commit(&id, events).expect("SQLite commits");
        }
        if turn >= 20 {
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
    }
    times.sort_by(f64::total_cmp);
    times
}

struct Statements<'c> {
    seq: i64,
    begin: Statement<'c>,
    commit: Statement<'c>,
    event: Statement<'c>,
    message: Statement<'c>,
    conversation: Statement<'c>,
    spoken: Statement<'c>,
    participant: Statement<'c>,
    enqueue: Statement<'c>,
    dequeue: Statement<'c>,
    turn: Statement<'c>,
    end: Statement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(conn: &'c Connection) -> rusqlite::Result<Self> {
        let event =
            "INSERT INTO event (seq, at, v, kind, conversation, agent, turn, step, body) VALUES (?1, ?2, 1, ?3, ?4, 'bench', ?5, ?6, ?7)";
        let conversation = "INSERT INTO conversation (opened, id, opened_at, last_at, trace, protocol, initiator, messages, pending)
             VALUES (?1, ?2, ?3, ?3, '00-00000000000000000000000000000007-0000000000000007-01', 'request-reply', 'client:local', 1, 1)";
        Ok(Self {
            seq: 0,
            begin: conn.prepare("BEGIN IMMEDIATE")?,
            commit: conn.prepare("COMMIT")?,
            event: conn.prepare(event)?,
            message: conn.prepare("INSERT INTO message (id, seq) VALUES (?1, ?2)")?,
            conversation: conn.prepare(conversation)?,
            spoken: conn.prepare(
                "UPDATE conversation SET messages = messages + 1, pending = pending - 1, last_at = ?2, outcome = 1 WHERE id = ?1",
            )?,
            participant: conn.prepare("INSERT INTO participant (conversation, party) VALUES (?1, ?2)")?,
            enqueue: conn.prepare("INSERT INTO queue (message, seq, agent, conversation) VALUES (?1, ?2, 'bench', ?3)")?,
            dequeue: conn.prepare("DELETE FROM queue WHERE message = ?1")?,
            turn: conn.prepare("INSERT INTO turn (began, id, agent, conversation, message, at) VALUES (?1, ?2, 'bench', ?2, ?2, ?3)")?,
            end: conn.prepare("UPDATE turn SET ended = ?2, outcome = 'completed', reply = ?1 WHERE id = ?1")?,
        })
    }

    /// One transaction; the turn, its conversation and its message have one id here.
    fn commit(&mut self, id: &[u8; 16], events: &[(&Event, String)]) -> rusqlite::Result<()> {
        self.begin.execute([])?;
        for (event, body) in events {
            self.seq += 1;
            let (seq, at) = (self.seq, event.at.as_micros());
            let turn = event.new.turn.map(|_| id);
            self.event.execute(params![seq, at, event.new.fact.kind(), id, turn, event.new.step.map(|step| step.0), body])?;
            match &event.new.fact {
                Fact::ConversationOpened { .. } => {
                    self.conversation.execute(params![seq, id, at])?;
                    self.participant.execute(params![id, "client:local"])?;
                    self.participant.execute(params![id, "agent:bench"])?;
                }
                Fact::MessageAccepted { to: Some(_), .. } => {
                    self.message.execute(params![id, seq])?;
                    self.enqueue.execute(params![id, seq, id])?;
                }
                Fact::MessageAccepted { to: None, .. } => {
                    let mut reply = *id;
                    reply[0] = 1;
                    self.message.execute(params![reply, seq])?;
                    self.spoken.execute(params![id, at])?;
                }
                Fact::TurnBegan { .. } => {
                    self.turn.execute(params![seq, id, at])?;
                    self.dequeue.execute([id])?;
                }
                Fact::TurnEnded { .. } => {
                    self.end.execute(params![id, at])?;
                }
                _ => {}
            }
        }
        self.commit.execute([])?;
        Ok(())
    }
}
