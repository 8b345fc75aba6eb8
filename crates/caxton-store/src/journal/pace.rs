//! How quick commits are and how many want one at a time.

use caxton_types::Durability;
use std::time::Duration;

/// A commit that takes longer would keep others from a worker of the runtime.
const QUICK_MAX: Duration = Duration::from_micros(500);
/// From so many at once they are better off in one transaction.
const CROWD_LEN: usize = 3;
/// After a crowd so many commits must be of few before it counts as gone.
const CROWD_GONE_AFTER: u8 = 16;

/// What the last commits tell of the next one.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How long a commit of one batch takes, without and with a sync; a moving average over about eight.
    took: [Option<Duration>; 2],
    crowd: u8,
}

impl Pace {
    pub(super) fn took(&mut self, len: usize, durability: Durability, took: Duration) {
        self.others_wait(len.saturating_sub(1));
        if len == 1 {
            let average = self.of(durability);
            *average = Some(average.map_or(took, |before| before * 7 / 8 + took / 8));
        }
    }

    /// So many more wanted a commit at the same time.
    pub(super) fn others_wait(&mut self, len: usize) {
        self.crowd = if len + 1 >= CROWD_LEN { CROWD_GONE_AFTER } else { self.crowd.saturating_sub(1) };
    }

    pub(super) fn is_quick(&self, durability: Durability) -> bool {
        let [normal, full] = self.took;
        let took = if durability == Durability::Full { full } else { normal };
        self.crowd == 0 && took.is_some_and(|took| took <= QUICK_MAX)
    }

    fn of(&mut self, durability: Durability) -> &mut Option<Duration> {
        let [normal, full] = &mut self.took;
        if durability == Durability::Full { full } else { normal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(80);
    const SLOW: Duration = Duration::from_millis(30);

    #[test]
    fn nothing_is_quick_before_it_was_seen_and_each_promise_counts_for_itself() {
        let mut pace = Pace::default();
        assert!(!pace.is_quick(Durability::Normal));
        pace.took(1, Durability::Normal, QUICK);
        assert!(pace.is_quick(Durability::Normal) && !pace.is_quick(Durability::Full));
    }

    #[test]
    fn a_disk_that_became_slow_is_noticed_at_once_and_trusted_again_after_a_while() {
        let mut pace = Pace::default();
        pace.took(1, Durability::Full, QUICK);
        pace.took(1, Durability::Full, SLOW);
        assert!(!pace.is_quick(Durability::Full));
        let again = (0..100).position(|_| {
            pace.took(1, Durability::Full, QUICK);
            pace.is_quick(Durability::Full)
        });
        assert!(again.is_some_and(|commits| commits > 4), "{again:?}");
    }

    #[test]
    fn a_crowd_is_left_to_the_thread_until_it_is_gone() {
        let mut pace = Pace::default();
        pace.took(1, Durability::Normal, QUICK);
        pace.took(8, Durability::Normal, SLOW);
        for _ in 0..CROWD_GONE_AFTER {
            assert!(!pace.is_quick(Durability::Normal));
            pace.took(1, Durability::Normal, QUICK);
        }
        assert!(pace.is_quick(Durability::Normal));
        pace.others_wait(2);
        assert!(!pace.is_quick(Durability::Normal));
    }
}
