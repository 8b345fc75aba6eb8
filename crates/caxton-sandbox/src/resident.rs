//! A component's code: in memory while it is used, on disk alone when it has not been for a while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use caxton_types::Digest;
use parking_lot::Mutex;

use crate::{Error, entry::Entry, grant::Granted, load, sandbox::Shared};

/// What a component's code is made again from.
pub(crate) struct Origin {
    pub(crate) name: String,
    /// What its compiled code is kept under.
    pub(crate) key: Digest,
    pub(crate) granted: Arc<Granted>,
    /// Its export `init` is no tool.
    pub(crate) hides_init: bool,
}

pub(crate) struct Resident {
    origin: Arc<Origin>,
    entry: Mutex<Option<Arc<Entry>>>,
    /// One at a time brings it back; the others find it.
    returning: tokio::sync::Mutex<()>,
    begun: Instant,
    /// When it was used last, in milliseconds since it was loaded.
    used_ms: AtomicU64,
}

impl Resident {
    pub(crate) fn new(origin: Origin, entry: Arc<Entry>) -> Self {
        Self {
            origin: Arc::new(origin),
            entry: Mutex::new(Some(entry)),
            returning: tokio::sync::Mutex::default(),
            begun: Instant::now(),
            used_ms: AtomicU64::new(0),
        }
    }

    pub(crate) fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// The code, brought back first where it was put away.
    pub(crate) async fn entry(&self, shared: &Arc<Shared>) -> Result<Arc<Entry>, Error> {
        self.used_ms.store(self.age_ms(), Ordering::Relaxed);
        match self.here() {
            Some(entry) => Ok(entry),
            // Apart, as it is rare and takes room in whatever waits for it.
            None => Box::pin(self.bring_back(shared)).await,
        }
    }

    fn here(&self) -> Option<Arc<Entry>> {
        self.entry.lock().clone()
    }

    async fn bring_back(&self, shared: &Arc<Shared>) -> Result<Arc<Entry>, Error> {
        let _one_at_a_time = self.returning.lock().await;
        if let Some(entry) = self.here() {
            return Ok(entry);
        }
        let (shared, origin) = (Arc::clone(shared), Arc::clone(&self.origin));
        let returned = tokio::task::spawn_blocking(move || load::again(&shared, &origin));
        let entry = Arc::new(returned.await.map_err(|error| Error::Engine(error.to_string()))??);
        metrics::counter!("caxton_sandbox_loads_total", "from" => "return").increment(1);
        *self.entry.lock() = Some(Arc::clone(&entry));
        Ok(entry)
    }

    /// Puts the code away if it has not been used for so long and can come back. That asks the disk, so only for what
    /// is to go; a call may have come meanwhile.
    pub(crate) fn put_away(&self, idle_min: Duration, is_kept: impl FnOnce() -> bool) -> bool {
        if !(self.is_idle(idle_min) && self.is_here() && is_kept() && self.is_idle(idle_min)) {
            return false;
        }
        let mut entry = self.entry.lock();
        if entry.as_ref().is_some_and(|entry| Arc::strong_count(entry) > 1) {
            // An instance has it, running or waiting: it would stay in memory, and be loaded beside that for the next one.
            self.used_ms.store(self.age_ms(), Ordering::Relaxed);
            return false;
        }
        let gone = entry.take();
        drop(entry);
        gone.is_some()
    }

    /// Whether the code has not been used for so long.
    fn is_idle(&self, idle_min: Duration) -> bool {
        let idle = self.age_ms().saturating_sub(self.used_ms.load(Ordering::Relaxed));
        Duration::from_millis(idle) >= idle_min
    }

    pub(crate) fn is_here(&self) -> bool {
        self.entry.lock().is_some()
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
