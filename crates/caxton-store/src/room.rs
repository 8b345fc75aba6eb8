//! How much room is left, and who is refused before there is none: new work from outside, so that what is under way can still end.

use crate::Error;
use caxton_types::{Fact, Party, WorkspaceName, unit::ByteSize};
use metrics::{Counter, Gauge};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A look at the free space of the disk holds so long.
const LOOK_HOLDS: Duration = Duration::from_secs(1);
/// The least and the most that is kept for what is under way.
const RESERVE: std::ops::RangeInclusive<u64> = 1 << 20..=256 << 20;

/// The bounds of what is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskBounds {
    /// The most bytes that journals, projections and blobs hold; no bound where nothing is said.
    pub used_max: Option<ByteSize>,
    /// The least bytes that must be free on the disk.
    pub free_min: ByteSize,
}

impl Default for DiskBounds {
    fn default() -> Self {
        Self { used_max: None, free_min: ByteSize::mib(64) }
    }
}

impl DiskBounds {
    /// What of it only work under way may use.
    fn reserve(used_max: u64) -> u64 {
        (used_max / 16).clamp(*RESERVE.start(), *RESERVE.end()).min(used_max / 2)
    }

    /// The most that one database may hold.
    pub(crate) fn database_max(&self) -> Option<u64> {
        self.used_max.map(ByteSize::get)
    }
}

pub(crate) struct Room {
    dir: PathBuf,
    bounds: DiskBounds,
    /// What the databases of each workspace hold, as their writers say.
    databases: Mutex<HashMap<WorkspaceName, u64>>,
    files: AtomicU64,
    looked: Mutex<Option<(Instant, u64)>>,
    used: Gauge,
    refusals: Counter,
}

impl Room {
    pub(crate) fn new(dir: PathBuf, bounds: DiskBounds, files: u64) -> Self {
        Self {
            dir,
            bounds,
            databases: Mutex::default(),
            files: AtomicU64::new(files),
            looked: Mutex::default(),
            used: metrics::gauge!("disk_used_bytes"),
            refusals: metrics::counter!("disk_refusals_total"),
        }
    }

    /// The databases of the workspace hold so much now.
    pub(crate) fn holds(&self, workspace: &WorkspaceName, bytes: u64) {
        self.databases.lock().insert(workspace.clone(), bytes);
        #[expect(clippy::cast_precision_loss, reason = "a size to look at")]
        self.used.set(self.used() as f64);
    }

    pub(crate) fn file_added(&self, bytes: u64) {
        self.files.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn file_removed(&self, bytes: u64) {
        // Files that were there at the start are counted, so this is never more.
        let _ = self.files.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |files| Some(files.saturating_sub(bytes)));
    }

    /// What journals, projections and blobs hold.
    pub(crate) fn used(&self) -> u64 {
        self.databases.lock().values().sum::<u64>().saturating_add(self.files.load(Ordering::Relaxed))
    }

    /// Refuses new work where there is not enough room.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refused = self.shortage();
        if refused.is_some() {
            self.refusals.increment(1);
        }
        refused.map_or(Ok(()), Err)
    }

    fn shortage(&self) -> Option<Error> {
        if let Some(max) = self.bounds.used_max {
            let used = self.used();
            if used > max.get() - DiskBounds::reserve(max.get()) {
                return Some(Error::Ceiling { used: ByteSize::new(used), max });
            }
        }
        let free_min = self.bounds.free_min;
        let free = self.free()?;
        (free < free_min.get()).then(|| Error::DiskLow { free: ByteSize::new(free), free_min })
    }

    /// The free bytes of the disk, as of a moment ago; nothing where that cannot be told.
    fn free(&self) -> Option<u64> {
        if self.bounds.free_min.get() == 0 {
            return None;
        }
        let mut looked = self.looked.lock();
        if let Some((at, free)) = *looked
            && at.elapsed() < LOOK_HOLDS
        {
            return Some(free);
        }
        let found = rustix::fs::statvfs(&self.dir).ok()?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        *looked = Some((Instant::now(), free));
        Some(free)
    }
}

/// Whether a fact brings new work from outside, or is one that can be done again later.
pub(crate) fn is_new_work(fact: &Fact) -> bool {
    match fact {
        Fact::MessageAccepted { message, to: Some(_), .. } => matches!(message.sender, Party::Client(_)),
        Fact::Deployed { .. } => true,
        _ => false,
    }
}
