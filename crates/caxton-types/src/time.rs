//! Points in time.

use std::{fmt, str::FromStr};

/// Microseconds since 1970-01-01T00:00:00Z, written as RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a point in time (expected RFC 3339, such as 2026-01-31T12:00:00Z)")]
pub struct InvalidTimestamp(String);

impl Timestamp {
    /// The first moment that can be written (year -9999 of the calendar is out of any use here).
    const MIN: i64 = 0;
    /// 9999-12-31T23:59:59Z.
    const MAX: i64 = 253_402_207_200_000_000;

    /// So many microseconds after the epoch, clamped to the years 1970 to 9999.
    pub const fn from_micros(micros: i64) -> Self {
        Self(if micros < Self::MIN {
            Self::MIN
        } else if micros > Self::MAX {
            Self::MAX
        } else {
            micros
        })
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Later by `by`; saturates.
    pub fn plus(self, by: std::time::Duration) -> Self {
        Self::from_micros(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Earlier by `by`; saturates.
    pub fn minus(self, by: std::time::Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to this; zero where `earlier` is later.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or_default()
    }

    /// `HH:MM:SS.mmm` in UTC, as lines of a trace show it.
    pub fn clock(self) -> String {
        self.jiff().strftime("%H:%M:%S%.3f").to_string()
    }
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(time: std::time::SystemTime) -> Self {
        let micros = time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Self::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        text.parse::<jiff::Timestamp>()
            .map(|time| Self::from_micros(time.as_microsecond()))
            .map_err(|_| InvalidTimestamp(text.chars().take(80).collect()))
    }
}

crate::id::serde_as_text!(Timestamp);

/// A day in UTC, counted from 1970-01-01 and written `2026-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Day(pub u32);

/// The text is not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a day (expected such as 2026-01-31)")]
pub struct InvalidDay(String);

const DAY_MICROS: i64 = 86_400_000_000;

impl Day {
    /// The day of this moment.
    pub fn of(at: Timestamp) -> Self {
        Self(u32::try_from(at.0 / DAY_MICROS).unwrap_or_default())
    }

    /// The day so many days before it.
    #[must_use]
    pub const fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// Its first moment.
    pub fn begins(self) -> Timestamp {
        Timestamp::from_micros(i64::from(self.0).saturating_mul(DAY_MICROS))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.begins().jiff().strftime("%Y-%m-%d"))
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let invalid = || InvalidDay(text.chars().take(80).collect());
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
        let start: Timestamp = if shape { format!("{text}T00:00:00Z").parse().map_err(|_| invalid())? } else { return Err(invalid()) };
        Ok(Self::of(start))
    }
}

crate::id::serde_as_text!(Day);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_round_trips(micros in Timestamp::MIN..=Timestamp::MAX) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn any_number_of_microseconds_can_be_written(micros: i64) {
            prop_assert!(Timestamp::from_micros(micros).to_string().parse::<Timestamp>().is_ok());
        }
    }

    #[test]
    fn days_are_those_of_utc() {
        let day = "2026-01-31T23:59:59.999999Z".parse().map(Day::of).unwrap();
        assert_eq!((day.to_string().as_str(), day), ("2026-01-31", Day(20_484)));
        assert_eq!("2026-02-01".parse(), Ok(Day(20_485)));
        assert_eq!(Day(20_485).minus(1), day);
        assert_eq!(day.begins().to_string(), "2026-01-31T00:00:00.000000Z");
        assert_eq!(Day(u32::MAX).to_string(), "9999-12-30");
        for bad in ["", "2026-1-31", "2026-02-30", "2026-01-31T00:00:00Z", "today", "-026-01-31"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn known_points() {
        assert_eq!(Timestamp::from_micros(1_735_689_600_123_456).to_string(), "2025-01-01T00:00:00.123456Z");
        assert_eq!(Timestamp::from_micros(1_735_689_600_123_456).clock(), "00:00:00.123");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }
}
