//! How long to wait before a server is tried again.

use std::time::{Duration, Instant};

/// The first retry comes at once, every further one after twice the time, up to a bound; a server that held for a while begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
    up_since: Option<Instant>,
}

/// A server that held so long is a sound one again.
const HELD: Duration = Duration::from_mins(1);

impl Backoff {
    /// None has failed yet.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0, up_since: None }
    }

    /// It is up.
    pub const fn succeeded(&mut self, now: Instant) {
        self.up_since = Some(now);
    }

    /// It is down, or could not be brought up: how long to wait before the next attempt.
    pub fn failed(&mut self, now: Instant) -> Duration {
        if self.up_since.take().is_some_and(|since| now.saturating_duration_since(since) >= HELD) {
            self.failures = 0;
        }
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        match failures {
            0 => Duration::ZERO,
            _ => self.first.saturating_mul(1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX)).min(self.longest),
        }
    }

    /// How often in a row it has failed.
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_bound_and_begins_anew_after_a_while() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
        let now = Instant::now();
        let waits: Vec<u64> = (0..9).map(|_| backoff.failed(now).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        backoff.succeeded(now);
        assert_eq!(backoff.failed(now + Duration::from_secs(59)).as_secs(), 60, "a server that dies soon is no sound one");
        backoff.succeeded(now);
        assert_eq!(backoff.failed(now + HELD).as_secs(), 0);
        assert_eq!(backoff.failures(), 1);
        for _ in 0..100 {
            assert!(backoff.failed(now) <= Duration::from_mins(1));
        }
    }
}
