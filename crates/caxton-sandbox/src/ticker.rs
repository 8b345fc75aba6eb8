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

/// Advances the engine's epoch while calls run, and sleeps while none does.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    stop: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

/// Keeps the ticker ticking while it lives.
pub(crate) struct Ticking(Arc<Shared>);

impl Ticker {
    pub(crate) fn start(engine: wasmtime::Engine) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let ticking = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("sandbox-epoch".to_owned())
            .spawn(move || {
                let mut guard = ticking.lock.lock();
                while !ticking.stop.load(Ordering::Acquire) {
                    if ticking.running.load(Ordering::Acquire) == 0 {
                        ticking.wake.wait(&mut guard);
                    } else {
                        ticking.wake.wait_for(&mut guard, TICK);
                        engine.increment_epoch();
                    }
                }
            })
            .map_err(|error| Error::Engine(format!("no thread for the epoch: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(crate) fn tick(&self) -> Ticking {
        if self.shared.running.fetch_add(1, Ordering::AcqRel) == 0 {
            // Under the lock, so that the ticker has either seen the call or is waiting already.
            let _guard = self.shared.lock.lock();
            self.shared.wake.notify_one();
        }
        Ticking(Arc::clone(&self.shared))
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
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
