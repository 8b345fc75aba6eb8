//! A time limit that stands still while people think.

use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// Time that is left; it stands still while somebody is asked.
#[derive(Debug)]
pub struct Patience {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    end: Instant,
    /// How many are asked now, and since when anybody is.
    asked: usize,
    since: Instant,
    /// How long it stood still before that.
    still: Duration,
}

/// It stands still as long as this value lives.
#[derive(Debug)]
pub struct Paused(Arc<Patience>);

impl Patience {
    /// From now on so much is left.
    pub fn new(left: Duration) -> Arc<Self> {
        Self::since(Instant::now(), left)
    }

    /// From then on so much is left.
    pub(crate) fn since(began: Instant, left: Duration) -> Arc<Self> {
        let state = State { end: began + left, asked: 0, since: began, still: Duration::ZERO };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    /// It stands still until the returned value is dropped.
    pub fn pause(self: &Arc<Self>) -> Paused {
        let mut state = self.state.lock();
        if state.asked == 0 {
            state.since = Instant::now();
        }
        state.asked += 1;
        drop(state);
        self.changed.notify_one();
        Paused(Arc::clone(self))
    }

    /// What is left.
    pub fn left(&self) -> Duration {
        let state = self.state.lock();
        let now = if state.asked == 0 { Instant::now() } else { state.since };
        state.end.saturating_duration_since(now)
    }

    /// When nothing will be left, unless it stands still from now on.
    pub(crate) fn end(&self) -> std::time::Instant {
        let state = self.state.lock();
        let still = if state.asked == 0 { Duration::ZERO } else { state.since.elapsed() };
        (state.end + still).into_std()
    }

    /// How long it stood still in all.
    pub fn still(&self) -> Duration {
        let state = self.state.lock();
        let now = if state.asked == 0 { Duration::ZERO } else { state.since.elapsed() };
        state.still + now
    }

    /// Returns when nothing is left. One task waits for it at a time.
    pub async fn over(&self) {
        loop {
            let end = {
                let state = self.state.lock();
                (state.asked == 0).then_some(state.end)
            };
            tokio::select! {
                () = self.changed.notified() => {}
                // Whoever stands still is told above when that has an end.
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => return,
            }
        }
    }
}

/// One that it stood still for is answered.
impl Drop for Paused {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.asked -= 1;
        if state.asked == 0 {
            let still = state.since.elapsed();
            state.end += still;
            state.still += still;
        }
        drop(state);
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, timeout};

    #[tokio::test(start_paused = true)]
    async fn time_stands_still_while_anybody_is_asked() {
        let second = Duration::from_secs(1);
        let patience = Patience::new(second * 3);
        advance(second).await;
        let (first, other) = (patience.pause(), patience.pause());
        advance(second * 10).await;
        drop(first);
        advance(second * 10).await;
        assert_eq!((patience.left(), patience.still()), (second * 2, second * 20));
        assert!(timeout(second * 100, patience.over()).await.is_err(), "somebody is asked");
        drop(other);
        assert_eq!((patience.left(), patience.still()), (second * 2, second * 120));
        let began = Instant::now();
        patience.over().await;
        assert_eq!(began.elapsed().as_secs(), 2);
        assert_eq!(patience.left(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_the_end_hears_that_it_is_later() {
        let second = Duration::from_secs(1);
        let (patience, began) = (Patience::new(second * 3), Instant::now());
        let over = patience.over();
        tokio::pin!(over);
        assert!(timeout(second, &mut over).await.is_err());
        let paused = patience.pause();
        assert!(timeout(second * 50, &mut over).await.is_err(), "it stands still");
        drop(paused);
        over.await;
        assert_eq!(began.elapsed().as_secs(), 53);
    }
}
