//! What turns ask people, as forms, and what comes back.

use super::said;
use caxton_mcp::{
    rmcp::model::{ErrorData, InputRequest},
    server::elicitation,
};
use caxton_store::{ApprovalRow, EventQuery, Workspace};
use caxton_types::{ApprovalKind, Elicitation, Fact, Intent, Ruling, Wanted, printable};
use serde_json::{Value, json};
use std::borrow::Cow;

/// What a form that is filled in comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// The decision about a call.
    Consent,
    /// The answer to an agent's question.
    Words,
    /// The answer to an MCP server's question, field by field.
    Fields,
}

/// What an MCP server asks in the middle of a call, as a form: its own, or whether a page was visited.
pub(super) fn of_server(asked: Elicitation) -> Option<(InputRequest, Takes)> {
    let has_fields = !asked.fields().is_empty();
    let message = format!("The MCP server {} asks:\n{}", asked.server, printable(&asked.message));
    Some(match asked.wanted {
        Wanted::Form(form) if has_fields => (elicitation(message, form)?, Takes::Fields),
        Wanted::Form(_) => (elicitation(message, yes_or_no())?, Takes::Consent),
        Wanted::Visit(url) => {
            (elicitation(format!("{message}\nApprove when you have visited {}", printable(&url)), yes_or_no())?, Takes::Consent)
        }
    })
}

/// What a turn asks people, as a form.
pub(super) async fn question(workspace: &Workspace, asked: &ApprovalRow) -> Result<Option<(InputRequest, Takes)>, ErrorData> {
    let kind = asked.kind;
    let kinds = vec![Cow::Borrowed("step_intended")];
    let query = EventQuery { turn: Some(asked.turn), kinds, limit: EventQuery::LIMIT_MAX, ..EventQuery::default() };
    let intended = workspace.events(query).await.map_err(said)?;
    let intent = intended.iter().filter(|event| event.new.step == Some(asked.step)).find_map(|event| match &event.new.fact {
        Fact::StepIntended { intent, .. } => Some(intent.clone()),
        _ => None,
    });
    let Some(intent) = intent else { return Ok(None) };
    let intent = workspace.payload(&intent).await.map_err(said)?;
    let Ok(intent) = serde_json::from_value::<Intent>(intent) else { return Ok(None) };
    let takes = if kind == ApprovalKind::Question { Takes::Words } else { Takes::Consent };
    let form = match (kind, intent) {
        (ApprovalKind::Question, Intent::Call(call)) => {
            let text = call.arguments.get("question").and_then(Value::as_str).unwrap_or("The agent asks you.");
            let options = call.arguments.get("options").filter(|options| options.as_array().is_some_and(|options| !options.is_empty()));
            let answer = match options {
                Some(options) => json!({"type": "string", "title": "Answer", "enum": options}),
                None => json!({"type": "string", "title": "Answer"}),
            };
            elicitation(text, form("answer", answer))
        }
        (ApprovalKind::Call | ApprovalKind::Repeat, Intent::Call(call)) => {
            let what = if kind == ApprovalKind::Repeat {
                "The server stopped during this call. May it be made again?"
            } else {
                "May this call be made?"
            };
            elicitation(format!("{what}\n{}\n{:#}", call.tool.replacen("__", "/", 1), call.arguments), yes_or_no())
        }
        (ApprovalKind::Failover, _) => elicitation("The provider of the model failed. May the next one be asked?", yes_or_no()),
        _ => None,
    };
    Ok(form.map(|form| (form, takes)))
}

fn form(name: &str, property: Value) -> Value {
    json!({"type": "object", "properties": {name: property}, "required": [name]})
}

pub(super) fn yes_or_no() -> Value {
    form("approve", json!({"type": "boolean", "title": "Approve"}))
}

/// What the answer to a form comes to; nothing where the form was put away, so that the question stays in the inbox.
pub(super) fn ruling(takes: Takes, answer: &Value) -> Option<Ruling> {
    let content = |name: &str| answer.get("content").and_then(|content| content.get(name));
    match (answer.get("action")?.as_str()?, takes) {
        ("accept", Takes::Words) => content("answer")?.as_str().map(|text| Ruling::Answered(text.to_owned())),
        ("accept", Takes::Fields) => answer.get("content").map(|object| Ruling::Answered(object.to_string())),
        ("accept", Takes::Consent) => Some(if content("approve") == Some(&Value::Bool(true)) { Ruling::Approved } else { Ruling::Denied }),
        ("decline", _) => Some(Ruling::Denied),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_is_put_away_decides_nothing() {
        let answer = |action: &str, content: Value| json!({"action": action, "content": content});
        let yes = answer("accept", json!({"approve": true}));
        assert_eq!(ruling(Takes::Consent, &yes), Some(Ruling::Approved));
        assert_eq!(ruling(Takes::Consent, &answer("accept", json!({}))), Some(Ruling::Denied));
        assert_eq!(ruling(Takes::Consent, &answer("decline", Value::Null)), Some(Ruling::Denied));
        assert_eq!(ruling(Takes::Consent, &answer("cancel", Value::Null)), None);
        let words = answer("accept", json!({"answer": "the blue one"}));
        assert_eq!(ruling(Takes::Words, &words), Some(Ruling::Answered("the blue one".into())));
        assert_eq!(ruling(Takes::Words, &yes), None, "an approval is no answer");
        assert_eq!(ruling(Takes::Fields, &words), Some(Ruling::Answered(r#"{"answer":"the blue one"}"#.into())));
    }

    #[test]
    fn what_a_server_asks_paints_nothing() {
        for wanted in [Wanted::Visit("https://a.org/\u{1b}[8m".into()), Wanted::Form(yes_or_no())] {
            let asked = Elicitation { server: "desk".into(), message: "One\u{1b}[31m\ntwo\r".into(), wanted };
            let (form, _) = of_server(asked).unwrap();
            let shown = serde_json::to_value(form).unwrap()["params"]["message"].as_str().unwrap().to_owned();
            assert!(shown.starts_with("The MCP server desk asks:\nOne\u{fffd}[31m\ntwo\u{fffd}"), "{shown:?}");
            assert!(!shown.contains(['\u{1b}', '\r']), "{shown:?}");
        }
    }

    #[test]
    fn forms_are_what_clients_can_show() {
        assert!(elicitation("May it?", yes_or_no()).is_some());
        assert!(elicitation("Which?", form("answer", json!({"type": "string", "enum": ["a", "b"]}))).is_some());
    }
}
