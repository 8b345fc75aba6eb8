//! How long calls took: a histogram in places that grow with the times.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Each power of two has so many places of the histogram: a time is known to an eighth.
const PLACES: u32 = 8;
const PLACES_LOG: u32 = PLACES.ilog2();
/// Times up to 2^36 us, which is 19 hours; longer ones count as that.
const LEN: usize = ((36 - PLACES_LOG + 1) * PLACES) as usize;

/// A histogram of times in places that grow with them.
pub(super) struct Times([AtomicU64; LEN]);

impl Default for Times {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; LEN])
    }
}

impl std::fmt::Debug for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Times").field(&self.quantiles([0.5, 0.99])).finish()
    }
}

impl Times {
    pub(super) fn add(&self, us: u64) {
        let place = place(us).min(LEN - 1);
        if let Some(count) = self.0.get(place) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// The times that these parts of all are not above; nothing where none was counted.
    pub(super) fn quantiles<const N: usize>(&self, parts: [f64; N]) -> [Option<u64>; N] {
        let counts: Vec<u64> = self.0.iter().map(|count| count.load(Relaxed)).collect();
        let all: u64 = counts.iter().sum();
        parts.map(|part| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a count")]
            let wanted = ((all as f64 * part).ceil() as u64).max(1);
            let mut seen = 0;
            counts
                .iter()
                .position(|count| {
                    seen += count;
                    seen >= wanted
                })
                .map(longest)
        })
    }
}

/// The place of a time: exact below [`PLACES`], then eight to each power of two.
fn place(us: u64) -> usize {
    let Some(log) = us.checked_ilog2().filter(|log| *log >= PLACES_LOG) else {
        return usize::try_from(us).unwrap_or_default();
    };
    let shift = log - PLACES_LOG;
    let within = usize::try_from(us >> shift).unwrap_or(usize::MAX);
    shift as usize * PLACES as usize + within
}

/// The longest time of a place.
fn longest(place: usize) -> u64 {
    let (place, places) = (place as u64, u64::from(PLACES));
    if place < places {
        return place;
    }
    let shift = place / places - 1;
    ((place % places + places + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_is_known_to_an_eighth(us in prop_oneof![0..64u64, 0..(1u64 << 36)]) {
            let longest = longest(place(us));
            prop_assert!(longest >= us && longest <= us + us / 8, "{us} counts as {longest}");
            prop_assert!(place(us) < LEN);
            prop_assert_eq!(place(longest), place(us));
            prop_assert_eq!(place(longest + 1), place(us) + 1);
        }
    }
}
