//! Percentiles.

use crate::built_in::float;

pub(super) const METHOD: &str = "linear interpolation (Hyndman and Fan, type 7)";

/// The percentile of sorted numbers: Hyndman and Fan, "Sample quantiles in statistical packages" (1996), type 7, as
/// spreadsheets, R and `NumPy` have it by default. Nothing for no number.
pub(super) fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = float::of_len(last) * percent / 100.0;
    let below = float::to_index(at.floor(), last);
    let (low, high) = (*sorted.get(below)?, *sorted.get((below + 1).min(last))?);
    let part = at - float::of_len(below);
    // Not `low + part * (high - low)`, which overflows between huge numbers.
    Some(if part > 0.0 { low * (1.0 - part) + high * part } else { low })
}
