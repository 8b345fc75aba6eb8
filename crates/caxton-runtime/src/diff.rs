//! What differs between two JSON values, as a person wants to read it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most differences that are named.
const DIFFERENCES_MAX: usize = 20;

/// One place where two values differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Where, as a JSON Pointer (RFC 6901).
    pub path: String,
    /// What the record has there; nothing where it has nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Value>,
    /// What is there now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Value>,
}

/// The places where two values differ, at most so many.
pub(crate) fn differences(recorded: &Value, now: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(&mut String::new(), Some(recorded), Some(now), &mut found);
    found
}

fn walk(path: &mut String, recorded: Option<&Value>, now: Option<&Value>, found: &mut Vec<Difference>) {
    if recorded == now || found.len() >= DIFFERENCES_MAX {
        return;
    }
    let mut below = |key: &str, recorded: Option<&Value>, now: Option<&Value>| {
        let len = path.len();
        path.push('/');
        path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        walk(path, recorded, now, found);
        path.truncate(len);
    };
    match (recorded, now) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            left.iter().for_each(|(key, value)| below(key, Some(value), right.get(key)));
            right.iter().filter(|(key, _)| !left.contains_key(*key)).for_each(|(key, value)| below(key, None, Some(value)));
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            (0..left.len().max(right.len())).for_each(|at| below(&at.to_string(), left.get(at), right.get(at)));
        }
        _ => found.push(Difference { path: path.clone(), recorded: recorded.cloned(), now: now.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_named_by_their_place() {
        let recorded = json!({"a": [1, 2], "b/c": "x", "same": {"deep": true}});
        let now = json!({"a": [1, 3, 4], "b/c": "y", "same": {"deep": true}, "new": null});
        let paths: Vec<_> = differences(&recorded, &now).into_iter().map(|difference| difference.path).collect();
        assert_eq!(paths, ["/a/1", "/a/2", "/b~1c", "/new"]);
        assert_eq!(differences(&recorded, &recorded), []);
    }
}
