//! A workspace as a set of files: agents, tools and settings, checked as a whole.
//!
//! Loading is pure over a map from path to content, so that the client that validates and the server that deploys agree by construction.

mod call_limits;
mod layout;
mod load;
mod permissions;
mod resolve;
mod settings;
mod tool;
mod words;

pub use self::{
    call_limits::CallLimits,
    layout::{FILES_MAX, TEXT_SIZE_MAX, WASM_SIZE_MAX, is_deployed},
    load::load,
    permissions::Ceiling,
    resolve::{Offered, UnknownModel, UnknownTool, built_in, resolve_models, resolve_tools},
    settings::{Remote, WorkspaceSettings},
    tool::{AttachmentAccess, ToolManifest},
    words::words as permission_words,
};

use crate::{Diagnostic, source::Place};
use caxton_types::{AgentSpec, Digest, ToolRef};
use std::sync::Arc;

/// A file of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
    bytes: Option<Arc<[u8]>>,
}

impl FileContent {
    /// A file whose bytes are at hand.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), size: bytes.len() as u64, bytes: Some(bytes) }
    }

    /// A `tool.wasm` of which the digest is enough; every other file is read.
    pub const fn known(digest: Digest, size: u64) -> Self {
        Self { digest, size, bytes: None }
    }

    /// Its bytes, where they are at hand.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }
}

/// A workspace that was read.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its agents, by path.
    pub agents: Vec<LoadedAgent>,
    /// Its tools, by name.
    pub tools: Vec<LoadedTool>,
    /// What its `caxton.toml` says.
    pub settings: WorkspaceSettings,
    /// What somebody should look at; an agent's lints are the agent's.
    pub warnings: Vec<Diagnostic>,
}

/// One agent of a workspace.
#[derive(Debug, Clone)]
pub struct LoadedAgent {
    /// Its file.
    pub path: Box<str>,
    /// The agent.
    pub spec: AgentSpec,
    /// What works, and should be written differently.
    pub lints: Vec<Diagnostic>,
    tools: Vec<(ToolRef, Place)>,
    policies: Vec<(ToolRef, Place)>,
    model: Place,
}

/// One WebAssembly tool of a workspace.
#[derive(Debug, Clone)]
pub struct LoadedTool {
    /// The name of its server: its directory's.
    pub name: Box<str>,
    /// Its directory.
    pub path: Box<str>,
    /// What its `tool.toml` says.
    pub manifest: ToolManifest,
    /// The component.
    pub wasm: Wasm,
}

/// A component by its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wasm {
    /// Its file.
    pub path: Box<str>,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
}
