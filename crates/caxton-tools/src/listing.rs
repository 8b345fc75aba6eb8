//! The tools of a workspace as people see them: what they are, how they stand, what became of their calls.

use crate::{FirstSeen, Grant, ToolStats, Tools, registry::Own, remote::Changed, server::Server};
use caxton_types::{ToolDefinition, ToolId, WorkspaceName};
use std::sync::Arc;

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
    /// Whether its server, which is another's, defines it otherwise than when it was first seen.
    pub changed: bool,
    /// What that was, where it changed and that is kept; told of one tool that is asked for.
    pub first_seen: Option<FirstSeen>,
    /// What it was granted, where that was for somebody to decide.
    pub grant: Option<Grant>,
    pub stats: ToolStats,
}

impl Tools {
    /// Every tool of the workspace as it stands, by name.
    pub fn standing(&self, workspace: &WorkspaceName) -> Vec<Standing> {
        let own = self.own(workspace);
        let of = |(server, state, changed): (Arc<Server>, ServerState, Changed)| {
            server.tools().iter().map(|tool| stands(&own, &server, (&state, &changed), tool)).collect::<Vec<_>>()
        };
        let mut standing: Vec<Standing> = self.servers(&own).flat_map(of).collect();
        standing.sort_by_cached_key(|tool| tool.definition.id.to_string());
        standing
    }

    /// This tool as it stands.
    pub fn standing_of(&self, workspace: &WorkspaceName, id: &ToolId) -> Option<Standing> {
        let own = self.own(workspace);
        self.servers(&own).find_map(|(server, state, changed)| {
            let tool = server.tools().iter().find(|tool| tool.id == *id)?;
            Some(Standing { first_seen: changed.first_seen(id), ..stands(&own, &server, (&state, &changed), tool) })
        })
    }

    /// Whether the files of a call are for this tool to see: granted, or what a built-in one works on.
    pub fn sees_files(&self, workspace: &WorkspaceName, tool: &ToolDefinition) -> bool {
        let (own, name) = (self.own(workspace), tool.id.server());
        let server = own.servers.get(name).or_else(|| self.0.built_in.get(name));
        server.is_some_and(|server| match server.grant() {
            Some(grant) => grant.attachments,
            None => server.kind() == ServerKind::BuiltIn && tool.input_schema.pointer("/properties/attachment").is_some(),
        })
    }

    fn servers<'s>(&'s self, own: &'s Own) -> impl Iterator<Item = (Arc<Server>, ServerState, Changed)> + use<'s> {
        let ours = self.0.built_in.values().chain(own.servers.values());
        let ours = ours.map(|server| (Arc::clone(server), ServerState::Ready, Changed::default()));
        ours.chain(self.others(own).filter_map(|remote| match remote.standing() {
            (Some(server), state, changed) => Some((server, state, changed)),
            (None, ..) => None,
        }))
    }

    /// The tool servers that have no tools because they could not be loaded or were never there, and why.
    pub fn failed(&self, workspace: &WorkspaceName) -> Vec<(Box<str>, ServerKind, ServerState)> {
        let own = self.own(workspace);
        let load = |(server, why): &(Box<str>, String)| (server.clone(), ServerKind::Component, ServerState::Failed(why.clone()));
        let mut failed: Vec<_> = own.failed.iter().map(load).collect();
        failed.extend(self.others(&own).filter_map(|remote| match remote.standing() {
            (None, state, _) => Some((remote.name().into(), ServerKind::Remote, state)),
            (Some(_), ..) => None,
        }));
        failed
    }
}

fn stands(own: &Own, server: &Server, (state, changed): (&ServerState, &Changed), tool: &ToolDefinition) -> Standing {
    Standing {
        definition: tool.clone(),
        kind: server.kind(),
        state: match (state, changed.complaint(&tool.id)) {
            (ServerState::Ready, Some(complaint)) => ServerState::Unavailable(complaint),
            _ => state.clone(),
        },
        changed: changed.has(&tool.id),
        first_seen: None,
        grant: server.grant().cloned(),
        stats: own.tallies.stats(&tool.id),
    }
}
