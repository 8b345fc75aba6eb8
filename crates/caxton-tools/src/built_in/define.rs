//! How built-in tools describe themselves, and how their arguments are read.

use super::Refusal;
use crate::Error;
use caxton_types::{ToolAnnotations, ToolDefinition, ToolId, ToolPolicy};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A tool that only looks at what it is given.
pub(crate) const READS: ToolAnnotations =
    ToolAnnotations { read_only_hint: true, destructive_hint: false, idempotent_hint: true, open_world_hint: false };

/// A tool that changes something, and may be called twice.
pub(crate) const WRITES: ToolAnnotations =
    ToolAnnotations { read_only_hint: false, destructive_hint: true, idempotent_hint: true, open_world_hint: false };

/// What a tool is called and takes.
pub(crate) struct Definition {
    pub(crate) server: &'static str,
    pub(crate) tool: &'static str,
    pub(crate) description: String,
    /// The properties of its arguments, by name.
    pub(crate) properties: Value,
    pub(crate) required: &'static [&'static str],
    /// The properties of its structured result.
    pub(crate) gives: Value,
    pub(crate) annotations: ToolAnnotations,
}

impl Definition {
    pub(crate) fn build(self) -> Result<ToolDefinition, Error> {
        let Self { server, tool, description, properties, required, gives, annotations } = self;
        let always: Vec<&String> = gives.as_object().into_iter().flat_map(Map::keys).collect();
        let output_schema = json!({"type": "object", "properties": gives, "required": always});
        Ok(ToolDefinition {
            id: ToolId::new(server, tool).map_err(|source| Error::ToolName { server: server.into(), tool: tool.into(), source })?,
            description,
            input_schema: json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}),
            output_schema: Some(output_schema),
            annotations,
            policy: ToolPolicy::default(),
            digest: None,
        })
    }
}

/// Several objects as one.
pub(crate) fn merged(parts: impl IntoIterator<Item = Value>) -> Value {
    let objects = parts.into_iter().filter_map(|part| if let Value::Object(map) = part { Some(map) } else { None });
    Value::Object(objects.flatten().collect())
}

/// The arguments as the tool's own type; their schema has been checked.
pub(crate) fn arguments<T: DeserializeOwned>(arguments: &Value) -> Result<T, Refusal> {
    T::deserialize(arguments).map_err(|error| Refusal::invalid(format!("it cannot take these arguments: {error}")))
}
