//! A directory or a file as the operating system has it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The most directories that are gone through.
const FOLDERS_MAX: usize = 100_000;

/// What the operating system says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Its permission bits; nothing where the system has none.
    pub mode: Option<u32>,
    /// The user that it belongs to; nothing where the system does not tell.
    pub owner: Option<u32>,
    /// Whether this process may write there.
    pub writable: bool,
    /// Free bytes of its disk; nothing where that cannot be told.
    pub free: Option<u64>,
}

/// What there is at this path.
pub fn place(path: &Path) -> io::Result<Place> {
    let about = fs::metadata(path)?;
    let free = rustix::fs::statvfs(path).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let writable = rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    #[cfg(unix)]
    let (mode, owner) = {
        use std::os::unix::fs::MetadataExt as _;
        (Some(about.mode() & 0o7777), Some(about.uid()))
    };
    #[cfg(not(unix))]
    let (mode, owner) = (None, None);
    Ok(Place { is_dir: about.is_dir(), mode, owner, writable, free })
}

/// What all files below a directory hold; links are not followed, and what goes meanwhile does not count.
pub fn tree_bytes(dir: &Path) -> u64 {
    let (mut bytes, mut folders, mut seen) = (0_u64, vec![PathBuf::from(dir)], 0);
    while let Some(folder) = folders.pop() {
        seen += 1;
        if seen > FOLDERS_MAX {
            break;
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => folders.push(entry.path()),
                Ok(about) => bytes = bytes.saturating_add(about.len()),
                Err(_) => {}
            }
        }
    }
    bytes
}
