//! What an agent's tools may use within a window of time, all calls together.
//!
//! Counted in a few buckets that pass away one after the other, so that the bound holds over any window and little is
//! kept. A call is let in by what was used before it; what it uses counts when it ends.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use caxton_types::{AgentName, WorkspaceName, error::ResourceError, unit::ByteSize};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{Usage, account::Account, sandbox::Shared};

const BUCKETS: u64 = 12;

/// What an agent's tools may use within a window; none is no bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowOptions {
    /// How long the window is.
    pub window: Duration,
    /// Calls that begin.
    pub calls: Option<u64>,
    /// Time spent computing.
    pub cpu: Option<Duration>,
    /// What is sent to the network.
    pub egress: Option<ByteSize>,
    /// What is written to disk.
    pub disk: Option<ByteSize>,
    /// How many agents are kept in mind; of more, those that have called nothing for longest are forgotten.
    pub agents_max: usize,
}

impl Default for WindowOptions {
    fn default() -> Self {
        Self { window: Duration::from_mins(1), calls: None, cpu: None, egress: None, disk: None, agents_max: 10_000 }
    }
}

/// One quantity of a sum.
type Of = fn(&Sum) -> u64;

/// Its bound as an error tells it. Every call is checked, under the lock of all agents: only a bound that is reached is put into words.
type Shown = fn(&WindowOptions) -> String;

/// Whose call it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    pub workspace: WorkspaceName,
    /// None for calls from outside of any turn: those of a workspace have one share of the sandbox, and no window.
    pub agent: Option<AgentName>,
}

pub(crate) struct Windows {
    options: WindowOptions,
    began: Instant,
    of: Mutex<HashMap<Caller, Ring>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    calls: u64,
    cpu_ns: u64,
    sent: u64,
    written: u64,
}

/// The last buckets of time, each with its number, the oldest first.
#[derive(Default)]
struct Ring(VecDeque<(u64, Sum)>);

impl Windows {
    pub(crate) fn new(options: WindowOptions) -> Self {
        Self { options, began: Instant::now(), of: Mutex::default() }
    }

    /// Counts a call, unless its agent has used up what it may.
    pub(crate) fn admit(&self, caller: &Caller) -> Result<(), ResourceError> {
        if self.is_open() { Ok(()) } else { self.admit_at(caller, self.began.elapsed()) }
    }

    pub(crate) fn charge(&self, caller: &Caller, usage: &Usage) {
        self.charge_at(caller, usage, self.began.elapsed());
    }

    /// Whether there is nothing to count.
    fn is_open(&self) -> bool {
        let WindowOptions { calls, cpu, egress, disk, .. } = &self.options;
        calls.is_none() && cpu.is_none() && egress.is_none() && disk.is_none()
    }

    fn admit_at(&self, caller: &Caller, now: Duration) -> Result<(), ResourceError> {
        let Some(agent) = &caller.agent else { return Ok(()) };
        let bucket = self.bucket(now);
        let mut of = self.of.lock();
        if !of.contains_key(caller) && of.len() >= self.options.agents_max {
            forget(&mut of, bucket);
        }
        let ring = of.entry(caller.clone()).or_default();
        if let Some((quantity, limit, until)) = self.over(ring, bucket) {
            let (agent, window) = (agent.clone(), self.options.window);
            return Err(ResourceError::WindowExceeded { agent, quantity, limit, window, free_in: until.saturating_sub(now) });
        }
        ring.add(bucket, |sum| sum.calls += 1);
        Ok(())
    }

    fn charge_at(&self, caller: &Caller, usage: &Usage, now: Duration) {
        let bucket = self.bucket(now);
        if let Some(ring) = self.of.lock().get_mut(caller) {
            ring.add(bucket, |sum| {
                sum.cpu_ns = sum.cpu_ns.saturating_add(nanos(usage.cpu));
                sum.sent = sum.sent.saturating_add(usage.sent.get());
                sum.written = sum.written.saturating_add(usage.disk_written.get());
            });
        }
    }

    /// The bound that is reached, and since the beginning when it frees up.
    fn over(&self, ring: &Ring, bucket: u64) -> Option<(&'static str, Box<str>, Duration)> {
        let WindowOptions { calls, cpu, egress, disk, .. } = &self.options;
        let bounds: [(&'static str, Option<u64>, Of, Shown); 4] = [
            ("calls", *calls, |sum| sum.calls, |options| shown(options.calls)),
            ("processor time", cpu.map(nanos), |sum| sum.cpu_ns, |options| shown(options.cpu.map(|cpu| format!("{} ms", cpu.as_millis())))),
            ("bytes sent", egress.map(ByteSize::get), |sum| sum.sent, |options| shown(options.egress)),
            ("bytes written", disk.map(ByteSize::get), |sum| sum.written, |options| shown(options.disk)),
        ];
        let reached = bounds.into_iter().filter_map(|(quantity, limit, of, shown)| {
            let limit = limit?;
            let mut total = ring.live(bucket).map(|(_, sum)| of(sum)).fold(0, u64::saturating_add);
            if total < limit {
                return None;
            }
            // The oldest go first; with the one that brings it under the limit it frees up.
            let mut last = bucket;
            for (number, sum) in ring.live(bucket) {
                total = total.saturating_sub(of(sum));
                last = *number;
                if total < limit {
                    break;
                }
            }
            Some((quantity, shown, self.begin_of(last.saturating_add(BUCKETS))))
        });
        let (quantity, shown, until) = reached.max_by_key(|(.., until)| *until)?;
        Some((quantity, shown(&self.options).into_boxed_str(), until))
    }

    /// Of eleven that make a window: the twelfth is the one that fills.
    fn step(&self) -> Duration {
        (self.options.window / 11).max(Duration::from_millis(1))
    }

    fn bucket(&self, now: Duration) -> u64 {
        u64::try_from(now.as_nanos() / self.step().as_nanos()).unwrap_or(u64::MAX)
    }

    fn begin_of(&self, bucket: u64) -> Duration {
        self.step().saturating_mul(u32::try_from(bucket).unwrap_or(u32::MAX))
    }
}

impl Ring {
    /// Adds to a bucket, after what is past is gone.
    fn add(&mut self, bucket: u64, add: impl FnOnce(&mut Sum)) {
        let Self(buckets) = self;
        while buckets.front().is_some_and(|(number, _)| !is_live(*number, bucket)) {
            buckets.pop_front();
        }
        match buckets.back_mut() {
            Some((number, sum)) if *number >= bucket => add(sum),
            _ => {
                let mut sum = Sum::default();
                add(&mut sum);
                buckets.push_back((bucket, sum));
            }
        }
    }

