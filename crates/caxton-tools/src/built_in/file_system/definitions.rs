//! What its tools say of themselves.

use super::{SERVER, change, look, search};
use crate::{
    Error,
    built_in::{
        define::{Definition, READS, WRITES, merged},
        grants::{Granted, listed},
    },
};
use caxton_types::{ToolAnnotations, ToolDefinition};
use serde_json::{Value, json};

struct Tool {
    name: &'static str,
    description: &'static str,
    own: Value,
    required: &'static [&'static str],
    gives: Value,
    annotations: ToolAnnotations,
}

pub(super) fn all(granted: &[Granted]) -> Result<Vec<ToolDefinition>, Error> {
    let directories = listed(granted);
    let common = json!({"directory": {"type": "string", "description": format!("which granted directory: {directories}; may be left out where there is one only")}});
    let build = |tool: Tool| {
        Definition {
            server: SERVER,
            tool: tool.name,
            description: format!("{} Granted directories: {directories}.", tool.description),
            properties: merged([common.clone(), tool.own]),
            required: tool.required,
            gives: tool.gives,
            annotations: tool.annotations,
        }
        .build()
    };
    reading().into_iter().chain(writing()).map(build).collect()
}

fn path(about: &str) -> Value {
    json!({"path": {"type": "string", "minLength": 1, "maxLength": 1024, "description": about}})
}

fn limit(default: usize, max: usize) -> Value {
    json!({"limit": {"type": "integer", "minimum": 1, "maximum": max, "default": default}})
}

fn reading() -> [Tool; 4] {
    [
        Tool {
            name: "list",
            description: "Lists files and directories.",
            own: merged([
                path("a directory; the granted one itself where absent"),
                json!({"recursive": {"type": "boolean", "default": false}}),
                limit(look::LISTED, look::LISTED_MAX),
            ]),
            required: &[],
            gives: json!({"entries": {"type": "array", "items": {"type": "object"}}, "truncated": {"type": "boolean"}}),
            annotations: READS,
        },
        Tool {
            name: "read",
            description: "Reads a file or a range of it, as text or as base64.",
            own: merged([
                path("the file"),
                json!({
                    "encoding": {"type": "string", "enum": ["text", "base64"], "default": "text"},
                    "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "the first byte"},
                    "length": {"type": "integer", "minimum": 1, "maximum": look::READ_MAX.get(), "default": look::READ.get(), "description": "most bytes"}
                }),
            ]),
            required: &["path"],
            gives: json!({
                "encoding": {"type": "string"}, "content": {"type": "string"}, "size": {"type": "integer"}, "offset": {"type": "integer"}, "next_offset": {"type": ["integer", "null"]}
            }),
            annotations: READS,
        },
        Tool {
            name: "stat",
            description: "Tells whether something is there, what it is, how large and when it was changed.",
            own: path("a file or a directory"),
            required: &["path"],
            gives: json!({"exists": {"type": "boolean"}, "kind": {"type": ["string", "null"]}, "size": {"type": ["integer", "null"]}, "modified": {"type": ["string", "null"]}}),
            annotations: READS,
        },
        Tool {
            name: "search",
            description: "Finds files by name, and lines that contain a text.",
            own: merged([
                path("where to search; everywhere where absent"),
                json!({
                    "glob": {"type": "string", "minLength": 1, "maxLength": 500, "description": "such as `*.csv` or `reports/**/*.md`"},
                    "contains": {"type": "string", "minLength": 1, "maxLength": 500, "description": "a text that a line of the file holds"},
                    "ignore_case": {"type": "boolean", "default": false}
                }),
                limit(search::FOUND, search::FOUND_MAX),
            ]),
            required: &[],
            gives: json!({"matches": {"type": "array", "items": {"type": "object"}}, "truncated": {"type": "boolean"}}),
            annotations: READS,
        },
    ]
}

fn writing() -> [Tool; 5] {
    let content = json!({
        "text": {"type": "string", "maxLength": change::WRITE_MAX.get()},
        "base64": {"type": "string", "maxLength": change::WRITE_MAX.get() * 2, "description": "bytes, instead of `text`"}
    });
    let written = json!({"path": {"type": "string"}, "size": {"type": "integer"}, "created": {"type": "boolean"}});
    [
        Tool {
            name: "write",
            description: "Writes a file, in place of one that is there.",
            own: merged([
                path("the file"),
                content.clone(),
                json!({"only_new": {"type": "boolean", "default": false, "description": "refuse where a file is there"}}),
            ]),
            required: &["path"],
            gives: written.clone(),
            annotations: WRITES,
        },
        Tool {
            name: "append",
            description: "Writes behind the end of a file, which is made where it is not there.",
            own: merged([path("the file"), content]),
            required: &["path"],
            gives: written,
            annotations: ToolAnnotations { destructive_hint: false, idempotent_hint: false, ..WRITES },
        },
        Tool {
            name: "create_dir",
            description: "Creates a directory with all that lead to it.",
            own: path("the directory"),
            required: &["path"],
            gives: json!({"path": {"type": "string"}, "created": {"type": "boolean"}}),
            annotations: ToolAnnotations { destructive_hint: false, ..WRITES },
        },
        Tool {
            name: "remove",
            description: "Removes a file or a directory.",
            own: merged([
                path("what to remove"),
                json!({"recursive": {"type": "boolean", "default": false, "description": "a directory with all that is in it"}}),
            ]),
            required: &["path"],
            gives: json!({"path": {"type": "string"}, "removed": {"type": "boolean"}}),
            annotations: WRITES,
        },
        Tool {
            name: "move",
            description: "Moves or renames a file or a directory within the granted directory.",
            own: merged([
                path("what to move"),
                json!({
                    "to": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "its new path"},
                    "replace": {"type": "boolean", "default": false, "description": "whether what is there may go"}
                }),
            ]),
            required: &["path", "to"],
            gives: json!({"path": {"type": "string"}, "from": {"type": "string"}}),
            annotations: ToolAnnotations { idempotent_hint: false, ..WRITES },
        },
    ]
}
