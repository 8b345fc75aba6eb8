//! What one call has used, counted while it runs, and what ends it when that is too much.
//!
//! Everything that works for the guest counts here, on whatever task it runs; whoever drives the call looks whether a
//! limit is exceeded. A guest goes on for a tick at most after that, and whatever it answers then does not count.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool, AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use caxton_types::{error::ResourceError, unit::ByteSize};
use parking_lot::Mutex;

use crate::{Limits, Usage};

/// What is kept of what a guest prints.
const OUTPUT_KEPT: usize = 8 << 10;
/// What is kept of what a guest was denied.
const DENIALS_MAX: usize = 16;
/// What is told of each of them: a guest's path may be of any length.
const DENIAL_LEN_MAX: usize = 512;

/// Something that a guest tried and was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What it tried, such as `GET https://example.com:443`; of a long one the beginning.
    pub what: String,
    /// The key of its permissions that would grant it, or that it belongs to where nothing would.
    pub key: &'static str,
}

#[derive(Default)]
pub(crate) struct Account {
    limits: Limits,
    /// The guest has used up its first slice of time.
    pub(crate) is_long: AtomicBool,
    cpu_ns: AtomicU64,
    memory_peak: AtomicU64,
    open_files: AtomicU32,
    open_files_peak: AtomicU32,
    disk_written: AtomicU64,
    printed: AtomicU64,
    result: AtomicU64,
    requests: AtomicU32,
    sent: AtomicU64,
    received: AtomicU64,
    exceeded: OnceLock<ResourceError>,
    /// Whether anything was printed or denied; most calls have neither, and take no lock.
    has_notes: AtomicBool,
    output: Mutex<Vec<u8>>,
    denials: Mutex<Vec<Denial>>,
}

/// A limit is exceeded; the call ends with it, whatever the guest makes of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a limit of the call is exceeded")]
pub(crate) struct Exceeded;

