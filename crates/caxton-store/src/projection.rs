//! What is read from the journal into tables of its own: deployed agents and files, and memory.
//!
//! A projection holds the seq up to which it is applied, in the same transaction as what it applied. So it can be behind, never wrong, and is
//! made again where it is missing.

pub(crate) mod deployments;
pub(crate) mod memory;

use crate::{
    Error,
    blobs::BlobFiles,
    journal::read::{self, StoredBlob},
    migrate,
    root::{Paths, Root},
    sqlite,
};
use bytes::Bytes;
use caxton_types::{Digest, Event, Fact, Scope, Seq, WorkspaceName};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use std::{collections::HashMap, fs, path::Path, sync::Arc};

/// Events that one transaction of a catch-up applies.
const CHUNK_LEN: u32 = 1000;
const CACHE_KIB: i64 = 16 * 1024;
/// Under this name, which no workspace can have, a projection notes the last event that it passed on to the global database.
const TOLD: &str = "(global)";

/// Whether a projection reads this kind of fact; the index `event_fed` of the journal names the same.
pub(crate) fn feeds(fact: &Fact) -> bool {
    matches!(fact, Fact::Deployed { .. } | Fact::ObservationStored { .. })
}

/// Finds the canonical spec of an agent.
pub(crate) type Specs<'a> = &'a dyn Fn(&Digest) -> Result<Bytes, Error>;

/// Content that was written a moment ago and need not be read again.
pub(crate) type Brought<'a> = HashMap<&'a Digest, &'a Bytes>;

/// The projection of a workspace on disk, in the hands of its writer.
pub(crate) struct Projection {
    conn: Connection,
    paths: Paths,
    root: Arc<Root>,
    workspace: WorkspaceName,
}

impl Projection {
    /// Opens it and brings it up to the end of the journal.
    pub(crate) fn open(root: Arc<Root>, workspace: WorkspaceName, paths: Paths, journal: &Connection, last: Seq) -> Result<Self, Error> {
        let mut conn = connect(&root, &paths.projection)?;
        if applied(&conn, workspace.as_str()).map_err(Error::sqlite(&paths.projection))? > last {
            // After a loss of power the journal may have lost its last moments, and what was read from them must go too.
            tracing::warn!(%workspace, "the projection is ahead of its journal and is made again");
            drop(conn);
            remove(&paths.projection)?;
            conn = connect(&root, &paths.projection)?;
        }
        let mut projection = Self { conn, paths, root, workspace };
        projection.check_global(journal, last)?;
        projection.catch_up(journal, &Brought::new())?;
        Ok(projection)
    }

    /// The global database may have lost its last moments, or the journal, or somebody removed it: then what this workspace told everyone is
    /// read again from the first event.
    fn check_global(&self, journal: &Connection, last: Seq) -> Result<(), Error> {
        let told = applied(&self.conn, TOLD).map_err(Error::sqlite(&self.paths.projection))?;
        let failed = Error::sqlite(&self.paths.global);
        let mut global = self.root.global.lock();
        let heard = applied(&global, self.workspace.as_str()).map_err(&failed)?;
        if heard >= told && heard <= last {
            return Ok(());
        }
        memory::forget(&mut global, &self.workspace).map_err(&failed)?;
        each_chunk(journal, &self.paths.journal, Seq(0), |events| apply_global(&mut global, &self.workspace, events).map_err(&failed))
    }

    /// Applies what the journal holds and this does not; the global part first, because the own mark says that both are done.
    pub(crate) fn catch_up(&mut self, journal: &Connection, brought: &Brought<'_>) -> Result<(), Error> {
        let Self { conn, paths, root, workspace } = self;
        // One view for all reads: to lock the journal for each spec of a deployment costs more than to read it.
        let journal = &*journal.unchecked_transaction().map_err(Error::sqlite(&paths.journal))?;
        let specs = |digest: &Digest| match brought.get(digest) {
            Some(bytes) => Ok(Bytes::clone(bytes)),
            None => spec(journal, &root.blobs, &paths.journal, digest),
        };
        let after = applied(conn, workspace.as_str()).map_err(Error::sqlite(&paths.projection))?;
        each_chunk(journal, &paths.journal, after, |events| {
            apply_global(&mut root.global.lock(), workspace, events).map_err(Error::sqlite(&paths.global))?;
            // Whoever deploys waits for this: a log that grew long is carried over by the next commit, or when there is nothing else to do.
            let failed = Error::sqlite(&paths.projection);
            sqlite::autocheckpoint(conn, brought.is_empty()).map_err(&failed)?;
            apply(conn, &paths.projection, workspace, events, &specs)
        })
    }

