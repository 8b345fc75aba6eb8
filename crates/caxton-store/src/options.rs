//! How a store is opened.

use crate::DiskBounds;
use caxton_types::{Durability, WorkspaceName, unit::ByteSize};
use std::{collections::BTreeMap, path::PathBuf};

/// Where the data lives, what an acknowledgement promises, and the bounds.
#[derive(Debug, Clone)]
pub struct Options {
    /// Everything is under this directory; it is created where it is missing.
    pub data_dir: PathBuf,
    /// What a batch gets that asks for nothing more.
    pub durability: Durability,
    /// The same for single workspaces; a store in memory is in memory as a whole.
    pub durabilities: BTreeMap<WorkspaceName, Durability>,
    /// The most batches that one transaction commits.
    pub group_len_max: usize,
    /// The most batches that wait for a writer.
    pub queue_len_max: usize,
    /// The most events that a workspace under [`Durability::Memory`] keeps.
    pub ring_len_max: usize,
    /// The largest blob.
    pub blob_len_max: ByteSize,
    /// How much may be on the disk.
    pub disk: DiskBounds,
    /// How many reads of one workspace run at the same time.
    pub readers: usize,
    /// The VFS to go through instead of the platform's own: for tests that take the power away.
    #[doc(hidden)]
    pub vfs: Option<Box<str>>,
}

impl Options {
    /// The defaults for this directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), ..Self::default() }
    }

    /// What a batch in this workspace gets that asks for nothing more.
    pub(crate) fn durability_of(&self, workspace: &WorkspaceName) -> Durability {
        let own = self.durabilities.get(workspace).copied().unwrap_or(self.durability);
        match self.durability {
            Durability::Memory => Durability::Memory,
            Durability::Normal | Durability::Full => own.max(Durability::Normal),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            durability: Durability::Full,
            durabilities: BTreeMap::new(),
            group_len_max: 1024,
            queue_len_max: 8192,
            ring_len_max: 100_000,
            blob_len_max: ByteSize::new(64_000_000),
            disk: DiskBounds::default(),
            readers: 2,
            vfs: None,
        }
    }
}
