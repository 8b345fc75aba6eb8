//! What the vendors' models cost, for those who configure no prices of their own.

use caxton_types::{Money, Price};

/// The day of the built-in prices.
///
/// They are the vendors' list prices in US dollars for plain calls, as the table of `LiteLLM` (`model_prices_and_context_window.json`) had them
/// that day: without batches, caches and priority, so that a bill is seldom higher. A model that is dearer for long requests is left out:
/// one figure would be wrong for half of its calls.
pub const PRICES_AS_OF: &str = "2026-07-24";

/// A model with its price per million tokens read and written, in thousandths of a dollar.
type Row = (&'static str, u64, u64);

pub(crate) const OPENAI: [Row; 27] = [
    ("gpt-3.5-turbo", 500, 1_500),
    ("gpt-4", 30_000, 60_000),
    ("gpt-4-turbo", 10_000, 30_000),
    ("gpt-4.1", 2_000, 8_000),
    ("gpt-4.1-mini", 400, 1_600),
    ("gpt-4.1-nano", 100, 400),
    ("gpt-4o", 2_500, 10_000),
    ("gpt-4o-2024-05-13", 5_000, 15_000),
    ("gpt-4o-mini", 150, 600),
    ("gpt-5", 1_250, 10_000),
    ("gpt-5-chat", 1_250, 10_000),
    ("gpt-5-mini", 250, 2_000),
    ("gpt-5-nano", 50, 400),
    ("gpt-5-pro", 15_000, 120_000),
    ("gpt-5.1", 1_250, 10_000),
    ("gpt-5.1-chat", 1_250, 10_000),
    ("gpt-5.2", 1_750, 14_000),
    ("gpt-5.2-chat", 1_750, 14_000),
    ("gpt-5.2-pro", 21_000, 168_000),
    ("gpt-5.3-chat", 1_750, 14_000),
    ("gpt-5.4-mini", 750, 4_500),
    ("gpt-5.4-nano", 200, 1_250),
    ("o1", 15_000, 60_000),
    ("o3", 2_000, 8_000),
    ("o3-mini", 1_100, 4_400),
    ("o3-pro", 20_000, 80_000),
    ("o4-mini", 1_100, 4_400),
];

pub(crate) const ANTHROPIC: [Row; 14] = [
    ("claude-3-haiku", 250, 1_250),
    ("claude-3-opus", 15_000, 75_000),
    ("claude-3-7-sonnet", 3_000, 15_000),
    ("claude-haiku-4-5", 1_000, 5_000),
    ("claude-opus-4", 15_000, 75_000),
    ("claude-opus-4-0", 15_000, 75_000),
    ("claude-opus-4-1", 15_000, 75_000),
    ("claude-opus-4-5", 5_000, 25_000),
    ("claude-opus-4-6", 5_000, 25_000),
    ("claude-opus-4-7", 5_000, 25_000),
    // The dearer window above 200,000 tokens must be asked for with a header that is not sent here.
    ("claude-sonnet-4", 3_000, 15_000),
    ("claude-sonnet-4-0", 3_000, 15_000),
    ("claude-sonnet-4-5", 3_000, 15_000),
    ("claude-sonnet-4-6", 3_000, 15_000),
];

/// The price of a model under exactly this name, else under the name without its date: `gpt-4.1-2025-04-14` is a `gpt-4.1`.
pub(crate) fn look_up(table: &[Row], model: &str) -> Option<Price> {
    let row = |name: &str| table.iter().find(|(known, _, _)| *known == name);
    let (_, input, output) = row(model).or_else(|| row(undated(model)?))?;
    let money = |thousandths: u64| Money::from_micros(thousandths * 1000);
    Some(Price { input: money(*input), output: money(*output) })
}

/// The name without `-2025-04-14`, `-20250414` or `-latest` at its end; nothing where it has none of them.
fn undated(model: &str) -> Option<&str> {
    if let Some(name) = model.strip_suffix("-latest") {
        return Some(name);
    }
    let date_at = [11, 9].into_iter().filter_map(|len| model.len().checked_sub(len)).find(|at| is_date(model.get(*at..)))?;
    model.get(..date_at)
}

fn is_date(text: Option<&str>) -> bool {
    let Some(date) = text.and_then(|text| text.strip_prefix('-')) else { return false };
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    matches!(date.chars().map(shape).collect::<String>().as_str(), "00000000" | "0000-00-00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_with_and_without_a_date() {
        let price = |table: &[Row], model: &str| look_up(table, model).map(|price| format!("{} {}", price.input, price.output));
        for (model, expected) in [
            ("gpt-4.1-mini", Some("$0.40 $1.60")),
            ("gpt-4.1-2025-04-14", Some("$2.00 $8.00")),
            ("gpt-4o-2024-08-06", Some("$2.50 $10.00")),
            ("gpt-4o-2024-05-13", Some("$5.00 $15.00")),
            ("gpt-5-chat-latest", Some("$1.25 $10.00")),
            ("gpt-4o-audio-preview", None),
            ("gpt-4.1-mini-high", None),
            ("gpt-5.5", None),
            ("2024-05-13", None),
            ("", None),
        ] {
            assert_eq!(price(&OPENAI, model).as_deref(), expected, "{model}");
        }
        for (model, expected) in [
            ("claude-opus-4-20250514", Some("$15.00 $75.00")),
            ("claude-opus-4-5-20251101", Some("$5.00 $25.00")),
            ("claude-sonnet-4-5", Some("$3.00 $15.00")),
            ("claude-sonnet-9", None),
        ] {
            assert_eq!(price(&ANTHROPIC, model).as_deref(), expected, "{model}");
        }
    }

    #[test]
    fn no_model_stands_twice() {
        let names: std::collections::BTreeSet<_> = OPENAI.iter().chain(&ANTHROPIC).map(|row| row.0).collect();
        assert_eq!(names.len(), OPENAI.len() + ANTHROPIC.len());
    }
}
