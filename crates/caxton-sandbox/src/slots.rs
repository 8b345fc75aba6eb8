//! Who may run: a bounded number at once, a bounded number waiting, nobody refused before that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;

pub(crate) struct Slots {
    free: Arc<Semaphore>,
    total: u32,
    waiting: AtomicUsize,
    waiting_max: usize,
    wait_max: Duration,
}

/// One who waits; leaving, also by being dropped, makes room.
struct Waiting<'a>(&'a AtomicUsize);

impl Slots {
    pub(crate) fn new(total: u32, waiting_max: usize, wait_max: Duration) -> Self {
        let free = Arc::new(Semaphore::new(total as usize));
        Self { free, total, waiting: AtomicUsize::new(0), waiting_max, wait_max }
    }

    pub(crate) fn take_free(&self, slots: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_many_owned(slots).ok()
    }

    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    /// Whether somebody waits.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    pub(crate) async fn take(&self, slots: u32) -> Result<OwnedSemaphorePermit, Error> {
        if let Some(permit) = self.take_free(slots) {
            return Ok(permit);
        }
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        if before >= self.waiting_max {
            return Err(self.exhausted(before));
        }
        metrics::counter!("caxton_sandbox_waits_total").increment(1);
        match tokio::time::timeout(self.wait_max, Arc::clone(&self.free).acquire_many_owned(slots)).await {
            Ok(permit) => permit.map_err(|_| Error::Stopping),
            Err(_) => Err(self.exhausted(self.waiting.load(Ordering::Acquire))),
        }
    }

    fn exhausted(&self, waiting: usize) -> Error {
        metrics::counter!("caxton_sandbox_exhausted_total").increment(1);
        Error::Exhausted { slots: self.total, waiting }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
