//! Histograms.

use super::{
    quantile::percentile,
    values::{self, Series},
};
use crate::built_in::{Answer, Refusal, float, table::Given, work::Watch};
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(crate) const BINS_MAX: usize = 200;

/// One class: from `low` on and below `high`; the last one has its upper end too.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bin {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) count: u64,
}

pub(super) fn histogram(table: Option<Given>, series: Option<Series>, bins: Option<usize>, watch: &mut Watch) -> Result<Answer, Refusal> {
    let series = series.ok_or_else(|| Refusal::invalid("`values` is missing"))?;
    let rows = values::rows(table, vec![series], &["values"], watch)?;
    let name = rows.names.first().cloned().unwrap_or_default();
    let total = rows.rows.len();
    let mut numbers: Vec<f64> = rows.rows.into_iter().flatten().flatten().collect();
    let missing = total - numbers.len();
    numbers.sort_unstable_by(f64::total_cmp);
    let bins = spread(&numbers, bins);
    if bins.is_empty() {
        return Err(Refusal::invalid(format!("`{name}` holds no number")).hint("`data_reader/profile` shows what the columns hold"));
    }
    let mut text = format!("{name}: {} numbers, {missing} missing\n", numbers.len());
    for Bin { low, high, count } in &bins {
        let _ = writeln!(text, "{} to {}: {count}", float::shown(*low), float::shown(*high));
    }
    let bins: Vec<Value> =
        bins.iter().map(|bin| json!({"low": float::json(bin.low), "high": float::json(bin.high), "count": bin.count})).collect();
    Ok(Answer::new(text, json!({"count": numbers.len(), "missing": missing, "bins": bins})))
}

/// Classes of equal width over sorted numbers; where no number of them is given, the narrower of what Sturges (1926) and
/// Freedman and Diaconis (1981) say.
pub(crate) fn spread(sorted: &[f64], bins: Option<usize>) -> Vec<Bin> {
    let (Some(min), Some(max)) = (sorted.first().copied(), sorted.last().copied()) else { return vec![] };
    // Halves first: the range of two doubles may be no double.
    let half = max / 2.0 - min / 2.0;
    if half <= 0.0 {
        return vec![Bin { low: min, high: max, count: sorted.len() as u64 }];
    }
    let len = bins.unwrap_or_else(|| bins_for(sorted, half)).clamp(1, BINS_MAX);
    let edge = |at: usize| if at == len { max } else { min + half * (2.0 * float::of_len(at) / float::of_len(len)) };
    let mut bins: Vec<Bin> = (0..len).map(|at| Bin { low: edge(at), high: edge(at + 1), count: 0 }).collect();
    let mut at = 0;
    for number in sorted {
        while at + 1 < len && bins.get(at).is_some_and(|bin| *number >= bin.high) {
            at += 1;
        }
        if let Some(bin) = bins.get_mut(at) {
            bin.count += 1;
        }
    }
    bins
}

fn bins_for(sorted: &[f64], half: f64) -> usize {
    let count = float::of_len(sorted.len());
    let sturges = count.log2() + 1.0;
    let quartile = |percent| percentile(sorted, percent).unwrap_or_default();
    let width = 2.0 * (quartile(75.0) - quartile(25.0)) / count.cbrt();
    let freedman = if width > 0.0 { 2.0 * half / width } else { 0.0 };
    float::to_index(sturges.max(freedman).ceil(), BINS_MAX)
}
