//! Which phase of its life the server is in.

use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A phase of the server's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It reads its journals and drives on what was open.
    Recovering,
    /// It takes requests.
    Ready,
    /// It finishes what is open and takes nothing new.
    Stopping,
}

/// The phase, seen by everyone and set by the server alone.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    phase: Arc<watch::Sender<Phase>>,
    /// Cancelled when the server begins to stop: streams that would go on for ever end here.
    stopping: CancellationToken,
    /// Cancelled when the drain is nearly over: whoever still waits for a reply is told that it will come later.
    closing: CancellationToken,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self {
            phase: Arc::new(watch::Sender::new(Phase::Recovering)),
            stopping: CancellationToken::new(),
            closing: CancellationToken::new(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Returns when everything is recovered, or will not be.
    pub(crate) async fn recovered(&self) {
        // The sender is ours, so it does not go while this waits.
        let _ = self.phase.subscribe().wait_for(|phase| *phase != Phase::Recovering).await;
    }

    pub(crate) fn ready(&self) {
        self.phase.send_replace(Phase::Ready);
    }

    pub(crate) fn stop(&self) {
        self.phase.send_replace(Phase::Stopping);
        self.stopping.cancel();
    }

    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }
}
