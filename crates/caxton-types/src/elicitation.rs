//! What a server of others asks a person in the middle of a call.

use crate::{Digest, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// A question of an MCP server in the middle of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Elicitation {
    /// The server, by its name here.
    pub server: Box<str>,
    /// The question.
    pub message: String,
    /// How it is answered.
    pub wanted: Wanted,
}

/// How a question of a server is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// With an object of this JSON Schema.
    Form(Value),
    /// By opening this URL.
    Visit(String),
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the answer.
    pub name: String,
    /// What may stand in it, in words.
    pub kind: String,
    /// Its name for people, or what it is for.
    pub about: Option<String>,
    /// Whether it may be left out.
    pub optional: bool,
    /// A value that could stand in it.
    example: Value,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optional = if self.optional { ", may be left out" } else { "" };
        write!(f, "`{}` ({}{optional})", self.name, self.kind)
    }
}

impl Elicitation {
    /// The digest of its canonical JSON.
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::to_value(self).map_or_else(|error| error.to_string(), |value| canonical_json(&value)).as_bytes())
    }

    /// The fields of its form; none where it is a page to visit.
    pub fn fields(&self) -> Vec<Field> {
        let Wanted::Form(schema) = &self.wanted else { return vec![] };
        let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_required = |name: &str| required.iter().any(|required| required.as_str() == Some(name));
        properties(schema).map(|(name, property)| Field::of(name, property, !is_required(name))).collect()
    }

    /// An answer that could be given: the value of the only field, else an object in JSON.
    pub fn example(&self) -> String {
        let fields = self.fields();
        match &fields[..] {
            [Field { example: Value::String(text), .. }] => text.clone(),
            [only] => only.example.to_string(),
            _ => {
                let object: Map<String, Value> = fields.into_iter().map(|field| (field.name, field.example)).collect();
                Value::Object(object).to_string()
            }
        }
    }

    /// Reads an answer as the object that its form wants: an object in JSON, or the plain value of the only field.
    /// Whether the values fit is not looked at.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let Wanted::Form(schema) = &self.wanted else { return Err("it is a page to visit".into()) };
        let parsed: Option<Value> = serde_json::from_str(text).ok();
        let named: Vec<_> = properties(schema).collect();
        match (parsed, &named[..]) {
            (Some(Value::Object(object)), _) => match object.keys().find(|name| named.iter().all(|(known, _)| known != *name)) {
                Some(unknown) => Err(format!("there is no field `{unknown}`")),
                None => Ok(Value::Object(object)),
            },
            (parsed, [(name, property)]) => {
                let is_text = property.get("type").and_then(Value::as_str).is_none_or(|kind| kind == "string");
                let value = if is_text { Some(Value::String(text.to_owned())) } else { parsed };
                let value = value.ok_or_else(|| format!("`{text}` is not {}", kind(property)))?;
                Ok(Value::Object([((*name).to_owned(), value)].into_iter().collect()))
            }
            (_, _) => Err("it is not an object in JSON".into()),
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, property)| (name.as_str(), property))
}

impl Field {
    fn of(name: &str, property: &Value, optional: bool) -> Self {
        let text = |key: &str| property.get(key).and_then(Value::as_str);
        let about = match (text("title"), text("description")) {
            (Some(title), Some(description)) => Some(format!("{title}: {description}")),
            (title, description) => title.or(description).map(ToOwned::to_owned),
        };
        let example = property.get("default").cloned().unwrap_or_else(|| example(property));
        Self { name: name.into(), kind: kind(property), about, optional, example }
    }
}

/// The values to choose from: plain ones, or those with a title each.
fn choices(property: &Value) -> Vec<&Value> {
    let list = |key: &str| property.get(key).and_then(Value::as_array);
    let titled = || list("oneOf").or_else(|| list("anyOf")).into_iter().flatten().filter_map(|choice| choice.get("const")).collect();
    list("enum").map_or_else(titled, |plain| plain.iter().collect())
}

fn type_of(property: &Value) -> &str {
    property.get("type").and_then(Value::as_str).unwrap_or("string")
}

