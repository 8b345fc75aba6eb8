//! Applies batches to the tables of the journal inside the transaction of a group.

use super::{
    conversations::{Changes, Moves, text_of},
    state,
    sweep::sweep,
    turns::{AMOUNTS, Turns, added},
    work::{Errand, Work},
};
use crate::{
    Batch, Error, QueueRow, Receipt,
    blobs::IN_JOURNAL_LEN_MAX,
    ids::now,
    sqlite::{self, Lazy, seq_at},
};
use caxton_types::{AgentRevision, ConversationId, Digest, Fact, JOURNAL_VERSION, Message, MessageId, NewEvent, Seq, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// The end of the journal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head {
    pub(super) last: Seq,
    pub(super) at: Timestamp,
}

/// Why a batch did not get in.
pub(super) enum Stop {
    /// It breaks a rule; nothing of it is written, the group goes on.
    Refused(Error),
    /// The database failed: the whole group is undone.
    Broken(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

static CONVERSATION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO conversation (opened, id, opened_at, last_at, trace, protocol, initiator, messages, pending, outcome, {})
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at, protocol = coalesce(protocol, excluded.protocol),
             initiator = coalesce(initiator, excluded.initiator), messages = messages + excluded.messages,
             pending = pending + excluded.pending, outcome = coalesce(excluded.outcome, outcome), {}",
        AMOUNTS.join(", "),
        added(|amount| format!("excluded.{amount}")),
    )
});
static CONVERSATION_PENDING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE conversation SET pending = pending + ?2, {} WHERE id = ?1",
        added(|amount| format!("?{}", AMOUNTS.iter().position(|known| *known == amount).unwrap_or_default() + 3)),
    )
});

/// What the writer knows beside the tables, so that asking costs no statement.
#[derive(Default)]
pub(super) struct Known {
    /// The queue as the table has it: as long as all mailboxes together, which are bounded.
    queue: HashMap<MessageId, ConversationId>,
    /// How many rows `wait` has.
    waiting: u64,
    /// Room for texts that are bound and forgotten.
    texts: [String; 2],
}

/// The statements of the writer, in the hands of whoever writes a group.
pub(super) struct Tables<'c> {
    conn: &'c Connection,
    begin: Lazy<'c>,
    commit: Lazy<'c>,
    rollback: Lazy<'c>,
    event: Lazy<'c>,
    message: Lazy<'c>,
    message_dead: Lazy<'c>,
    message_seq: Lazy<'c>,
    dedup: Lazy<'c>,
    dedup_known: Lazy<'c>,
    pub(super) conversation: Lazy<'c>,
    pub(super) conversation_pending: Lazy<'c>,
    participant: Lazy<'c>,
    enqueue: Lazy<'c>,
    dequeue: Lazy<'c>,
    queued_all: Lazy<'c>,
    blob: Lazy<'c>,
    blob_known: Lazy<'c>,
    upload: Lazy<'c>,
    queue: &'c mut HashMap<MessageId, ConversationId>,
    turns: Turns<'c>,
    pub(super) texts: &'c mut [String; 2],
}

