//! How much of a listing a request wants.

use crate::edge::Fail;

/// The most items of one page.
pub(super) const LIMIT_MAX: u32 = 1000;
/// The items of a page where the request does not say.
pub(super) const LIMIT: u32 = 100;

/// A place in the journal. SQLite counts in 63 bits, so nothing is behind a larger one.
pub(super) fn seq_of(name: &str, seq: u64) -> Result<u64, Fail> {
    if i64::try_from(seq).is_ok() { Ok(seq) } else { Err(Fail::invalid(format!("`{name}` is {seq}, which is no place in a journal"))) }
}

/// The size of the page.
pub(super) fn limit_of(limit: Option<u32>) -> Result<u32, Fail> {
    match limit {
        None => Ok(LIMIT),
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(limit) => Err(Fail::invalid(format!("`limit` is {limit}; expected 1 to {LIMIT_MAX}"))),
    }
}
