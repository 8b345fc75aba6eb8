//! Whole numbers as JSON Schema understands them: `3.0` is one too.

use serde::{Deserialize, Deserializer, de::Error};

/// The largest whole number below which every one is exact in a double.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Double(f64),
}

impl Number {
    fn whole<E: Error>(self) -> Result<u64, E> {
        match self {
            Self::Whole(whole) => Ok(whole),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
            Self::Double(double) if double.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&double) => Ok(double as u64),
            Self::Double(double) => Err(E::custom(format!("`{double}` is not a whole number"))),
        }
    }
}

pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Number::deserialize(deserializer)?.whole()
}

pub(crate) fn maybe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Option::<Number>::deserialize(deserializer)?.map(Number::whole).transpose()
}

pub(crate) fn maybe_small<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let small = |whole: u64| u32::try_from(whole).map_err(|_| D::Error::custom(format!("`{whole}` is more than {}", u32::MAX)));
    maybe(deserializer)?.map(small).transpose()
}
