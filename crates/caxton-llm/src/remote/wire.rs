//! Our words for a dialogue as genai's, and back.

use super::Wire;
use caxton_types::{ChatMessage, ModelReply, ModelRequest, StopReason, TokenUsage, ToolCall};
use genai::chat::{self, ChatOptions, ChatRequest, ContentPart, JsonSpec, MessageContent, ReasoningEffort, StreamEnd, Tool, ToolResponse};
use serde_json::{Map, Value};
use std::time::Duration;

/// How long to wait for the response to begin, and for each next piece of it.
#[derive(Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) first: Duration,
    pub(super) next: Duration,
}

pub(super) fn request(request: &ModelRequest, wire: Wire, timeouts: Timeouts) -> (ChatRequest, ChatOptions) {
    let settings = &request.settings;
    let mut chat = ChatRequest::new(messages(request));
    if !settings.system.trim().is_empty() {
        chat = chat.with_system(&settings.system);
    }
    if !settings.tools.is_empty() {
        chat = chat.with_tools(
            settings
                .tools
                .iter()
                .map(|tool| Tool::new(tool.id.model_name()).with_description(&tool.description).with_schema(tool.input_schema.clone())),
        );
    }
    let mut options = ChatOptions::default()
        .with_max_tokens(settings.max_tokens)
        .with_capture_usage(true)
        .with_capture_content(true)
        .with_capture_tool_calls(true)
        .with_stream_header_timeout(timeouts.first)
        .with_stream_read_timeout(timeouts.next);
    if let Some(temperature) = settings.temperature {
        // By way of its decimal text: 0.7 must not become 0.699999988079071.
        options = options.with_temperature(temperature.to_string().parse().unwrap_or_else(|_| f64::from(temperature)));
    }
    if let Some(schema) = &settings.output_schema {
        options = options.with_response_format(JsonSpec::new("answer", schema.clone()));
    }
    if wire == Wire::OpenAi {
        // Without any effort genai takes endings such as `-high` off the model's name; with a budget it sends nothing and keeps the name.
        options = options.with_reasoning_effort(ReasoningEffort::Budget(0));
    }
    (chat, options)
}

fn messages(request: &ModelRequest) -> Vec<chat::ChatMessage> {
    let mut messages: Vec<chat::ChatMessage> = Vec::with_capacity(request.dialogue.len());
    let mut results: Vec<ToolResponse> = Vec::new();
    for message in request.dialogue.iter() {
        if let ChatMessage::Tool { call_id, tool, text, is_error } = message {
            // Results of parallel calls go together into one message: Anthropic accepts them in no other way.
            let text = if *is_error { format!("error: {text}") } else { text.clone() };
            results.push(ToolResponse::new(call_id, text).with_fn_name(tool));
            continue;
        }
        flush(&mut results, &mut messages);
        match message {
            ChatMessage::User { text } => messages.push(chat::ChatMessage::user(text)),
            ChatMessage::Assistant { text, tool_calls } => messages.push(assistant(text, tool_calls)),
            ChatMessage::Tool { .. } => {}
        }
    }
    flush(&mut results, &mut messages);
    messages
}

fn flush(results: &mut Vec<ToolResponse>, messages: &mut Vec<chat::ChatMessage>) {
    if !results.is_empty() {
        messages.push(chat::ChatMessage::from(std::mem::take(results)));
    }
}

fn assistant(text: &str, tool_calls: &[ToolCall]) -> chat::ChatMessage {
    let mut parts = Vec::with_capacity(tool_calls.len() + 1);
    if !text.is_empty() {
        parts.push(ContentPart::Text(text.to_owned()));
    }
    parts.extend(tool_calls.iter().map(|call| {
        ContentPart::ToolCall(chat::ToolCall {
            call_id: call.call_id.clone(),
            fn_name: call.tool.clone(),
            fn_arguments: call.arguments.clone(),
            thought_signatures: None,
        })
    }));
    chat::ChatMessage::assistant(MessageContent::from_parts(parts))
}

/// What the stream captured as a reply; an empty one is none.
pub(super) fn reply(end: StreamEnd, provider: &str, model: &str) -> Result<ModelReply, String> {
    let usage = end.captured_usage.unwrap_or_default();
    let count = |tokens: Option<i32>| tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0);
    let usage = TokenUsage { input: count(usage.prompt_tokens), output: count(usage.completion_tokens) };
    let content = end.captured_content.unwrap_or_default();
    let text = content.joined_texts().unwrap_or_default();
    let tool_calls: Vec<ToolCall> = content.into_tool_calls().into_iter().map(tool_call).collect();
    let stop = match end.captured_stop_reason {
        Some(chat::StopReason::MaxTokens(_)) => StopReason::MaxTokens,
        Some(chat::StopReason::ContentFilter(_)) => StopReason::Refusal,
        // Some servers end tool calls with `stop`: what is asked for counts.
        _ if !tool_calls.is_empty() => StopReason::ToolCalls,
        _ => StopReason::End,
    };
    if tool_calls.iter().any(|call| call.tool.is_empty()) {
        return Err("it calls a tool without naming it".into());
    }
    if text.is_empty() && tool_calls.is_empty() && stop == StopReason::End {
        return Err("it is empty".into());
    }
    Ok(ModelReply { text, tool_calls, stop, usage, provider: provider.to_owned(), model: model.to_owned(), failovers: vec![] })
}

fn tool_call(call: chat::ToolCall) -> ToolCall {
    // No arguments come as null or as an empty text. Text that is no JSON stays: the tool's schema will say so to the model.
    let arguments = match call.fn_arguments {
        Value::Null => Value::Object(Map::new()),
        Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
        other => other,
    };
    ToolCall { call_id: call.call_id, tool: call.fn_name, arguments }
}
