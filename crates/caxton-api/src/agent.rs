//! Agents on the wire.

use crate::{Diagnostic, schema};
use caxton_types::{AgentName, AgentSpec, Capability, Digest, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that an agent offers to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapabilityView {
    /// Its label.
    pub label: String,
    /// Phrases that ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phrases: Vec<String>,
}

impl CapabilityView {
    /// The wire's view of what an agent offers.
    pub fn new(capability: &Capability) -> Self {
        Self { label: capability.label.to_string(), phrases: capability.phrases.iter().map(ToString::to_string).collect() }
    }
}

/// A tool that an agent may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolView {
    /// `server/tool`.
    pub id: String,
    /// What it does.
    pub description: String,
}

/// An agent in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentSummary {
    /// Names it inside its workspace.
    #[schema(value_type = schema::AgentName)]
    pub name: AgentName,
    /// The name that people see.
    pub display_name: String,
    /// Its version, as its file says.
    pub version: String,
    /// One line on what it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub description: Option<String>,
    /// What it offers.
    pub capabilities: Vec<CapabilityView>,
    /// The tools that its file names.
    pub tools: Vec<String>,
    /// Counts its revisions in this workspace, from 1.
    pub revision: u32,
    /// When that revision was deployed.
    #[schema(value_type = String, format = DateTime)]
    pub deployed_at: Timestamp,
}

impl AgentSummary {
    /// The listing's view of a deployed agent.
    pub fn new(spec: &AgentSpec, revision: u32, deployed_at: Timestamp) -> Self {
        Self {
            name: spec.name.clone(),
            display_name: spec.display_name.to_string(),
            version: spec.version.to_string(),
            description: spec.description.as_deref().map(Into::into),
            capabilities: spec.capabilities.iter().map(CapabilityView::new).collect(),
            tools: spec.tools.iter().map(ToString::to_string).collect(),
            revision,
            deployed_at,
        }
    }
}

/// An agent in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentDetail {
    /// What a listing shows of it.
    pub agent: AgentSummary,
    /// Everything that its file says, in the one form that both dialects are read into, with its documentation.
    #[schema(value_type = Object)]
    pub spec: AgentSpec,
    /// The SHA-256 of its canonical spec.
    #[schema(value_type = schema::Digest)]
    pub spec_digest: Digest,
    /// The tools that it can call as things stand.
    pub tools: Vec<ToolView>,
    /// What was noticed while it was deployed; only in the answer to that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Diagnostic>,
}

/// An agent's file inside JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentPut {
    /// The file's text, TOML.
    pub toml: String,
}
