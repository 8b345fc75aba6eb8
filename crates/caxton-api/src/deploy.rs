//! Deployments on the wire.

use crate::{ActorView, Diagnostic, schema};
use caxton_types::{DeploymentId, Digest, FileChange, GitState, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One file of a workspace that is to be deployed; its bytes are a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its path inside the workspace, with `/`.
    #[schema(value_type = schema::FilePath)]
    pub path: Box<str>,
    /// The SHA-256 of its bytes.
    #[schema(value_type = schema::Digest)]
    pub digest: Digest,
    /// Its length in bytes.
    #[serde(deserialize_with = "crate::whole::number")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    pub size: u64,
}

/// The state of the repository that a deployment comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GitView {
    /// The commit.
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    pub commit: Box<str>,
    /// The branch, where one is checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 250)]
    pub branch: Option<Box<str>>,
    /// Whether there were changes that are not committed.
    #[serde(default)]
    pub dirty: bool,
}

impl From<GitState> for GitView {
    fn from(git: GitState) -> Self {
        Self { commit: git.commit, branch: git.branch, dirty: git.dirty }
    }
}

impl From<GitView> for GitState {
    fn from(git: GitView) -> Self {
        Self { commit: git.commit, branch: git.branch, dirty: git.dirty }
    }
}

/// The whole workspace by digest. Sent first to learn which files the server lacks, and again once those are uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"files": [{"path": "agents/sum.toml", "digest": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "size": 3}]}))]
pub struct DeployRequest {
    /// Every file that belongs to the workspace; what is not listed is removed.
    #[schema(max_items = 10000)]
    pub files: Vec<FileEntry>,
    /// Where they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitView>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeView {
    /// Its path inside the workspace.
    pub path: String,
    /// `added`, `modified`, `unchanged` or `removed`.
    #[schema(value_type = schema::FileChange)]
    pub change: FileChange,
}

/// How far a deployment got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DeployResponse {
    /// The server lacks files: upload each as a blob, then send the same request again.
    NeedsFiles {
        /// What it lacks.
        #[schema(value_type = Vec<schema::Digest>)]
        missing: Vec<Digest>,
        /// What the deployment would do.
        changes: Vec<ChangeView>,
    },
    /// The workspace is as the request says.
    Deployed {
        /// The deployment; the one before where nothing had changed.
        deployment: DeploymentView,
        /// Whether anything had changed.
        changed: bool,
        /// What became of each file.
        changes: Vec<ChangeView>,
    },
}

/// What a tool may touch from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantedView {
    /// The server of the tool.
    pub tool: String,
    /// In a few words each.
    pub permissions: Vec<String>,
}

/// A deployment that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentView {
    /// Names the deployment.
    #[schema(value_type = schema::DeploymentId)]
    pub id: DeploymentId,
    /// Counts the deployments of the workspace, from 1.
    pub version: u32,
    /// When it was applied.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who deployed.
    pub by: ActorView,
    /// Where the files come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub git: Option<GitView>,
    /// Files that are new.
    pub added: u32,
    /// Files that changed.
    pub modified: u32,
    /// Files that stayed.
    pub unchanged: u32,
    /// Files that went.
    pub removed: u32,
    /// How many agents it left behind.
    pub agents: u32,
    /// What it took on the server, in milliseconds.
    pub took_ms: u64,
    /// What tools are granted that they were not before; only in the answer to the deployment itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted: Vec<GrantedView>,
    /// What was noticed; only in the answer to the deployment itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Diagnostic>,
}
