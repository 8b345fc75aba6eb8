//! The smaller tables of an agent's file: memory, model, limits, output.

use super::fields::either;
use crate::{
    Diagnostic, Diagnostics,
    record::{Keys, Record},
    scalar,
    tree::{Node, Value},
};
use caxton_types::{
    MemorySpec, ModelSpec, Scope, TurnLimits,
    unit::{ByteSize, Period},
};
use serde_json::Value as Json;

const MEMORY: Keys = Keys {
    known: &["enabled", "scope", "auto_store", "search_limit", "min_similarity"],
    unbuilt: &["retention", "semantic_search", "relationship_tracking", "auto_cleanup"],
};
const MODEL: Keys = Keys {
    known: &["name", "temperature", "max_tokens"],
    unbuilt: &["primary", "secondary", "fallback", "fallback_provider", "capabilities"],
};
const LIMITS: Keys =
    Keys { known: &["model_calls", "tool_calls", "concurrent_tools", "tokens", "wall_time", "context_bytes"], unbuilt: &["memory", "cpu"] };
const OUTPUT: Keys = Keys { known: &["schema"], unbuilt: &["format"] };

const SCOPES: [&str; 3] = ["agent", "workspace", "global"];
const SCOPE_ALIASES: [(&str, &str); 2] = [("agent-only", "agent"), ("session", "agent")];

pub(super) fn memory(node: Option<&Node>, lints: &mut Vec<Diagnostic>, problems: &mut Diagnostics) -> MemorySpec {
    let table = Record::open(node, "memory", &MEMORY, problems);
    let default = MemorySpec::default();
    if let Some(node) = node
        && table.node("enabled").is_none()
    {
        let lint = node.place.error("memory stays off: `enabled` is not given").key("memory.enabled").warning();
        lints.push(lint.help("add `enabled = true`, or remove the table"));
    }
    let scope = table.value("scope", problems, |node| scalar::choice(node, &SCOPES, &SCOPE_ALIASES));
    MemorySpec {
        enabled: table.value("enabled", problems, scalar::flag).unwrap_or(default.enabled),
        scope: match scope {
            Some("agent") => Scope::Agent,
            Some("global") => Scope::Global,
            Some("workspace") => Scope::Workspace,
            _ => default.scope,
        },
        auto_store: table.value("auto_store", problems, scalar::flag).unwrap_or(default.auto_store),
        search_limit: table.whole("search_limit", (1, 100), problems).unwrap_or(default.search_limit),
        min_similarity: table
            .value("min_similarity", problems, |node| scalar::decimal(node, 0.0, 1.0))
            .map_or(default.min_similarity, narrow),
    }
}

/// A name, or a table that has it.
pub(super) fn model(node: Option<&Node>, problems: &mut Diagnostics) -> ModelSpec {
    let default = ModelSpec::default();
    if let Some(node) = node.filter(|node| !matches!(node.value, Value::Map(_))) {
        let name = scalar::text(node).map_err(|wrong| node.place.error(format!("`model`: {wrong}")).key("model"));
        return ModelSpec { name: problems.take(name).map_or(default.name, Into::into), ..default };
    }
    let table = Record::open(node, "model", &MODEL, problems);
    ModelSpec {
        name: table.text("name", problems).map_or(default.name, Into::into),
        temperature: table.value("temperature", problems, |node| scalar::decimal(node, 0.0, 2.0)).map(narrow),
        max_tokens: table.whole("max_tokens", (1, 1_000_000), problems).unwrap_or(default.max_tokens),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "fewer digits are enough for a small ratio")]
const fn narrow(number: f64) -> f32 {
    number as f32
}

pub(super) fn limits(node: Option<&Node>, problems: &mut Diagnostics) -> TurnLimits {
    let table = Record::open(node, "limits", &LIMITS, problems);
    let default = TurnLimits::default();
    let times = (Period::from_millis(1), Period::from_secs(86_400));
    let context = (ByteSize::new(1000), ByteSize::mib(64));
    TurnLimits {
        model_calls: table.whole("model_calls", (1, 1000), problems).unwrap_or(default.model_calls),
        tool_calls: table.whole("tool_calls", (0, 10_000), problems).unwrap_or(default.tool_calls),
        concurrent_tools: table.whole("concurrent_tools", (1, 64), problems).unwrap_or(default.concurrent_tools),
        tokens: table.whole("tokens", (1, 1_000_000_000), problems).unwrap_or(default.tokens),
        wall_time: table.quantity("wall_time", times, problems).unwrap_or(default.wall_time),
        context_bytes: table.quantity("context_bytes", context, problems).map_or(default.context_bytes, ByteSize::get),
    }
}

/// The schema of the final answer: a table, or JSON as a text.
pub(super) fn output(top: &Record<'_>, problems: &mut Diagnostics) -> Option<Json> {
    let table = Record::open(top.node("output"), "output", &OUTPUT, problems);
    let entry = either(&[("output_schema", top.entry("output_schema")), ("output.schema", table.entry("schema"))], problems)?;
    let schema = match entry.node.text() {
        None => Ok(entry.node.json()),
        Some(text) => serde_json::from_str(text).map_err(|error| entry.node.place.error(format!("the schema is not JSON: {error}"))),
    };
    let schema = schema.and_then(|schema| {
        if schema.is_object() { Ok(schema) } else { Err(entry.node.place.error("the schema of the output must be a table")) }
    });
    problems.take(schema.map_err(|problem| problem.key("output_schema")))
}
