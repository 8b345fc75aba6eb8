//! What a sandbox is started with, and what one call may use.

use std::{path::PathBuf, time::Duration};

use caxton_types::unit::ByteSize;

use crate::Profile;

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which WebAssembly proposals components may use.
    pub profile: Profile,
    /// Where compiled code is kept; only this process's user may write there. Nothing is kept without it.
    pub compiled_dir: Option<PathBuf>,
    /// The bound of what is kept there; the oldest goes first.
    pub compiled_size_max: ByteSize,
    /// Where the attachments of running calls are laid out, best on the file system that holds the blobs.
    pub scratch_dir: PathBuf,
    /// How many calls run at once.
    pub slots: u32,
    /// How many more may wait for a slot.
    pub waiting_max: usize,
    /// How long one may wait.
    pub wait_max: Duration,
    /// The most memory that any call's limits may grant.
    pub memory_max: ByteSize,
    /// The largest component that is compiled.
    pub component_size_max: ByteSize,
    /// What a call may use when nothing else is said.
    pub limits: Limits,
}

impl Options {
    /// The defaults, with a place for running calls.
    pub fn new(scratch_dir: impl Into<PathBuf>) -> Self {
        Self {
            profile: Profile::Default,
            compiled_dir: None,
            compiled_size_max: ByteSize::mib(1024),
            scratch_dir: scratch_dir.into(),
            slots: 64,
            waiting_max: 1024,
            wait_max: Duration::from_secs(30),
            memory_max: ByteSize::mib(512),
            component_size_max: ByteSize::mib(32),
            limits: Limits::default(),
        }
    }
}

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory, all of it together.
    pub memory: ByteSize,
    /// From the moment the call has a slot.
    pub wall: Duration,
    /// Time spent computing; waiting does not count.
    pub cpu: Duration,
    /// The result's JSON text.
    pub output: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: ByteSize::mib(64), wall: Duration::from_secs(30), cpu: Duration::from_secs(30), output: ByteSize::mib(1) }
    }
}
