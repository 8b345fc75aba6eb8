//! Money, and what tokens cost.

use crate::TokenUsage;
use serde::{Deserialize, Serialize};
use std::{fmt, iter::Sum, str::FromStr};

/// An amount in millionths of a US dollar. In JSON it is that whole number, so that sums stay exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(u64);

/// The text is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of money (such as 5, 0.25, $5.00 or 5.00 USD, down to a millionth of a dollar)")]
pub struct InvalidMoney(String);

const MICROS: u64 = 1_000_000;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many millionths of a dollar.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Millionths of a dollar.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whether it is nothing.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Both together; saturates.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left of it; nothing where `other` is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl FromStr for Money {
    type Err = InvalidMoney;

    /// Exact: what a millionth of a dollar cannot express is refused, never rounded.
    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        parse(text).map(Self).ok_or_else(|| InvalidMoney(text.chars().take(80).collect()))
    }
}

fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let amount = match (text.strip_prefix('$'), text.strip_suffix("USD")) {
        (Some(_), Some(_)) => return None,
        (Some(amount), None) | (None, Some(amount)) => amount.trim(),
        (None, None) => text,
    };
    let (dollars, parts) = amount.split_once('.').unwrap_or((amount, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(dollars) || !digits(parts) {
        return None;
    }
    let parts = parts.trim_end_matches('0');
    if parts.len() > 6 {
        return None;
    }
    let micros: u64 = format!("{parts:0<6}").parse().ok()?;
    dollars.parse::<u64>().ok()?.checked_mul(MICROS)?.checked_add(micros)
}

impl fmt::Display for Money {
    /// With two decimals, or as many more as it needs: `$5.00`, `$0.001234`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, micros) = (self.0 / MICROS, self.0 % MICROS);
        if micros.is_multiple_of(10_000) {
            return write!(f, "${dollars}.{:02}", micros / 10_000);
        }
        let parts = format!("{micros:06}");
        write!(f, "${dollars}.{}", parts.trim_end_matches('0'))
    }
}

/// What a model costs, per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Price {
    /// Tokens read.
    pub input: Money,
    /// Tokens written.
    pub output: Money,
}

impl Price {
    /// Nothing at all.
    pub const FREE: Self = Self { input: Money::ZERO, output: Money::ZERO };

    /// What these tokens cost, rounded up: more tokens never cost less.
    pub fn cost(self, usage: TokenUsage) -> Money {
        let part = |tokens: u64, price: Money| u128::from(tokens) * u128::from(price.0);
        // Each product is below 2^128 / 2 only if one factor is; two of them may need saturation.
        let total = part(usage.input, self.input).saturating_add(part(usage.output, self.output));
        Money(u64::try_from(total.div_ceil(u128::from(MICROS))).unwrap_or(u64::MAX))
    }

    /// The higher price of both in each direction: what covers either.
    pub fn max(self, other: Self) -> Self {
        Self { input: self.input.max(other.input), output: self.output.max(other.output) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, micros) in [
            ("5", 5_000_000),
            ("$5", 5_000_000),
            ("5.00 USD", 5_000_000),
            ("$ 0.25", 250_000),
            ("0.000001", 1),
            ("0.1000000000", 100_000),
            ("18446744073709.551615", u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Money(micros)), "{text}");
        }
        for bad in ["", "$", "-1", "1e3", ".5", "5.", "1,5", "5 EUR", "$5 USD", "0.0000001", "18446744073709.551616", "5.0.0"] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts_are_written_as_people_do() {
        for (micros, text) in [(5_000_000, "$5.00"), (1234, "$0.001234"), (500, "$0.0005"), (250_000, "$0.25"), (0, "$0.00")] {
            assert_eq!(Money(micros).to_string(), text);
        }
        assert_eq!(serde_json::to_string(&Money(1234)).unwrap(), "1234");
    }

    #[test]
    fn tokens_cost_what_the_price_says_rounded_up() {
        let price = Price { input: Money(400_000), output: Money(1_600_000) };
        assert_eq!(price.cost(TokenUsage { input: 1_000_000, output: 500_000 }), Money(1_200_000));
        assert_eq!(price.cost(TokenUsage { input: 1, output: 0 }), Money(1));
        assert_eq!(price.cost(TokenUsage::default()), Money::ZERO);
        assert_eq!(Price::FREE.cost(TokenUsage { input: u64::MAX, output: u64::MAX }), Money::ZERO);
        let dear = Price { input: Money(u64::MAX), output: Money(u64::MAX) };
        assert_eq!(dear.cost(TokenUsage { input: u64::MAX, output: u64::MAX }), Money(u64::MAX));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micros: u64) {
            prop_assert_eq!(Money(micros).to_string().parse(), Ok(Money(micros)));
        }

        #[test]
        fn what_covers_the_usage_at_the_highest_price_covers_the_cost(
            used in (0..1_u64 << 40, 0..1_u64 << 40), spare in (0..1_u64 << 40, 0..1_u64 << 40),
            a in (0..1_u64 << 30, 0..1_u64 << 30), b in (0..1_u64 << 30, 0..1_u64 << 30),
        ) {
            let price = |(input, output)| Price { input: Money(input), output: Money(output) };
            let (usage, most) = (TokenUsage { input: used.0, output: used.1 }, TokenUsage { input: used.0 + spare.0, output: used.1 + spare.1 });
            let reserved = price(a).max(price(b)).cost(most);
            prop_assert!(price(a).cost(usage) <= reserved && price(b).cost(usage) <= reserved);
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text: String) {
            let _ = text.parse::<Money>();
        }
    }
}
