//! What its tools say of themselves.

use super::{KEY_LEN_MAX, LISTED, LISTED_MAX, SERVER, TTL_MAX};
use crate::{
    Error,
    built_in::define::{Definition, READS, WRITES, merged},
};
use caxton_types::{ToolAnnotations, ToolDefinition};
use serde_json::{Value, json};

pub(super) fn all() -> Result<[ToolDefinition; 5], Error> {
    let scope = json!({"scope": {
        "type": "string", "enum": ["agent", "workspace"], "default": "agent", "description": "whose it is: the agent's own, or shared by all agents of the workspace"
    }});
    let key = json!({"key": {"type": "string", "minLength": 1, "maxLength": KEY_LEN_MAX}});
    let guard = json!({"if_version": {"type": "integer", "minimum": 0, "description": "only where it stands at this version; 0 for where nothing is kept"}});
    let build = |tool: &'static str,
                 description: &str,
                 own: Value,
                 required: &'static [&'static str],
                 gives: Value,
                 annotations: ToolAnnotations| {
        let properties = merged([scope.clone(), own]);
        Definition { server: SERVER, tool, description: description.into(), properties, required, gives, annotations }.build()
    };
    Ok([
        build(
            "get",
            "Returns the value that is kept under a key.",
            key.clone(),
            &["key"],
            json!({"found": {"type": "boolean"}, "value": {}, "version": {"type": "integer"}, "expires": {"type": ["string", "null"]}}),
            READS,
        )?,
        build(
            "exists",
            "Tells whether something is kept under a key.",
            key.clone(),
            &["key"],
            json!({"exists": {"type": "boolean"}, "version": {"type": "integer"}}),
            READS,
        )?,
        build(
            "list",
            "Lists keys in their order, with values where wanted.",
            json!({
                "prefix": {"type": "string", "maxLength": KEY_LEN_MAX, "description": "only keys that begin so"},
                "after": {"type": "string", "maxLength": KEY_LEN_MAX, "description": "only keys behind this one"},
                "limit": {"type": "integer", "minimum": 1, "maximum": LISTED_MAX, "default": LISTED},
                "values": {"type": "boolean", "default": false}
            }),
            &[],
            json!({"entries": {"type": "array", "items": {"type": "object"}}, "next": {"type": ["string", "null"]}}),
            READS,
        )?,
        build(
            "put",
            "Keeps a value under a key, in place of one that is there; it survives the conversation and a restart.",
            merged([
                key.clone(),
                json!({
                    "value": {"description": "any JSON"},
                    "ttl": {"type": "string", "maxLength": 40, "description": format!("how long it is kept, such as 90s, 15m or 30d; at most {TTL_MAX}; for ever where absent")}
                }),
                guard.clone(),
            ]),
            &["key", "value"],
            json!({"version": {"type": "integer"}, "created": {"type": "boolean"}}),
            WRITES,
        )?,
        build(
            "delete",
            "Removes what is kept under a key.",
            merged([key, guard]),
            &["key"],
            json!({"removed": {"type": "boolean"}}),
            WRITES,
        )?,
    ])
}