impl<'c> Tables<'c> {
    pub(super) fn of(conn: &'c Connection, known: &'c mut Known) -> Self {
        let sql = |text| Lazy::new(conn, text);
        let Known { queue, waiting, texts } = known;
        Self {
            conn,
            begin: sql("BEGIN IMMEDIATE"),
            commit: sql("COMMIT"),
            rollback: sql("ROLLBACK"),
            event: sql(
                "INSERT INTO event (seq, at, v, kind, conversation, agent, turn, step, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            ),
            message: sql("INSERT INTO message (id, seq) VALUES (?1, ?2)"),
            message_dead: sql("UPDATE message SET dead = 1 WHERE id = ?1"),
            message_seq: sql("SELECT seq FROM message WHERE id = ?1"),
            dedup: sql("INSERT INTO dedup (sender, key, message) VALUES (?1, ?2, ?3)"),
            dedup_known: sql("SELECT message FROM dedup WHERE sender = ?1 AND key = ?2"),
            conversation: sql(&CONVERSATION),
            conversation_pending: sql(&CONVERSATION_PENDING),
            participant: sql("INSERT OR IGNORE INTO participant (conversation, party) VALUES (?1, ?2)"),
            enqueue: sql("INSERT INTO queue (message, seq, agent, conversation) VALUES (?1, ?2, ?3, ?4)"),
            dequeue: sql("DELETE FROM queue WHERE message = ?1"),
            queued_all: sql("SELECT message, conversation FROM queue"),
            blob: sql("INSERT OR IGNORE INTO blob (digest, size, bytes) VALUES (?1, ?2, ?3)"),
            blob_known: sql("SELECT 1 FROM blob WHERE digest = ?1"),
            upload: sql("INSERT INTO upload (digest, at) VALUES (?1, ?2) ON CONFLICT (digest) DO UPDATE SET at = excluded.at"),
            queue,
            turns: Turns::of(conn, waiting),
            texts,
        }
    }

    /// Reads anew what is known beside the tables.
    pub(super) fn reread(&mut self) -> rusqlite::Result<()> {
        self.turns.reread()?;
        self.queue.clear();
        let mut rows = self.queued_all.get()?.query([])?;
        while let Some(row) = rows.next()? {
            let (message, conversation) = (sqlite::uuid_at(row, 0)?, sqlite::uuid_at(row, 1)?);
            self.queue.insert(MessageId::from_uuid(message), ConversationId::from_uuid(conversation));
        }
        Ok(())
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.begin.execute([]).map(drop)
    }

    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.commit.execute([]).map(drop)
    }

    pub(super) fn rollback(&mut self) -> rusqlite::Result<()> {
        // After most failures the database has rolled back by itself and says so.
        if let Err(error) = self.rollback.execute([]) {
            tracing::debug!(%error, "nothing was left to roll back");
        }
        self.reread()
    }

    pub(super) fn apply(&mut self, errand: &Errand, head: &mut Head) -> Result<Receipt, Stop> {
        match errand {
            Errand::Commit(work) => return self.add(work, head),
            Errand::Sweep(chore) => sweep(self.conn, chore, head.last, &|message| self.queue.contains_key(&message))?,
            Errand::Keep(call) => *call.outcome.lock() = Some(state::apply(self.conn, &call.write, &call.text, now())?),
        }
        Ok(Receipt { first: head.last, last: head.last, at: head.at })
    }

    /// Applies the batch whole, or refuses it before anything of it is written.
    fn add(&mut self, work: &Work, head: &mut Head) -> Result<Receipt, Stop> {
        self.check_events(work, head.at)?;
        let first = first_accepted(&work.batch.events);
        if let Err(stop) = self.check_queue(work) {
            // A message that comes again is answered as such, whatever else is wrong: it may well be queued.
            return match first {
                Some((_, message)) if self.seq_of(message)?.is_some() => Err(Error::Duplicate { message }.into()),
                _ => Err(stop),
            };
        }
        if let Some((place, message)) = first {
            self.claim(message, Seq(head.last.0 + 1 + place as u64))?;
        }
        let receipt = self.write(work, head)?;
        *head = Head { last: receipt.last, at: receipt.at };
        Ok(receipt)
    }

    /// All but whether the first message is known: that is left to `claim`.
    fn check_events(&mut self, work: &Work, at: Timestamp) -> Result<(), Stop> {
        let batch = &work.batch;
        for (place, event) in batch.events.iter().enumerate() {
            let earlier = batch.events.get(..place).unwrap_or_default();
            match &event.fact {
                Fact::MessageAccepted { message, dedup, .. } => {
                    self.check_message(message, dedup.as_deref(), earlier)?;
                    message.attachments.iter().try_for_each(|attachment| self.check_blob(&attachment.digest, batch))?;
                }
                Fact::TurnBegan { pinned: Some(pinned), .. } => self.check_blob(&pinned.tools, batch)?,
                Fact::Deployed { agents, .. } => self.check_specs(agents, batch)?,
                _ => self.turns.check(event, earlier, at)?,
            }
        }
        Ok(())
    }

