//! How series go together.

use super::{
    moments::Comoments,
    values::{self, Rows, Series},
};
use crate::built_in::{Answer, Refusal, float, table::Given, work::Watch};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) const COLUMNS_MAX: usize = 20;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Method {
    /// Of the numbers.
    #[default]
    Pearson,
    /// Of their ranks.
    Spearman,
}

impl Rows {
    /// The rows in which both series have a number.
    fn pairs(&self, one: usize, two: usize) -> Vec<(f64, f64)> {
        let number = |row: &[Option<f64>], at: usize| row.get(at).copied().flatten();
        self.rows.iter().filter_map(|row| Some((number(row, one)?, number(row, two)?))).collect()
    }

    fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }
}

pub(super) fn correlate(
    table: Option<Given>,
    columns: Option<Vec<String>>,
    x: Option<Series>,
    y: Option<Series>,
    method: Method,
    watch: &mut Watch,
) -> Result<Answer, Refusal> {
    let series = match (columns, x, y) {
        (Some(columns), None, None) => columns.into_iter().map(Series::Column).collect(),
        (None, Some(x), Some(y)) => vec![x, y],
        _ => return Err(Refusal::invalid("it is not said what to compare").hint("give `columns`, or `x` and `y`")),
    };
    let rows = values::rows(table, series, &["x", "y"], watch)?;
    let mut text = String::new();
    let mut results = Vec::new();
    for one in 0..rows.names.len() {
        for two in one + 1..rows.names.len() {
            watch.look()?;
            let pairs = rows.pairs(one, two);
            let found = match method {
                Method::Pearson => comoments(pairs.iter().copied()),
                Method::Spearman => {
                    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
                    comoments(ranks(&x).into_iter().zip(ranks(&y)))
                }
            };
            let coefficient = found.correlation();
            let shown = coefficient.map_or_else(|| "none, for one of them does not vary".to_owned(), float::shown);
            let _ = writeln!(text, "{} and {}: {shown} ({} pairs)", rows.name(one), rows.name(two), found.count);
            let coefficient = coefficient.map_or(Value::Null, float::json);
            results.push(json!({"x": rows.name(one), "y": rows.name(two), "coefficient": coefficient, "count": found.count}));
        }
    }
    let method = if method == Method::Pearson { "pearson" } else { "spearman" };
    Ok(Answer::new(text, json!({"method": method, "pairs": results})))
}

fn comoments(pairs: impl Iterator<Item = (f64, f64)>) -> Comoments {
    let mut found = Comoments::default();
    pairs.for_each(|(x, y)| found.add(x, y));
    found
}

/// The rank of each number; equal ones share the mean of theirs.
pub(super) fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = numbers.iter().copied().enumerate().collect();
    order.sort_unstable_by(|(_, one), (_, two)| one.total_cmp(two));
    let mut ranks = vec![0.0; numbers.len()];
    let mut first = 0;
    for tied in order.chunk_by(|(_, one), (_, two)| one.total_cmp(two).is_eq()) {
        let rank = float::of_len(first) + f64::midpoint(float::of_len(tied.len()), 1.0);
        for (place, _) in tied {
            if let Some(slot) = ranks.get_mut(*place) {
                *slot = rank;
            }
        }
        first += tied.len();
    }
    ranks
}

pub(super) fn regress(table: Option<Given>, x: Option<Series>, y: Option<Series>, watch: &mut Watch) -> Result<Answer, Refusal> {
    let (Some(x), Some(y)) = (x, y) else { return Err(Refusal::invalid("`x` or `y` is missing")) };
    let rows = values::rows(table, vec![x, y], &["x", "y"], watch)?;
    let pairs = rows.pairs(0, 1);
    let missing = rows.rows.len() - pairs.len();
    let found = comoments(pairs.iter().copied());
    if found.count < 2 || found.squares_x <= 0.0 {
        let reason = format!("no line can be laid through {} pairs in which `{}` does not vary", found.count, rows.name(0));
        return Err(Refusal::invalid(reason).hint("at least two pairs with different `x` are needed"));
    }
    let slope = found.products / found.squares_x;
    let intercept = found.mean_y - slope * found.mean_x;
    // What the line leaves, summed up as such: the difference of two large sums would not be exact.
    let left: f64 = pairs.iter().map(|(x, y)| (y - found.mean_y - slope * (x - found.mean_x)).powi(2)).sum();
    let r_squared = (found.squares_y > 0.0).then(|| (1.0 - left / found.squares_y).clamp(0.0, 1.0));
    let residual = (found.count > 2).then(|| (left / float::of_count(found.count - 2)).sqrt());
    let error = residual.map(|residual| residual / found.squares_x.sqrt());
    let or_null = |number: Option<f64>| number.map_or(Value::Null, float::json);
    let text = format!(
        "{} = {} + {} * {} ({} pairs, {missing} left out; r² = {})",
        rows.name(1),
        float::shown(intercept),
        float::shown(slope),
        rows.name(0),
        found.count,
        r_squared.map_or_else(|| "none".into(), float::shown)
    );
    let structured = json!({
        "slope": float::json(slope), "intercept": float::json(intercept), "r_squared": or_null(r_squared), "count": found.count, "missing": missing,
        "standard_error_of_slope": or_null(error), "residual_standard_error": or_null(residual)
    });
    Ok(Answer::new(text, structured))
}
