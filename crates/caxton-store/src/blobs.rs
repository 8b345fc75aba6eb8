//! Content by its digest: files of the larger ones, and the bounded store of a workspace without a disk.

use crate::Error;
use bytes::Bytes;
use caxton_types::Digest;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// The largest content that stands in the journal itself.
pub(crate) const IN_JOURNAL_LEN_MAX: usize = 1 << 20;

/// Files named by their digest under `blobs/aa/`, never changed once they have their name.
#[derive(Debug)]
pub(crate) struct BlobFiles {
    dir: PathBuf,
    /// Two writers of the same content never share a temporary file.
    temporary: AtomicU64,
}

impl BlobFiles {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, temporary: AtomicU64::new(0) }
    }

    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.dir.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Writes the content unless it is there. With `synced` it is on the disk when this returns, its name too.
    pub(crate) fn write(&self, digest: &Digest, bytes: &[u8], synced: bool) -> Result<PathBuf, Error> {
        let path = self.path(digest);
        let dir = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        if fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64) {
            if synced {
                // Whoever wrote it may not have waited for the disk.
                File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("sync", &path))?;
                self.sync_dirs(dir)?;
            }
            return Ok(path);
        }
        let temporary = dir.join(format!(".{digest}.{}.{}", std::process::id(), self.temporary.fetch_add(1, Ordering::Relaxed)));
        let written = write_new(&temporary, bytes, synced).map_err(Error::io("write", &temporary));
        let named = written.and_then(|()| fs::rename(&temporary, &path).map_err(Error::io("name", &path)));
        if let Err(error) = named {
            // What is left of it is in nobody's way.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        if synced {
            self.sync_dirs(dir)?;
        }
        Ok(path)
    }

    /// The content, checked against its digest.
    pub(crate) fn read(&self, digest: &Digest) -> Result<Bytes, Error> {
        let path = self.path(digest);
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        if Digest::of(&bytes) != *digest {
            return Err(Error::corrupt(&path, &"its content has another digest than its name"));
        }
        Ok(bytes.into())
    }

    fn sync_dirs(&self, dir: &Path) -> Result<(), Error> {
        for dir in [dir, &self.dir] {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))?;
        }
        Ok(())
    }
}

/// The file can only be read: a sandbox that is handed its path cannot change what others read.
fn write_new(path: &Path, bytes: &[u8], synced: bool) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    let mut permissions = file.metadata()?.permissions();
    permissions.set_readonly(true);
    file.set_permissions(permissions)?;
    if synced { file.sync_all() } else { Ok(()) }
}

/// Content of a workspace without a disk: when there is too much of it, the oldest goes that no deployment needs.
#[derive(Debug, Default)]
pub(crate) struct MemoryBlobs {
    content: HashMap<Digest, Bytes>,
    /// In the order of their arrival.
    order: VecDeque<Digest>,
    /// What the present deployment consists of.
    kept: HashSet<Digest>,
    len: usize,
}

impl MemoryBlobs {
    pub(crate) fn get(&self, digest: &Digest) -> Option<&Bytes> {
        self.content.get(digest)
    }

    /// Adds content and returns how many others had to go.
    pub(crate) fn insert(&mut self, digest: Digest, bytes: Bytes, len_max: usize) -> u64 {
        if self.content.contains_key(&digest) {
            return 0;
        }
        self.len += bytes.len();
        self.order.push_back(digest);
        self.content.insert(digest, bytes);
        let mut dropped = 0;
        // Each is looked at once: with nothing but kept content the bound gives way.
        for _ in 1..self.order.len() {
            if self.len <= len_max {
                break;
            }
            let Some(oldest) = self.order.pop_front() else { break };
            if self.kept.contains(&oldest) {
                self.order.push_back(oldest);
            } else if let Some(bytes) = self.content.remove(&oldest) {
                self.len -= bytes.len();
                dropped += 1;
            }
        }
        dropped
    }

    pub(crate) fn keep(&mut self, digests: impl Iterator<Item = Digest>) {
        self.kept = digests.collect();
    }
}
