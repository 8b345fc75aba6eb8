//! What stands beside compiled code.

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use caxton_types::Digest;
use serde::{Deserialize, Serialize};

use crate::bindings::Tool;

/// How long a file must have stood still: a change right after another may leave it with the same time.
const SETTLED: Duration = Duration::from_millis(20);

/// What stands beside compiled code.
#[derive(Serialize, Deserialize)]
pub(crate) struct About {
    /// Of the code.
    pub(super) digest: Digest,
    /// The file when that digest was right.
    pub(super) seen: Option<Identity>,
    /// Its export `init` is no tool.
    pub(crate) hides_init: bool,
    /// What the guest said when it was asked for its tools.
    pub(crate) tools: Option<Vec<Tool>>,
}

impl About {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    pub(super) fn to_json(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}

/// What the file system tells of a file: whoever writes to it changes that.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    session: Box<str>,
    device: u64,
    inode: u64,
    len: u64,
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

impl Identity {
    /// Nothing where the system does not tell when a file was changed.
    #[cfg(unix)]
    pub(super) fn of(file: &File) -> io::Result<Option<Self>> {
        use std::os::unix::fs::MetadataExt as _;
        let about = file.metadata()?;
        let changed = (about.ctime(), about.ctime_nsec());
        Ok(Some(Self { session: SESSION.as_str().into(), device: about.dev(), inode: about.ino(), len: about.len(), changed }))
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &File) -> io::Result<Option<Self>> {
        Ok(None)
    }

    /// Whether a change after this one would show.
    pub(super) fn is_settled(&self) -> bool {
        let (seconds, nanos) = self.changed;
        let (Ok(seconds), Ok(nanos @ 1..)) = (u64::try_from(seconds), u64::try_from(nanos)) else {
            // Without fractions the time is too coarse for that.
            return false;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanos);
        changed.elapsed().is_ok_and(|still| still >= SETTLED)
    }
}

/// From one start of the machine to the next: what had not reached the disk by then is gone, whatever the file system tells. Where the
/// system does not say, it is this process alone.
static SESSION: LazyLock<String> = LazyLock::new(|| match fs::read_to_string("/proc/sys/kernel/random/boot_id") {
    Ok(id) => id.trim().to_owned(),
    Err(_) => format!("{} {:?}", std::process::id(), SystemTime::now()),
});
