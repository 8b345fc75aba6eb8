//! What a tool answers.

use serde_json::{Value, json};

/// What a tool answers: a text for a model, and perhaps the same as data for a program.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    text: String,
    data: Option<Value>,
}

impl Answer {
    /// A text, and an object that says the same.
    pub fn with_data(text: impl Into<String>, data: Value) -> Self {
        Self { text: text.into(), data: Some(data) }
    }

    /// The JSON text of an MCP `CallToolResult`.
    pub(crate) fn into_json(self) -> String {
        let Self { text, data } = self;
        let mut result = json!({"content": [{"type": "text", "text": text}], "isError": false});
        match data {
            None => {}
            Some(data @ Value::Object(_)) => result["structuredContent"] = data,
            // MCP knows objects only.
            Some(data) => result["structuredContent"] = json!({ "items": data }),
        }
        result.to_string()
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, data: None }
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// Data alone: a model reads it as JSON.
impl From<Value> for Answer {
    fn from(data: Value) -> Self {
        Self { text: data.to_string(), data: Some(data) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_an_object_and_a_text() {
        let json = |answer: Answer| serde_json::from_str::<Value>(&answer.into_json()).unwrap();
        assert_eq!(
            json(Answer::with_data("six", json!({"n": 6}))),
            json!({"content": [{"type": "text", "text": "six"}], "structuredContent": {"n": 6}, "isError": false})
        );
        assert_eq!(
            json(json!([1, 2]).into()),
            json!({"content": [{"type": "text", "text": "[1,2]"}], "structuredContent": {"items": [1, 2]}, "isError": false})
        );
    }
}
