//! Threads that give way to whatever else has something to do: calls that end at once, and the server around them.

/// Has the calling thread stand back so far, as `nice` counts it. On Linux only; elsewhere priorities are of processes.
#[cfg(target_os = "linux")]
pub(crate) fn stand_back(niceness: i32) {
    use rustix::process::{getpriority_process, setpriority_process};
    // Never forward: the whole process may stand back further already.
    let done = getpriority_process(None).and_then(|now| setpriority_process(None, niceness.max(now)));
    if let Err(error) = done {
        tracing::warn!(%error, "a thread of the sandbox does not give way");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn stand_back(_: i32) {}
