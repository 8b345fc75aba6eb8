//! What all workspaces of a store share.

use crate::{Error, Options, blobs::BlobFiles, lock::DirLock, migrate, room::Room, sqlite};
use caxton_types::{Durability, WorkspaceName};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The directory, its lock, and memory that is global. Whoever writes holds it, so the lock is let go of last.
pub(crate) struct Root {
    pub(crate) options: Options,
    pub(crate) blobs: BlobFiles,
    pub(crate) global: Mutex<Connection>,
    pub(crate) global_path: PathBuf,
    /// Nothing where nothing is on the disk.
    pub(crate) room: Option<Arc<Room>>,
    lock: Mutex<Option<DirLock>>,
}

impl Root {
    pub(crate) fn open(options: Options) -> Result<Self, Error> {
        let dir = options.data_dir.as_path();
        make_private(dir).map_err(Error::io("create", dir))?;
        for dir in [&workspaces_dir(dir), &blobs_dir(dir)] {
            fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        }
        // The names of new directories must be as durable as what will be in them.
        for dir in [Some(dir), dir.parent()].into_iter().flatten().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))?;
        }
        let lock = DirLock::take(dir)?;
        let in_memory = options.durability == Durability::Memory;
        let mut blobs = BlobFiles::new(blobs_dir(dir));
        let room = if in_memory { None } else { Some(Arc::new(Room::new(dir.into(), options.disk, blobs.len()?))) };
        blobs.room.clone_from(&room);
        let global_path = global_path(dir);
        let mut global = if in_memory {
            sqlite::in_memory().map_err(Error::sqlite(&global_path))?
        } else {
            sqlite::writer(&options, &global_path, 4096)?
        };
        migrate::migrate(&mut global, &global_path, migrate::GLOBAL)?;
        Ok(Self { options, blobs, global: Mutex::new(global), global_path, room, lock: Mutex::new(Some(lock)) })
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        self.options.durability == Durability::Memory
    }

    /// Lets another process have the directory: nothing here may be written any more.
    pub(crate) fn unlock(&self) {
        self.lock.lock().take();
    }

    pub(crate) fn journal_exists(&self, name: &WorkspaceName) -> bool {
        !self.is_in_memory() && Paths::of(self, name).journal.exists()
    }

    pub(crate) fn workspaces_dir(&self) -> PathBuf {
        workspaces_dir(&self.options.data_dir)
    }
}

/// A new directory is its owner's alone; one that is there stays as its owner wants it.
fn make_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

pub(crate) fn workspaces_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("workspaces")
}

pub(crate) fn blobs_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("blobs")
}

pub(crate) fn global_path(data_dir: &Path) -> PathBuf {
    data_dir.join("global.db")
}

/// The files of one workspace.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) journal: PathBuf,
    pub(crate) projection: PathBuf,
    pub(crate) global: PathBuf,
}

impl Paths {
    pub(crate) fn of(root: &Root, name: &WorkspaceName) -> Self {
        let dir = root.workspaces_dir();
        Self {
            journal: dir.join(format!("{name}{JOURNAL_SUFFIX}")),
            projection: dir.join(format!("{name}.db")),
            global: root.global_path.clone(),
        }
    }
}

/// What follows the name of a workspace in the name of its journal.
pub(crate) const JOURNAL_SUFFIX: &str = ".journal.db";
