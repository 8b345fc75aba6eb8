//! Numbers as doubles, and doubles as JSON.

use serde_json::Value;

/// A count as a double; beyond 2^53, which no bound of ours comes near, the nearest one.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) const fn of_count(count: u64) -> f64 {
    count as f64
}

/// A length as a double.
#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^53")]
pub(crate) const fn of_len(len: usize) -> f64 {
    len as f64
}

/// The nearest double of a whole number.
#[expect(clippy::cast_precision_loss, reason = "doubles are what statistics compute in")]
pub(crate) const fn of_integer(number: i64) -> f64 {
    number as f64
}

/// The whole part of a double that is known to be within 0 and the bound, or the nearest of the two.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a double saturates, and is bounded here")]
pub(crate) fn to_index(number: f64, max: usize) -> usize {
    (number as usize).min(max)
}

/// As JSON has it: a whole number without a point, null where it is no number.
pub(crate) fn json(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^53")]
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 { Value::from(number as i64) } else { Value::from(number) }
}

/// Short, for people and models: at most twelve significant digits.
pub(crate) fn shown(number: f64) -> String {
    if number == 0.0 {
        return "0".into();
    }
    let rounded: f64 = format!("{number:.11e}").parse().unwrap_or(number);
    if (1e-4..1e15).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_shown_as_short_as_it_is() {
        for (number, expected) in
            [(0.1 + 0.2, "0.3"), (2.0, "2"), (-1.5, "-1.5"), (1e300, "1e300"), (0.000_012_5, "1.25e-5"), (1.0 / 3.0, "0.333333333333")]
        {
            assert_eq!(shown(number), expected);
        }
    }

    #[test]
    fn a_whole_number_is_whole_in_json() {
        assert_eq!([json(3.0), json(0.5), json(f64::NAN), json(1e300)].map(|value| value.to_string()), ["3", "0.5", "null", "1e+300"]);
    }
}
