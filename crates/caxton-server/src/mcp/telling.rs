//! How far a direct call is, for a client that wants to hear of it: never less than it heard before, not too often, never after the answer.

use caxton_mcp::server::Progress;
use caxton_tools::Progress as Told;
use caxton_types::one_line;
use std::{future::pending, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// The least time between two reports.
const PACE: Duration = Duration::from_millis(100);
/// The most characters of what a server says of it.
const MESSAGE_LEN_MAX: usize = 300;

/// Tells the client of one request.
pub(super) struct Telling {
    progress: Progress,
    /// What the client heard last.
    last: f64,
    next_at: Instant,
    /// Whether the server itself told of it.
    is_theirs: bool,
}

impl Telling {
    /// The call is made.
    pub(super) async fn begin(progress: Progress) -> Self {
        progress.report(0.0, Some(1.0), "called").await;
        Self { progress, last: 0.0, next_at: Instant::now(), is_theirs: false }
    }

    /// Waits for the next report of the server that is due, and passes it on. What comes faster than it may be told is not told.
    pub(super) async fn pass_on(&mut self, told: &mut watch::Receiver<Option<Told>>) {
        if !self.progress.is_wanted() || told.changed().await.is_err() {
            return pending().await;
        }
        // Whoever stops waiting here finds it unheard the next time.
        told.mark_changed();
        sleep_until(self.next_at).await;
        self.tell(told).await;
    }

    /// The call has ended.
    pub(super) async fn end(mut self, told: &mut watch::Receiver<Option<Told>>) {
        if told.has_changed().unwrap_or(true) {
            self.tell(told).await;
        }
        if !self.is_theirs {
            self.progress.report(1.0, Some(1.0), "ended").await;
        }
    }

    async fn tell(&mut self, told: &mut watch::Receiver<Option<Told>>) {
        let Some(Told { done, total, message }) = told.borrow_and_update().clone() else { return };
        if !done.is_finite() || done <= self.last {
            return;
        }
        let message: Option<String> = message.map(|message| one_line(&message, MESSAGE_LEN_MAX));
        self.progress.report(done, total.filter(|total| total.is_finite()), message.as_deref()).await;
        (self.last, self.next_at, self.is_theirs) = (done, Instant::now() + PACE, true);
    }
}
