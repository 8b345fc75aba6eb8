//! Content by its digest: files of the larger ones, and the bounded store of a workspace without a disk.

use crate::{Error, room::Room};
use bytes::Bytes;
use caxton_types::{Digest, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

/// The largest content that stands in the journal itself.
pub(crate) const IN_JOURNAL_LEN_MAX: usize = 1 << 20;

/// Files named by their digest under `blobs/aa/`, never changed once they have their name.
pub(crate) struct BlobFiles {
    dir: PathBuf,
    /// Two writers of the same content never share a temporary file.
    temporary: AtomicU64,
    /// Whoever wants a file to be there and whoever removes an old one look at it one after the other.
    named: Mutex<()>,
    /// Where the lengths of files are added up.
    pub(crate) room: Option<Arc<Room>>,
}

impl BlobFiles {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, temporary: AtomicU64::new(0), named: Mutex::new(()), room: None }
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
        if self.touch(&path, bytes.len() as u64) {
            if synced {
                // Whoever wrote it may not have waited for the disk.
                File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("sync", &path))?;
                self.sync_dirs(dir)?;
            }
            return Ok(path);
        }
        let temporary = dir.join(format!(".{digest}.{}.{}", std::process::id(), self.temporary.fetch_add(1, Ordering::Relaxed)));
        let written = write_new(&temporary, bytes, synced).map_err(Error::io("write", &temporary));
        let named = written.and_then(|()| {
            let _alone = self.named.lock();
            let replaced = fs::metadata(&path).map_or(0, |found| found.len());
            fs::rename(&temporary, &path).map_err(Error::io("name", &path))?;
            self.room.iter().for_each(|room| {
                room.file_removed(replaced);
                room.file_added(bytes.len() as u64);
            });
            Ok(())
        });
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

    /// Whether the file is there; then it is as young as if it was written now.
    fn touch(&self, path: &Path, len: u64) -> bool {
        let _alone = self.named.lock();
        if !fs::metadata(path).is_ok_and(|found| found.len() == len) {
            return false;
        }
        // A file that somebody else owns is written again.
        File::open(path).and_then(|file| file.set_modified(SystemTime::now())).is_ok()
    }

    /// The bytes of all files.
    pub(crate) fn len(&self) -> Result<u64, Error> {
        let mut len = 0;
        for dir in entries(&self.dir)?.into_iter().filter(|entry| entry.is_dir()) {
            len += entries(&dir)?.iter().filter_map(|path| fs::metadata(path).ok()).map(|found| found.len()).sum::<u64>();
        }
        Ok(len)
    }

    /// What has its name and was not touched since, and what a stop left without one.
    pub(crate) fn untouched(&self, before: Timestamp) -> Result<Vec<Digest>, Error> {
        let mut found = Vec::new();
        for dir in entries(&self.dir)?.into_iter().filter(|entry| entry.is_dir()) {
            for path in entries(&dir)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                match name.parse() {
                    Ok(digest) if is_untouched(&path, before).is_some() => found.push(digest),
                    Err(_) if name.starts_with('.') && is_untouched(&path, before).is_some() => {
                        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// Removes the file unless it was touched since; its length.
    pub(crate) fn expire(&self, digest: &Digest, before: Timestamp, apply: bool) -> Result<Option<u64>, Error> {
        let path = self.path(digest);
        let _alone = self.named.lock();
        let Some(len) = is_untouched(&path, before) else { return Ok(None) };
        if apply {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            self.room.iter().for_each(|room| room.file_removed(len));
        }
        Ok(Some(len))
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

fn entries(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(dir).map_err(Error::io("list", dir))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(Error::io("list", dir))).collect()
}

/// The length of a file that was not touched since.
fn is_untouched(path: &Path, before: Timestamp) -> Option<u64> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let touched = Timestamp::from(found.modified().ok()?);
    (touched < before).then_some(found.len())
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
