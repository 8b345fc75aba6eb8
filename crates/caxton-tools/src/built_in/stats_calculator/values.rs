//! Where the numbers come from.

use crate::built_in::{
    Refusal,
    table::{Given, Table},
    work::Watch,
};
use serde::Deserialize;

/// The most numbers that are kept at once: for medians and ranks all of them are needed.
pub(super) const KEPT_MAX: usize = 5_000_000;

/// Numbers, or the name of the column that holds them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Series {
    Numbers(Vec<f64>),
    Column(String),
}

/// Rows of several series side by side; what is missing is none.
pub(super) struct Rows {
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Vec<Option<f64>>>,
}

/// Series of numbers, or columns of the table, row by row.
pub(super) fn rows(table: Option<Given>, series: Vec<Series>, names: &[&str], watch: &mut Watch) -> Result<Rows, Refusal> {
    let Some(given) = table else {
        let numbers: Vec<Vec<f64>> =
            series.into_iter().map(|series| if let Series::Numbers(numbers) = series { numbers } else { vec![] }).collect();
        let len = numbers.first().map_or(0, Vec::len);
        if let Some(other) = numbers.iter().find(|other| other.len() != len) {
            let reason = format!("the series have {len} and {} numbers", other.len());
            return Err(Refusal::invalid(reason).hint("give as many numbers in each: they belong together in pairs"));
        }
        let rows = (0..len).map(|at| numbers.iter().map(|series| series.get(at).copied()).collect()).collect();
        return Ok(Rows { names: names.iter().map(ToString::to_string).collect(), rows });
    };
    let table = Table::open(given, watch)?;
    let wanted: Vec<String> = series
        .into_iter()
        .map(|series| match series {
            Series::Column(name) => Ok(name),
            Series::Numbers(_) => Err(Refusal::invalid("numbers and a column are given").hint("give two columns, or two lists of numbers")),
        })
        .collect::<Result<_, _>>()?;
    let places = wanted.iter().map(|name| table.numeric(name)).collect::<Result<Vec<_>, _>>()?;
    let kept = usize::try_from(table.rows).unwrap_or(usize::MAX).saturating_mul(places.len());
    check_kept(kept)?;
    let mut rows = Vec::with_capacity(kept / places.len().max(1));
    table.each(watch, &mut |_, row| {
        rows.push(places.iter().map(|place| row.get(*place).and_then(crate::built_in::table::Cell::number)).collect());
        Ok(())
    })?;
    Ok(Rows { names: wanted, rows })
}

pub(super) fn check_kept(numbers: usize) -> Result<(), Refusal> {
    if numbers <= KEPT_MAX {
        return Ok(());
    }
    Err(Refusal::too_large(format!("{numbers} numbers are more than the {KEPT_MAX} that are compared at once"))
        .hint("ask for fewer columns, or a smaller table"))
}