impl Account {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, ..Self::default() })
    }

    /// Begins to count anew. What is open stays counted: it is still open.
    pub(crate) fn renew(&self) {
        self.is_long.store(false, Relaxed);
        for counter in [&self.cpu_ns, &self.memory_peak, &self.disk_written, &self.printed, &self.result, &self.sent, &self.received] {
            counter.store(0, Relaxed);
        }
        self.requests.store(0, Relaxed);
        self.open_files_peak.store(self.open_files.load(Relaxed), Relaxed);
        if self.has_notes.swap(false, Relaxed) {
            self.output.lock().clear();
            self.denials.lock().clear();
        }
    }

    /// What an instance was made with. Those of time are the call's that made it, and count for no other.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The limit that was exceeded first.
    pub(crate) fn exceeded(&self) -> Option<&ResourceError> {
        self.exceeded.get()
    }

    pub(crate) fn exceed(&self, error: ResourceError) -> Exceeded {
        // The first one is the cause; those after it follow from it.
        drop(self.exceeded.set(error));
        Exceeded
    }

    /// Adds time spent computing; returns the sum.
    pub(crate) fn compute(&self, time: Duration) -> Duration {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.cpu_ns.fetch_add(time, Relaxed).saturating_add(time))
    }

    pub(crate) fn remember_memory(&self, peak: usize) {
        self.memory_peak.fetch_max(peak as u64, Relaxed);
    }

    /// Counts what a guest prints, and keeps the first of it.
    pub(crate) fn print(&self, bytes: &[u8]) -> Result<(), Exceeded> {
        {
            let mut kept = self.output.lock();
            self.has_notes.store(true, Release);
            let room = OUTPUT_KEPT.saturating_sub(kept.len()).min(bytes.len());
            kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
        }
        self.charge(&self.printed, bytes.len() as u64, self.limits.printed, |limit| ResourceError::PrintLimitExceeded { limit })
    }

    /// Counts a result. Whether it is too large is said by [`Account::exceeded`]: the guest is told nothing any more.
    pub(crate) fn answer(&self, len: usize) {
        let _exceeded = self.charge(&self.result, len as u64, self.limits.output, |limit| ResourceError::OutputLimitExceeded { limit });
    }

    /// Counts bytes before they are written to disk.
    pub(crate) fn write(&self, len: u64) -> Result<(), Exceeded> {
        self.charge(&self.disk_written, len, self.limits.disk, |limit| ResourceError::DiskLimitExceeded { limit })
    }

    /// How many more bytes may be sent, at least one.
    pub(crate) fn may_send(&self) -> Result<usize, Exceeded> {
        let limit = self.limits.egress;
        match limit.get().saturating_sub(self.sent.load(Relaxed)) {
            0 => Err(self.exceed(ResourceError::EgressLimitExceeded { limit })),
            left => Ok(usize::try_from(left).unwrap_or(usize::MAX)),
        }
    }

    pub(crate) fn send(&self, len: usize) -> Result<(), Exceeded> {
        self.charge(&self.sent, len as u64, self.limits.egress, |limit| ResourceError::EgressLimitExceeded { limit })
    }

    /// Takes back what was counted and then not sent.
    pub(crate) fn unsend(&self, len: usize) {
        self.sent.fetch_sub(len as u64, Relaxed);
    }

    pub(crate) fn receive(&self, len: usize) -> Result<(), Exceeded> {
        self.charge(&self.received, len as u64, self.limits.ingress, |limit| ResourceError::IngressLimitExceeded { limit })
    }

    /// Counts a request before it is sent, or a connection before it is opened.
    pub(crate) fn request(&self) -> Result<(), Exceeded> {
        let limit = self.limits.requests;
        if self.requests.fetch_add(1, Relaxed) < limit {
            return Ok(());
        }
        self.requests.fetch_sub(1, Relaxed);
        Err(self.exceed(ResourceError::RequestLimitExceeded { limit }))
    }

    /// Counts a file while it is open.
    pub(crate) fn open(self: &Arc<Self>) -> Result<OpenFile, Exceeded> {
        let limit = self.limits.open_files;
        let open = self.open_files.fetch_add(1, Relaxed).saturating_add(1);
        let file = OpenFile(Arc::clone(self));
        if open > limit {
            return Err(self.exceed(ResourceError::OpenFilesLimitExceeded { limit }));
        }
        self.open_files_peak.fetch_max(open, Relaxed);
        Ok(file)
    }

    /// Writes down what was refused; more than a few of one call tell nothing new.
    pub(crate) fn deny(&self, mut what: String, key: &'static str) {
        metrics::counter!("caxton_sandbox_denials_total", "key" => key).increment(1);
        let mut denials = self.denials.lock();
        self.has_notes.store(true, Release);
        if denials.len() < DENIALS_MAX {
            if what.len() > DENIAL_LEN_MAX {
                what.truncate(what.floor_char_boundary(DENIAL_LEN_MAX));
                what.push('…');
            }
            tracing::info!(what, key, "a guest was denied what it tried");
            denials.push(Denial { what, key });
        }
    }

    pub(crate) fn take_denials(&self) -> Vec<Denial> {
        if self.has_notes.load(Acquire) { std::mem::take(&mut self.denials.lock()) } else { Vec::new() }
    }

    pub(crate) fn with_output(&self, see: impl FnOnce(&str)) {
        if !self.has_notes.load(Acquire) {
            return;
        }
        let output = self.output.lock();
        if !output.is_empty() {
            see(&String::from_utf8_lossy(&output));
        }
    }

    pub(crate) fn usage(&self, wall: Duration) -> Usage {
        Usage {
            wall,
            cpu: Duration::from_nanos(self.cpu_ns.load(Relaxed)),
            memory_peak: ByteSize::new(self.memory_peak.load(Relaxed)),
            open_files: self.open_files_peak.load(Relaxed),
            disk_written: ByteSize::new(self.disk_written.load(Relaxed)),
            printed: ByteSize::new(self.printed.load(Relaxed)),
            result: ByteSize::new(self.result.load(Relaxed)),
            requests: self.requests.load(Relaxed),
            sent: ByteSize::new(self.sent.load(Relaxed)),
            received: ByteSize::new(self.received.load(Relaxed)),
        }
    }

    /// What is refused is not counted: the sum is what was done.
    fn charge(&self, counter: &AtomicU64, len: u64, limit: ByteSize, error: fn(ByteSize) -> ResourceError) -> Result<(), Exceeded> {
        let before = counter.fetch_add(len, Relaxed);
        if before.saturating_add(len) <= limit.get() {
            return Ok(());
        }
        counter.fetch_sub(len, Relaxed);
        Err(self.exceed(error(limit)))
    }
}

/// A file that is open; shared by a descriptor and the streams made of it.
pub(crate) struct OpenFile(Arc<Account>);

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.0.open_files.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_limit_that_is_exceeded_is_the_one_told() {
        let account = Account::new(Limits { disk: ByteSize::new(10), requests: 1, open_files: 1, ..Limits::default() });
        assert_eq!(account.write(10), Ok(()));
        assert_eq!(account.write(1), Err(Exceeded));
        assert_eq!(account.request(), Ok(()));
        assert_eq!(account.request(), Err(Exceeded));
        assert_eq!(account.exceeded(), Some(&ResourceError::DiskLimitExceeded { limit: ByteSize::new(10) }));
        let file = account.open();
        assert!(file.is_ok() && account.open().is_err());
        drop(file);
        assert!(account.open().is_ok());
        let usage = account.usage(Duration::ZERO);
        assert_eq!((usage.disk_written, usage.requests, usage.open_files), (ByteSize::new(10), 1, 1));
    }
}
