//! Canonical JSON: one text for one value.

use serde::Serialize;
use serde_json::Value;

/// The value without white space and with the keys of every object in order of their code points.
///
/// Numbers are written as `serde_json` writes them (shortest form that reads back the same), which is stable.
pub fn canonical_json(value: &Value) -> String {
    let mut out = Vec::new();
    write(value, &mut out);
    // It is text; were it not, it would still be written.
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The canonical JSON of the value is no longer than this: what costs nothing, for whoever asks only whether it is short.
pub fn canonical_len_max(value: &Value) -> usize {
    // The longest escape of one byte is `\u0000`.
    let text_max = |text: &str| text.len() * 6 + 2;
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 32,
        Value::String(text) => text_max(text),
        Value::Array(items) => items.iter().map(|item| canonical_len_max(item) + 1).sum::<usize>() + 2,
        Value::Object(map) => map.iter().map(|(key, item)| text_max(key) + canonical_len_max(item) + 2).sum::<usize>() + 2,
    }
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push(b'{');
            for (at, (key, item)) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_scalar(key, out);
                out.push(b':');
                write(item, out);
            }
            out.push(b'}');
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_scalar(scalar: &impl Serialize, out: &mut Vec<u8>) {
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(out, scalar);
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

    #[test]
    fn nothing_is_longer_than_its_bound() {
        let text: String = (0..=0x7f_u8).map(char::from).collect();
        let numbers = json!([i64::MIN, u64::MAX, f64::MIN, f64::MIN_POSITIVE, -1.234_567_890_123_456_7e-300, true, false, null]);
        for value in [json!({text.clone(): numbers}), json!(text), json!("\u{0}\u{1}é"), json!([[], {}, [{}]]), json!({"": ""})] {
            assert!(canonical_json(&value).len() <= canonical_len_max(&value), "{value}");
        }
    }
}
