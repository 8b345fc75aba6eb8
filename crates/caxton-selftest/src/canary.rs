//! What no attack may touch or learn.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Canaries,
    local::{Answer, Local},
};

/// How much the process may grow in memory while one attack is run; the limits of a call are far below.
const GROWTH_MAX: u64 = 256 << 20;
/// How long it may take until what an attack has opened is closed.
const SETTLE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(2);

/// A file, a server and a word that nothing but the selftest knows; and the process itself.
pub(crate) struct Canary {
    pub(crate) file: PathBuf,
    pub(crate) word: String,
    pub(crate) server: Local,
}

/// How things stood before a run.
pub(crate) struct Before {
    served: usize,
    open_files: Option<usize>,
    memory: Option<u64>,
}

impl Canary {
    pub(crate) async fn new(folder: &Path) -> io::Result<Self> {
        let word = format!("canary-{}", uuid::Uuid::now_v7().simple());
        let server = Local::start(Answer { body: word.clone(), ..Answer::default() }).await?;
        let canary = Self { file: folder.join("canary"), word, server };
        canary.restore()?;
        Ok(canary)
    }

    /// After a run that may have changed it.
    pub(crate) fn restore(&self) -> io::Result<()> {
        fs::write(&self.file, &self.word)
    }

    pub(crate) fn before(&self) -> Before {
        Before { served: self.server.served(), open_files: open_files(), memory: memory() }
    }

    /// Waits until what was open is closed, and looks at all of it.
    pub(crate) async fn after(&self, before: &Before, told: &str) -> Canaries {
        let (open_before, late) = (before.open_files, Instant::now() + SETTLE);
        let mut open_files_after = open_files();
        while open_files_after > open_before && Instant::now() < late {
            tokio::time::sleep(LOOK).await;
            open_files_after = open_files();
        }
        Canaries {
            file: fs::read_to_string(&self.file).is_ok_and(|text| text == self.word),
            listener: self.server.served() == before.served,
            word: !told.contains(&self.word),
            open_files: open_files_after <= open_before,
            memory: memory().zip(before.memory).is_none_or(|(after, before)| after.saturating_sub(before) <= GROWTH_MAX),
        }
    }
}

/// How many files, sockets and the like the process has open; unknown where the system does not tell.
fn open_files() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count())
}

/// The process's memory; unknown where the system does not tell.
fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
