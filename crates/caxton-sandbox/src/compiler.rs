//! Threads for compiling: as many as there are processors, and each gives way to whatever else has something to do.

use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Error;

/// How far they stand back, as `nice` counts it: calls get about nine parts of a processor in ten.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

pub(crate) fn start() -> Result<ThreadPool, Error> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let pool =
        ThreadPoolBuilder::new().num_threads(processors).thread_name(|_| "sandbox-compile".to_owned()).start_handler(|_| stand_back());
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
        assert_eq!(start().unwrap().install(of), NICENESS.max(before));
        assert_eq!(of(), before);
    }
}