    pub(crate) fn checkpoint(&self) {
        if let Err(error) = sqlite::checkpoint(&self.conn).and_then(|_| sqlite::checkpoint(&self.root.global.lock())) {
            tracing::warn!(%error, workspace = %self.workspace, "the write-ahead log of a projection could not be emptied");
        }
    }
}

fn connect(root: &Root, path: &Path) -> Result<Connection, Error> {
    let mut conn = sqlite::writer(&root.options, path, CACHE_KIB)?;
    migrate::migrate(&mut conn, path, migrate::PROJECTION)?;
    Ok(conn)
}

/// The files of the database; the log and its index may be missing.
fn remove(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", Path::new(&file))(error)),
            _ => {}
        }
    }
    Ok(())
}

fn each_chunk(
    journal: &Connection,
    path: &Path,
    mut after: Seq,
    mut apply: impl FnMut(&[Event]) -> Result<(), Error>,
) -> Result<(), Error> {
    loop {
        let events = read::fed(journal, after, CHUNK_LEN).map_err(Error::sqlite(path))?;
        let Some(last) = events.last() else { return Ok(()) };
        after = last.seq;
        apply(&events)?;
    }
}

fn spec(journal: &Connection, files: &BlobFiles, path: &Path, digest: &Digest) -> Result<Bytes, Error> {
    match read::blob(journal, digest).map_err(Error::sqlite(path))? {
        Some(StoredBlob::Bytes(bytes)) => Ok(bytes.into()),
        Some(StoredBlob::File) => files.read(digest),
        None => Err(Error::BlobMissing { digest: *digest }),
    }
}

/// Up to where the journal of a workspace is applied.
fn applied(conn: &Connection, workspace: &str) -> rusqlite::Result<Seq> {
    let mut found = conn.prepare_cached("SELECT seq FROM applied WHERE workspace = ?1")?;
    found.query_row([workspace], |row| sqlite::seq_at(row, 0)).optional().map(Option::unwrap_or_default)
}

fn set_applied(conn: &Connection, workspace: &str, seq: Seq) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT INTO applied (workspace, seq) VALUES (?1, ?2) ON CONFLICT (workspace) DO UPDATE SET seq = excluded.seq")?
        .execute(params![workspace, sqlite::seq(seq)])
        .map(drop)
}

/// Applies events to the projection of their workspace, all in one transaction.
pub(crate) fn apply(
    conn: &mut Connection,
    path: &Path,
    workspace: &WorkspaceName,
    events: &[Event],
    specs: Specs<'_>,
) -> Result<(), Error> {
    let failed = Error::sqlite(path);
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    for event in events {
        match &event.new.fact {
            Fact::Deployed { .. } => deployments::apply(&transaction, path, event, specs)?,
            Fact::ObservationStored { observation } if observation.scope != Scope::Global => {
                memory::apply(&transaction, workspace, event, observation).map_err(&failed)?;
            }
            _ => {}
        }
    }
    if let Some(last) = events.last() {
        set_applied(&transaction, workspace.as_str(), last.seq).map_err(&failed)?;
    }
    if let Some(last) = events.iter().rfind(|event| is_global(event)) {
        set_applied(&transaction, TOLD, last.seq).map_err(&failed)?;
    }
    transaction.commit().map_err(&failed)
}

fn is_global(event: &Event) -> bool {
    matches!(&event.new.fact, Fact::ObservationStored { observation } if observation.scope == Scope::Global)
}

/// Applies what a workspace tells everyone, each event once.
pub(crate) fn apply_global(conn: &mut Connection, workspace: &WorkspaceName, events: &[Event]) -> rusqlite::Result<()> {
    let Some(last) = events.iter().rfind(|event| is_global(event)) else { return Ok(()) };
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let heard = applied(&transaction, workspace.as_str())?;
    for event in events.iter().filter(|event| is_global(event) && event.seq > heard) {
        if let Fact::ObservationStored { observation } = &event.new.fact {
            memory::apply(&transaction, workspace, event, observation)?;
        }
    }
    set_applied(&transaction, workspace.as_str(), last.seq.max(heard))?;
    transaction.commit()
}
