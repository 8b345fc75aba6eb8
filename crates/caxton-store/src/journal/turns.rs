//! What the events of turns mean: open and ended turns, what they wait for, decisions, and what they cost.

use super::{
    approvals::{self, Standing},
    conversations::Changes,
    read,
    tables::Stop,
};
use crate::{
    Awaited,
    sqlite::{self, Lazy},
};
use caxton_types::{
    AgentName, ApprovalId, ApprovalKind, ConversationId, Day, Fact, MessageId, NewEvent, Seq, Spend, StepId, Timestamp, TurnEnd, TurnId,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::sync::LazyLock;

static SPEND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO spend (day, agent, {}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (day, agent) DO UPDATE SET {}",
        AMOUNTS.join(", "),
        added(|amount| format!("excluded.{amount}")),
    )
});

/// The statements of these tables.
pub(super) struct Turns<'c> {
    begin: Lazy<'c>,
    end: Lazy<'c>,
    is_open: Lazy<'c>,
    wait: Lazy<'c>,
    wait_over: Lazy<'c>,
    answered: Lazy<'c>,
    waits_over: Lazy<'c>,
    waits_len: Lazy<'c>,
    ask: Lazy<'c>,
    standing: Lazy<'c>,
    delegate: Lazy<'c>,
    decide: Lazy<'c>,
    withdraw: Lazy<'c>,
    withdraw_all: Lazy<'c>,
    spend: Lazy<'c>,
    /// How many rows `wait` has, so that a turn that never waits costs no statement there.
    waiting: &'c mut u64,
}