    fn check_queue(&mut self, work: &Work) -> Result<(), Stop> {
        let batch = &work.batch;
        for (place, row) in batch.enqueue.iter().enumerate() {
            let repeated = batch.enqueue.iter().take(place).any(|other| other.message == row.message);
            if repeated || self.queue.contains_key(&row.message) {
                return Err(Error::AlreadyQueued { message: row.message }.into());
            }
            if accepted_here(&batch.events, row.message).is_none() && self.seq_of(row.message)?.is_none() {
                return Err(Error::NotAccepted { message: row.message }.into());
            }
        }
        for (place, message) in batch.dequeue.iter().enumerate() {
            if batch.dequeue.iter().take(place).any(|other| other == message) || !self.queue.contains_key(message) {
                return Err(Error::NotQueued { message: *message }.into());
            }
        }
        Ok(())
    }

    /// Writes the row of the first message: the last check is the first write, because the table itself refuses an id that it has.
    fn claim(&mut self, message: MessageId, seq: Seq) -> Result<(), Stop> {
        match self.message.execute(params![message.as_uuid().into_bytes(), sqlite::seq(seq)]) {
            Ok(_) => Ok(()),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Err(Error::Duplicate { message }.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn check_message(&mut self, message: &Message, dedup: Option<&str>, earlier: &[NewEvent]) -> Result<(), Stop> {
        let is_first = first_accepted(earlier).is_none();
        if !is_first && (accepted_here(earlier, message.id).is_some() || self.seq_of(message.id)?.is_some()) {
            return Err(Error::Duplicate { message: message.id }.into());
        }
        let Some(key) = dedup else { return Ok(()) };
        let in_batch = earlier.iter().find_map(|event| match &event.fact {
            Fact::MessageAccepted { message: other, dedup: Some(known), .. } if **known == *key && other.sender == message.sender => {
                Some(other.id)
            }
            _ => None,
        });
        let known = match in_batch {
            Some(id) => Some(id),
            None => self
                .dedup_known
                .query_row(params![message.sender.to_string(), key], |row| sqlite::uuid_at(row, 0))
                .optional()?
                .map(MessageId::from_uuid),
        };
        known.map_or(Ok(()), |message| Err(Error::Duplicate { message }.into()))
    }

    /// What was there a moment ago may have gone, as long as nothing named it.
    fn check_blob(&mut self, digest: &Digest, batch: &Batch) -> Result<(), Stop> {
        let brought = batch.blobs.iter().any(|(brought, _)| brought == digest);
        if brought || self.blob_known.exists([digest.as_bytes()])? { Ok(()) } else { Err(Error::BlobMissing { digest: *digest }.into()) }
    }

    /// A deployment may bring any number of agents, each with its spec.
    fn check_specs(&mut self, agents: &[AgentRevision], batch: &Batch) -> Result<(), Stop> {
        let brought: HashSet<&Digest> = batch.blobs.iter().map(|(digest, _)| digest).collect();
        for AgentRevision { spec, .. } in agents {
            if !brought.contains(spec) && !self.blob_known.exists([spec.as_bytes()])? {
                return Err(Error::BlobMissing { digest: *spec }.into());
            }
        }
        Ok(())
    }

    fn seq_of(&mut self, message: MessageId) -> rusqlite::Result<Option<Seq>> {
        self.message_seq.query_row([message.as_uuid().into_bytes()], |row| seq_at(row, 0)).optional()
    }

    fn write(&mut self, work: &Work, head: &Head) -> rusqlite::Result<Receipt> {
        let at = now().max(head.at);
        let mut changes = Changes::default();
        // Until its event comes by, the row of the first message is there before its time.
        let mut claimed = first_accepted(&work.batch.events).map(|(_, id)| id);
        let first = head.last.next();
        let mut last = head.last;
        for (digest, bytes) in &work.batch.blobs {
            let in_place = (bytes.len() <= IN_JOURNAL_LEN_MAX).then_some(&**bytes);
            self.blob.execute(params![digest.as_bytes(), bytes.len().cast_signed(), in_place])?;
            if work.batch.events.is_empty() {
                // Nothing names it yet: until then it counts from now how long it stays.
                self.upload.execute(params![digest.as_bytes(), at.as_micros()])?;
            }
        }
        for (event, body) in work.events() {
            last = last.next();
            self.event.execute(params![
                sqlite::seq(last),
                at.as_micros(),
                JOURNAL_VERSION,
                event.fact.kind(),
                event.conversation.map(|id| id.as_uuid().into_bytes()),
                event.agent.as_ref().map(AsRef::<str>::as_ref),
                event.turn.map(|id| id.as_uuid().into_bytes()),
                event.step.map(|step| step.0),
                body,
            ])?;
            self.derive(event, last, at, &mut claimed, &mut changes)?;
        }
        for row in &work.batch.enqueue {
            self.put_in_queue(row, &work.batch.events, first)?;
            changes.pending(row.conversation, 1);
        }
        for message in &work.batch.dequeue {
            self.dequeue.execute([message.as_uuid().into_bytes()])?;
            if let Some(conversation) = self.queue.remove(message) {
                changes.pending(conversation, -1);
            }
        }
        changes.write(self, at)?;
        Ok(Receipt { first: first.min(last), last, at })
    }

    fn put_in_queue(&mut self, row: &QueueRow, events: &[NewEvent], first: Seq) -> rusqlite::Result<()> {
        let message = row.message.as_uuid().into_bytes();
        let seq = match accepted_here(events, row.message) {
            Some(place) => Seq(first.0 + place as u64),
            None => self.message_seq.query_row([message], |row| seq_at(row, 0))?,
        };
        self.enqueue.execute(params![message, sqlite::seq(seq), row.agent.as_str(), row.conversation.as_uuid().into_bytes()])?;
        self.queue.insert(row.message, row.conversation);
        Ok(())
    }

    fn participate(&mut self, event: &NewEvent, moves: &Moves<'_>) -> rusqlite::Result<()> {
        let (Moves::Message { sender, receiver, .. }, Some(conversation)) = (moves, event.conversation) else { return Ok(()) };
        let (id, [text, _]) = (conversation.as_uuid().into_bytes(), &mut self.texts);
        for party in [Some(sender), receiver.as_ref()].into_iter().flatten() {
            self.participant.execute(params![id, text_of(text, party)])?;
        }
        Ok(())
    }

    /// What the event means for the tables that are derived from events.
    fn derive<'w>(
        &mut self,
        event: &'w NewEvent,
        seq: Seq,
        at: Timestamp,
        claimed: &mut Option<MessageId>,
        changes: &mut Changes<'w>,
    ) -> rusqlite::Result<()> {
        if let Some(moves) = Moves::of(&event.fact) {
            self.participate(event, &moves)?;
            changes.event(event, moves, seq);
        }
        match &event.fact {
            Fact::MessageAccepted { message, dedup, .. } => {
                let id = message.id.as_uuid().into_bytes();
                if claimed.take_if(|claimed| *claimed == message.id).is_none() {
                    self.message.execute(params![id, sqlite::seq(seq)])?;
                }
                if let Some(key) = dedup {
                    self.dedup.execute(params![message.sender.to_string(), key, id])?;
                }
            }
            Fact::MessageDeadLettered { message, .. } if *claimed != Some(*message) => {
                self.message_dead.execute([message.as_uuid().into_bytes()])?;
            }
            _ => return self.turns.derive(event, seq, at, changes),
        }
        Ok(())
    }
}

/// The place among the events of the one that accepts the message.
fn accepted_here(events: &[NewEvent], id: MessageId) -> Option<usize> {
    events.iter().position(|event| matches!(&event.fact, Fact::MessageAccepted { message, .. } if message.id == id))
}

/// The first message that the events accept, and where.
fn first_accepted(events: &[NewEvent]) -> Option<(usize, MessageId)> {
    events.iter().enumerate().find_map(|(place, event)| match &event.fact {
        Fact::MessageAccepted { message, .. } => Some((place, message.id)),
        _ => None,
    })
}
