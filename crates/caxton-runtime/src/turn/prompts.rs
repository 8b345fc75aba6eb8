//! What the model is told at the beginning of a turn.

use caxton_messaging::as_prompt;
use caxton_types::{AttachmentView, Begin, ChatMessage, ModelSettings, Recollection};
use serde_json::Value;
use std::{borrow::Cow, fmt::Write as _};

/// Variables that a prompt may name besides the agent's own parameters.
const DATA_VARIABLES: [&str; 2] = ["data", "context"];

/// The settings that stay the same through the turn, and the dialogue that it begins with.
pub(super) fn prepare(begin: &Begin, memories: Vec<Recollection>) -> (ModelSettings, Vec<ChatMessage>) {
    let agent = &begin.agent;
    let values = Values { begin, memories: &memories };
    let render = |template: &caxton_types::Template| template.render(|name| values.get(name));
    let mut user = match &agent.prompts.user {
        Some(template) => render(template),
        None => as_prompt(&begin.message),
    };
    let mut named = agent.prompts.system.variables();
    named.extend(agent.prompts.user.iter().flat_map(|template| template.variables()));
    append_unnamed(&mut user, "Attachments", &attachments(&begin.attachments), DATA_VARIABLES.iter().any(|name| named.contains(name)));
    append_unnamed(&mut user, "What you remember", &recollections(&memories), named.contains("memory_context"));
    let settings = ModelSettings {
        model: agent.model.name.to_string(),
        system: render(&agent.prompts.system),
        request: begin.message.text().into_owned(),
        tools: begin.tools.clone(),
        attachments: begin.attachments.clone(),
        memories,
        output_schema: agent.output_schema.clone(),
        max_tokens: agent.model.max_tokens,
        temperature: agent.model.temperature,
    };
    let mut dialogue = begin.history.clone();
    dialogue.push(ChatMessage::User { text: user });
    (settings, dialogue)
}

/// The bytes that an entry of the dialogue costs.
pub(super) fn len(message: &ChatMessage) -> u64 {
    let bytes = match message {
        ChatMessage::User { text } => text.len(),
        ChatMessage::Assistant { text, tool_calls } => {
            text.len() + tool_calls.iter().map(|call| call.tool.len() + call.arguments.to_string().len()).sum::<usize>()
        }
        ChatMessage::Tool { text, tool, .. } => text.len() + tool.len(),
    };
    bytes as u64
}

/// What no template asked for is told all the same, once, under a heading.
fn append_unnamed(user: &mut String, heading: &str, text: &str, named: bool) {
    if !named && !text.is_empty() {
        let _ = write!(user, "\n\n{heading}:\n{text}");
    }
}

fn attachments(views: &[AttachmentView]) -> String {
    let mut out = String::new();
    for view in views {
        let _ = writeln!(out, "- {} ({}, {} bytes)", view.name, view.media_type, view.size);
        for line in view.head.iter().flat_map(|head| head.lines()).take(4) {
            let _ = writeln!(out, "    {line}");
        }
    }
    out.trim_end().into()
}

fn recollections(memories: &[Recollection]) -> String {
    memories.iter().map(|memory| format!("- {} ({})", memory.text.replace('\n', " "), memory.entity)).collect::<Vec<_>>().join("\n")
}

fn history(dialogue: &[ChatMessage]) -> String {
    let line = |message: &ChatMessage| match message {
        ChatMessage::User { text } => format!("user: {text}"),
        ChatMessage::Assistant { text, .. } => format!("you: {text}"),
        ChatMessage::Tool { tool, text, .. } => format!("{tool}: {text}"),
    };
    dialogue.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What a variable of a prompt stands for.
struct Values<'b> {
    begin: &'b Begin,
    memories: &'b [Recollection],
}

impl<'b> Values<'b> {
    fn get(&self, name: &str) -> Option<Cow<'b, str>> {
        let message = &self.begin.message;
        match name {
            "request" => Some(message.text()),
            "context" => {
                let parts = [history(&self.begin.history), attachments(&self.begin.attachments)];
                Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n").into())
            }
            "data" => Some(attachments(&self.begin.attachments).into()),
            "memory_context" => Some(recollections(self.memories).into()),
            "requirements" => Some(self.field("requirements").unwrap_or_else(|| "none stated".into())),
            "user_id" => Some(message.sender.name().to_owned().into()),
            "timestamp" => Some(self.begin.now.to_string().into()),
            "conversation" => Some(message.conversation.to_string().into()),
            "agent_name" => Some(self.begin.agent.display_name.to_string().into()),
            other => self.field(other),
        }
    }

    /// A field of the message's content, else a parameter of the agent.
    fn field(&self, name: &str) -> Option<Cow<'b, str>> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let of_message = self.begin.message.content.get(name);
        of_message.or_else(|| self.begin.agent.parameters.get(name)).map(|value| text(value).into())
    }
}
