//! The circuit breaker in front of a provider.

use crate::{BreakerNotice, BreakerSink, Error};
use caxton_types::{Breaker, BreakerChange, BreakerOptions, BreakerState, CallVerdict, Permit};
use parking_lot::Mutex;
use tokio::time::Instant;

/// A provider's breaker, shared by all questions to it.
pub(super) struct Guard {
    provider: String,
    breaker: Mutex<Breaker>,
}

impl Guard {
    pub(super) fn new(provider: &str, options: BreakerOptions) -> Self {
        let guard = Self { provider: provider.to_owned(), breaker: Mutex::new(Breaker::new(options)) };
        guard.show(BreakerState::Closed);
        guard
    }

    pub(super) fn state(&self) -> BreakerState {
        self.breaker.lock().state()
    }

    /// Lets a question through, or says when it is worth asking again.
    pub(super) fn admit<'a>(&'a self, sink: Option<&'a BreakerSink>) -> Result<Pass<'a>, Error> {
        let admitted = self.breaker.lock().admit(now());
        let admitted = admitted.map_err(|rejected| Error::BreakerOpen { provider: self.provider.clone(), retry_in: rejected.retry_in })?;
        self.tell(admitted.change, sink);
        Ok(Pass { guard: self, permit: Some(admitted.permit), sink })
    }

    fn settle(&self, permit: Permit, verdict: CallVerdict, sink: Option<&BreakerSink>) {
        let change = self.breaker.lock().settle(permit, verdict, now());
        self.tell(change, sink);
    }

    fn tell(&self, change: Option<BreakerChange>, sink: Option<&BreakerSink>) {
        let Some(change) = change else { return };
        self.show(change.to);
        tracing::warn!(provider = %self.provider, from = %change.from, to = %change.to, "circuit breaker of a model provider changed");
        if let Some(sink) = sink {
            sink(&BreakerNotice { provider: self.provider.clone(), change });
        }
    }

    fn show(&self, state: BreakerState) {
        let figure = match state {
            BreakerState::Closed => 0.0,
            BreakerState::HalfOpen => 1.0,
            BreakerState::Open => 2.0,
        };
        metrics::gauge!("caxton_model_breaker_state", "provider" => self.provider.clone()).set(figure);
    }
}

/// One question that was let through. Dropped without a verdict, it was called off and says nothing.
pub(super) struct Pass<'a> {
    guard: &'a Guard,
    permit: Option<Permit>,
    sink: Option<&'a BreakerSink>,
}

impl Pass<'_> {
    pub(super) fn settle(mut self, verdict: CallVerdict) {
        if let Some(permit) = self.permit.take() {
            self.guard.settle(permit, verdict, self.sink);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.guard.settle(permit, CallVerdict::Unknown, self.sink);
        }
    }
}

/// Tokio's clock, which a test may stop.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
