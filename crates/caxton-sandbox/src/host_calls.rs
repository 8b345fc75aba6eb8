//! What guests may ask of those above the sandbox, where they are granted it: memory, other tools.
//!
//! The sandbox hands it on, counts it and bounds it; what it means is for whoever implements [`HostCalls`].

use std::sync::Arc;

use async_trait::async_trait;
use caxton_types::unit::ByteSize;

use crate::{
    account::Exceeded,
    bindings::host::caxton::host::{memory, tools},
    host::Host,
};

/// Answers what the guest of one call asks. Errors are words for the guest; it may live with them.
#[async_trait]
pub trait HostCalls: std::fmt::Debug + Send + Sync {
    /// Searches memory; the answer is JSON.
    async fn recall(&self, query: String, limit: u32) -> Result<String, String>;

    /// Remembers a text.
    async fn remember(&self, text: String, scope: String) -> Result<(), String>;

    /// Calls another tool; the answer is the JSON of an MCP `CallToolResult`.
    async fn call_tool(&self, name: String, arguments_json: String) -> Result<String, String>;
}

impl Host {
    /// Counts a call of the guest, and says who answers it.
    fn host_calls(&self, kind: &'static str) -> Result<Result<Arc<dyn HostCalls>, String>, Exceeded> {
        self.account.request()?;
        metrics::counter!("caxton_sandbox_host_calls_total", "kind" => kind).increment(1);
        Ok(self.calls.clone().ok_or_else(|| "nobody answers that here".to_owned()))
    }

    /// An answer that the guest may be handed: no more at once than it may hand over itself.
    fn fitting(&self, answer: Result<String, String>) -> Result<String, String> {
        let max = self.account.limits().host_call;
        let len = ByteSize::new(answer.as_ref().map_or_else(String::len, String::len) as u64);
        if len > max { Err(format!("the answer has {len}; at most {max} are handed over at once")) } else { answer }
    }
}

impl memory::Host for Host {
    async fn recall(&mut self, query: String, limit: u32) -> wasmtime::Result<Result<String, String>> {
        let answer = match self.host_calls("recall")? {
            Ok(calls) => calls.recall(query, limit).await,
            Err(reason) => Err(reason),
        };
        Ok(self.fitting(answer))
    }

    async fn remember(&mut self, text: String, scope: String) -> wasmtime::Result<Result<(), String>> {
        Ok(match self.host_calls("remember")? {
            Ok(calls) => calls.remember(text, scope).await,
            Err(reason) => Err(reason),
        })
    }
}

impl tools::Host for Host {
    async fn call_tool(&mut self, name: String, arguments_json: String) -> wasmtime::Result<Result<String, String>> {
        let answer = match self.host_calls("call_tool")? {
            Ok(calls) => calls.call_tool(name, arguments_json).await,
            Err(reason) => Err(reason),
        };
        Ok(self.fitting(answer))
    }
}
