//! Quantities as people write them: `100MB`, `100m`, `5%`, `30s`. The type decides what a suffix means.

use crate::id::serde_as_text;
use std::{fmt, str::FromStr, time::Duration};

/// The text is not a quantity of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct InvalidUnit {
    text: String,
    what: &'static str,
}

impl InvalidUnit {
    fn new(text: &str, what: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), what }
    }
}

/// Splits `1.5 MB` into its number and its suffix.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let number: f64 = number.replace('_', "").parse().ok()?;
    number.is_finite().then(|| (number, suffix.trim()))
}

/// The nearest whole number that a `u64` holds, or nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "the range is checked first")]
fn whole(number: f64) -> Option<u64> {
    (0.0..u64::MAX as f64).contains(&number).then_some(number.round() as u64)
}

/// A number of bytes: `512`, `10KB` (1000), `10MiB` or `10Mi` (1024²) …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ByteSize(u64);

impl ByteSize {
    const SUFFIXES: [(&'static str, u64); 15] = [
        ("", 1),
        ("b", 1),
        ("k", 1000),
        ("kb", 1000),
        ("kib", 1 << 10),
        ("ki", 1 << 10),
        ("m", 1_000_000),
        ("mb", 1_000_000),
        ("mib", 1 << 20),
        ("mi", 1 << 20),
        ("g", 1_000_000_000),
        ("gb", 1_000_000_000),
        ("gib", 1 << 30),
        ("gi", 1 << 30),
        ("tb", 1_000_000_000_000),
    ];

    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1024².
    pub const fn mib(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of bytes, clamped to what this machine can address.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit::new(text, "a size (such as 512, 100KB, 64MiB or 1GB)");
        let (number, suffix) = split(text).ok_or_else(invalid)?;
        let suffix = suffix.to_ascii_lowercase();
        let (_, factor) = Self::SUFFIXES.into_iter().find(|(known, _)| *known == suffix).ok_or_else(invalid)?;
        #[expect(clippy::cast_precision_loss, reason = "factors are exact in a double")]
        whole(number * factor as f64).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for ByteSize {
    /// The largest unit that divides it, so that what is written reads back the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1000)];
        let unit = units.into_iter().find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size));
        match unit {
            Some((name, size)) => write!(f, "{}{name}", self.0 / size),
            None => write!(f, "{}B", self.0),
        }
    }
}

serde_as_text!(ByteSize);

/// A share of processors in thousandths of one: `100m` is a tenth, `2` is two whole ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CpuMillis(u32);

impl CpuMillis {
    /// So many thousandths of a processor.
    pub const fn new(millis: u32) -> Self {
        Self(millis)
    }

    /// Thousandths of a processor.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for CpuMillis {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit::new(text, "a share of processors (such as 100m, 0.5 or 2)");
        let (number, suffix) = split(text).ok_or_else(invalid)?;
        let factor = match suffix {
            "m" => 1.0,
            "" => 1000.0,
            _ => return Err(invalid()),
        };
        whole(number * factor).and_then(|millis| u32::try_from(millis).ok()).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for CpuMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}m", self.0)
    }
}

serde_as_text!(CpuMillis);

/// From 0 to 100 per cent: `5%`, `12.5%`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percentage(f64);

impl Percentage {
    /// So many per cent; refuses what is not from 0 to 100.
    pub fn new(percent: f64) -> Result<Self, InvalidUnit> {
        if (0.0..=100.0).contains(&percent) {
            Ok(Self(percent))
        } else {
            Err(InvalidUnit::new(&percent.to_string(), "a percentage from 0% to 100%"))
        }
    }

    /// The percentage that a ratio from 0 to 1 is.
    pub fn from_ratio(ratio: f64) -> Result<Self, InvalidUnit> {
        Self::new(ratio * 100.0)
    }

    /// As a ratio from 0 to 1.
    pub fn as_ratio(self) -> f64 {
        self.0 / 100.0
    }

    /// As per cent, from 0 to 100.
    pub const fn as_percent(self) -> f64 {
        self.0
    }
}

impl FromStr for Percentage {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit::new(text, "a percentage from 0% to 100%");
        match split(text).ok_or_else(invalid)? {
            (number, "%" | "") => Self::new(number).map_err(|_| invalid()),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

serde_as_text!(Percentage);

/// A length of time as people write it: `250ms`, `30s`, `5m`, `1h`, `30d`, `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Period(Duration);

impl Period {
    const UNITS: [(&'static str, u64); 6] =
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000), ("us", 1)];

    /// So long.
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// As the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Period {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let invalid = || InvalidUnit::new(text, "a length of time (such as 250ms, 30s, 5m, 1h30m or 30d)");
        let mut rest = text.trim();
        let mut micros = 0u64;
        if rest.is_empty() {
            return Err(invalid());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let (_, factor) = Self::UNITS.into_iter().find(|(known, _)| *known == unit).ok_or_else(invalid)?;
            #[expect(clippy::cast_precision_loss, reason = "factors are exact in a double")]
            let part = number.parse::<f64>().ok().and_then(|number| whole(number * factor as f64)).ok_or_else(invalid)?;
            micros = micros.checked_add(part).ok_or_else(invalid)?;
            rest = tail.trim_start();
        }
        Ok(Self(Duration::from_micros(micros)))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut micros = u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX);
        if micros == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in Self::UNITS {
            if micros >= factor {
                write!(f, "{}{unit}", micros / factor)?;
                micros %= factor;
            }
        }
        Ok(())
    }
}

serde_as_text!(Period);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_type_decides_what_a_suffix_means() {
        assert_eq!("100MB".parse(), Ok(ByteSize(100_000_000)));
        assert_eq!("64Mi".parse(), Ok(ByteSize(64 << 20)));
        assert_eq!("1.5 KiB".parse(), Ok(ByteSize(1536)));
        assert_eq!("100m".parse(), Ok(CpuMillis(100)));
        assert_eq!("1.5".parse(), Ok(CpuMillis(1500)));
        assert_eq!("5m".parse(), Ok(Period::from_secs(300)));
        assert_eq!("1h30m".parse(), Ok(Period::from_secs(5400)));
        assert_eq!("30d".parse(), Ok(Period::from_secs(30 * 86_400)));
        assert_eq!("5%".parse::<Percentage>().unwrap().as_ratio().to_string(), "0.05");
        assert_eq!(Percentage::from_ratio(0.25).unwrap().as_percent().to_string(), "25");
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "MB", "-1MB", "1XB", "1e9", "NaN", "99999999999999TB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
        for bad in ["", "5", "m", "5 minutes", "1h-3m", "999999999999d"] {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
        for bad in ["101%", "-1%", "5m", "abc"] {
            assert!(bad.parse::<Percentage>().is_err(), "{bad}");
        }
        assert!("5s".parse::<CpuMillis>().is_err());
        assert!(Percentage::new(f64::NAN).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bytes in 0..1u64 << 50, micros in 0..1u64 << 50, millis: u32) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
            let period = Period(Duration::from_micros(micros));
            prop_assert_eq!(period.to_string().parse(), Ok(period));
            prop_assert_eq!(CpuMillis(millis).to_string().parse(), Ok(CpuMillis(millis)));
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text: String) {
            let _ = (text.parse::<ByteSize>(), text.parse::<CpuMillis>(), text.parse::<Percentage>(), text.parse::<Period>());
        }
    }
}
