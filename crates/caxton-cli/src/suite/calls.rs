//! Calls of tools: what was called against what a case expects.

use caxton_config::suite::Call;
use caxton_types::{ToolCall, canonical_json};
use serde_json::Value;

/// `server/tool`, however the tool is written.
pub(super) fn plain(tool: &str) -> String {
    if tool.contains('/') { tool.to_owned() } else { tool.replacen("__", "/", 1) }
}

/// As a model names a tool: `server__tool`.
pub(super) fn model_name(tool: &str) -> String {
    tool.replacen('/', "__", 1)
}

/// Whether both name the same tool; a bare name stands for any server's.
pub(super) fn same_tool(expected: &str, called: &str) -> bool {
    let (expected, called) = (plain(expected), plain(called));
    expected == called || (!expected.contains('/') && called.split_once('/').is_some_and(|(_, tool)| tool == expected))
}

/// What differs between the calls that were made and those that a case expects, in their order.
pub(super) fn misses(expected: &[Call], made: &[&ToolCall], beyond: bool) -> Vec<String> {
    let mut misses = Vec::new();
    let mut left = made.iter().enumerate();
    for (at, wanted) in expected.iter().enumerate() {
        if beyond {
            if !left.any(|(_, call)| fits(wanted, call)) {
                misses.push(format!("{} was not called{}", shown(wanted), if at > 0 { " after the calls before it" } else { "" }));
                break;
            }
            continue;
        }
        match left.next() {
            Some((_, call)) if fits(wanted, call) => {}
            Some((at, call)) => {
                misses.push(format!("call {} is {}, and not {}", at + 1, shown_made(call), shown(wanted)));
                if same_tool(&wanted.tool, &call.tool) {
                    misses.extend(differences(&wanted.arguments, &call.arguments, "").into_iter().map(|line| format!("  {line}")));
                }
                return misses;
            }
            None => {
                misses.push(format!("{} was not called", shown(wanted)));
                return misses;
            }
        }
    }
    if !beyond {
        misses.extend(left.map(|(at, call)| format!("call {} is {}, and none was expected there", at + 1, shown_made(call))));
    }
    misses
}

fn fits(wanted: &Call, made: &ToolCall) -> bool {
    same_tool(&wanted.tool, &made.tool) && differences(&wanted.arguments, &made.arguments, "").is_empty()
}

fn shown(call: &Call) -> String {
    let arguments = if call.arguments.as_object().is_some_and(serde_json::Map::is_empty) {
        String::new()
    } else {
        format!(" with {}", canonical_json(&call.arguments))
    };
    format!("`{}`{arguments}", plain(&call.tool))
}

fn shown_made(call: &ToolCall) -> String {
    format!("`{}` with {}", plain(&call.tool), canonical_json(&call.arguments))
}

/// Where a value lacks or contradicts what is expected; what an object has beyond that does not count.
pub(super) fn differences(expected: &Value, found: &Value, path: &str) -> Vec<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let below = |(key, value): (&String, &Value)| {
                let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                match found.get(key) {
                    Some(found) => differences(value, found, &path),
                    None => vec![format!("at {path}: {value} is expected, and nothing is there")],
                }
            };
            expected.iter().flat_map(below).collect()
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => expected
            .iter()
            .zip(found)
            .enumerate()
            .flat_map(|(at, (expected, found))| differences(expected, found, &format!("{path}/{at}")))
            .collect(),
        // 6 and 6.0 are the same number.
        (Value::Number(left), Value::Number(right)) if left.as_f64() == right.as_f64() => Vec::new(),
        _ if expected == found => Vec::new(),
        _ => vec![format!("at {}: {expected} is expected, and {found} is there", if path.is_empty() { "the top" } else { path })],
    }
}
