//! The circuit breaker in front of a server of others.

use crate::{Error, Heard, Notice};
use caxton_types::{Breaker, BreakerChange, BreakerOptions, BreakerState, CallVerdict, Fact, Permit, unit::Period};
use parking_lot::Mutex;
use tokio::time::Instant;

/// The circuit breaker of a server changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerNotice {
    /// The server, by its name.
    pub server: Box<str>,
    /// From what to what.
    pub change: BreakerChange,
}

impl BreakerNotice {
    /// The same as a fact of the journal.
    pub fn fact(&self) -> Fact {
        let (from, to) = (self.change.from.as_str().into(), self.change.to.as_str().into());
        Fact::BreakerChanged { breaker: format!("mcp:{}", self.server).into(), from, to }
    }
}

/// A server's breaker, shared by all calls to it.
#[derive(Debug)]
pub(super) struct Guard {
    server: Box<str>,
    breaker: Mutex<Breaker>,
}

impl Guard {
    pub(super) fn new(server: &str, options: BreakerOptions) -> Self {
        let guard = Self { server: server.into(), breaker: Mutex::new(Breaker::new(options)) };
        guard.show(BreakerState::Closed);
        guard
    }

    pub(super) fn state(&self) -> BreakerState {
        self.breaker.lock().state()
    }

    /// Why calls are not simply let through, for people.
    pub(super) fn complaint(&self) -> Option<String> {
        // A copy may be asked without anything coming of it.
        let mut breaker = self.breaker.lock().clone();
        let state = breaker.state();
        let next = match (state, breaker.admit(now())) {
            (BreakerState::Closed, _) => return None,
            (BreakerState::Open, Err(rejected)) => format!("a call tries it again in {}", Period::new(rejected.retry_in)),
            (BreakerState::Open | BreakerState::HalfOpen, Ok(_)) => "the next call tries it again".into(),
            (BreakerState::HalfOpen, Err(_)) => "a call is trying it again".into(),
        };
        Some(format!("calls to it failed too often, and its circuit breaker is {state}: {next}"))
    }

    /// Lets a call through, or says when it is worth asking again.
    pub(super) fn admit<'a>(&'a self, heard: &'a Heard<'a>) -> Result<Pass<'a>, Error> {
        let admitted = self.breaker.lock().admit(now());
        let admitted = admitted.map_err(|rejected| Error::BreakerOpen { server: self.server.clone(), retry_in: rejected.retry_in })?;
        self.tell(admitted.change, heard);
        Ok(Pass { guard: self, permit: Some(admitted.permit), heard })
    }

    /// A call that fails before it is made: the server is not there.
    pub(super) fn refuse(&self, heard: &Heard<'_>) -> Result<(), Error> {
        self.admit(heard)?.settle(CallVerdict::Failure);
        Ok(())
    }

    fn settle(&self, permit: Permit, verdict: CallVerdict, heard: &Heard<'_>) {
        let change = self.breaker.lock().settle(permit, verdict, now());
        self.tell(change, heard);
    }

    fn tell(&self, change: Option<BreakerChange>, heard: &Heard<'_>) {
        let Some(change) = change else { return };
        self.show(change.to);
        tracing::warn!(server = %self.server, from = %change.from, to = %change.to, "circuit breaker of an MCP server changed");
        heard.tell(Notice::Breaker(BreakerNotice { server: self.server.clone(), change }));
    }

    fn show(&self, state: BreakerState) {
        let figure = match state {
            BreakerState::Closed => 0.0,
            BreakerState::HalfOpen => 1.0,
            BreakerState::Open => 2.0,
        };
        metrics::gauge!("caxton_mcp_breaker_state", "server" => self.server.to_string()).set(figure);
    }
}

/// One call that was let through. Dropped without a verdict, it was called off and says nothing.
pub(super) struct Pass<'a> {
    guard: &'a Guard,
    permit: Option<Permit>,
    heard: &'a Heard<'a>,
}

impl Pass<'_> {
    pub(super) fn settle(mut self, verdict: CallVerdict) {
        if let Some(permit) = self.permit.take() {
            self.guard.settle(permit, verdict, self.heard);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.guard.settle(permit, CallVerdict::Unknown, self.heard);
        }
    }
}

/// Tokio's clock, which a test may stop.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
