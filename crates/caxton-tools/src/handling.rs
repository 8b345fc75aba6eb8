//! How a call is handled: whether a person must agree, and what is done about it after a stop.

use crate::{Tools, http_client};
use caxton_types::{Execution, ToolDefinition};
use serde_json::Value;

/// How one call is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handling {
    /// What is done about it where a stop interrupted it.
    pub execution: Execution,
    /// Whether a person must agree first.
    pub needs_approval: bool,
}

impl Tools {
    /// How a call with these arguments is handled: what the agent or the tool's author says, and failing that what is
    /// known of the call. `http_client` is known by its method: GET and HEAD only read, PUT and DELETE may be repeated.
    pub fn handling(definition: &ToolDefinition, arguments: &Value) -> Handling {
        let of = |tool: &ToolDefinition| Handling { execution: tool.execution(), needs_approval: tool.needs_approval() };
        if definition.digest.is_some() || definition.id.server() != http_client::SERVER {
            return of(definition);
        }
        of(&ToolDefinition {
            id: definition.id.clone(),
            description: String::new(),
            input_schema: Value::Null,
            output_schema: None,
            annotations: http_client::annotations(arguments),
            policy: definition.policy,
            digest: None,
        })
    }
}
