//! Whether pages may be swapped out: the scan of page maps by which slots are cleared does not see those, and what they hold would be
//! the next call's to read. So the scan is for a machine that does not swap, and where one begins to, no slot is used again.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use tracing::error;

use crate::{Error, sandbox::Shared};

/// Whether pages of this process may be swapped out; also where the system does not tell.
pub fn may_swap() -> bool {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let group = read(Path::new("/proc/self/cgroup"));
    // Of version 2, the only one with such a bound: `0::/path`.
    let group = group.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("0::/")));
    let bound = group.and_then(|group| read(&Path::new("/sys/fs/cgroup").join(group).join("memory.swap.max")));
    swaps(read(Path::new("/proc/swaps")).as_deref(), bound.as_deref())
}

/// From `/proc/swaps`, which has a heading and a line for each, and the bound of the control group.
fn swaps(devices: Option<&str>, bound: Option<&str>) -> bool {
    let is_forbidden = bound.is_some_and(|bound| bound.trim() == "0");
    !is_forbidden && devices.is_none_or(|devices| devices.lines().count() > 1)
}

/// Whether slots can be cleared no more.
#[derive(Default)]
pub(crate) struct Unclean(AtomicBool);

impl Shared {
    /// Fails where what a call left might be the next one's to read.
    pub(crate) fn is_clean(&self) -> Result<(), Error> {
        if self.unclean.0.load(Relaxed) { Err(Error::Swaps) } else { Ok(()) }
    }

    /// Takes note of whether pages may be swapped out by now. There is no way back: what was swapped out meanwhile was not cleared.
    pub(crate) fn look_for_swap(&self, may_swap: bool) {
        if may_swap && self.pagemap_scan && !self.unclean.0.swap(true, Relaxed) {
            error!("swap was turned on: what calls leave in memory cannot be cleared any more, and no call is taken; restart Caxton");
        }
    }
}

#[cfg(test)]
mod tests {
    use caxton_types::{Code, Fault as _};

    use super::*;
    use crate::{Options, Sandbox};

    #[test]
    fn what_the_system_tells_of_swap_is_read() {
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        let some = format!("{head}/dev/sda2 partition\t2097148\t0\t-2\n");
        assert!(!swaps(Some(head), None) && !swaps(Some(""), Some("max\n")));
        assert!(swaps(Some(&some), None) && swaps(Some(&some), Some("max\n")) && swaps(None, None));
        assert!(!swaps(Some(&some), Some("0\n")));
    }

    #[tokio::test]
    async fn no_slot_is_used_again_once_the_machine_swaps() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(Options::new(folder.path())).unwrap();
        let shared = &sandbox.0;
        shared.look_for_swap(false);
        drop(shared.slots(1).await.unwrap());
        shared.look_for_swap(true);
        shared.look_for_swap(false);
        // Without the scan there is nothing to fear.
        let refused = shared.slots(1).await.err().map(|error| (error.code(), error.hint().is_some()));
        assert_eq!(refused, shared.pagemap_scan.then_some((Code::Unavailable, true)));
        assert_eq!(shared.free_slots(1).is_err(), shared.pagemap_scan);
        assert_eq!(sandbox.pool().is_clean, !shared.pagemap_scan);
    }
}