/// What may stand in a field, in words.
fn kind(property: &Value) -> String {
    let choices: Vec<String> = choices(property).into_iter().map(ToString::to_string).collect();
    if !choices.is_empty() {
        return format!("one of {}", choices.join(", "));
    }
    let bound = |word: &str, key: &str| property.get(key).map_or_else(String::new, |bound| format!(" {word} {bound}"));
    let numbers = || format!("{}{}", bound("from", "minimum"), bound("to", "maximum"));
    match type_of(property) {
        "integer" => format!("a whole number{}", numbers()),
        "number" => format!("a number{}", numbers()),
        "boolean" => "true or false".into(),
        "array" => property.get("items").map_or_else(|| "a list".into(), |items| format!("a list, each {}", kind(items))),
        "string" => match property.get("format").and_then(Value::as_str) {
            Some("email") => "a mail address".into(),
            Some("uri") => "a URL".into(),
            Some("date") => "a date such as 2026-03-01".into(),
            Some("date-time") => "a time such as 2026-03-01T08:00:00Z".into(),
            Some(other) => format!("text, {other}"),
            None => format!("text{}{}", bound("of at least", "minLength"), bound("of at most", "maxLength")),
        },
        other => other.to_owned(),
    }
}

fn example(property: &Value) -> Value {
    if let Some(first) = choices(property).first() {
        return (*first).clone();
    }
    match type_of(property) {
        "integer" | "number" => property.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        "boolean" => true.into(),
        "array" => Value::Array(property.get("items").map(example).into_iter().collect()),
        _ => match property.get("format").and_then(Value::as_str) {
            Some("email") => "ada@example.org",
            Some("uri") => "https://example.org",
            Some("date") => "2026-03-01",
            Some("date-time") => "2026-03-01T08:00:00Z",
            _ => "…",
        }
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(properties: &Value, required: &Value) -> Elicitation {
        let schema = json!({"type": "object", "properties": properties, "required": required});
        Elicitation { server: "tickets".into(), message: "Who are you?".into(), wanted: Wanted::Form(schema) }
    }

    #[test]
    fn a_form_tells_its_fields_and_an_example() {
        let asked = form(
            &json!({
                "name": {"type": "string", "title": "Your name"},
                "mail": {"type": "string", "format": "email"},
                "age": {"type": "integer", "minimum": 18, "maximum": 99},
                "size": {"type": "string", "oneOf": [{"const": "s", "title": "Small"}, {"const": "l", "title": "Large"}]},
                "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
                "sure": {"type": "boolean", "default": false},
            }),
            &json!(["name", "age"]),
        );
        let mut told: Vec<_> = asked.fields().iter().map(ToString::to_string).collect();
        told.sort();
        assert_eq!(
            told,
            [
                "`age` (a whole number from 18 to 99)",
                "`mail` (a mail address, may be left out)",
                "`name` (text)",
                "`size` (one of \"s\", \"l\", may be left out)",
                "`sure` (true or false, may be left out)",
                "`tags` (a list, each one of \"a\", \"b\", may be left out)",
            ]
        );
        let example: Value = serde_json::from_str(&asked.example()).unwrap();
        assert_eq!(example, json!({"name": "…", "mail": "ada@example.org", "age": 18, "size": "s", "tags": ["a"], "sure": false}));
    }

    #[test]
    fn the_value_of_the_only_field_needs_no_json() {
        let name = form(&json!({"name": {"type": "string"}}), &json!(["name"]));
        assert_eq!(name.example(), "…");
        assert_eq!(name.read("Ada"), Ok(json!({"name": "Ada"})));
        assert_eq!(name.read("7"), Ok(json!({"name": "7"})), "a text is a text");
        assert_eq!(name.read(r#"{"name": "Ada"}"#), Ok(json!({"name": "Ada"})));
        assert_eq!(name.read(r#"{"nmae": "Ada"}"#), Err("there is no field `nmae`".into()));
        let age = form(&json!({"age": {"type": "integer"}}), &json!([]));
        assert_eq!(age.read("7"), Ok(json!({"age": 7})));
        assert_eq!(age.read("old"), Err("`old` is not a whole number".into()));
        let two = form(&json!({"a": {"type": "string"}, "b": {"type": "string"}}), &json!([]));
        assert_eq!(two.read("Ada"), Err("it is not an object in JSON".into()));
        assert_eq!(form(&json!({}), &json!([])).read("{}"), Ok(json!({})));
    }
}
