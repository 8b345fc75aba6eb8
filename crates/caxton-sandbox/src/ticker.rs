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
    idle: AtomicBool,
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
                    ticking.idle.store(true, Ordering::SeqCst);
                    if ticking.running.load(Ordering::SeqCst) == 0 {
                        ticking.wake.wait(&mut guard);
                        continue;
                    }
                    ticking.idle.store(false, Ordering::SeqCst);
                    // Only stopping wakes it early: the epoch must not run ahead of the clock.
                    if ticking.wake.wait_for(&mut guard, TICK).timed_out() {
                        engine.increment_epoch();
                    }
                }
            })
            .map_err(|error| Error::Engine(format!("no thread for the epoch: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(crate) fn tick(&self) -> Ticking {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        // The ticker says that it goes idle before it looks for calls, and we the other way round: one sees the other.
        if self.shared.idle.load(Ordering::SeqCst) {
            // Under the lock: now it is waiting, not about to.
            let _guard = self.shared.lock.lock();
            self.shared.wake.notify_one();
        }
        Ticking(Arc::clone(&self.shared))
    }
}

impl Drop for Ticking {
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
    use std::time::Instant;

    use wasmtime::{Config, Engine, Store, UpdateDeadline};

    use super::*;

    /// The epoch that is reached, seen through a guest's deadline.
    fn has_passed(engine: &Engine, module: &wasmtime::Module, ticks: u64) -> bool {
        let (mut store, passed) = (Store::new(engine, ()), Arc::new(AtomicBool::new(false)));
        store.set_epoch_deadline(ticks);
        let seen = Arc::clone(&passed);
        store.epoch_deadline_callback(move |_| {
            seen.store(true, Ordering::Relaxed);
            Ok(UpdateDeadline::Continue(u64::MAX / 2))
        });
        let instance = wasmtime::Instance::new(&mut store, module, &[]).unwrap();
        let spin = instance.get_typed_func::<i32, ()>(&mut store, "spin").unwrap();
        spin.call(&mut store, 1_000_000).unwrap();
        passed.load(Ordering::Relaxed)
    }

    #[test]
    fn many_short_calls_do_not_hurry_the_clock() {
        let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
        let spin = "(module (func (export \"spin\") (param i32)
            (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))";
        let module = wasmtime::Module::from_binary(&engine, &wat::parse_str(spin).unwrap()).unwrap();
        let ticker = Ticker::start(engine.clone()).unwrap();
        let begun = Instant::now();
        let mut store = Store::new(&engine, ());
        // So many ticks cannot pass in the time that the calls take, only if each call made one.
        store.set_epoch_deadline(200);
        for _ in 0..30_000 {
            let _ticking = ticker.tick();
            for turn in 0..2_000 {
                std::hint::black_box(turn);
            }
        }
        store.epoch_deadline_trap();
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let call = instance.get_typed_func::<i32, ()>(&mut store, "spin").unwrap();
        let hurried = call.call(&mut store, 1).is_err();
        assert!(!hurried || begun.elapsed() > 200 * TICK);
        // And it does tick: a guest that runs long enough meets its deadline.
        let _ticking = ticker.tick();
        while !has_passed(&engine, &module, 1) {}
    }
}
