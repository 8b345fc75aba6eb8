//! The clock by which guests are interrupted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use crate::Error;

/// How often a running guest gives way.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// After so many ticks without a call it sleeps. Not at once: to wake it is work for a call, and whoever computes beside it may be given the
/// processor of the call for milliseconds when it wakes.
const RESTLESS: u32 = 16;

/// Advances the engine's epoch while calls run, and sleeps when none has for a while.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    idle: AtomicBool,
    stop: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

/// Keeps the ticker ticking while it lives.
pub(crate) struct Ticking<'a>(&'a Shared);

impl Ticker {
    /// `tick` is called once a [`TICK`] while a call runs.
    pub(crate) fn start(mut tick: impl FnMut() + Send + 'static) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let ticking = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("sandbox-epoch".to_owned())
            .spawn(move || {
                let mut guard = ticking.lock.lock();
                let mut in_vain = 0;
                while !ticking.stop.load(Ordering::Acquire) {
                    if in_vain >= RESTLESS {
                        ticking.idle.store(true, Ordering::SeqCst);
                        if ticking.running.load(Ordering::SeqCst) == 0 {
                            ticking.wake.wait(&mut guard);
                            continue;
                        }
                        ticking.idle.store(false, Ordering::SeqCst);
                        in_vain = 0;
                    }
                    // Only stopping wakes it early: the epoch must not run ahead of the clock.
                    if !ticking.wake.wait_for(&mut guard, TICK).timed_out() {
                        continue;
                    }
                    if ticking.running.load(Ordering::SeqCst) == 0 {
                        in_vain += 1;
                    } else {
                        in_vain = 0;
                        tick();
                    }
                }
            })
            .map_err(|error| Error::Engine(format!("no thread for the epoch: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(crate) fn tick(&self) -> Ticking<'_> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        // The ticker says that it goes idle before it looks for calls, and we the other way round: one sees the other.
        if self.shared.idle.load(Ordering::SeqCst) {
            // Under the lock: now it is waiting, not about to.
            let _guard = self.shared.lock.lock();
            self.shared.wake.notify_one();
        }
        Ticking(&self.shared)
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
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
