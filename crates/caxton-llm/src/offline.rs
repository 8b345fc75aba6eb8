//! The built-in provider: a planner over tools, attachments and memory. It is no language model, and says so.
//!
//! It reads a request against what it can see (the columns of attached tables, the schemas of tools, notes from before) and answers only when
//! every word that carries meaning is explained; everything else is a refusal with its reason. Nothing here knows any tool or data by name.

mod answer;
mod fill;
mod lexer;
mod mend;
mod plan;
mod question;
mod recall;
mod schema;
mod simple;
mod table;
mod token;
mod vocabulary;

use self::{answer::Found, plan::Plan};
use crate::{DeltaSink, Error, Provider};
use caxton_types::{ChatMessage, ModelReply, ModelRequest, Price, StopReason, TokenUsage, ToolCall};

/// Ends every answer in words, so that no reader takes it for a language model's.
const NOTE: &str = "(offline provider: no language model)";
/// Begins every refusal.
const CANNOT: &str = "I cannot answer this without a language model:";

/// Answers without any network; the same request gets the same reply.
#[derive(Debug)]
pub struct Offline {
    name: String,
}

impl Offline {
    /// The name of the provider that answers when none is configured.
    pub const NAME: &str = "offline";
    /// What its replies give as their model.
    pub const MODEL: &str = "planner";

    /// The offline provider under a configured name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

#[async_trait::async_trait]
impl Provider for Offline {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ask(&self, request: &ModelRequest, model: &str, deltas: Option<DeltaSink>) -> Result<ModelReply, Error> {
        let (text, tool_calls, stop) = match decide(request) {
            Decision::Say(text) => (text, vec![], StopReason::End),
            Decision::Refuse(reason) => (format!("{CANNOT} {reason}.\n{NOTE}"), vec![], StopReason::Refusal),
            Decision::Call(calls) => (String::new(), calls, StopReason::ToolCalls),
        };
        if let Some(deltas) = deltas
            && !text.is_empty()
        {
            deltas(&text);
        }
        let usage = TokenUsage { input: words_read(request), output: estimate(&text) + calls_written(&tool_calls) };
        Ok(ModelReply { text, tool_calls, stop, usage, provider: self.name.clone(), model: model.to_owned(), failovers: vec![] })
    }

    fn price(&self, _: &str) -> Option<Price> {
        Some(Price::FREE)
    }
}

enum Decision {
    Say(String),
    /// Why not, as a clause without a full stop.
    Refuse(String),
    Call(Vec<ToolCall>),
}

fn decide(request: &ModelRequest) -> Decision {
    let settings = &request.settings;
    // The dialogue up to the last words of the caller is history, unless this turn has called tools already.
    let begun = request.dialogue.iter().position(|message| matches!(message, ChatMessage::Tool { .. }));
    let until = request.dialogue.get(..begun.unwrap_or(request.dialogue.len())).unwrap_or_default();
    let asked = until.iter().rposition(|message| matches!(message, ChatMessage::User { .. })).unwrap_or_default();
    let plan = plan::plan(settings, until.get(..asked).unwrap_or_default());
    let answered = match plan {
        Plan::Cannot(reason) => return Decision::Refuse(reason),
        Plan::Myself => {
            return Decision::Say(
                "I am the built-in offline provider, not a language model: I pick tools, fill their arguments and tell their results."
                    .into(),
            );
        }
        Plan::Note(text) => finish(settings.output_schema.as_ref(), &text, &[]),
        Plan::Call(calls) => match results(&request.dialogue, calls) {
            Results::Missing(calls) => return Decision::Call(calls),
            Results::Found(found) => answer::compose(&found).and_then(|text| finish(settings.output_schema.as_ref(), &text, &found)),
        },
    };
    answered.map_or_else(Decision::Refuse, Decision::Say)
}

fn finish(schema: Option<&serde_json::Value>, text: &str, found: &[Found]) -> Result<String, String> {
    match schema {
        None => Ok(format!("{text}\n{NOTE}")),
        Some(schema) => answer::shaped(schema, text, found)
            .ok_or_else(|| "I cannot bring the results into the form that the agent's output schema wants".into()),
    }
}

enum Results {
    Found(Vec<Found>),
    Missing(Vec<ToolCall>),
}

/// Finds the results of the planned calls in the dialogue. A call without a result is made; one that failed is mended once if its error tells how.
fn results(dialogue: &[ChatMessage], calls: Vec<plan::Call>) -> Results {
    let result = |id: &str| {
        dialogue.iter().rev().find_map(|message| match message {
            ChatMessage::Tool { call_id, text, is_error, .. } if call_id == id => Some((text.clone(), *is_error)),
            _ => None,
        })
    };
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (at, call) in calls.into_iter().enumerate() {
        let (id, again) = (format!("call_{}", at + 1), format!("call_{}_again", at + 1));
        let Some((text, is_error)) = result(&again).or_else(|| result(&id)) else {
            missing.push(ToolCall { call_id: id, tool: call.tool, arguments: call.arguments });
            continue;
        };
        if is_error
            && result(&again).is_none()
            && let Some(arguments) = mend::mend(&call.arguments, &text)
        {
            missing.push(ToolCall { call_id: again, tool: call.tool, arguments });
            continue;
        }
        found.push(Found { text, is_error, subject: call.subject });
    }
    if missing.is_empty() { Results::Found(found) } else { Results::Missing(missing) }
}

/// Tokens are estimated at four for every three words; budgets want a figure, and there is no tokenizer here.
fn estimate(text: &str) -> u64 {
    let words = u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX);
    words.saturating_mul(4).div_ceil(3)
}

fn words_read(request: &ModelRequest) -> u64 {
    let dialogue = request.dialogue.iter().map(|message| match message {
        ChatMessage::User { text } | ChatMessage::Assistant { text, .. } | ChatMessage::Tool { text, .. } => estimate(text),
    });
    estimate(&request.settings.system) + dialogue.sum::<u64>()
}

fn calls_written(calls: &[ToolCall]) -> u64 {
    calls.iter().map(|call| 1 + estimate(&call.arguments.to_string())).sum()
}
