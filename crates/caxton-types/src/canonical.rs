//! Canonical JSON: one text for one value.

use serde_json::Value;

/// The value without white space and with the keys of every object in order of their code points.
///
/// Numbers are written as `serde_json` writes them (shortest form that reads back the same), which is stable.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (at, (key, item)) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(&Value::String(key.clone()), out);
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_ordered_at_every_depth() {
        let value = json!({"b": [{"z": 1, "a": "x\"y"}], "a": null, "é": 1.5, "aa": {}});
        assert_eq!(canonical_json(&value), r#"{"a":null,"aa":{},"b":[{"a":"x\"y","z":1}],"é":1.5}"#);
        assert_eq!(serde_json::from_str::<Value>(&canonical_json(&value)).unwrap(), value);
    }
}
