//! The end of a turn: the model's last words become a reply, follow-up messages and something to remember.

use caxton_messaging::{Directive, extract};
use caxton_types::{Begin, Message, MessageId, Observation, Party, StepId};
use serde_json::Value;

/// The longest text that one answer leaves in memory, in bytes.
const OBSERVATION_LEN_MAX: usize = 2048;

pub(super) struct Answer {
    pub(super) content: Value,
    pub(super) directives: Vec<Directive>,
    pub(super) observation: Option<Observation>,
}

/// Reads the model's last words; the error is what to tell the model so that it can mend them.
pub(super) fn settle(begin: &Begin, text: &str) -> Result<Answer, String> {
    let (text, directives) = extract(text)?;
    let content = match &begin.agent.output_schema {
        Some(schema) => structured(schema, &text)?,
        None if text.trim().is_empty() && directives.is_empty() => return Err("Your answer is empty. Please answer the request.".into()),
        None => Value::String(text),
    };
    let observation = observation(begin, &content);
    Ok(Answer { content, directives, observation })
}

fn structured(schema: &Value, text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(unfenced(text))
        .map_err(|error| format!("Your answer is not JSON ({error}). Answer with JSON that satisfies the schema and nothing else."))?;
    let validator = jsonschema::validator_for(schema).map_err(|error| format!("The output schema is not usable: {error}"))?;
    let complaints: Vec<String> =
        validator.iter_errors(&value).take(5).map(|error| format!("- at `{}`: {error}", error.instance_path())).collect();
    if complaints.is_empty() {
        Ok(value)
    } else {
        Err(format!("Your answer does not satisfy the schema:\n{}\nAnswer with JSON that does and nothing else.", complaints.join("\n")))
    }
}

/// Models like to wrap JSON in a fenced block.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) else { return text };
    inner.strip_prefix("json").unwrap_or(inner).trim()
}

fn observation(begin: &Begin, content: &Value) -> Option<Observation> {
    let memory = &begin.agent.memory;
    if !memory.enabled || !memory.auto_store {
        return None;
    }
    let answer = match content {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if answer.trim().is_empty() {
        return None;
    }
    let request = begin.message.text();
    let mut text = format!("{}\n{}", request.trim(), answer.trim());
    if text.len() > OBSERVATION_LEN_MAX {
        let cut = (0..=OBSERVATION_LEN_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
    }
    let entity = begin.message.attachments.first().map_or_else(|| begin.message.sender.name().into(), |attachment| attachment.name.clone());
    Some(Observation { entity, kind: "answer".into(), text, scope: memory.scope, agent: begin.agent.name.clone() })
}

/// The message that a directive asks for; its id derives from turn and step, so that sending it again is the same sending.
pub(super) fn follow_up(begin: &Begin, step: StepId, directive: Directive) -> Message {
    Message {
        id: MessageId::derive(begin.turn, step),
        performative: directive.performative,
        sender: Party::Agent(begin.agent.name.clone()),
        receiver: directive.receiver,
        content: directive.content,
        conversation: begin.message.conversation,
        reply_with: None,
        in_reply_to: None,
        ontology: None,
        language: None,
        protocol: None,
        attachments: vec![],
        trace: begin.message.trace,
        sent_at: begin.now,
    }
}
