//! A journal on disk: one connection writes it, a few others read it.

pub(crate) mod approvals;
mod conversations;
mod inbox;
mod log;
mod measure;
mod pace;
pub(crate) mod read;
mod seat;
pub(crate) mod state;
pub(crate) mod sweep;
mod tables;
mod turns;
mod work;
mod writer;

pub(crate) use self::conversations::{Moves, PartyRef};
use self::{
    inbox::Inbox,
    log::WriteAhead,
    measure::Measure,
    pace::Pace,
    seat::Seat,
    tables::{Head, Known},
    work::{Command, Errand, Work},
    writer::{Meters, Writer},
};
use crate::{
    Batch, Error, Receipt, StateOutcome, StateWrite, migrate,
    projection::Projection,
    retention::{Chore, Sweep, Swept},
    root::{Paths, Root},
    sqlite,
    state::StateCall,
};
use caxton_types::{Seq, WorkspaceName};
use parking_lot::Mutex;
use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};
use tokio::sync::{oneshot, watch};

const CACHE_KIB: i64 = 16 * 1024;

/// The way to the writer. Dropping it lets the writer's thread finish what it was sent, and waits for that.
pub(crate) struct Journal {
    inbox: Arc<Inbox>,
    seat: Arc<Seat>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The last event that was ever removed.
    expired: AtomicU64,
}

impl Journal {
    /// Opens the journal and brings its projection up to date.
    pub(crate) fn open(root: &Arc<Root>, name: &WorkspaceName, paths: &Paths) -> Result<(Self, watch::Receiver<Seq>), Error> {
        let path = &paths.journal;
        let mut conn = sqlite::writer(&root.options, path, CACHE_KIB)?;
        migrate::migrate(&mut conn, path, migrate::JOURNAL)?;
        if let Some(max) = root.options.disk.database_max() {
            sqlite::bound(&conn, max).map_err(Error::sqlite(path))?;
        }
        let (last, at) = read::head(&conn).map_err(Error::sqlite(path))?;
        let expired = AtomicU64::new(read::expiry::expired_until(&conn).map_err(Error::sqlite(path))?.0);
        let projection = Projection::open(Arc::clone(root), name.clone(), paths.clone(), &conn, last)?;
        let inbox = Arc::new(Inbox::new(root.options.queue_len_max));
        let (sender, receiver) = watch::channel(last);
        let log = WriteAhead::of(&mut conn).map_err(Error::sqlite(path))?;
        let mut writer = Writer {
            conn,
            known: Known::default(),
            path: path.clone(),
            projection,
            inbox: Arc::clone(&inbox),
            head: Head { last, at },
            last: sender,
            measure: Measure::new(root, name, paths),
            durability: root.options.durability_of(name),
            meters: Meters::of(name),
            log,
            synchronous: None,
            pace: Pace::default(),
        };
        writer.begin().map_err(Error::sqlite(path))?;
        let seat = Arc::new(Seat::new(Arc::clone(&inbox), writer));
        let (serving, group_len_max) = (Arc::clone(&seat), root.options.group_len_max.max(1));
        let thread = std::thread::Builder::new().name(format!("journal:{name}")).spawn(move || serving.serve(group_len_max));
        let thread = thread.map_err(Error::io("start the writer of", path))?;
        Ok((Self { inbox, seat, thread: Mutex::new(Some(thread)), expired }, receiver))
    }

    pub(crate) async fn commit(&self, batch: Batch, workspace: &WorkspaceName) -> Result<Receipt, Error> {
        let written = if batch.is_heavy() {
            tokio::task::spawn_blocking(move || Work::new(batch)).await.map_err(|_| Error::Closed)?
        } else {
            Work::new(batch)
        };
        let work = written.map_err(|error| Error::Unwritable { reason: error.to_string().into() })?;
        self.put(Errand::Commit(work), workspace).await
    }

    /// Removes what its time is over for, in one transaction with what others commit.
    pub(crate) async fn sweep(&self, sweep: Sweep, workspace: &WorkspaceName) -> Result<Swept, Error> {
        let chore = Chore::new(sweep);
        self.put(Errand::Sweep(chore.clone()), workspace).await?;
        let swept = std::mem::take(&mut *chore.swept.lock());
        if let Some(until) = swept.events.iter().map(|event| event.seq.0).max() {
            self.expired.fetch_max(until, Ordering::Release);
        }
        Ok(swept)
    }

    /// Changes what is kept under a key.
    pub(crate) async fn write_state(&self, write: StateWrite, workspace: &WorkspaceName) -> Result<StateOutcome, Error> {
        let call = StateCall::new(write);
        self.put(Errand::Keep(call.clone()), workspace).await?;
        let outcome = call.outcome.lock().take();
        outcome.ok_or(Error::Closed)
    }

    /// Behind this event nothing was ever removed.
    pub(crate) fn expired_until(&self) -> Seq {
        Seq(self.expired.load(Ordering::Acquire))
    }

    async fn put(&self, errand: Errand, workspace: &WorkspaceName) -> Result<Receipt, Error> {
        let errand = match self.seat.write_here(errand) {
            ControlFlow::Break(written) => return written,
            ControlFlow::Continue(errand) => errand,
        };
        let (reply, answer) = oneshot::channel();
        self.inbox.put(Command { errand, reply }, workspace).await?;
        answer.await.map_err(|_| Error::Closed)?.result
    }

    /// Refuses new batches, writes those that are on their way, empties the log and ends the thread.
    pub(crate) fn close(&self) {
        self.inbox.close();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of a journal panicked");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Meters {
    fn of(name: &WorkspaceName) -> Self {
        let workspace = name.to_string();
        Self {
            events: metrics::counter!("journal_events_total", "workspace" => workspace.clone()),
            commits: metrics::counter!("journal_commits_total", "workspace" => workspace.clone()),
            group_len: metrics::histogram!("journal_group_len", "workspace" => workspace.clone()),
            queue_len: metrics::gauge!("journal_queue_len", "workspace" => workspace),
        }
    }
}
