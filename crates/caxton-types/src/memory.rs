//! What agents remember.

use crate::{AgentName, Timestamp};
use serde::{Deserialize, Serialize};

/// Who can recall what is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Only the agent itself.
    #[serde(alias = "agent-only", alias = "agent_only", alias = "session")]
    Agent,
    /// Every agent of the workspace.
    #[default]
    Workspace,
    /// Every workspace of the server.
    Global,
}

impl Scope {
    /// The scopes that an agent sees whose memory reaches as far as this one.
    pub const fn up_to(self) -> &'static [Self] {
        match self {
            Self::Agent => &[Self::Agent],
            Self::Workspace => &[Self::Agent, Self::Workspace],
            Self::Global => &[Self::Agent, Self::Workspace, Self::Global],
        }
    }

    /// Its name in files and figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Workspace => "workspace",
            Self::Global => "global",
        }
    }
}

/// Something to remember.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What it is about; observations of one name belong to one entity.
    pub entity: Box<str>,
    /// What kind of thing the entity is.
    pub kind: Box<str>,
    /// What was observed.
    pub text: String,
    /// Who can recall it.
    pub scope: Scope,
    /// The agent that observed it.
    pub agent: AgentName,
}

/// A question to memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// What is asked.
    pub query: String,
    /// How far to look: an agent sees its own, its workspace's and the global memory up to this scope.
    pub scope: Scope,
    /// The agent that asks.
    pub agent: AgentName,
    /// How many observations to return at most.
    pub limit: u16,
    /// How near in meaning (cosine) an observation must be where vectors are searched.
    pub min_similarity: f32,
}

/// One observation that came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recollection {
    /// What it is about.
    pub entity: Box<str>,
    /// What was observed.
    pub text: String,
    /// Its lexical score (BM25, higher is better).
    pub lexical: f32,
    /// The scope it was found in.
    pub scope: Scope,
    /// When it was observed.
    pub at: Timestamp,
}
