//! The clock by which guests are interrupted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use crate::Error;

/// How often a running guest gives way.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// After so many ticks without a call it sleeps. Not at once: to wake it is work for a call, and a kernel may give the call's processor to whoever
/// else computes for milliseconds when it does.
const RESTLESS: u32 = 16;

/// Advances the engine's epoch while a call runs, and sleeps when none has for a while.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What is added for each call to those that run, and beside them to those that have begun.
const RUNS: u64 = 1;
const HAS_BEGUN: u64 = 1 << 32;

#[derive(Default)]
struct Shared {
    /// In the lower half the calls that run, in the upper half those that have begun.
    calls: AtomicU64,
    idle: AtomicBool,
    stop: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

/// Keeps the ticker ticking while it lives.
pub(crate) struct Ticking<'a>(&'a Shared);

impl Ticker {
    /// `tick` is called once a [`TICK`] while a call runs.
    pub(crate) fn start(tick: impl FnMut() + Send + 'static) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let ticking = Arc::clone(&shared);
        let thread = thread::Builder::new().name("sandbox-epoch".to_owned()).spawn(move || ticking.keep(tick));
        let thread = thread.map_err(|error| Error::Engine(format!("no thread for the epoch: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(crate) fn tick(&self) -> Ticking<'_> {
        // What overflows at the top is not missed: whether it has changed is all that is asked.
        self.shared.calls.fetch_add(HAS_BEGUN + RUNS, Ordering::SeqCst);
        // The ticker says that it goes idle before it looks for calls, and we the other way round: one sees the other.
        if self.shared.idle.load(Ordering::SeqCst) {
            // Under the lock: now it is waiting, not about to.
            let _guard = self.shared.lock.lock();
            self.shared.wake.notify_one();
        }
        Ticking(&self.shared)
    }
}

impl Shared {
    /// Ticks until it is told to stop.
    fn keep(&self, mut tick: impl FnMut()) {
        let mut guard = self.lock.lock();
        let (mut in_vain, mut last) = (0, 0);
        while !self.stop.load(Ordering::Acquire) {
            if in_vain >= RESTLESS {
                self.idle.store(true, Ordering::SeqCst);
                if running(self.calls.load(Ordering::SeqCst)) == 0 {
                    self.wake.wait(&mut guard);
                }
                // Awake for a while, even if the call that woke it is over: more are likely.
                self.idle.store(false, Ordering::SeqCst);
                in_vain = 0;
                continue;
            }
            // Only stopping wakes it early: the epoch must not run ahead of the clock.
            if !self.wake.wait_for(&mut guard, TICK).timed_out() {
                continue;
            }
            let calls = self.calls.load(Ordering::SeqCst);
            let runs = running(calls) > 0;
            in_vain = if runs || calls != last { 0 } else { in_vain + 1 };
            last = calls;
            if runs {
                tick();
            }
        }
    }
}

fn running(calls: u64) -> u64 {
    calls % HAS_BEGUN
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(RUNS, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        {
            let _guard = self.shared.lock.lock();
            self.shared.wake.notify_one();
        }
        if let Some(thread) = self.thread.take() {
            // It holds no state that a panic could leave broken; there is nobody to tell.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, sync::atomic::AtomicU32, time::Instant};

    use super::*;

    #[test]
    fn many_short_calls_do_not_hurry_the_clock() {
        let ticks = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&ticks);
        let begun = Instant::now();
        let ticker = Ticker::start(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
        for call in 0..20_000 {
            let _ticking = ticker.tick();
            for turn in 0..500 {
                black_box(turn + call);
            }
        }
        let (seen, passed) = (ticks.load(Ordering::Relaxed), begun.elapsed());
        assert!(TICK * seen <= passed, "{seen} ticks in {passed:?}");
        // It goes to sleep, and it does tick while a call runs.
        while !ticker.shared.idle.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let seen = ticks.load(Ordering::Relaxed);
        let _ticking = ticker.tick();
        while ticks.load(Ordering::Relaxed) <= seen {
            thread::yield_now();
        }
    }
}
