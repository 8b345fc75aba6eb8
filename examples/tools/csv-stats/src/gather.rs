//! Operations over the rows of a group: what each keeps from row to row, and what comes out.

use crate::{budget::Budget, json::Json, keys::Keys, number::Sum, tools::Error};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operation {
    Count,
    CountDistinct,
    Sum,
    Mean,
    Min,
    Max,
    Median,
    Percentile(f64),
    Stddev,
}

pub(crate) const OPERATIONS: [(&str, Operation); 9] = [
    ("count", Operation::Count),
    ("count_distinct", Operation::CountDistinct),
    ("sum", Operation::Sum),
    ("mean", Operation::Mean),
    ("min", Operation::Min),
    ("max", Operation::Max),
    ("median", Operation::Median),
    ("percentile", Operation::Percentile(50.0)),
    ("stddev", Operation::Stddev),
];

impl Operation {
    pub(crate) fn is_numeric(self) -> bool {
        !matches!(self, Self::Count | Self::CountDistinct)
    }

    pub(crate) fn gather(self) -> Gather {
        match self {
            Self::Count => Gather::Count,
            Self::CountDistinct => Gather::Distinct(Keys::default()),
            Self::Sum => Gather::Sum(Sum::default()),
            Self::Mean => Gather::Mean(Sum::default()),
            Self::Min => Gather::Extreme { sign: -1.0, best: None },
            Self::Max => Gather::Extreme { sign: 1.0, best: None },
            Self::Median => Gather::Values { percentile: 50.0, values: Vec::new() },
            Self::Percentile(percentile) => Gather::Values { percentile, values: Vec::new() },
            Self::Stddev => Gather::Spread { mean: 0.0, squares: 0.0 },
        }
    }
}

/// A row that holds a minimum or a maximum.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) value: f64,
    /// The data row, counted from 1.
    pub(crate) row: u64,
    pub(crate) cells: Json,
    /// How many rows hold the same value; this is the first.
    pub(crate) ties: u64,
    bytes: usize,
}

#[derive(Debug)]
pub(crate) enum Gather {
    Count,
    Distinct(Keys),
    Sum(Sum),
    Mean(Sum),
    Extreme {
        sign: f64,
        best: Option<Held>,
    },
    Values {
        percentile: f64,
        values: Vec<f64>,
    },
    /// Welford's running mean and sum of squared distances from it.
    Spread {
        mean: f64,
        squares: f64,
    },
}

impl Gather {
    /// Takes in a cell that is not empty.
    pub(crate) fn cell(&mut self, cell: &[u8], budget: &mut Budget) -> Result<(), Error> {
        if let Self::Distinct(seen) = self
            && seen.find(cell).is_none()
        {
            budget.take(Keys::weight(cell))?;
            seen.add(cell);
        }
        Ok(())
    }

    /// Takes in the `nth` number; `cells` is asked for the row only when it must be remembered.
    pub(crate) fn number(
        &mut self,
        number: f64,
        nth: u64,
        row: u64,
        cells: impl FnOnce() -> Json,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        match self {
            Self::Count | Self::Distinct(_) => {}
            Self::Sum(sum) | Self::Mean(sum) => sum.add(number),
            Self::Values { values, .. } => {
                // A growing vector holds up to twice what is in it.
                budget.take(2 * size_of::<f64>())?;
                values.push(number);
            }
            Self::Spread { mean, squares } => {
                let off = number - *mean;
                *mean += off / count(nth);
                *squares += off * (number - *mean);
            }
            Self::Extreme { sign, best } => match best {
                Some(held) if number * *sign < held.value * *sign => {}
                #[allow(clippy::float_cmp)] // The same number, not nearly the same.
                Some(held) if number == held.value => held.ties += 1,
                _ => {
                    let cells = cells();
                    let bytes = weight(&cells);
                    budget.take(bytes)?;
                    if let Some(before) = best.replace(Held { value: number, row, cells, ties: 1, bytes }) {
                        budget.give_back(before.bytes);
                    }
                }
            },
        }
        Ok(())
    }

    /// The answer: of a group with so many rows counted, so many of them with a number.
    pub(crate) fn finish(&mut self, counted: u64, numbers: u64) -> Option<f64> {
        match self {
            Self::Count => Some(count(counted)),
            Self::Distinct(seen) => Some(count(seen.len() as u64)),
            Self::Sum(sum) => (numbers > 0).then(|| sum.value()),
            Self::Mean(sum) => (numbers > 0).then(|| sum.value() / count(numbers)),
            Self::Extreme { best, .. } => best.as_ref().map(|held| held.value),
            Self::Values { percentile, values } => quantile(values, *percentile),
            Self::Spread { squares, .. } => (numbers > 1).then(|| (*squares / count(numbers - 1)).sqrt()),
        }
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        match self {
            Self::Extreme { best, .. } => best.as_ref(),
            _ => None,
        }
    }
}

/// Linear interpolation between the two nearest ranks, as spreadsheets and `NumPy` do it.
fn quantile(values: &mut [f64], percentile: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let place = count(values.len().checked_sub(1)? as u64) * percentile / 100.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and the length.
    let below = place as usize;
    let low = *values.get(below)?;
    let high = values.get(below + 1).copied().unwrap_or(low);
    Some(low + (high - low) * place.fract())
}

#[allow(clippy::cast_precision_loss)] // Counts stay far below 2^53.
fn count(count: u64) -> f64 {
    count as f64
}

fn weight(cells: &Json) -> usize {
    match cells {
        Json::Object(fields) => fields.iter().map(|(key, value)| key.len() + weight(value) + 96).sum(),
        Json::Text(text) => text.len(),
        _ => 0,
    }
}
