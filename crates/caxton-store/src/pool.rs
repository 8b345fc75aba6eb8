//! Reading connections of a workspace, a few at most, on blocking threads. None holds a transaction across an await.

use crate::{Error, Options, projection::memory::Tokenizer, root::Paths, sqlite};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::{path::Path, sync::Arc};
use tokio::sync::Semaphore;

pub(crate) struct Pool {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
}

struct Shared {
    options: Options,
    paths: Paths,
    /// Those that nobody uses at the moment.
    readers: Mutex<Vec<Reader>>,
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
        let shared = Shared { options: options.clone(), paths, readers: Mutex::default() };
        Self { shared: Arc::new(shared), permits: Arc::new(Semaphore::new(options.readers.max(1))) }
    }

    /// Reads the journal.
    pub(crate) async fn journal<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.read(|paths| &paths.journal, move |reader| read(&reader.journal)).await
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
    }
}

impl Shared {
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
