//! What is asked of a language model, and what it answers; no vendor's wire format.

use crate::{Code, Digest, Recollection, ToolCall, ToolDefinition};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// One entry of the dialogue with a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum ChatMessage {
    /// Somebody asks.
    User {
        /// What is said.
        text: String,
    },
    /// The model answered, perhaps by asking for tools.
    Assistant {
        /// What it said.
        text: String,
        /// The calls that it asks for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
    },
    /// A tool's result.
    Tool {
        /// The call that it answers.
        call_id: String,
        /// The tool, as the model named it.
        tool: String,
        /// The result.
        text: String,
        /// Whether the call failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

/// What the model is told of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentView {
    /// Its file name, as tools take it.
    pub name: Box<str>,
    /// Its media type.
    pub media_type: Box<str>,
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Its first lines, where it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

/// What stays the same through all model calls of one turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// The model by the name that the agent's file uses, such as `chat`.
    pub model: String,
    /// The system prompt, rendered.
    pub system: String,
    /// The request in its own words, before any template.
    pub request: String,
    /// The tools that the agent may call.
    pub tools: Arc<[ToolDefinition]>,
    /// The files that came with the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentView>,
    /// What memory gave for the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memories: Vec<Recollection>,
    /// JSON Schema that the final answer must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// The most tokens of one answer.
    pub max_tokens: u32,
    /// Sampling temperature; the provider's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
}

/// One call of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// What stays the same through the turn.
    pub settings: Arc<ModelSettings>,
    /// The dialogue so far; shared with the turn, which goes on with it when the call is over.
    pub dialogue: Arc<Vec<ChatMessage>>,
    /// How many entries of the dialogue the previous call of this turn had sent already.
    pub sent_before: usize,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It was done.
    End,
    /// It wants tools called.
    ToolCalls,
    /// It reached the most tokens of one answer.
    MaxTokens,
    /// It declined.
    Refusal,
}

/// Tokens that were read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
}

impl TokenUsage {
    /// All tokens.
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
    }
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelReply {
    /// What it said.
    pub text: String,
    /// The calls that it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub stop: StopReason,
    /// What it used.
    pub usage: TokenUsage,
    /// The provider that answered, by its configured name.
    pub provider: String,
    /// The model that answered, by the vendor's name.
    pub model: String,
    /// Who was to answer before and did not, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failovers: Vec<Failover>,
}

/// One step along a chain of providers, and why it was taken. Both sides are written `provider/model`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// Who did not answer.
    pub from: String,
    /// Who was next.
    pub to: String,
    /// What kind of failure it was.
    pub code: Code,
    /// In words.
    pub reason: String,
}

/// What happens when a provider of a chain fails and another one follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackMode {
    /// The next one is asked.
    #[default]
    Auto,
    /// Somebody decides whether the next one is asked.
    Ask,
    /// The failure stands.
    Off,
}
