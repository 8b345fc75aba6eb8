//! Axes with ticks that people can read.

use crate::built_in::float;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

const SECOND: f64 = 1e6;
const DAY: f64 = 86_400.0 * SECOND;
const TICKS_MAX: usize = 100;

/// An axis: from where to where, and its ticks with their labels.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    ticks: Vec<(f64, String)>,
}

impl Scale {
    /// Round numbers around all values: Heckbert, "Nice numbers for graph labels" (1990).
    pub(super) fn numbers(low: f64, high: f64, ticks: usize) -> Self {
        let (low, high) = widened(low, high);
        let step = nice((high - low) / float::of_len(ticks.max(1)));
        let (from, to) = ((low / step).floor() * step, (high / step).ceil() * step);
        let count = float::to_index(((to - from) / step).round(), TICKS_MAX);
        // As many digits as the step has.
        let digits = float::to_index(-step.log10().floor(), 12);
        let label = |tick: f64| if (1e-6..1e15).contains(&step) { format!("{tick:.digits$}") } else { float::shown(tick) };
        // Not summed up, so that no error adds up; and nothing is `-0`.
        let at = |number: usize| from + step * float::of_len(number) + 0.0;
        Self { from, to, ticks: (0..=count).map(|number| (at(number), label(at(number)))).collect() }
    }

    /// Names side by side; where not all find room, every second one is shown, or every third, …
    pub(super) fn names(names: &[String], width: usize) -> Self {
        let len = names.iter().map(|name| name.chars().count().min(NAME_LEN)).max().unwrap_or(1);
        let room = (width / (len * 7 + 10)).max(1);
        let every = names.len().div_ceil(room).max(1);
        let ticks = names.iter().enumerate().step_by(every).map(|(at, name)| (float::of_len(at), shortened(name))).collect();
        Self { from: -0.5, to: float::of_len(names.len()) - 0.5, ticks }
    }

    /// Round moments between the first and the last.
    pub(super) fn moments(low: f64, high: f64, ticks: usize) -> Self {
        let (low, high) = if high > low { (low, high) } else { (low - DAY / 2.0, high + DAY / 2.0) };
        let wanted = (high - low) / float::of_len(ticks.max(1));
        let steps = [
            1.0,
            5.0,
            15.0,
            30.0,
            60.0,
            300.0,
            900.0,
            1800.0,
            3600.0,
            10_800.0,
            21_600.0,
            43_200.0,
            86_400.0,
            172_800.0,
            604_800.0,
            1_209_600.0,
        ];
        let ticks = match steps.iter().map(|step| step * SECOND).find(|step| *step >= wanted) {
            Some(step) => {
                let first = (low / step).ceil() * step;
                let count = float::to_index(((high - first) / step).floor(), TICKS_MAX);
                (0..=count).map(|number| first + step * float::of_len(number)).filter(|tick| *tick <= high).collect()
            }
            None => months(low, high, wanted),
        };
        let is_daily = ticks.iter().all(|tick| (tick / DAY).fract() == 0.0);
        let label = |tick: f64| if is_daily { moment(tick).chars().take(10).collect() } else { moment(tick) };
        Self { from: low, to: high, ticks: ticks.into_iter().map(|tick| (tick, label(tick))).collect() }
    }
}

const NAME_LEN: usize = 18;

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_LEN { name.to_owned() } else { name.chars().take(NAME_LEN - 1).chain(['…']).collect() }
}

/// A range that is not empty.
fn widened(low: f64, high: f64) -> (f64, f64) {
    let room = if low.abs() > 1.0 { low.abs() / 10.0 } else { 0.5 };
    if high - low > low.abs() * 1e-12 { (low, high) } else { (low - room, high + room) }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let part = step / power;
    power
        * if part <= 1.0 {
            1.0
        } else if part <= 2.0 {
            2.0
        } else if part <= 5.0 {
            5.0
        } else {
            10.0
        }
}

/// Firsts of months, every first, second, third, sixth, or of years.
fn months(low: f64, high: f64, wanted: f64) -> Vec<f64> {
    let apart = wanted / (30.44 * DAY);
    let every = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200].into_iter().find(|months| float::of_len(*months) >= apart).unwrap_or(2400);
    let Some(begin) = civil(low) else { return vec![] };
    let mut month = usize::try_from(begin.year()).unwrap_or_default() * 12 + usize::try_from(begin.month() - 1).unwrap_or_default();
    month = month.div_ceil(every) * every;
    let mut ticks = Vec::new();
    while ticks.len() < TICKS_MAX {
        let (Ok(year), Ok(of_year)) = (i16::try_from(month / 12), i8::try_from(month % 12 + 1)) else { break };
        let Ok(time) = DateTime::new(year, of_year, 1, 0, 0, 0, 0) else { break };
        let Ok(zoned) = time.to_zoned(TimeZone::UTC) else { break };
        let tick = float::of_integer(zoned.timestamp().as_microsecond());
        if tick > high {
            break;
        }
        if tick >= low {
            ticks.push(tick);
        }
        month += every;
    }
    ticks
}

fn civil(micros: f64) -> Option<DateTime> {
    #[expect(clippy::cast_possible_truncation, reason = "a moment came from whole microseconds")]
    Timestamp::from_microsecond(micros as i64).ok().map(|time| time.to_zoned(TimeZone::UTC).datetime())
}

/// A moment as people write it: the time only where there is one.
pub(super) fn moment(micros: f64) -> String {
    let Some(time) = civil(micros) else { return String::new() };
    let (date, clock) = (time.date(), time.time());
    match (clock.hour(), clock.minute(), clock.second()) {
        (0, 0, 0) => date.to_string(),
        (hour, minute, 0) => format!("{date} {hour:02}:{minute:02}"),
        (hour, minute, second) => format!("{date} {hour:02}:{minute:02}:{second:02}"),
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        let part = (value - self.from) / (self.to - self.from);
        #[expect(clippy::cast_possible_truncation, reason = "a place on the paper; a cast saturates")]
        let at = (f64::from(low) + part * f64::from(high - low)).round() as i32;
        at
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(tick, _)| *tick).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|(tick, _)| tick.total_cmp(value).is_eq()).map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Scale::numbers(0.0, 97.0, 5)), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&Scale::numbers(0.12, 0.31, 5)), ["0.10", "0.15", "0.20", "0.25", "0.30", "0.35"]);
        assert_eq!(labels(&Scale::numbers(-3.0, 4.0, 4)), ["-4", "-2", "0", "2", "4"]);
        assert_eq!(labels(&Scale::numbers(5.0, 5.0, 2)), ["4.5", "5.0", "5.5"]);
        let day = |text: &str| float::of_integer(text.parse::<Timestamp>().unwrap().as_microsecond());
        assert_eq!(
            labels(&Scale::moments(day("2026-01-15T00:00:00Z"), day("2026-06-02T00:00:00Z"), 5)),
            ["2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01"]
        );
        assert_eq!(
            labels(&Scale::moments(day("2026-01-15T09:10:00Z"), day("2026-01-15T10:05:00Z"), 4)),
            ["2026-01-15 09:15", "2026-01-15 09:30", "2026-01-15 09:45", "2026-01-15 10:00"]
        );
        let names: Vec<String> = (0..40).map(|at| format!("name {at}")).collect();
        assert_eq!(
            labels(&Scale::names(&names, 600)),
            ["name 0", "name 4", "name 8", "name 12", "name 16", "name 20", "name 24", "name 28", "name 32", "name 36"]
        );
    }
}
