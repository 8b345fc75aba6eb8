//! Questions of servers of others in the middle of a call: who answers them, and what counts as an answer.

use crate::schema;
use caxton_types::{Elicitation, Wanted};
use serde_json::Value;
use std::fmt;

pub use caxton_mcp::client::{Progress, Reply};

/// Whoever stands behind a call of a server of others: can put its question to a person, and may want to hear how far it is.
#[async_trait::async_trait]
pub trait Asker: fmt::Debug + Send + Sync {
    /// Whether there is a person at all: a server that is told so need not ask in vain.
    fn is_able(&self) -> bool {
        true
    }

    /// Hears how far the call is, as its server says; it may be much, and in any order.
    fn hear(&self, _progress: Progress) {}

    /// Asks and waits for the answer, as long as it thinks fit: the call's own time stands still meanwhile.
    /// Dropped before its end, the question is called off.
    async fn ask(&self, question: Elicitation) -> Reply;
}

/// What a person's words come to: an object that fits the question's form, with its defaults where nothing was said; else what is wrong.
pub fn answer(question: &Elicitation, text: &str) -> Result<Value, String> {
    let mut answer = question.read(text)?;
    let Wanted::Form(form) = &question.wanted else { return Ok(answer) };
    if let (Some(answer), Some(properties)) = (answer.as_object_mut(), form.get("properties").and_then(Value::as_object)) {
        for (name, default) in properties.iter().filter_map(|(name, property)| Some((name, property.get("default")?))) {
            answer.entry(name.as_str()).or_insert_with(|| default.clone());
        }
    }
    let validator = schema::compile_strict(form)?;
    schema::complain(&validator, form, &answer)?;
    Ok(answer)
}

/// Why nobody can be asked this; nothing where somebody can.
pub(crate) fn unfit(question: &Elicitation) -> Option<String> {
    let len = serde_json::to_string(question).map_or(usize::MAX, |json| json.len());
    if len > QUESTION_LEN_MAX {
        return Some(format!("it has {len} bytes; at most {QUESTION_LEN_MAX} are put to a person"));
    }
    match &question.wanted {
        Wanted::Form(form) => schema::compile_strict(form).err(),
        Wanted::Visit(url) => (!url.starts_with("https://") && !url.starts_with("http://")).then(|| "it is no page of the web".into()),
    }
}

/// The longest question with its form, in bytes of JSON.
const QUESTION_LEN_MAX: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(wanted: Wanted) -> Elicitation {
        Elicitation { server: "tickets".into(), message: "Who are you?".into(), wanted }
    }

    #[test]
    fn an_answer_fits_the_form_or_is_told_what_is_wrong() {
        let properties = json!({"name": {"type": "string", "minLength": 2}, "mail": {"type": "string", "format": "email"}});
        let who = asked(Wanted::Form(json!({"type": "object", "properties": properties, "required": ["name"]})));
        let check = |text: &str, expected: Result<Value, &str>| assert_eq!(answer(&who, text), expected.map_err(ToOwned::to_owned));
        check(r#"{"name": "Ada"}"#, Ok(json!({"name": "Ada"})));
        check(r#"{"mail": "a@b.org"}"#, Err("\"name\" is a required property"));
        check(r#"{"name": "A"}"#, Err("at `/name`: \"A\" is shorter than 2 characters"));
        check(r#"{"name": "Ada", "mail": "nowhere"}"#, Err("at `/mail`: \"nowhere\" is not a \"email\""));
        check("Ada", Err("it is not an object in JSON"));
        let properties = json!({"name": {"type": "string"}, "sure": {"type": "boolean", "default": true}});
        let sure = asked(Wanted::Form(json!({"type": "object", "properties": properties})));
        assert_eq!(answer(&sure, "{}"), Ok(json!({"sure": true})));
        assert_eq!(answer(&sure, r#"{"sure": false}"#), Ok(json!({"sure": false})));
    }

    #[test]
    fn what_nobody_can_answer_is_not_asked() {
        assert_eq!(unfit(&asked(Wanted::Form(json!({"type": "object", "properties": {}})))), None);
        assert_eq!(unfit(&asked(Wanted::Visit("https://example.org/pay".into()))), None);
        assert!(unfit(&asked(Wanted::Visit("javascript:alert(1)".into()))).is_some());
        assert!(unfit(&asked(Wanted::Form(json!({"type": "no such type"})))).is_some());
        assert!(unfit(&asked(Wanted::Form(json!({"description": "x".repeat(QUESTION_LEN_MAX)})))).is_some());
    }
}
