//! The section `tools.sandbox`: what WebAssembly tools may use, at most.

use super::read::Reader;
use crate::Diagnostic;
use caxton_types::unit::{ByteSize, Period};
use std::path::PathBuf;

/// The sandbox of WebAssembly tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Memory of one call.
    pub memory: ByteSize,
    /// Longest time of one call.
    pub timeout: Period,
    /// Processor time of one call.
    pub cpu: Period,
    /// Most entries of the tables of one call.
    pub table_entries: u32,
    /// How deep the calls inside of a tool may go.
    pub stack_size: ByteSize,
    /// Largest result of one call.
    pub result_size: ByteSize,
    /// Most that is handed to the host at once.
    pub host_call_size: ByteSize,
    /// Most that one call prints.
    pub printed_size: ByteSize,
    /// Most files that one call has open.
    pub open_files: u32,
    /// Most handles that one call holds.
    pub handles: u32,
    /// Most random bytes that a tool asks for in one go.
    pub random_size: ByteSize,
    /// Most that one call writes to disk.
    pub disk: ByteSize,
    /// Most requests and connections of one call.
    pub requests: u32,
    /// Most that one call sends.
    pub egress: ByteSize,
    /// Most that one call receives.
    pub ingress: ByteSize,
    /// Most calls at the same time.
    pub instances: u32,
    /// Of them, those of one agent; 0 is half of them.
    pub agent_instances: u32,
    /// Most calls that wait for an instance.
    pub queue_size: usize,
    /// Longest time that one waits.
    pub queue_timeout: Period,
    /// Most instances that wait for their next call.
    pub waiting_instances: u32,
    /// Largest component that is compiled.
    pub component_size: ByteSize,
    /// Components compiled at the same time.
    pub compilations: u32,
    /// Most compiled code on disk.
    pub cache_size: ByteSize,
    /// How long code stays in memory without a call.
    pub code_idle: Period,
    /// Which features of WebAssembly are on.
    pub profile: SandboxProfile,
    /// Directories of the host that tools may be granted to read.
    pub readable_directories: Vec<PathBuf>,
    /// And those that they may be granted to write too.
    pub writable_directories: Vec<PathBuf>,
    /// Hosts that they may be granted to reach at private addresses.
    pub private_hosts: Vec<Box<str>>,
    /// The window over which an agent's calls are bounded together.
    pub agent_window: Period,
    /// Most calls of one agent within the window; 0 is no bound.
    pub agent_calls: u64,
    /// Processor time of one agent's calls within the window.
    pub agent_cpu: Period,
    /// What one agent's calls may send within the window.
    pub agent_egress: ByteSize,
    /// What one agent's calls may write to disk within the window.
    pub agent_disk: ByteSize,
}

/// Which features of WebAssembly are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxProfile {
    /// What every stock toolchain emits.
    Default,
    /// Without bulk memory, reference types and SIMD.
    Strict,
}

impl Sandbox {
    pub(super) fn read(section: &Reader<'_>) -> Result<Self, Diagnostic> {
        Ok(Self {
            memory: section.quantity("memory")?,
            timeout: section.quantity("timeout")?,
            cpu: section.quantity("cpu")?,
            table_entries: section.whole("table_entries")?,
            stack_size: section.quantity("stack_size")?,
            result_size: section.quantity("result_size")?,
            host_call_size: section.quantity("host_call_size")?,
            printed_size: section.quantity("printed_size")?,
            open_files: section.whole("open_files")?,
            handles: section.whole("handles")?,
            random_size: section.quantity("random_size")?,
            disk: section.quantity("disk")?,
            requests: section.whole("requests")?,
            egress: section.quantity("egress")?,
            ingress: section.quantity("ingress")?,
            instances: section.whole("instances")?,
            agent_instances: section.whole("agent_instances")?,
            queue_size: section.whole("queue_size")?,
            queue_timeout: section.quantity("queue_timeout")?,
            waiting_instances: section.whole("waiting_instances")?,
            component_size: section.quantity("component_size")?,
            compilations: section.whole("compilations")?,
            cache_size: section.quantity("cache_size")?,
            code_idle: section.quantity("code_idle")?,
            profile: section.choice("profile", &[("default", SandboxProfile::Default), ("strict", SandboxProfile::Strict)])?,
            readable_directories: directories(section, "readable_directories")?,
            writable_directories: directories(section, "writable_directories")?,
            private_hosts: section.texts("private_hosts")?,
            agent_window: section.quantity("agent_window")?,
            agent_calls: section.whole("agent_calls")?,
            agent_cpu: section.quantity("agent_cpu")?,
            agent_egress: section.quantity("agent_egress")?,
            agent_disk: section.quantity("agent_disk")?,
        })
    }
}

/// Absolute paths, so that nobody has to guess where they begin.
fn directories(reader: &Reader<'_>, key: &str) -> Result<Vec<PathBuf>, Diagnostic> {
    let paths = reader.texts(key)?.into_iter().map(|path| PathBuf::from(&*path)).collect::<Vec<_>>();
    let sound = |path: &&PathBuf| path.is_absolute() && path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
    match paths.iter().find(|path| !sound(path)) {
        Some(path) => Err(reader.about(key, format!("`tools.sandbox.{key}`: `{}` is no absolute path", path.display()))),
        None => Ok(paths),
    }
}
