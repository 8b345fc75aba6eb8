//! How much of a listing a request wants.

use crate::edge::Fail;

/// The most items of one page.
pub(super) const LIMIT_MAX: u32 = 1000;
/// The items of a page where the request does not say.
pub(super) const LIMIT: u32 = 100;

/// The size of the page.
pub(super) fn limit_of(limit: Option<u32>) -> Result<u32, Fail> {
    match limit {
        None => Ok(LIMIT),
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(limit) => Err(Fail::invalid(format!("`limit` is {limit}; expected 1 to {LIMIT_MAX}"))),
    }
}
