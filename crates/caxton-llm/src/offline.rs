//! The built-in provider: a planner over tools, attachments and memory. It is no language model, and says so.

use crate::{DeltaSink, Error, Provider};
use caxton_types::{ModelReply, ModelRequest, StopReason, TokenUsage};

/// Answers without any network; the same request gets the same reply.
#[derive(Debug)]
pub struct Offline {
    name: String,
}

impl Offline {
    /// The name of the provider that answers when none is configured.
    pub const NAME: &str = "offline";
    /// What its replies give as their model.
    pub const MODEL: &str = "planner";

    /// The offline provider under a configured name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

#[async_trait::async_trait]
impl Provider for Offline {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ask(&self, _request: &ModelRequest, model: &str, deltas: Option<DeltaSink>) -> Result<ModelReply, Error> {
        let text = "I cannot answer this without a language model.".to_owned();
        if let Some(deltas) = deltas {
            deltas(&text);
        }
        Ok(ModelReply {
            text,
            tool_calls: Vec::new(),
            stop: StopReason::End,
            usage: TokenUsage::default(),
            provider: self.name.clone(),
            model: model.to_owned(),
        })
    }
}
