//! What is removed because its time is over.

use crate::schema;
use caxton_types::WorkspaceName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What goes, or went, because it was kept for long enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GcView {
    /// Whether it went; else it would go now.
    pub applied: bool,
    /// Whether the configuration keeps conversations and events for ever.
    pub keeps_all: bool,
    /// Each workspace of which something goes.
    pub workspaces: Vec<GcWorkspaceView>,
    /// Files of content that no workspace knows any more. A plan does not count those of the blobs in it.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
}

/// What goes, or went, of one workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GcWorkspaceView {
    /// The workspace.
    #[schema(value_type = schema::WorkspaceName)]
    pub workspace: WorkspaceName,
    /// How many whole conversations.
    pub conversations: u64,
    /// How many events of each kind.
    pub events: BTreeMap<String, u64>,
    /// The bytes of these events.
    pub event_bytes: u64,
    /// How many blobs that nothing names any more.
    pub blobs: u64,
    /// The bytes of these blobs.
    pub blob_bytes: u64,
}
