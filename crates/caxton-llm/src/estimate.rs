//! The most tokens that a call may use, known before it is made.
//!
//! Why it is an upper bound: every vendor's tokenizer in use splits UTF-8 text into pieces of at least one byte each (byte-level BPE, or
//! sentence pieces with byte fallback), so that a text never has more tokens than bytes. To the bytes of all texts come constants for what
//! the vendors put around them. JSON is counted as it would be with an indent of four and with every character beyond ASCII escaped,
//! which no chat template exceeds. The bound is loose, about four times what English text really takes; it is there so that a budget holds.

use caxton_types::{ChatMessage, ModelRequest, TokenUsage};
use serde::Serialize as _;
use serde_json::{Value, ser::PrettyFormatter};
use std::io;

/// What begins and ends a prompt.
const PROMPT: u64 = 32;
/// Role and separators of one message; vendors tell of three or four.
const MESSAGE: u64 = 16;
/// What stands around one call of a tool, or its result.
const CALL: u64 = 32;
/// What stands around the definition of one tool.
const TOOL: u64 = 64;
/// The vendor's own words where there are tools; Anthropic tells of up to 530 tokens.
const TOOLS: u64 = 1024;
/// The vendor's own words about an answer's form.
const FORM: u64 = 512;

pub(crate) fn upper_bound(request: &ModelRequest) -> TokenUsage {
    let settings = &request.settings;
    let mut input = PROMPT + MESSAGE + len(&settings.system);
    for message in request.dialogue.iter() {
        input = input.saturating_add(MESSAGE).saturating_add(match message {
            ChatMessage::User { text } => len(text),
            ChatMessage::Assistant { text, tool_calls } => {
                let calls = tool_calls.iter().map(|call| CALL + len(&call.call_id) + len(&call.tool) + json(&call.arguments));
                len(text) + calls.sum::<u64>()
            }
            ChatMessage::Tool { call_id, tool, text, is_error: _ } => CALL + len(call_id) + len(tool) + len(text),
        });
    }
    if !settings.tools.is_empty() {
        input = input.saturating_add(TOOLS);
    }
    for tool in &*settings.tools {
        // The vendors' models see `server__tool`.
        let name = len(tool.id.server()) + 2 + len(tool.id.tool());
        input = input.saturating_add(TOOL + name + len(&tool.description) + json(&tool.input_schema));
    }
    if let Some(schema) = &settings.output_schema {
        input = input.saturating_add(FORM + json(schema));
    }
    TokenUsage { input, output: settings.max_tokens.into() }
}

fn len(text: &str) -> u64 {
    text.len() as u64
}

/// The bytes of a JSON value in its widest form, without writing it anywhere.
fn json(value: &Value) -> u64 {
    let mut counter = Counter(0);
    let written = value.serialize(&mut serde_json::Serializer::with_formatter(&mut counter, PrettyFormatter::with_indent(b"    ")));
    // Neither the counter nor a value can fail; were it otherwise, no budget would cover it.
    written.map_or(u64::MAX, |()| counter.0)
}

/// Counts; a byte beyond ASCII counts for its share of `\uXXXX`.
struct Counter(u64);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wide = bytes.iter().filter(|byte| !byte.is_ascii()).count();
        // Two bytes, the shortest such character, become six; four bytes become twelve.
        self.0 = self.0.saturating_add((bytes.len() + 2 * wide) as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
