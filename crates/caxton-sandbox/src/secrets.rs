//! Where the secrets of guests come from.

use std::{fmt, sync::Arc};

/// Looks secrets up by name; asked anew for each call, so that a changed secret holds from the next call on.
#[derive(Clone)]
pub struct Secrets(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<Box<str>> + Send + Sync;

impl Secrets {
    /// Secrets that this function knows.
    pub fn new(lookup: impl Fn(&str) -> Option<Box<str>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    pub(crate) fn get(&self, name: &str) -> Option<Box<str>> {
        (self.0)(name)
    }
}

impl Default for Secrets {
    /// No secret at all.
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(***)")
    }
}