    fn live(&self, bucket: u64) -> impl Iterator<Item = &(u64, Sum)> {
        self.0.iter().filter(move |(number, _)| is_live(*number, bucket))
    }

    fn latest(&self) -> u64 {
        self.0.back().map_or(0, |(number, _)| *number)
    }
}

fn is_live(number: u64, bucket: u64) -> bool {
    number.saturating_add(BUCKETS) > bucket
}

fn shown(bound: Option<impl ToString>) -> String {
    bound.map(|bound| bound.to_string()).unwrap_or_default()
}

/// Charges a call to its caller's window when it ends, also by being dropped.
pub(crate) struct Charged {
    caller: Caller,
    account: Arc<Account>,
    shared: Arc<Shared>,
}

impl Charged {
    /// Nothing where no window has a bound.
    pub(crate) fn new(caller: Caller, account: &Arc<Account>, shared: &Arc<Shared>) -> Option<Self> {
        (!shared.windows.is_open()).then(|| Self { caller, account: Arc::clone(account), shared: Arc::clone(shared) })
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        self.shared.windows.charge(&self.caller, &self.account.usage(Duration::ZERO));
    }
}

/// Makes room: all whose window has passed, and at least the one that has called nothing for longest.
fn forget(of: &mut HashMap<Caller, Ring>, bucket: u64) {
    of.retain(|_, ring| is_live(ring.latest(), bucket));
    let idle = of.iter().min_by_key(|(_, ring)| ring.latest()).map(|(caller, _)| caller.clone());
    if let Some(idle) = idle {
        of.remove(&idle);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(agent: &str) -> Caller {
        Caller { workspace: "main".parse().unwrap(), agent: Some(agent.parse().unwrap()) }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn windows(change: impl FnOnce(&mut WindowOptions)) -> Windows {
        let mut options = WindowOptions { window: seconds(11), ..WindowOptions::default() };
        change(&mut options);
        Windows::new(options)
    }

    #[test]
    fn calls_are_bounded_over_any_window_and_free_up_when_told() {
        let windows = windows(|options| options.calls = Some(3));
        let sum = caller("sum");
        for now in [0, 1, 2] {
            windows.admit_at(&sum, seconds(now)).unwrap();
        }
        let error = windows.admit_at(&sum, seconds(5)).unwrap_err();
        assert_eq!(error.to_string(), "agent `sum` has used its 3 calls of 11000 ms; some are free again in 7000 ms");
        // Others are not concerned.
        windows.admit_at(&caller("other"), seconds(5)).unwrap();
        assert!(windows.admit_at(&sum, Duration::from_millis(11_999)).is_err());
        windows.admit_at(&sum, seconds(12)).unwrap();
        assert!(windows.admit_at(&sum, seconds(12)).is_err());
    }

    #[test]
    fn what_calls_use_counts_when_they_end() {
        let windows = windows(|options| (options.egress, options.cpu) = (Some(ByteSize::new(100)), Some(seconds(2))));
        let sum = caller("sum");
        windows.admit_at(&sum, seconds(0)).unwrap();
        windows.charge_at(&sum, &Usage { sent: ByteSize::new(99), ..Usage::default() }, seconds(0));
        windows.admit_at(&sum, seconds(1)).unwrap();
        windows.charge_at(&sum, &Usage { sent: ByteSize::new(1), cpu: seconds(2), ..Usage::default() }, seconds(1));
        let error = windows.admit_at(&sum, seconds(2)).unwrap_err();
        assert!(
            matches!(error, ResourceError::WindowExceeded { quantity: "processor time", free_in, .. } if free_in == seconds(11)),
            "{error}"
        );
        let error = windows.admit_at(&sum, seconds(12)).unwrap_err();
        assert!(error.to_string().contains("2000 ms processor time"), "{error}");
        windows.admit_at(&sum, seconds(13)).unwrap();
    }

    #[test]
    fn no_more_agents_are_kept_in_mind_than_allowed() {
        let windows = windows(|options| (options.calls, options.agents_max) = (Some(1), 2));
        for (now, name) in ["one", "two", "three"].into_iter().enumerate() {
            windows.admit_at(&caller(name), seconds(now as u64)).unwrap();
        }
        assert_eq!(windows.of.lock().len(), 2);
        assert!(windows.admit_at(&caller("three"), seconds(3)).is_err());
        assert!(windows.admit_at(&caller("one"), seconds(3)).is_ok());
    }

    #[test]
    fn without_bounds_nothing_is_kept() {
        let windows = windows(|_| ());
        windows.admit(&caller("sum")).unwrap();
        windows.charge(&caller("sum"), &Usage::default());
        assert!(windows.of.lock().is_empty());
    }
}
