//! What the demo's answers must say, computed apart from everything that answers: no tool, no parser of ours.

use std::collections::BTreeMap;

/// The column of a table without quotes, by its name.
fn column<'t>(table: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let mut lines = table.lines();
    let at = lines.next().and_then(|header| header.split(',').position(|column| column == name)).unwrap_or(usize::MAX);
    lines.filter_map(move |line| line.split(',').nth(at))
}

/// The mean of a column of numbers.
pub(super) fn mean(table: &str, name: &str) -> f64 {
    let (count, sum) =
        column(table, name).filter_map(|cell| cell.parse::<f64>().ok()).fold((0u32, 0.0), |(count, sum), cell| (count + 1, sum + cell));
    sum / f64::from(count.max(1))
}

/// The value that stands most often in a column, and how often.
pub(super) fn most_frequent<'t>(table: &'t str, name: &str) -> (&'t str, u32) {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    column(table, name).for_each(|cell| *counts.entry(cell).or_default() += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).unwrap_or(("", 0))
}

/// Whether the text states the number: exactly, or rounded to the digits it gives, at least two of them behind the point.
pub(super) fn states(text: &str, number: f64) -> bool {
    let digits = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    text.split(|c| !digits(c)).map(|word| word.trim_end_matches(['.', '-'])).any(|word| {
        let Ok(stated) = word.parse::<f64>() else { return false };
        let decimals = word.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let tolerance = 0.5 * 10f64.powi(-i32::try_from(decimals).unwrap_or(i32::MAX).min(12));
        let whole = number.fract() == 0.0;
        (whole || decimals >= 2) && (stated - number).abs() <= tolerance.max(number.abs() * 1e-12)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "city,height\nVienna,1.5\nGraz,2\nGraz,4\n";

    #[test]
    fn figures_of_a_table() {
        assert!((mean(TABLE, "height") - 2.5).abs() < 1e-12);
        assert_eq!(most_frequent(TABLE, "city"), ("Graz", 2));
        assert_eq!(most_frequent("", "city"), ("", 0));
    }

    #[test]
    fn a_number_is_stated_as_it_is_or_rounded() {
        for text in ["the mean is 17.955029904306215.", "17.96", "about 17.955 (418 rows)", "x=17.95503,y"] {
            assert!(states(text, 17.955_029_904_306_215), "{text}");
        }
        for text in ["", "18", "17.9", "17.956", "117.955", "-17.955"] {
            assert!(!states(text, 17.955_029_904_306_215), "{text}");
        }
        assert!(states("there are 418 rows", 418.0));
        assert!(!states("there are 4180 rows", 418.0));
        assert!(!states("there are 417.6 rows", 418.0));
    }
}
