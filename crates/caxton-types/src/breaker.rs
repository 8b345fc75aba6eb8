//! A circuit breaker: who keeps failing is left alone for a while, then tried with care.
//!
//! It opens after so many failures in a row, as Envoy's outlier detection does (`consecutive_5xx`, 5 by default), and stays open for a
//! base time multiplied by how often in a row it has opened, up to a bound (`base_ejection_time` and `max_ejection_time`, there and in
//! gRPC's proposal A50). A rate over a window would need traffic that a provider of models or a tool seldom sees.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// The bounds of a [`Breaker`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// So many failures in a row open it; none counts as one.
    pub failures_max: u32,
    /// How long it stays open the first time; the second time in a row twice as long, the third three times.
    pub open_for: Duration,
    /// The longest that it stays open.
    pub open_for_max: Duration,
    /// The most calls at the same time while it is half-open; none counts as one.
    pub probes_max: u32,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self { failures_max: 5, open_for: Duration::from_secs(30), open_for_max: Duration::from_mins(5), probes_max: 1 }
    }
}

/// Whether calls go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// All do.
    #[default]
    Closed,
    /// None does.
    Open,
    /// A few do, to find out.
    HalfOpen,
}

impl BreakerState {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A breaker went from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerChange {
    /// The state before.
    pub from: BreakerState,
    /// The state from now on.
    pub to: BreakerState,
}

/// What a call says of whom it called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallVerdict {
    /// It works.
    Success,
    /// It does not.
    Failure,
    /// Nothing: the call was called off.
    Unknown,
}

/// The right to one call. It must come back with a verdict, or a place among the probes stays taken.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a call that is never settled keeps its place"]
pub struct Permit {
    epoch: u64,
}

/// A call may go through.
#[derive(Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The right to it.
    pub permit: Permit,
    /// Open became half-open, where this is the first probe.
    pub change: Option<BreakerChange>,
}

/// A call may not go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// When it is worth asking again; nothing where that depends on a probe under way.
    pub retry_in: Duration,
}

/// One circuit breaker; the time is told to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    options: BreakerOptions,
    phase: Phase,
    /// How often in a row it has opened without closing.
    openings: u32,
    /// Counts changes: a call that was admitted before the last one says nothing of now.
    epoch: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { probes: u32 },
}

impl Breaker {
    /// A closed one.
    pub const fn new(options: BreakerOptions) -> Self {
        Self { options, phase: Phase::Closed { failures: 0 }, openings: 0, epoch: 0 }
    }

    /// The state that it is in; an open one stays open until somebody asks after its time.
    pub const fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Whether a call may go through now.
    pub fn admit(&mut self, now: Instant) -> Result<Admitted, Rejected> {
        let change = match &mut self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { until } if now < *until => return Err(Rejected { retry_in: until.saturating_duration_since(now) }),
            Phase::Open { .. } => Some(self.go(Phase::HalfOpen { probes: 1 })),
            Phase::HalfOpen { probes } if *probes < self.options.probes_max.max(1) => {
                *probes += 1;
                None
            }
            Phase::HalfOpen { .. } => return Err(Rejected { retry_in: Duration::ZERO }),
        };
        Ok(Admitted { permit: Permit { epoch: self.epoch }, change })
    }

    /// What came of an admitted call.
    pub fn settle(&mut self, permit: Permit, verdict: CallVerdict, now: Instant) -> Option<BreakerChange> {
        if permit.epoch != self.epoch {
            return None;
        }
        match (&mut self.phase, verdict) {
            (Phase::Closed { failures }, CallVerdict::Success) => *failures = 0,
            (Phase::Closed { failures }, CallVerdict::Failure) => {
                *failures = failures.saturating_add(1);
                if *failures >= self.options.failures_max.max(1) {
                    return Some(self.open(now));
                }
            }
            (Phase::HalfOpen { .. }, CallVerdict::Success) => {
                self.openings = 0;
                return Some(self.go(Phase::Closed { failures: 0 }));
            }
            (Phase::HalfOpen { .. }, CallVerdict::Failure) => return Some(self.open(now)),
            (Phase::HalfOpen { probes }, CallVerdict::Unknown) => *probes = probes.saturating_sub(1),
            // No permit has the epoch of an open breaker.
            (Phase::Closed { .. }, CallVerdict::Unknown) | (Phase::Open { .. }, _) => {}
        }
        None
    }

    fn open(&mut self, now: Instant) -> BreakerChange {
        self.openings = self.openings.saturating_add(1);
        let period = self.options.open_for.saturating_mul(self.openings).min(self.options.open_for_max);
        self.go(Phase::Open { until: now.checked_add(period).unwrap_or(now) })
    }

    fn go(&mut self, phase: Phase) -> BreakerChange {
        let from = self.state();
        self.phase = phase;
        self.epoch += 1;
        BreakerChange { from, to: self.state() }
    }
}

#[cfg(test)]
mod tests;
