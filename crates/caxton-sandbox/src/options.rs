//! What a sandbox is started with, and what one call may use.

use std::{path::PathBuf, time::Duration};

use caxton_types::unit::ByteSize;

use crate::{EgressOptions, Profile, Secrets, WindowOptions};

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
    /// How many of them one agent's calls may have at once; half of them if nothing is said.
    pub agent_slots_max: Option<u32>,
    /// How many of these slots may be kept by instances that wait for their next call.
    pub waiting_instances_max: u32,
    /// How long a component's code stays in memory without a call; it comes back from where compiled code is kept.
    pub code_idle_max: Duration,
    /// How many more may wait for a slot.
    pub waiting_max: usize,
    /// How long one may wait.
    pub wait_max: Duration,
    /// The most memory that any call's limits may grant.
    pub memory_max: ByteSize,
    /// The most entries that the tables of one call may have, all of them together.
    pub table_entries_max: u32,
    /// How deep a guest's calls may go, in bytes of its stack.
    pub stack: ByteSize,
    /// How many handles a guest may hold at once: files, streams, requests and the like.
    pub handles_max: u32,
    /// Random bytes that a guest may ask for in one go.
    pub random_len_max: ByteSize,
    /// The largest component that is compiled.
    pub component_size_max: ByteSize,
    /// Values that branches and calls of a component may hand on, counting those that hand on unusually many: what they cost the
    /// compiler has no relation to their size.
    pub wide_values_max: u32,
    /// How many are compiled at once. Compiling one takes all processors by itself: with more, a hostile deployment starves the calls.
    pub compilations_max: u32,
    /// What a call may use when nothing else is said.
    pub limits: Limits,
    /// The secrets that guests may be granted.
    pub secrets: Secrets,
    /// How guests reach the network, where they may.
    pub egress: EgressOptions,
    /// What each agent's calls may use within a window of time.
    pub windows: WindowOptions,
    /// Paths that no grant opens, beside those of the system and the sandbox's own.
    pub protected_paths: Vec<PathBuf>,
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
            agent_slots_max: None,
            waiting_instances_max: 32,
            code_idle_max: Duration::from_mins(10),
            waiting_max: 1024,
            wait_max: Duration::from_secs(30),
            memory_max: ByteSize::mib(512),
            // What the largest language runtimes need, several times.
            table_entries_max: 100_000,
            stack: ByteSize::new(256 << 10),
            handles_max: 1000,
            random_len_max: ByteSize::new(64 << 10),
            component_size_max: ByteSize::mib(32),
            wide_values_max: 20_000,
            compilations_max: 1,
            limits: Limits::default(),
            secrets: Secrets::default(),
            egress: EgressOptions::default(),
            windows: WindowOptions::default(),
            protected_paths: Vec::new(),
        }
    }
}

/// What one call may use. Exceeding one of these ends the call with an error that names it; only memory is refused first, and a guest may live
/// with that.
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
    /// What is handed to the host at once: the arguments of one host call.
    pub host_call: ByteSize,
    /// What is printed, to both outputs together.
    pub printed: ByteSize,
    /// Files and directories open at once, besides those that are granted.
    pub open_files: u32,
    /// What is written to disk; a file or directory made counts as [`Limits::ENTRY`] more.
    pub disk: ByteSize,
    /// HTTP requests sent and connections opened.
    pub requests: u32,
    /// What is sent to the network, headers and TLS included.
    pub egress: ByteSize,
    /// What is received from there.
    pub ingress: ByteSize,
}

impl Limits {
    /// What making a file or a directory costs of [`Limits::disk`], so that empty files have a bound too.
    pub const ENTRY: ByteSize = ByteSize::new(4096);
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(64),
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(30),
            output: ByteSize::mib(1),
            host_call: ByteSize::mib(4),
            printed: ByteSize::mib(1),
            open_files: 64,
            disk: ByteSize::mib(64),
            requests: 32,
            egress: ByteSize::mib(8),
            ingress: ByteSize::mib(32),
        }
    }
}