impl<'c> Turns<'c> {
    pub(super) fn of(conn: &'c Connection, waiting: &'c mut u64) -> Self {
        let sql = |text| Lazy::new(conn, text);
        Self {
            begin: sql(
                "INSERT INTO turn (began, id, agent, conversation, message, at, origin, origin_step) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (id) DO NOTHING",
            ),
            end: sql(
                "UPDATE turn SET ended = ?2, outcome = ?3, reply = ?4 WHERE id = ?1 AND ended IS NULL RETURNING conversation, agent",
            ),
            is_open: sql("SELECT 1 FROM turn WHERE id = ?1 AND ended IS NULL"),
            wait: sql("INSERT INTO wait (turn, step, kind, key, seq, at, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
            wait_over: sql("DELETE FROM wait WHERE turn = ?1 AND step = ?2"),
            answered: sql(
                "DELETE FROM wait WHERE key = ?1
                 AND (turn, step) = (SELECT turn, step FROM approval WHERE id = ?1 AND kind = 'elicitation')",
            ),
            waits_over: sql("DELETE FROM wait WHERE turn = ?1"),
            waits_len: sql("SELECT count(*) FROM wait"),
            ask: sql(
                "INSERT INTO approval (asked, id, turn, step, agent, conversation, kind, subject, at, due, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            ),
            standing: sql("SELECT turn, step, state, ruling, decided_by, reason, decided_at FROM approval WHERE id = ?1"),
            delegate: sql("UPDATE approval SET delegate = ?2 WHERE id = ?1"),
            decide: sql("UPDATE approval SET state = 1, ruling = ?2, reason = ?3, decided_by = ?4, decided_at = ?5 WHERE id = ?1"),
            withdraw: sql("UPDATE approval SET state = 2 WHERE turn = ?1 AND step = ?2 AND state = 0"),
            withdraw_all: sql("UPDATE approval SET state = 2 WHERE turn = ?1 AND state = 0"),
            spend: sql(&SPEND),
            waiting,
        }
    }

    /// At the beginning and after a rollback nothing is known beside the tables.
    pub(super) fn reread(&mut self) -> rusqlite::Result<()> {
        *self.waiting = self.waits_len.query_row([], |row| sqlite::count(row, 0))?;
        Ok(())
    }

    pub(super) fn check(&mut self, event: &NewEvent, earlier: &[NewEvent], at: Timestamp) -> Result<(), Stop> {
        approvals::check(event, earlier, at, |approval| self.standing(approval).map_err(Stop::from))
    }

    fn standing(&mut self, approval: ApprovalId) -> rusqlite::Result<Option<Standing>> {
        self.standing.query_row([bytes(approval.as_uuid())], read::turns::standing_of).optional()
    }

    /// What the event means for these tables.
    pub(super) fn derive(&mut self, event: &NewEvent, seq: Seq, at: Timestamp, changes: &mut Changes<'_>) -> rusqlite::Result<()> {
        let Some(turn) = event.turn else { return self.decided(event, at) };
        match &event.fact {
            Fact::TurnBegan { .. } => self.begin(event, turn, seq, at, changes),
            Fact::TurnEnded { end, reply, spent, .. } => {
                let Some((conversation, agent)) = self.end(turn, at, *end, *reply)? else { return Ok(()) };
                changes.pending(conversation, -1);
                let Some(spent) = spent else { return Ok(()) };
                changes.spent(conversation, *spent);
                self.spend(at, &agent, *spent)
            }
            Fact::StepStarted { .. } | Fact::StepEnded { .. } => event.step.map_or(Ok(()), |step| self.go_on(turn, step)),
            Fact::WaitBegan { .. } => self.wait_for(event, turn, seq, at).map(drop),
            Fact::ApprovalAsked { .. } => self.ask(event, turn, seq, at),
            _ => self.decided(event, at),
        }
    }

    fn begin(&mut self, event: &NewEvent, turn: TurnId, seq: Seq, at: Timestamp, changes: &mut Changes<'_>) -> rusqlite::Result<()> {
        let (Fact::TurnBegan { message, origin, .. }, Some(agent), Some(conversation)) = (&event.fact, &event.agent, event.conversation)
        else {
            return Ok(());
        };
        let opened = self.begin.execute(params![
            sqlite::seq(seq),
            bytes(turn.as_uuid()),
            agent.as_str(),
            bytes(conversation.as_uuid()),
            bytes(message.as_uuid()),
            at.as_micros(),
            origin.map(|origin| bytes(origin.turn.as_uuid())),
            origin.map(|origin| origin.at.0),
        ])?;
        changes.pending(conversation, i64::from(opened == 1));
        Ok(())
    }

    /// The conversation and the agent of the turn, unless it is not open.
    fn end(
        &mut self,
        turn: TurnId,
        at: Timestamp,
        end: TurnEnd,
        reply: Option<MessageId>,
    ) -> rusqlite::Result<Option<(ConversationId, AgentName)>> {
        let id = bytes(turn.as_uuid());
        if *self.waiting > 0 {
            *self.waiting -= self.waits_over.execute([id])? as u64;
            self.withdraw_all.execute([id])?;
        }
        let values = params![id, at.as_micros(), end.as_str(), reply.map(|reply| bytes(reply.as_uuid()))];
        let whose = |row: &rusqlite::Row<'_>| Ok((ConversationId::from_uuid(sqlite::uuid_at(row, 0)?), sqlite::text_at(row, 1)?));
        self.end.query_row(values, whose).optional()
    }

    /// The step waits no longer, and what nobody decided for it until now is not to be decided any more.
    fn go_on(&mut self, turn: TurnId, step: StepId) -> rusqlite::Result<()> {
        if *self.waiting > 0 {
            let id = bytes(turn.as_uuid());
            let over = self.wait_over.execute(params![id, step.0])? as u64;
            if over > 0 {
                *self.waiting -= over;
                self.withdraw.execute(params![id, step.0])?;
            }
        }
        Ok(())
    }

    /// A turn that is not open waits for nothing. Whether this one is.
    fn wait_for(&mut self, event: &NewEvent, turn: TurnId, seq: Seq, at: Timestamp) -> rusqlite::Result<bool> {
        let id = bytes(turn.as_uuid());
        let (Some((on, due)), Some(step)) = (Awaited::of(&event.fact, at), event.step) else { return Ok(false) };
        if !self.is_open.exists([id])? {
            return Ok(false);
        }
        self.go_on(turn, step)?;
        let key = match on {
            Awaited::Approval(approval) => Some(bytes(approval.as_uuid())),
            Awaited::Reply(message) => Some(bytes(message.as_uuid())),
            Awaited::Time => None,
        };
        self.wait.execute(params![id, step.0, on.as_str(), key, sqlite::seq(seq), at.as_micros(), due.as_micros()])?;
        *self.waiting += 1;
        Ok(true)
    }

    fn ask(&mut self, event: &NewEvent, turn: TurnId, seq: Seq, at: Timestamp) -> rusqlite::Result<()> {
        let open = self.wait_for(event, turn, seq, at)?;
        let (Fact::ApprovalAsked { approval, kind, subject, within, .. }, Some(step)) = (&event.fact, event.step) else { return Ok(()) };
        let (Some(agent), Some(conversation)) = (&event.agent, event.conversation) else { return Ok(()) };
        let asked = params![
            sqlite::seq(seq),
            bytes(approval.as_uuid()),
            bytes(turn.as_uuid()),
            step.0,
            agent.as_str(),
            bytes(conversation.as_uuid()),
            word(*kind),
            subject.as_bytes(),
            at.as_micros(),
            at.plus(within.get()).as_micros(),
            if open { 0 } else { 2 },
        ];
        self.ask.execute(asked).map(drop)
    }

    fn decided(&mut self, event: &NewEvent, at: Timestamp) -> rusqlite::Result<()> {
        match &event.fact {
            Fact::ApprovalDelegated { approval, to, .. } => self.delegate.execute(params![bytes(approval.as_uuid()), to]).map(drop),
            Fact::ApprovalDecided { approval, .. } => {
                let Some(decision) = approvals::decision(event, at) else { return Ok(()) };
                let ruling = serde_json::to_string(&decision.ruling).unwrap_or_default();
                let values = params![bytes(approval.as_uuid()), ruling, decision.reason, decision.by, at.as_micros()];
                self.decide.execute(values)?;
                self.answered(*approval)
            }
            _ => Ok(()),
        }
    }

    /// A step whose server has its answer waits no longer; nothing else tells that it goes on.
    fn answered(&mut self, approval: ApprovalId) -> rusqlite::Result<()> {
        if *self.waiting > 0 {
            *self.waiting -= self.answered.execute([bytes(approval.as_uuid())])? as u64;
        }
        Ok(())
    }

    fn spend(&mut self, at: Timestamp, agent: &AgentName, spent: Spend) -> rusqlite::Result<()> {
        let [tokens, money, tool_calls, steps, wall_us] = amounts(spent);
        self.spend.execute(params![Day::of(at).0, agent.as_str(), tokens, money, tool_calls, steps, wall_us]).map(drop)
    }
}

/// As it is serialised.
const fn word(kind: ApprovalKind) -> &'static str {
    match kind {
        ApprovalKind::Call => "call",
        ApprovalKind::Repeat => "repeat",
        ApprovalKind::Failover => "failover",
        ApprovalKind::Question => "question",
        ApprovalKind::Elicitation => "elicitation",
    }
}

fn bytes(id: uuid::Uuid) -> [u8; 16] {
    id.into_bytes()
}

/// The columns that a spend takes.
pub(super) const AMOUNTS: [&str; 5] = ["tokens", "money", "tool_calls", "steps", "wall_us"];

/// Half of what a column can hold: so a sum of what was there, bounded likewise, and of this one cannot run over.
const AMOUNT_MAX: i64 = i64::MAX / 2;

/// The values of these columns.
pub(super) fn amounts(spent: Spend) -> [i64; 5] {
    [spent.tokens, spent.money.as_micros(), spent.tool_calls, spent.steps, spent.wall_us]
        .map(|number| i64::try_from(number).map_or(AMOUNT_MAX, |number| number.min(AMOUNT_MAX)))
}

/// Adds to these columns.
pub(super) fn added(to: impl Fn(&'static str) -> String) -> String {
    AMOUNTS.map(|amount| format!("{amount} = min({amount}, {AMOUNT_MAX}) + {}", to(amount))).join(", ")
}
