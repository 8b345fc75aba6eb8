//! Reading turns, what they wait for, decisions and spending.

use super::{Kind, Workspace};
use crate::{ApprovalQuery, ApprovalRow, Error, SpendQuery, SpendRow, TurnQuery, TurnRow, WaitRow, journal::read::turns as read};
use caxton_types::{ApprovalId, Day, Event, MessageId, Spend, StepId, Timestamp, TurnId};

/// The most events of a turn that is short.
const SHORT_LEN_MAX: usize = 128;

impl Workspace {
    /// Turns, the one that began last first.
    pub async fn turns(&self, query: TurnQuery) -> Result<Vec<TurnRow>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.turns(&query)),
            Kind::Disk { pool, .. } => pool.journal(move |conn| read::turns(conn, &query)).await,
        }
    }

    /// A turn by its id.
    pub async fn turn(&self, id: TurnId) -> Result<Option<TurnRow>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.turn(id)),
            Kind::Disk { pool, .. } => pool.find(move |conn| read::turn(conn, id)).await,
        }
    }

    /// Every event of a turn, oldest first.
    pub async fn turn_events(&self, turn: TurnId) -> Result<Vec<Event>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.turn_events(turn)),
            Kind::Disk { pool, .. } => match pool.find(move |conn| read::turn_events(conn, turn, SHORT_LEN_MAX)).await? {
                Some(events) => Ok(events),
                None => pool.journal(move |conn| read::turn_events(conn, turn, usize::MAX)).await.map(Option::unwrap_or_default),
            },
        }
    }

    /// What the steps of an open turn wait for, in their order.
    pub async fn waits(&self, turn: TurnId) -> Result<Vec<WaitRow>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.waits(turn)),
            Kind::Disk { pool, .. } => pool.find(move |conn| read::waits(conn, turn)).await,
        }
    }

    /// The step that waits for the answer to this message.
    pub async fn wait_for_reply(&self, message: MessageId) -> Result<Option<(TurnId, StepId)>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.wait_for_reply(message)),
            Kind::Disk { pool, .. } => pool.find(move |conn| read::wait_for_reply(conn, message)).await,
        }
    }

    /// What has waited long enough, the longest overdue first.
    pub async fn waits_due(&self, now: Timestamp, limit: u32) -> Result<Vec<WaitRow>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.waits_due(now, limit)),
            Kind::Disk { pool, .. } => pool.journal(move |conn| read::waits_due(conn, now, limit)).await,
        }
    }

    /// When the next wait is over.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.next_due()),
            Kind::Disk { pool, .. } => pool.journal(read::next_due).await,
        }
    }

    /// Decisions that people are or were asked for, the one asked for last first.
    pub async fn approvals(&self, query: ApprovalQuery) -> Result<Vec<ApprovalRow>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.approvals(&query)),
            Kind::Disk { pool, .. } => pool.journal(move |conn| read::approvals(conn, &query)).await,
        }
    }

    /// A decision by its id.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<ApprovalRow>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.approval(id)),
            Kind::Disk { pool, .. } => pool.find(move |conn| read::approval(conn, id)).await,
        }
    }

    /// What ended turns were settled at, all together.
    pub async fn spent(&self, query: SpendQuery) -> Result<Spend, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.spent(&query)),
            Kind::Disk { pool, .. } => pool.journal(move |conn| read::spent(conn, &query)).await,
        }
    }

    /// What was spent on each of these days by each agent, in that order.
    pub async fn spending(&self, from: Day, to: Day) -> Result<Vec<SpendRow>, Error> {
        match &self.inner.kind {
            Kind::Memory(ring) => Ok(ring.spending(from, to)),
            Kind::Disk { pool, .. } => pool.journal(move |conn| read::spending(conn, from, to)).await,
        }
    }
}
