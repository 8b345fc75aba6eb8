//! Threads for compiling. Each gives way to whatever else has something to do; while calls come in, they leave a processor alone besides:
//! a kernel lets a thread run on for milliseconds before it gives way, and a call takes microseconds.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Error;

/// How far they stand back, as `nice` counts it: calls get about nine parts of a processor in ten.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// For so long after a call, more are expected.
const EXPECTED: Duration = Duration::from_secs(1);

pub(crate) struct Compiler {
    /// As many threads as there are processors.
    all: ThreadPool,
    /// One fewer, where there are two.
    fewer: ThreadPool,
    begun: Instant,
    /// When a call ended last, in milliseconds; zero before the first.
    called_ms: AtomicU64,
}

impl Compiler {
    pub(crate) fn start() -> Result<Self, Error> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let (all, fewer) = (pool(processors)?, pool(processors.saturating_sub(1).max(1))?);
        Ok(Self { all, fewer, begun: Instant::now(), called_ms: AtomicU64::new(0) })
    }

    /// A call has ended.
    pub(crate) fn called(&self, ended: Instant) {
        let now = self.ms(ended);
        // Written once a millisecond, as all threads read it.
        if self.called_ms.load(Relaxed) != now {
            self.called_ms.store(now, Relaxed);
        }
    }

    /// Does the work on these threads, and waits for it.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        if self.expects_calls(Instant::now()) { self.fewer.install(work) } else { self.all.install(work) }
    }

    fn expects_calls(&self, now: Instant) -> bool {
        let called = self.called_ms.load(Relaxed);
        called > 0 && u128::from(self.ms(now).saturating_sub(called)) < EXPECTED.as_millis()
    }

    /// Never zero.
    fn ms(&self, time: Instant) -> u64 {
        u64::try_from(time.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

fn pool(threads: usize) -> Result<ThreadPool, Error> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|_| "sandbox-compile".to_owned()).start_handler(|_| stand_back());
    pool.build().map_err(|error| Error::Engine(format!("no threads for compiling: {error}")))
}

/// On Linux, this is the calling thread's own.
#[cfg(target_os = "linux")]
fn stand_back() {
    use rustix::process::{getpriority_process, setpriority_process};
    // Never forward: the whole process may stand back further already.
    let done = getpriority_process(None).and_then(|now| setpriority_process(None, NICENESS.max(now)));
    if let Err(error) = done {
        tracing::warn!(%error, "compiling does not give way to calls");
    }
}

#[cfg(not(target_os = "linux"))]
fn stand_back() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn compiling_gives_way_and_nothing_else_does() {
        let of = || rustix::process::getpriority_process(None).unwrap();
        let before = of();
        assert_eq!(Compiler::start().unwrap().install(of), NICENESS.max(before));
        assert_eq!(of(), before);
    }

    #[test]
    fn a_processor_is_left_alone_while_calls_come_in() {
        let compiler = Compiler::start().unwrap();
        let called = compiler.begun + EXPECTED;
        assert!(!compiler.expects_calls(called));
        compiler.called(called);
        assert!(compiler.expects_calls(called) && compiler.expects_calls(called + EXPECTED / 2));
        assert!(!compiler.expects_calls(called + EXPECTED));
        assert!(compiler.all.current_num_threads() > compiler.fewer.current_num_threads() || compiler.all.current_num_threads() == 1);
    }
}
