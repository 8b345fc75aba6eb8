//! Messages that a model sends on: fenced blocks of its answer that are marked as `message`.
//!
//! ````text
//! ```message
//! {"receiver": "agent:auditor", "performative": "inform", "content": "42"}
//! ```
//! ````

use caxton_types::{Address, Performative};
use serde_json::Value;

/// The most messages that one answer may send on.
const DIRECTIVES_MAX: usize = 16;

/// One message that a model wants sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Directive {
    /// What it does.
    pub performative: Performative,
    /// Where it goes.
    pub receiver: Address,
    /// What it says.
    pub content: Value,
}

/// Takes the directives out of an answer. What is marked as one and is none is reported in words that a model can act on.
pub fn extract(answer: &str) -> Result<(String, Vec<Directive>), String> {
    let mut text = String::new();
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in answer.split_inclusive('\n') {
        let trimmed = line.trim();
        match &mut block {
            None if trimmed == "```message" => block = Some(String::new()),
            None => text.push_str(line),
            Some(body) if trimmed == "```" => {
                found.push(parse(body)?);
                block = None;
            }
            Some(body) => body.push_str(line),
        }
    }
    if block.is_some() {
        return Err("a ```message block is never closed by ```".into());
    }
    if found.len() > DIRECTIVES_MAX {
        return Err(format!("{} ```message blocks; at most {DIRECTIVES_MAX} are sent", found.len()));
    }
    if !found.is_empty() {
        text.truncate(text.trim_end().len());
    }
    Ok((text, found))
}

fn parse(body: &str) -> Result<Directive, String> {
    let value: Value = serde_json::from_str(body).map_err(|error| format!("a ```message block is not JSON: {error}"))?;
    let field = |name: &str| value.get(name).and_then(Value::as_str);
    let receiver = field("receiver").ok_or("a ```message block lacks `receiver`")?.parse::<Address>().map_err(|error| error.to_string())?;
    if !matches!(receiver, Address::Agent(_) | Address::Capability(_)) {
        return Err(format!("a ```message block goes to `{receiver}`: expected `agent:NAME` or `capability:TEXT`"));
    }
    let performative =
        field("performative").unwrap_or("inform").parse().map_err(|error: caxton_types::InvalidPerformative| error.to_string())?;
    match value.get("content") {
        None | Some(Value::Null) => Err("a ```message block lacks `content`".into()),
        Some(content) => Ok(Directive { performative, receiver, content: content.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn directives_leave_the_answer() {
        let answer = "The sum is 42.\n\n```message\n{\"receiver\": \"auditor\", \"content\": {\"sum\": 42}}\n```\n";
        let (text, directives) = extract(answer).unwrap();
        assert_eq!(text, "The sum is 42.");
        assert_eq!(
            directives,
            [Directive { performative: Performative::Inform, receiver: "agent:auditor".parse().unwrap(), content: json!({"sum": 42}) }]
        );
    }

    #[test]
    fn other_blocks_stay() {
        let answer = "```json\n{}\n```\n";
        assert_eq!(extract(answer), Ok((answer.into(), vec![])));
    }

    #[test]
    fn mistakes_are_told_in_words() {
        let told = |body: &str| extract(&format!("```message\n{body}\n```")).unwrap_err();
        assert_eq!(told("{}"), "a ```message block lacks `receiver`");
        assert_eq!(told(r#"{"receiver": "auditor"}"#), "a ```message block lacks `content`");
        assert!(told("nonsense").starts_with("a ```message block is not JSON"));
        assert!(told(r#"{"receiver": "all", "content": 1}"#).contains("expected `agent:NAME`"));
        assert!(told(r#"{"receiver": "auditor", "performative": "reqest", "content": 1}"#).contains("did you mean `request`"));
        assert_eq!(extract("```message\n{}").unwrap_err(), "a ```message block is never closed by ```");
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(answer in "[`message\n{}\": a]{0,80}") {
            let _ = extract(&answer);
        }
    }
}
