//! Values as YAML, for people to read and for files to hold.

use serde_json::Value;

/// Writes a value as YAML that reads back the same.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => entries(map, 0, &mut out),
        Value::Array(items) if !items.is_empty() => list(items, 0, &mut out),
        scalar => {
            out.push_str(&word(scalar));
            out.push('\n');
        }
    }
    out
}

fn entries(map: &serde_json::Map<String, Value>, depth: usize, out: &mut String) {
    for (key, value) in map {
        indent(depth, out);
        out.push_str(&text(key));
        out.push(':');
        below(value, depth, out);
    }
}

fn list(items: &[Value], depth: usize, out: &mut String) {
    for item in items {
        indent(depth, out);
        out.push('-');
        below(item, depth, out);
    }
}

fn below(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            entries(map, depth + 1, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            list(items, depth + 1, out);
        }
        scalar => {
            out.push(' ');
            out.push_str(&word(scalar));
            out.push('\n');
        }
    }
}

fn indent(depth: usize, out: &mut String) {
    (0..depth).for_each(|_| out.push_str("  "));
}

/// A scalar on one line; JSON's form is YAML too.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), text)
}

/// Bare where nothing can mistake it for anything but a text.
fn text(text: &str) -> String {
    let reserved = matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b))
        && !reserved;
    if bare { text.into() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceKind, source::Source, tree};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn it_reads_as_a_person_writes_it() {
        let value = json!({"server": {"host": "127.0.0.1", "port": 8080}, "hosts": ["a.example", "*.b"], "none": null, "empty": {}, "list": [{"a": 1}]});
        let expected = "empty: {}\nhosts:\n  - a.example\n  - \"*.b\"\nlist:\n  -\n    a: 1\nnone: null\nserver:\n  host: \"127.0.0.1\"\n  port: 8080\n";
        let yaml = to_yaml(&value);
        let mut lines: Vec<_> = yaml.lines().collect();
        let mut wanted: Vec<_> = expected.lines().collect();
        // Whether keys keep their order depends on a feature of another crate.
        lines.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(lines, wanted);
        assert_eq!(to_yaml(&json!("x")), "x\n");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~é\n\t]{0,12}".prop_map(Value::from),
            prop::sample::select(vec!["yes", "1", "1.5", "null", "~", "a: b", "- x", "#", "0x1F", ""]).prop_map(Value::from)
        ];
        scalar.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{1,8}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in any_value()) {
            let yaml = to_yaml(&value);
            let node = tree::parse_value(&Source::new(SourceKind::File, "x.yaml", &yaml)).map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
            prop_assert_eq!(node.json(), value, "{}", yaml);
        }
    }
}
