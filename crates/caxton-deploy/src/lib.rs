//! Deployments: a workspace is taken whole, checked whole and applied in one batch.
//!
//! Invariant: a deployment that is refused changes nothing, and one that is applied is one event; agents and tools of two
//! deployments never mix.
mod apply;
mod archive;
mod error;
mod grants;
mod single;

use caxton_exchange::Exchange;
use caxton_runtime::Runtime;
use caxton_store::{Store, Workspace};
use caxton_tools::Tools;
use caxton_types::{AgentRevision, DeploymentId, Digest, FileChange, GitState, WorkspaceName, unit::ByteSize};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

pub use self::{
    error::Error,
    grants::{Pool, ToolBounds, load_tool},
};

/// Bounds of a deployment, and what tools get where their manifest says nothing.
#[derive(Debug, Clone)]
pub struct Options {
    pub files_max: usize,
    /// The largest file, and the most that all files come to together.
    pub file_len_max: ByteSize,
    pub total_len_max: ByteSize,
    /// The most that its tools are granted.
    pub tools: ToolBounds,
}

impl Default for Options {
    fn default() -> Self {
        Self { files_max: 200_000, file_len_max: ByteSize::mib(64), total_len_max: ByteSize::mib(512), tools: ToolBounds::default() }
    }
}

/// One file of a workspace as its owner has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    pub path: Box<str>,
    pub digest: Digest,
    pub size: u64,
}

/// What is to be deployed: every file of the workspace, by digest.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    pub files: Vec<ManifestFile>,
    pub git: Option<GitState>,
}

/// What deploying a manifest would take.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Contents that the server does not have yet.
    pub missing: Vec<Digest>,
    /// What would become of each file.
    pub changes: Vec<(Box<str>, FileChange)>,
}

/// What was deployed.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The deployment; the last one where nothing had changed.
    pub deployment: DeploymentId,
    pub version: u32,
    /// Whether anything had changed.
    pub changed: bool,
    pub changes: Vec<(Box<str>, FileChange)>,
    pub agents: Vec<AgentRevision>,
    /// What tools are granted that they were not before, in words, by tool.
    pub granted: Vec<(Box<str>, Vec<String>)>,
    pub warnings: Vec<caxton_config::Diagnostic>,
    pub took_ms: u64,
}

/// Deploys. Cheap to clone.
#[derive(Clone)]
pub struct Deploy(Arc<Inner>);

struct Inner {
    store: Store,
    exchange: Exchange,
    runtime: Runtime,
    tools: Tools,
    options: Options,
    /// One deployment at a time per workspace.
    locks: Mutex<HashMap<WorkspaceName, Arc<tokio::sync::Mutex<()>>>>,
}

impl Deploy {
    /// Deploys into these services.
    pub fn new(store: Store, exchange: Exchange, runtime: Runtime, tools: Tools, options: Options) -> Self {
        tools.set_store(store.clone());
        tools.set_archive(archive::of(store.clone(), options.tools.clone()));
        Self(Arc::new(Inner { store, exchange, runtime, tools, options, locks: Mutex::default() }))
    }

    fn lock(&self, workspace: &WorkspaceName) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.0.locks.lock().entry(workspace.clone()).or_default())
    }

    /// Brings back what the last deployment left, at the start of the server.
    pub async fn restore(&self, workspace: &Workspace) -> Result<(), Error> {
        apply::restore(self, workspace).await
    }
}
