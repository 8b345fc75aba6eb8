//! Results of tools as an answer: their own words, or their data laid out; in the form that an output schema wants where one is set.

use serde_json::{Map, Value};

/// The longest answer made of one result.
const TEXT_CHARS_MAX: usize = 4000;
/// The most lines made of one list.
const LINES_MAX: usize = 20;

/// What came of one call.
pub(super) struct Found {
    pub(super) text: String,
    pub(super) is_error: bool,
    pub(super) subject: Option<String>,
}

impl Found {
    /// Its data, where the tool answers with JSON.
    fn data(&self) -> Option<Value> {
        serde_json::from_str(self.text.trim()).ok().filter(|value: &Value| value.is_object() || value.is_array())
    }

    /// Its words, for a reader; an error where they leave out what the question was about.
    fn told(&self) -> Result<String, String> {
        let text = match self.data() {
            Some(data) => laid_out(&data),
            None => cut(self.text.trim()),
        };
        match &self.subject {
            Some(subject) if !text.contains(&format!("{subject}=")) && !text.contains(&format!("{subject}: ")) => {
                Err(format!("the tool's answer does not name the `{subject}`: {text}"))
            }
            _ => Ok(text),
        }
    }
}

/// The answer as text; an error where a call failed or a result does not answer.
pub(super) fn compose(found: &[Found]) -> Result<String, String> {
    let mut told = Vec::new();
    for result in found {
        if result.is_error {
            return Err(format!("the tool failed: {}", cut(result.text.trim())));
        }
        told.push(result.told()?);
    }
    match told.as_slice() {
        [] => Err("no tool gave a result".into()),
        [one] => Ok(one.clone()),
        several => Ok(several.iter().map(|text| format!("- {text}")).collect::<Vec<_>>().join("\n")),
    }
}

/// The answer as JSON that satisfies the schema, as far as the results can fill it.
pub(super) fn shaped(schema: &Value, text: &str, found: &[Found]) -> Option<String> {
    if schema.get("type").and_then(Value::as_str) == Some("string") {
        return Some(Value::String(text.to_owned()).to_string());
    }
    let properties = schema.get("properties")?.as_object()?;
    let required: Vec<&str> = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut data = Map::new();
    for result in found {
        if let Some(Value::Object(fields)) = result.data() {
            data.extend(fields);
        }
    }
    let mut answer: Map<String, Value> = properties
        .iter()
        .filter_map(|(name, schema)| Some((name.clone(), data.get(name).filter(|value| fits(schema, value))?.clone())))
        .collect();
    let missing: Vec<&str> = required.iter().copied().filter(|name| !answer.contains_key(*name)).collect();
    let texts: Vec<&str> = properties.iter().filter(|(_, schema)| is_plain_text(schema)).map(|(name, _)| name.as_str()).collect();
    match (missing.as_slice(), texts.as_slice()) {
        ([], [one]) if answer.is_empty() => {
            answer.insert((*one).to_owned(), Value::String(text.to_owned()));
        }
        ([], _) if !answer.is_empty() => {}
        ([one], _) if texts.contains(one) => {
            answer.insert((*one).to_owned(), Value::String(text.to_owned()));
        }
        _ => return None,
    }
    Some(Value::Object(answer).to_string())
}

fn is_plain_text(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("string")
        && ["enum", "const", "pattern", "format"].iter().all(|key| schema.get(key).is_none())
}

fn fits(schema: &Value, value: &Value) -> bool {
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= TEXT_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(TEXT_CHARS_MAX).chain(['…']).collect()
}

/// Data as lines.
fn laid_out(data: &Value) -> String {
    let lines: Vec<String> = match data {
        Value::Object(fields) => fields.iter().map(|(name, value)| format!("{name}: {}", inline(value))).collect(),
        Value::Array(items) => items.iter().map(inline).collect(),
        other => vec![inline(other)],
    };
    let rest = lines.len().saturating_sub(LINES_MAX);
    let mut text = lines.into_iter().take(LINES_MAX).collect::<Vec<_>>().join("\n");
    if rest > 0 {
        text = format!("{text}\n… and {rest} more");
    }
    cut(&text)
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => fields.iter().map(|(name, value)| format!("{name}={}", inline(value))).collect::<Vec<_>>().join(", "),
        Value::Array(items) => items.iter().map(inline).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}
