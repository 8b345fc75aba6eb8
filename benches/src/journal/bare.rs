//! The floor: the same rows into the same tables by prepared statements in one thread, with nothing to decide, wait for or write out as JSON.

use super::{Round, ours};
use crate::{Failure, sqlite};
use caxton_store::ids;
use caxton_types::{AgentName, ConversationId, Durability, MessageId};
use rusqlite::{Connection, Statement, params};
use std::time::{Duration, Instant};

const SCHEMA: &str = include_str!("../../../crates/caxton-store/migrations/journal/0001_journal.sql");

pub(crate) fn round(durability: Durability, writers: usize, length: Duration) -> Result<Round, Failure> {
    let dir = tempfile::tempdir()?;
    let conn = sqlite::open(dir.path(), durability, SCHEMA)?;
    let agent: AgentName = "worker".parse()?;
    let body = serde_json::to_string(&ours::accepted(ids::message(), ids::conversation(), &agent))?;
    let mut statements = Statements::prepare(&conn)?;
    let (mut seq, mut latencies) = (0, Vec::new());
    let mut previous: Vec<(MessageId, ConversationId)> = Vec::new();
    let start = Instant::now();
    loop {
        let began = Instant::now();
        statements.begin.execute([])?;
        let mut group = Vec::with_capacity(writers);
        for place in 0..writers {
            seq += 1;
            let ids = (ids::message(), ids::conversation());
            statements.accept(seq, ids, &body)?;
            if let Some(before) = previous.get(place) {
                statements.take(*before)?;
            }
            group.push(ids);
        }
        statements.commit.execute([])?;
        previous = group;
        latencies.push(began.elapsed().as_secs_f64() * 1e6);
        if start.elapsed() >= length {
            break;
        }
    }
    let took = start.elapsed();
    latencies.sort_by(f64::total_cmp);
    Ok(Round { batches: usize::try_from(seq)?, took, latencies })
}

struct Statements<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    event: Statement<'c>,
    message: Statement<'c>,
    conversation: Statement<'c>,
    participant: Statement<'c>,
    enqueue: Statement<'c>,
    dequeue: Statement<'c>,
    pending: Statement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(conn: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: conn.prepare("BEGIN IMMEDIATE")?,
            commit: conn.prepare("COMMIT")?,
            event: conn.prepare(
                "INSERT INTO event (seq, at, v, kind, conversation, agent, turn, step, body)
                 VALUES (?1, ?2, 1, 'message_accepted', ?3, 'worker', NULL, NULL, ?4)",
            )?,
            message: conn.prepare("INSERT INTO message (id, seq) VALUES (?1, ?2)")?,
            conversation: conn.prepare(
                "INSERT INTO conversation (opened, id, opened_at, last_at, trace, protocol, initiator, messages, pending)
                 VALUES (?1, ?2, ?3, ?3, '00-00000000000000000000000000000007-0000000000000007-01', 'request-reply', 'client:local', 1, 1)",
            )?,
            participant: conn.prepare("INSERT INTO participant (conversation, party) VALUES (?1, ?2)")?,
            enqueue: conn.prepare("INSERT INTO queue (message, seq, agent, conversation) VALUES (?1, ?2, 'worker', ?3)")?,
            dequeue: conn.prepare("DELETE FROM queue WHERE message = ?1")?,
            pending: conn.prepare("UPDATE conversation SET pending = pending - 1 WHERE id = ?1")?,
        })
    }

    fn accept(&mut self, seq: i64, (message, conversation): (MessageId, ConversationId), body: &str) -> rusqlite::Result<()> {
        let (message, conversation) = (message.as_uuid().into_bytes(), conversation.as_uuid().into_bytes());
        let at = ids::now().as_micros();
        self.event.execute(params![seq, at, conversation, body])?;
        self.message.execute(params![message, seq])?;
        self.conversation.execute(params![seq, conversation, at])?;
        self.participant.execute(params![conversation, "client:local"])?;
        self.participant.execute(params![conversation, "agent:worker"])?;
        self.enqueue.execute(params![message, seq, conversation])?;
        Ok(())
    }

    fn take(&mut self, (message, conversation): (MessageId, ConversationId)) -> rusqlite::Result<()> {
        self.dequeue.execute([message.as_uuid().into_bytes()])?;
        self.pending.execute([conversation.as_uuid().into_bytes()])?;
        Ok(())
    }
}
