//! A workspace at a glance.

use crate::{AgentSummary, DeploymentView, schema};
use caxton_types::{Digest, WorkspaceName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One deployed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileView {
    /// Its path inside the workspace.
    pub path: String,
    /// The SHA-256 of its bytes.
    #[schema(value_type = schema::Digest)]
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The version of the workspace that changed it last.
    pub version: u32,
}

/// A workspace as it is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceStatus {
    /// The workspace.
    #[schema(value_type = schema::WorkspaceName)]
    pub workspace: WorkspaceName,
    /// How often it was deployed; 0 where never.
    pub version: u32,
    /// The latest deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deployment: Option<DeploymentView>,
    /// Its files, by path.
    pub files: Vec<FileView>,
    /// Its agents, by name.
    pub agents: Vec<AgentSummary>,
}
