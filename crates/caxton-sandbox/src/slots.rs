//! Who may run: a bounded number at once, a bounded number waiting, nobody refused before that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;

pub(crate) struct Slots {
    free: Arc<Semaphore>,
    total: u32,
    /// The most that were taken at once.
    taken_max: AtomicU32,
    waiting: Queue,
    waiting_max: usize,
    wait_max: Duration,
}

/// Those who wait for something.
#[derive(Default)]
pub(crate) struct Queue(AtomicUsize);

/// One who waits; leaving, also by being dropped, makes room.
pub(crate) struct Waiting<'a>(&'a AtomicUsize);

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn enter(&self) -> Waiting<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        Waiting(&self.0)
    }
}

impl Slots {
    pub(crate) fn new(total: u32, waiting_max: usize, wait_max: Duration) -> Self {
        let free = Arc::new(Semaphore::new(total as usize));
        Self { free, total, taken_max: AtomicU32::new(0), waiting: Queue::default(), waiting_max, wait_max }
    }

    pub(crate) fn take_free(&self, slots: u32) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.free).try_acquire_many_owned(slots).ok()?;
        self.taken_max.fetch_max(self.taken(), Ordering::Relaxed);
        Some(permit)
    }

    pub(crate) fn taken(&self) -> u32 {
        self.total.saturating_sub(u32::try_from(self.free.available_permits()).unwrap_or(u32::MAX))
    }

    pub(crate) fn taken_max(&self) -> u32 {
        self.taken_max.load(Ordering::Relaxed)
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    /// Whether somebody waits.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.len() > 0
    }

    pub(crate) async fn take(&self, slots: u32) -> Result<OwnedSemaphorePermit, Error> {
        if let Some(permit) = self.take_free(slots) {
            return Ok(permit);
        }
        let _waiting = self.waiting.enter();
        let before = self.waiting.len().saturating_sub(1);
        if before >= self.waiting_max {
            return Err(self.exhausted(before));
        }
        metrics::counter!("caxton_sandbox_waits_total").increment(1);
        match tokio::time::timeout(self.wait_max, Arc::clone(&self.free).acquire_many_owned(slots)).await {
            Ok(permit) => permit.map_err(|_| Error::Stopping),
            Err(_) => Err(self.exhausted(self.waiting.len())),
        }
    }

    pub(crate) fn exhausted(&self, waiting: usize) -> Error {
        metrics::counter!("caxton_sandbox_exhausted_total").increment(1);
        Error::Exhausted { slots: self.total, waiting }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
