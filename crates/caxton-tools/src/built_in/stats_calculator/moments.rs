//! Mean and spread in one pass.

use crate::built_in::float;

/// Sum, mean and spread of the numbers seen so far.
///
/// The mean and the squares move with each number (Welford, "Note on a method for calculating corrected sums of squares
/// and products", 1962), the sum carries what rounding lost (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur
/// Summation endlicher Summen", 1974): neither cancels where numbers are large and lie close together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
    sum: f64,
    lost: f64,
    min: f64,
    max: f64,
}

impl Moments {
    pub(crate) fn add(&mut self, number: f64) {
        if self.count == 0 {
            (self.min, self.max) = (number, number);
        }
        self.count += 1;
        let before = number - self.mean;
        self.mean += before / float::of_count(self.count);
        self.squares += before * (number - self.mean);
        let sum = self.sum + number;
        self.lost += if self.sum.abs() >= number.abs() { (self.sum - sum) + number } else { (number - sum) + self.sum };
        self.sum = sum;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum + self.lost
    }

    /// From the sum, which is the more exact of the two.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum() / float::of_count(self.count) }
    }

    pub(crate) const fn min(&self) -> f64 {
        self.min
    }

    pub(crate) const fn max(&self) -> f64 {
        self.max
    }

    /// Of all there is; nothing for no number.
    pub(crate) fn variance_population(&self) -> Option<f64> {
        (self.count > 0).then(|| self.squares.max(0.0) / float::of_count(self.count))
    }

    /// Of what the numbers are a sample of; nothing for fewer than two.
    pub(crate) fn variance_sample(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares.max(0.0) / float::of_count(self.count - 1))
    }
}

/// How two series move together: the sums of Pébay, "Formulas for robust, one-pass parallel computation of covariances and
/// arbitrary-order statistical moments" (2008).
#[derive(Debug, Clone, Default)]
pub(super) struct Comoments {
    pub(super) count: u64,
    pub(super) mean_x: f64,
    pub(super) mean_y: f64,
    pub(super) squares_x: f64,
    pub(super) squares_y: f64,
    pub(super) products: f64,
}

impl Comoments {
    pub(super) fn add(&mut self, x: f64, y: f64) {
        self.count += 1;
        let count = float::of_count(self.count);
        let (before_x, before_y) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += before_x / count;
        self.mean_y += before_y / count;
        self.squares_x += before_x * (x - self.mean_x);
        self.squares_y += before_y * (y - self.mean_y);
        self.products += before_x * (y - self.mean_y);
    }

    /// Pearson's coefficient; nothing where one of the series does not move.
    pub(super) fn correlation(&self) -> Option<f64> {
        let both = self.squares_x.sqrt() * self.squares_y.sqrt();
        (self.count > 1 && both > 0.0).then(|| (self.products / both).clamp(-1.0, 1.0))
    }
}
