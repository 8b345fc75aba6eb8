//! How long to wait before the next attempt.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

/// The longest pause that we choose ourselves; a provider may ask for a longer one.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Exponential backoff with full jitter: each pause is random between nothing and a bound that doubles.
pub(super) struct Backoff {
    bound: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration) -> Self {
        Self { bound: first.min(PAUSE_MAX) }
    }

    /// The next pause. What the provider asked for is waited in full, and the jitter comes on top.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let jitter = self.bound.mul_f64(random_share());
        self.bound = self.bound.saturating_mul(2).min(PAUSE_MAX);
        asked.unwrap_or_default().saturating_add(jitter)
    }
}

/// Between 0 and 1. Each `RandomState` is seeded anew, which is all the randomness that a pause needs.
fn random_share() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(bits >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_a_bound_that_doubles_up_to_its_own() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        for bound in [1, 2, 4, 8, 16, 30, 30] {
            assert!(backoff.next(None) <= Duration::from_secs(bound));
        }
    }

    #[test]
    fn what_the_provider_asks_for_is_waited_at_least() {
        let mut backoff = Backoff::new(Duration::from_millis(10));
        let pause = backoff.next(Some(Duration::from_secs(7)));
        assert!((Duration::from_secs(7)..=Duration::from_millis(7010)).contains(&pause), "{pause:?}");
    }

    #[test]
    fn pauses_differ() {
        let shares: std::collections::BTreeSet<_> = (0..16).map(|_| random_share().to_bits()).collect();
        assert!(shares.len() > 1);
    }
}
