//! How a store is opened.

use caxton_types::{Durability, unit::ByteSize};
use std::path::PathBuf;

/// Where the data lives, what an acknowledgement promises, and the bounds.
#[derive(Debug, Clone)]
pub struct Options {
    /// Everything is under this directory; it is created where it is missing.
    pub data_dir: PathBuf,
    /// What a batch gets that asks for nothing more.
    pub durability: Durability,
    /// The most batches that one transaction commits.
    pub group_len_max: usize,
    /// The most batches that wait for a writer.
    pub queue_len_max: usize,
    /// The most events that a workspace under [`Durability::Memory`] keeps.
    pub ring_len_max: usize,
    /// The largest blob.
    pub blob_len_max: ByteSize,
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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            durability: Durability::Full,
            group_len_max: 1024,
            queue_len_max: 8192,
            ring_len_max: 100_000,
            blob_len_max: ByteSize::new(64_000_000),
            readers: 2,
            vfs: None,
        }
    }
}
