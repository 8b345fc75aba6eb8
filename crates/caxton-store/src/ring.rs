//! A journal without a disk: the last so many events in memory, and what is derived from them, dropped with them.

mod read;
mod state;
mod turns;

use self::state::State;
use crate::{
    Batch, Error, Receipt,
    ids::now,
    migrate,
    projection::{self, feeds, memory::Tokenizer},
    root::Root,
    sqlite,
};
use bytes::Bytes;
use caxton_types::{Digest, Event, Fact, NewEvent, Seq, WorkspaceName};
use metrics::Counter;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::{collections::HashMap, path::Path, sync::Arc};
use tokio::sync::watch;

/// Content that a workspace keeps in memory, in largest blobs.
const BLOBS_PER_LARGEST: usize = 4;

/// The journal of a workspace under `Durability::Memory`. Every call is a few microseconds under a lock, on the caller's thread.
pub(crate) struct Ring {
    state: Mutex<State>,
    projection: Arc<Mutex<Projected>>,
    /// What agents keep by key; made when the first of it comes.
    kept: Mutex<Option<Connection>>,
    root: Arc<Root>,
    workspace: WorkspaceName,
    last: watch::Sender<Seq>,
    meters: Meters,
}

struct Projected {
    conn: Connection,
    tokenizer: Tokenizer,
}

struct Meters {
    events: Counter,
    commits: Counter,
    events_dropped: Counter,
    blobs_dropped: Counter,
}

/// The path of a database that has no file.
const NO_FILE: &str = ":memory:";

impl Ring {
    pub(crate) fn open(root: &Arc<Root>, name: &WorkspaceName) -> Result<(Self, watch::Receiver<Seq>), Error> {
        let path = Path::new(NO_FILE);
        let mut conn = sqlite::in_memory().map_err(Error::sqlite(path))?;
        migrate::migrate(&mut conn, path, migrate::PROJECTION)?;
        let tokenizer = Tokenizer::new().map_err(Error::sqlite(path))?;
        let (sender, receiver) = watch::channel(Seq(0));
        let ring = Self {
            state: Mutex::new(State::new(root.options.ring_len_max.max(1))),
            projection: Arc::new(Mutex::new(Projected { conn, tokenizer })),
            kept: Mutex::default(),
            root: Arc::clone(root),
            workspace: name.clone(),
            last: sender,
            meters: Meters::of(name),
        };
        Ok((ring, receiver))
    }

    /// Works on what agents keep by key.
    pub(crate) fn state<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let mut kept = self.kept.lock();
        let failed = Error::sqlite(Path::new(NO_FILE));
        if kept.is_none() {
            let made = sqlite::in_memory().and_then(|conn| conn.execute_batch(migrate::STATE).map(|()| conn));
            *kept = Some(made.map_err(&failed)?);
        }
        let Some(conn) = kept.as_ref() else { return Err(Error::Closed) };
        let worked = || {
            let transaction = conn.unchecked_transaction()?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        worked().map_err(failed)
    }

    pub(crate) fn commit(&self, batch: Batch) -> Result<Receipt, Error> {
        // Taken first and held to the end, so that events are applied in their order and nobody else waits for that.
        let mut projection = batch.is_fed().then(|| self.projection.lock());
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        state.check(&batch, &self.workspace)?;
        let before = state.last();
        let at = now().max(state.last_at());
        let specs = keep_deployed(&mut state, &batch.events);
        let blobs_len_max = self.root.options.blob_len_max.as_usize().saturating_mul(BLOBS_PER_LARGEST);
        let blobs_dropped: u64 = batch.blobs.into_iter().map(|(digest, bytes)| state.blobs.insert(digest, bytes, blobs_len_max)).sum();
        let specs = specs.into_iter().filter_map(|digest| Some((digest, state.blobs.get(&digest)?.clone()))).collect();
        let (mut fed, mut events_dropped) = (Vec::new(), 0);
        for new in batch.events {
            let is_fed = projection.is_some() && feeds(&new.fact);
            let (event, dropped) = state.push(new, at);
            events_dropped += u64::from(dropped);
            if is_fed {
                fed.push(Event::clone(&event));
            }
        }
        state.enqueue(batch.enqueue);
        state.dequeue(&batch.dequeue);
        let last = state.last();
        if last != before {
            // Under the lock, so that it never goes back.
            self.last.send_replace(last);
        }
        drop(state);
        self.meters.events.increment(last.0 - before.0);
        self.meters.commits.increment(1);
        self.meters.events_dropped.increment(events_dropped);
        self.meters.blobs_dropped.increment(blobs_dropped);
        if let Some(projection) = &mut projection {
            self.apply(&mut projection.conn, &fed, &specs).map_err(|source| Error::NotApplied { last, source: Box::new(source) })?;
        }
        Ok(Receipt { first: before.next().min(last), last, at })
    }

    fn apply(&self, projection: &mut Connection, events: &[Event], specs: &HashMap<Digest, Bytes>) -> Result<(), Error> {
        let global_path = &self.root.global_path;
        projection::apply_global(&mut self.root.global.lock(), &self.workspace, events).map_err(Error::sqlite(global_path))?;
        let specs = |digest: &Digest| specs.get(digest).cloned().ok_or(Error::BlobMissing { digest: *digest });
        projection::apply(projection, Path::new(NO_FILE), &self.workspace, events, &specs)
    }

    /// Reads the projection and what is global, on a blocking thread.
    pub(crate) async fn projection<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Connection, &Tokenizer) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (projection, root) = (Arc::clone(&self.projection), Arc::clone(&self.root));
        let work = move || {
            // In the same order as a commit takes them, so nobody waits in a circle.
            let projection = projection.lock();
            let global = root.global.lock();
            read(&projection.conn, &global, &projection.tokenizer).map_err(Error::sqlite(Path::new(NO_FILE)))
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
    }

    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }
}

/// Keeps the content that a deployment needs, before any of it can be thought old; returns the specs that it names.
fn keep_deployed(state: &mut State, events: &[NewEvent]) -> Vec<Digest> {
    let Some((agents, files)) = events.iter().rev().find_map(|event| match &event.fact {
        Fact::Deployed { agents, files, .. } => Some((agents, files)),
        _ => None,
    }) else {
        return Vec::new();
    };
    state.blobs.keep(agents.iter().map(|agent| agent.spec).chain(files.iter().map(|file| file.digest)));
    agents.iter().map(|agent| agent.spec).collect()
}

impl Meters {
    fn of(name: &WorkspaceName) -> Self {
        let workspace = name.to_string();
        Self {
            events: metrics::counter!("journal_events_total", "workspace" => workspace.clone()),
            commits: metrics::counter!("journal_commits_total", "workspace" => workspace.clone()),
            events_dropped: metrics::counter!("journal_ring_drops_total", "workspace" => workspace.clone()),
            blobs_dropped: metrics::counter!("journal_blob_drops_total", "workspace" => workspace),
        }
    }
}
