//! What comes with a question besides the request itself.

use crate::DeltaSink;
use caxton_types::{BreakerChange, Failover};
use std::{fmt, sync::Arc, time::Instant};

/// Receives every change of a provider's circuit breaker that a question causes.
pub type BreakerSink = Arc<dyn Fn(&BreakerNotice) + Send + Sync>;

/// The circuit breaker of a provider changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerNotice {
    /// The provider, by its configured name.
    pub provider: String,
    /// From what to what.
    pub change: BreakerChange,
}

/// How a question is asked.
#[derive(Clone, Default)]
pub struct Asking {
    /// Where pieces of the answer go. Once some were told, a provider that takes over tells none: the reply is whole all the same.
    pub deltas: Option<DeltaSink>,
    /// When the answer must be there, for the whole chain with all attempts; ten minutes where absent.
    pub deadline: Option<Instant>,
    /// Where in the chain to begin: the position that [`Error::FailoverNeedsApproval`](crate::Error) names, once somebody has agreed.
    pub from: usize,
    /// The steps along the chain so far, which that error names too; the reply tells them with its own.
    pub failovers: Vec<Failover>,
    /// Where changes of circuit breakers go.
    pub on_breaker: Option<BreakerSink>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deltas: _, deadline, from, failovers, on_breaker: _ } = self;
        f.debug_struct("Asking").field("deadline", deadline).field("from", from).field("failovers", failovers).finish_non_exhaustive()
    }
}
