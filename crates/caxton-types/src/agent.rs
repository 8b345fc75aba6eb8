//! An agent as data: what every dialect of its file is normalised into.

use crate::{AgentBudget, AgentName, CapabilityLabel, Scope, Template, ToolPolicy, ToolRef, unit::Period};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Something that an agent offers to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Its label, such as `data-analysis`.
    pub label: CapabilityLabel,
    /// Phrases that ask for it, such as `analyze data`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phrases: Vec<Box<str>>,
}

/// What the model is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// The system prompt.
    pub system: Template,
    /// The user prompt; the message's own words where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Template>,
}

/// How an agent uses memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemorySpec {
    /// Whether it recalls and remembers at all.
    pub enabled: bool,
    /// Where it remembers, and how far it recalls.
    pub scope: Scope,
    /// Whether each successful answer is remembered.
    pub auto_store: bool,
    /// The most observations that one recall returns.
    pub search_limit: u16,
    /// How near in meaning an observation must be.
    pub min_similarity: f32,
}

impl Default for MemorySpec {
    fn default() -> Self {
        Self { enabled: false, scope: Scope::Workspace, auto_store: true, search_limit: 10, min_similarity: 0.3 }
    }
}

/// Which model an agent needs, by name and not by vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelSpec {
    /// The name under which the server's configuration knows the model.
    pub name: Box<str>,
    /// Sampling temperature; the provider's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// The most tokens of one answer.
    pub max_tokens: u32,
}

impl Default for ModelSpec {
    fn default() -> Self {
        Self { name: "chat".into(), temperature: None, max_tokens: 4096 }
    }
}

/// The bounds of one turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TurnLimits {
    /// Calls of the model.
    pub model_calls: u16,
    /// Calls of tools.
    pub tool_calls: u16,
    /// Calls of tools at the same time.
    pub concurrent_tools: u16,
    /// Tokens, read and written together.
    pub tokens: u64,
    /// Wall time.
    pub wall_time: Period,
    /// Bytes of the dialogue that the model is sent.
    pub context_bytes: u64,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            model_calls: 16,
            tool_calls: 32,
            concurrent_tools: 4,
            tokens: 200_000,
            wall_time: Period::from_secs(120),
            context_bytes: 512 * 1024,
        }
    }
}

/// An agent: parsed data, nothing that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentSpec {
    /// Names it inside its workspace.
    pub name: AgentName,
    /// The name that people see.
    pub display_name: Box<str>,
    /// Its version (semantic versioning).
    pub version: Box<str>,
    /// One line on what it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Box<str>>,
    /// What it offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// The tools that it may call; nothing else can be called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolRef>,
    /// Tools that it may call where they exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optional_tools: Vec<ToolRef>,
    /// How it wants tools handled, where that differs from what they say themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tool_policies: BTreeMap<ToolRef, ToolPolicy>,
    /// What the model is told.
    pub prompts: Prompts,
    /// How it uses memory.
    #[serde(default)]
    pub memory: MemorySpec,
    /// Which model it needs.
    #[serde(default)]
    pub model: ModelSpec,
    /// The bounds of its turns.
    #[serde(default)]
    pub limits: TurnLimits,
    /// What its work may cost at most.
    #[serde(default, skip_serializing_if = "AgentBudget::is_none")]
    pub budget: AgentBudget,
    /// JSON Schema that its final answer must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// Free values for its prompts.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// Its documentation in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<Box<str>>,
}
