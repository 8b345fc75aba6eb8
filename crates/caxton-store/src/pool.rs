//! Reading connections of a workspace, a few at most. None holds a transaction across an await.
//!
//! A read runs on a blocking thread. Only what is found by its key, and found quickly of late, is read by the task itself: to change threads and back
//! takes longer than that. It has connections of its own for that: who waits for a thread keeps nobody from finding.

use crate::{Error, Options, projection::memory::Tokenizer, root::Paths, sqlite};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// What is found by its key takes longer only where the disk is asked for it.
const QUICK_MAX: Duration = Duration::from_micros(200);

pub(crate) struct Pool {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
}

struct Shared {
    options: Options,
    paths: Paths,
    /// Those that nobody uses at the moment.
    readers: Mutex<Vec<Reader>>,
    finders: Mutex<Finders>,
    /// How long finding by a key takes, in nanoseconds; a moving average over about eight.
    found_in: AtomicU64,
}

/// Connections to the journal that tasks find with themselves, as many at most as there are readers.
#[derive(Default)]
struct Finders {
    /// Those that nobody uses at the moment.
    idle: Vec<Connection>,
    open: usize,
}

/// The databases of a workspace, read-only.
pub(crate) struct Reader {
    pub(crate) journal: Connection,
    pub(crate) projection: Connection,
    pub(crate) global: Connection,
    pub(crate) tokenizer: Tokenizer,
}

impl Pool {
    pub(crate) fn new(options: &Options, paths: Paths) -> Self {
        let (readers, finders) = (Mutex::default(), Mutex::default());
        let shared = Shared { options: options.clone(), paths, readers, finders, found_in: AtomicU64::new(0) };
        Self { shared: Arc::new(shared), permits: Arc::new(Semaphore::new(options.readers.max(1))) }
    }

    /// Reads the journal.
    pub(crate) async fn journal<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.read(|paths| &paths.journal, move |reader| read(&reader.journal)).await
    }

    /// Finds a little in the journal by its key: whoever asks reads it himself, where that was quick of late.
    pub(crate) async fn find<T: Send + 'static>(
        &self,
        read: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let idle = if self.shared.is_quick() { self.shared.finders.lock().idle.pop() } else { None };
        if let Some(conn) = idle {
            let found = self.shared.timed(&conn, &read).map_err(Error::sqlite(&self.shared.paths.journal));
            self.shared.finders.lock().idle.push(conn);
            return found;
        }
        let shared = Arc::clone(&self.shared);
        self.journal(move |conn| {
            shared.add_finder();
            shared.timed(conn, read)
        })
        .await
    }

    /// Reads the projection and what is global.
    pub(crate) async fn projection<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.read(|paths| &paths.projection, read).await
    }

    async fn read<T: Send + 'static>(
        &self,
        path: fn(&Paths) -> &Path,
        read: impl FnOnce(&Reader) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Closed)?;
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let idle = shared.readers.lock().pop();
            let reader = idle.map_or_else(|| shared.open(), Ok)?;
            let found = read(&reader).map_err(Error::sqlite(path(&shared.paths)));
            shared.readers.lock().push(reader);
            drop(permit);
            found
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
    }

    /// Closes the connections and lets nobody read any more.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.shared.readers.lock().clear();
        self.shared.finders.lock().idle.clear();
    }
}

impl Shared {
    fn is_quick(&self) -> bool {
        u128::from(self.found_in.load(Ordering::Relaxed)) <= QUICK_MAX.as_nanos()
    }

    /// One more connection to find with, where there are not enough yet.
    fn add_finder(&self) {
        {
            let mut finders = self.finders.lock();
            if finders.open >= self.options.readers.max(1) {
                return;
            }
            finders.open += 1;
        }
        let opened = sqlite::reader(&self.options, &self.paths.journal);
        let mut finders = self.finders.lock();
        match opened {
            Ok(conn) => finders.idle.push(conn),
            // Others try again; until then threads read.
            Err(error) => {
                finders.open -= 1;
                tracing::warn!(%error, "a connection to find with could not be opened");
            }
        }
    }

    fn timed<T>(&self, conn: &Connection, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let began = Instant::now();
        let found = read(conn);
        self.note(began.elapsed());
        found
    }

    /// Two at the same time may forget one of them, which is no harm to an average.
    fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let before = self.found_in.load(Ordering::Relaxed);
        self.found_in.store(before - before / 8 + took / 8, Ordering::Relaxed);
    }

    fn open(&self) -> Result<Reader, Error> {
        let open = |path: &Path| sqlite::reader(&self.options, path);
        Ok(Reader {
            journal: open(&self.paths.journal)?,
            projection: open(&self.paths.projection)?,
            global: open(&self.paths.global)?,
            tokenizer: Tokenizer::new().map_err(Error::sqlite(&self.paths.projection))?,
        })
    }
}
