//! What became of the calls of each tool, counted while they end: no lock is held for longer than it takes to write down one error.

mod times;

use self::times::Times;
use caxton_store::now;
use caxton_types::{Code, Metering, Timestamp, ToolId};
use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// What became of the calls of one tool in one workspace since the server started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolStats {
    /// Calls that ended, denied ones not among them.
    pub calls: u64,
    /// Calls under way.
    pub running: u64,
    /// Calls that gave no result, by kind.
    pub errors: Vec<(Code, u64)>,
    /// Results that report an error of the tool itself.
    pub error_results: u64,
    /// Calls that were refused.
    pub denials: u64,
    /// Wall time of half of the calls and of nearly all of them, in microseconds.
    pub p50_us: Option<u64>,
    pub p99_us: Option<u64>,
    /// The most memory that a call held, in bytes.
    pub memory_peak: Option<u64>,
    /// Processor time of all calls, in microseconds.
    pub cpu_us: u64,
    pub last_at: Option<Timestamp>,
    pub last_error: Option<LastError>,
}

/// The last call that gave no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    pub at: Timestamp,
    pub code: Code,
    /// Its first characters.
    pub reason: Box<str>,
}

/// The longest reason that is kept, in characters.
const REASON_LEN_MAX: usize = 300;

impl ToolStats {
    /// Calls that gave no result, and results that report an error.
    pub fn failed(&self) -> u64 {
        self.errors.iter().fold(self.error_results, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// The tallies of the tools of one workspace.
#[derive(Debug, Default)]
pub(crate) struct Tallies(RwLock<HashMap<ToolId, Arc<Tally>, RandomState>>);

impl Tallies {
    pub(crate) fn of(&self, id: &ToolId) -> Arc<Tally> {
        if let Some(tally) = self.0.read().get(id) {
            return Arc::clone(tally);
        }
        Arc::clone(self.0.write().entry(id.clone()).or_insert_with(|| Arc::new(Tally::new(id))))
    }

    pub(crate) fn stats(&self, id: &ToolId) -> ToolStats {
        self.0.read().get(id).map(|tally| tally.stats()).unwrap_or_default()
    }

    /// Forgets the tools that are gone.
    pub(crate) fn retain(&self, is_there: impl Fn(&ToolId) -> bool) {
        self.0.write().retain(|id, _| is_there(id));
    }
}

/// Counts the calls of one tool.
#[derive(Debug)]
pub(crate) struct Tally {
    tool: String,
    calls: AtomicU64,
    running: AtomicU64,
    errors: [AtomicU64; Code::ALL.len()],
    error_results: AtomicU64,
    denials: AtomicU64,
    times: Times,
    memory_peak: AtomicU64,
    cpu_us: AtomicU64,
    /// When the last call ended or was refused, in microseconds of [`Timestamp`]; zero before the first.
    last_at: AtomicI64,
    last_error: Mutex<Option<LastError>>,
    ok: Meters,
    error: Meters,
}

/// The process's own metrics of one tool, by how its calls end.
#[derive(Debug)]
struct Meters {
    calls: metrics::Counter,
    seconds: metrics::Histogram,
}

impl Meters {
    fn new(tool: &str, status: &'static str) -> Self {
        let labels = [("tool", tool.to_owned()), ("status", status.to_owned())];
        let calls = metrics::counter!("caxton_tool_calls_total", &labels);
        Self { calls, seconds: metrics::histogram!("caxton_tool_call_duration_seconds", &labels) }
    }

    fn add(&self, wall_us: u64) {
        self.calls.increment(1);
        self.seconds.record(Duration::from_micros(wall_us).as_secs_f64());
    }
}

impl Tally {
    fn new(id: &ToolId) -> Self {
        let tool = id.to_string();
        Self {
            calls: AtomicU64::default(),
            running: AtomicU64::default(),
            errors: Default::default(),
            error_results: AtomicU64::default(),
            denials: AtomicU64::default(),
            times: Times::default(),
            memory_peak: AtomicU64::default(),
            cpu_us: AtomicU64::default(),
            last_at: AtomicI64::default(),
            last_error: Mutex::default(),
            ok: Meters::new(&tool, "ok"),
            error: Meters::new(&tool, "error"),
            tool,
        }
    }

    /// Counts a call that began then as under way until it ends.
    pub(crate) fn begin(self: Arc<Self>, began: Instant) -> Running {
        self.running.fetch_add(1, Relaxed);
        Running { tally: self, began, has_ended: false }
    }

    /// Counts a call that was refused before it began.
    pub(crate) fn denied(&self, reason: &str) {
        self.deny();
        self.remember(Code::Denied, reason);
    }

    fn deny(&self) {
        self.denials.fetch_add(1, Relaxed);
        metrics::counter!("caxton_tool_denials_total", "tool" => self.tool.clone()).increment(1);
    }

    fn count(&self, wall_us: u64) {
        self.calls.fetch_add(1, Relaxed);
        self.times.add(wall_us);
    }

    fn ended(&self, wall_us: u64, metering: &Metering, is_error: bool) {
        self.count(wall_us);
        self.cpu_us.fetch_add(metering.cpu_us.unwrap_or_default(), Relaxed);
        let memory = metering.memory_peak.unwrap_or_default();
        // Most calls take no more than one before them, and to look is less than to write.
        if memory > self.memory_peak.load(Relaxed) {
            self.memory_peak.fetch_max(memory, Relaxed);
        }
        if is_error {
            self.error_results.fetch_add(1, Relaxed);
        }
        self.ok.add(wall_us);
        self.last_at.store(now().as_micros(), Relaxed);
    }

    fn failed(&self, wall_us: u64, code: Code, reason: &str) {
        self.count(wall_us);
        if let Some(count) = self.errors.get(code as usize) {
            count.fetch_add(1, Relaxed);
        }
        if code == Code::Denied {
            self.deny();
        }
        self.error.add(wall_us);
        metrics::counter!("caxton_tool_errors_total", "tool" => self.tool.clone(), "code" => code.as_str()).increment(1);
        self.remember(code, reason);
    }

    fn remember(&self, code: Code, reason: &str) {
        let at = now();
        let reason = reason.chars().take(REASON_LEN_MAX).collect::<String>().into();
        self.last_at.store(at.as_micros(), Relaxed);
        *self.last_error.lock() = Some(LastError { at, code, reason });
    }

    fn stats(&self) -> ToolStats {
        let read = |count: &AtomicU64| count.load(Relaxed);
        let errors = Code::ALL.into_iter().zip(&self.errors).map(|(code, count)| (code, read(count))).filter(|(_, count)| *count > 0);
        let [p50_us, p99_us] = self.times.quantiles([0.5, 0.99]);
        // Written after `last_at`, and so read before it.
        let last_error = self.last_error.lock().clone();
        ToolStats {
            calls: read(&self.calls),
            running: read(&self.running),
            errors: errors.collect(),
            error_results: read(&self.error_results),
            denials: read(&self.denials),
            p50_us,
            p99_us,
            memory_peak: Some(read(&self.memory_peak)).filter(|peak| *peak > 0),
            cpu_us: read(&self.cpu_us),
            last_at: Some(self.last_at.load(Relaxed)).filter(|at| *at != 0).map(Timestamp::from_micros),
            last_error,
        }
    }
}

/// A call under way. One that is dropped before it ended was given up, which counts too.
#[derive(Debug)]
pub(crate) struct Running {
    tally: Arc<Tally>,
    began: Instant,
    has_ended: bool,
}

impl Running {
    /// The call gave a result; returns its wall time in microseconds.
    pub(crate) fn ended(mut self, metering: &Metering, is_error: bool) -> u64 {
        let wall_us = self.end();
        self.tally.ended(wall_us, metering, is_error);
        wall_us
    }

    /// The call gave none; returns its wall time in microseconds.
    pub(crate) fn failed(mut self, code: Code, reason: &str) -> u64 {
        let wall_us = self.end();
        self.tally.failed(wall_us, code, reason);
        wall_us
    }

    /// The tool tried something that it is not granted; the call goes on.
    pub(crate) fn denied(&self, reason: &str) {
        self.tally.denied(reason);
    }

    fn end(&mut self) -> u64 {
        self.has_ended = true;
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            let wall_us = self.end();
            self.tally.failed(wall_us, Code::Cancelled, "it was given up");
        }
        self.tally.running.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(memory: u64) -> Metering {
        Metering { memory_peak: Some(memory), cpu_us: Some(1), ..Metering::default() }
    }

    #[test]
    fn what_became_of_calls_is_counted() {
        let tallies = Tallies::default();
        let [one, other]: [ToolId; 2] = ["csv/stats", "csv/describe"].map(|id| id.parse().unwrap());
        let tally = tallies.of(&one);
        let running = Arc::clone(&tally).begin(Instant::now());
        assert_eq!(tallies.stats(&one).last_at, None);
        for wall_us in 1..=100 {
            tally.ended(wall_us * 10, &took(101 - wall_us), wall_us == 7);
        }
        assert!(tallies.stats(&one).last_at.is_some());
        tally.failed(5000, Code::Deadline, &"slow ".repeat(100));
        tally.denied("not allowed");
        let stats = tallies.stats(&one);
        assert_eq!((stats.calls, stats.running, stats.failed(), stats.denials), (101, 1, 2, 1));
        assert_eq!((&*stats.errors, stats.error_results), (&[(Code::Deadline, 1)][..], 1));
        assert_eq!((stats.memory_peak, stats.cpu_us), (Some(100), 100));
        let (p50, p99) = (stats.p50_us.unwrap(), stats.p99_us.unwrap());
        assert!((510..=575).contains(&p50) && (990..=1120).contains(&p99), "{p50} {p99}");
        assert_eq!(stats.last_at, stats.last_error.as_ref().map(|error| error.at));
        assert_eq!(stats.last_error.map(|error| (error.code, error.reason)), Some((Code::Denied, "not allowed".into())));
        drop(running);
        assert_eq!(tallies.stats(&one).errors, [(Code::Deadline, 1), (Code::Cancelled, 1)]);
        assert_eq!((tallies.stats(&one).running, tallies.stats(&other)), (0, ToolStats::default()));
        tallies.retain(|id| *id == other);
        assert_eq!(tallies.stats(&one), ToolStats::default());
    }
}
