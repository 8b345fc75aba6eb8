//! Files of content: each has its digest for a name.

use crate::root::blobs_dir;
use caxton_types::Digest;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The most damaged files that are named.
const DAMAGED_MAX: usize = 5;

/// What was seen of the files of content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobFiles {
    /// How many there are.
    pub files: u64,
    /// What they hold.
    pub bytes: u64,
    /// Those whose content was compared with their name.
    pub checked: u64,
    /// Those of them that hold something else, the first few.
    pub damaged: Vec<PathBuf>,
}

/// Compares files with their names, evenly over all of them, until so many bytes are read; all of them without a bound.
pub fn blobs(data_dir: &Path, read_max: Option<u64>) -> io::Result<BlobFiles> {
    let mut found = BlobFiles::default();
    let mut files = Vec::new();
    for folder in entries(&blobs_dir(data_dir))? {
        if !folder.is_dir() {
            continue;
        }
        for path in entries(&folder)? {
            let digest = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<Digest>().ok());
            // What is not named by a digest is still being written.
            let (Some(digest), Ok(about)) = (digest, fs::metadata(&path)) else { continue };
            found.bytes += about.len();
            files.push((digest, about.len(), path));
        }
    }
    found.files = files.len() as u64;
    // Names are random: their order is a fair sample.
    files.sort();
    let mut left = read_max.unwrap_or(u64::MAX);
    for (digest, len, path) in files {
        let Some(after) = left.checked_sub(len) else { continue };
        match fs::read(&path) {
            Ok(bytes) if Digest::of(&bytes) == digest => {}
            // One that was removed in between is no damage.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            _ if found.damaged.len() < DAMAGED_MAX => found.damaged.push(path),
            _ => {}
        }
        left = after;
        found.checked += 1;
    }
    Ok(found)
}

fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
