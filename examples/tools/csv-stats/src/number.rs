//! Numbers: reading them strictly, adding them without losing digits, printing them.

/// Reads a cell as a number: white space around, a sign, digits with at most one point, an exponent. Nothing else: no
/// thousands separators, no units, no `inf` and no `nan`, because a wrong guess would be a wrong answer.
pub(crate) fn parse(cell: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(cell.trim_ascii()).ok()?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // The rest of the grammar is that of `f64::from_str`; only its words must be kept out.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A sum that carries along what rounding loses (Neumaier).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    total: f64,
    carry: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, number: f64) {
        let total = self.total + number;
        self.carry += if self.total.abs() >= number.abs() { (self.total - total) + number } else { (number - total) + self.total };
        self.total = total;
    }

    pub(crate) fn value(self) -> f64 {
        let value = self.total + self.carry;
        if value.is_nan() { self.total } else { value }
    }
}

/// The shortest text that reads back as the same number.
pub(crate) fn exact(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() {
        "null".to_owned()
    } else if size != 0.0 && !(1e-9..1e21).contains(&size) {
        format!("{number:e}")
    } else {
        format!("{number}")
    }
}

/// At most twelve significant digits: what a reader wants to see.
pub(crate) fn readable(number: f64) -> String {
    let rounded = format!("{number:.11e}").parse().unwrap_or(number);
    exact(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_are_numbers() {
        for (cell, number) in [("1", 1.0), (" -2.50 ", -2.5), ("+.5", 0.5), ("7.", 7.0), ("1e3", 1000.0), ("007", 7.0), ("-0", 0.0)] {
            assert_eq!(parse(cell.as_bytes()), Some(number), "{cell}");
        }
        for cell in ["", " ", "-", ".", "1,5", "1 000", "0x10", "inf", "-inf", "NaN", "infinity", "1e999", "12px", "1_0", "e5"] {
            assert_eq!(parse(cell.as_bytes()), None, "{cell}");
        }
    }

    #[test]
    fn a_sum_keeps_small_numbers_beside_large_ones() {
        let mut sum = Sum::default();
        for number in [1e100, 1.0, -1e100, 1.0] {
            sum.add(number);
        }
        assert_eq!(sum.value().to_bits(), 2.0_f64.to_bits());
        let mut tenths = Sum::default();
        for _ in 0..1000 {
            tenths.add(0.1);
        }
        assert_eq!(tenths.value().to_bits(), 100.0_f64.to_bits());
    }

    #[test]
    fn numbers_print_short() {
        assert_eq!(exact(3.0), "3");
        assert_eq!(exact(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(readable(0.1 + 0.2), "0.3");
        assert_eq!(exact(1e300), "1e300");
        assert_eq!(exact(-2.5e-12), "-2.5e-12");
        assert_eq!(readable(1234.0), "1234");
    }
}
