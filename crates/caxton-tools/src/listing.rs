//! The tools of a workspace as people see them: what they are, how they stand, what became of their calls.

use crate::{Grant, ToolStats, Tools};
use caxton_types::{ToolDefinition, WorkspaceName};

/// What stands behind a tool server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    /// Code of this program.
    BuiltIn,
    /// A WebAssembly component of the workspace.
    Component,
    /// Somebody else's MCP server.
    Remote,
    /// The turn that calls: it waits for somebody.
    Turn,
}

/// Whether a tool server takes calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
    /// It does.
    Ready,
    /// Its code could not be loaded.
    Failed(String),
    /// It does not answer now.
    Unavailable(String),
}

/// A tool as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub definition: ToolDefinition,
    pub kind: ServerKind,
    pub state: ServerState,
    /// What it was granted, where that was for somebody to decide.
    pub grant: Option<Grant>,
    pub stats: ToolStats,
}

impl Tools {
    /// Every tool of the workspace as it stands, by name.
    pub fn standing(&self, workspace: &WorkspaceName) -> Vec<Standing> {
        let own = self.own(workspace);
        let servers = self.0.built_in.values().chain(own.servers.values());
        let mut standing: Vec<Standing> = servers
            .flat_map(|server| {
                server.tools().iter().map(|definition| Standing {
                    definition: definition.clone(),
                    kind: server.kind(),
                    state: server.state(),
                    grant: server.grant().cloned(),
                    stats: own.tallies.stats(&definition.id),
                })
            })
            .collect();
        standing.sort_by_cached_key(|tool| tool.definition.id.to_string());
        standing
    }

    /// The tool servers of the workspace that could not be loaded, and why.
    pub fn failed(&self, workspace: &WorkspaceName) -> Vec<(Box<str>, String)> {
        self.own(workspace).failed.clone()
    }
}
