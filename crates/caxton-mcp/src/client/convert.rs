//! From the library's types to ours.

use super::types::{Answer, Content, Question, Reply, Tool, Wanted};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use caxton_types::{Digest, ToolAnnotations, canonical_json};
use rmcp::model::{CallToolResult, ContentBlock, ElicitRequestParams, ElicitResult, ElicitationAction, ResourceContents, Tool as WireTool};
use serde_json::{Value, json};

const UNKNOWN: &str = "(content of a kind that is not known here)";

pub(super) fn tool(tool: WireTool) -> Tool {
    let input_schema = Value::Object(tool.input_schema.as_ref().clone());
    let output_schema = tool.output_schema.map(|schema| Value::Object(schema.as_ref().clone()));
    let said = json!({
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": input_schema,
        "outputSchema": output_schema,
        "annotations": tool.annotations,
    });
    let digest = Digest::of(canonical_json(&said).as_bytes());
    let hints = tool.annotations.unwrap_or_default();
    let cautious = ToolAnnotations::default();
    Tool {
        name: tool.name.into_owned(),
        title: tool.title.or(hints.title),
        description: tool.description.map(Into::into).unwrap_or_default(),
        input_schema,
        output_schema,
        annotations: ToolAnnotations {
            read_only_hint: hints.read_only_hint.unwrap_or(cautious.read_only_hint),
            destructive_hint: hints.destructive_hint.unwrap_or(cautious.destructive_hint),
            idempotent_hint: hints.idempotent_hint.unwrap_or(cautious.idempotent_hint),
            open_world_hint: hints.open_world_hint.unwrap_or(cautious.open_world_hint),
        },
        digest,
    }
}

pub(super) fn answer(result: CallToolResult) -> Answer {
    Answer {
        content: result.content.into_iter().map(content).collect(),
        structured: result.structured_content,
        is_error: result.is_error.unwrap_or(false),
    }
}

fn content(block: ContentBlock) -> Content {
    match block {
        ContentBlock::Text(text) => Content::Text(text.text),
        ContentBlock::Image(image) => file(None, image.mime_type, &image.data),
        ContentBlock::Audio(audio) => file(None, audio.mime_type, &audio.data),
        ContentBlock::Resource(embedded) => resource_contents(embedded.resource),
        ContentBlock::ResourceLink(link) => Content::Link { uri: link.uri, name: link.name, description: link.description },
        _ => Content::Text(UNKNOWN.into()),
    }
}

/// Bytes that are not base64 are told in words: the rest of the result is still worth reading.
fn file(uri: Option<String>, media_type: String, data: &str) -> Content {
    match BASE64_STANDARD.decode(data) {
        Ok(bytes) => Content::File { uri, media_type, bytes: Bytes::from(bytes) },
        Err(error) => Content::Text(format!("(content of type {media_type} that is not base64: {error})")),
    }
}

fn resource_contents(contents: ResourceContents) -> Content {
    match contents {
        ResourceContents::TextResourceContents { uri, text, .. } => Content::Resource { uri, text },
        ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
            file(Some(uri), mime_type.unwrap_or_else(|| "application/octet-stream".into()), &blob)
        }
        _ => Content::Text(UNKNOWN.into()),
    }
}

/// Nothing where it is a question of a kind that is not known here.
pub(super) fn question(params: ElicitRequestParams) -> Option<Question> {
    match params {
        ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } => {
            let schema = serde_json::to_value(requested_schema).ok()?;
            Some(Question { message, wanted: Wanted::Form(schema) })
        }
        ElicitRequestParams::UrlElicitationParams { message, url, .. } => Some(Question { message, wanted: Wanted::Visit(url) }),
        _ => None,
    }
}

pub(super) fn elicited(reply: Reply) -> ElicitResult {
    match reply {
        // That a page was visited says nothing more.
        Reply::Accept(Value::Null) => ElicitResult::new(ElicitationAction::Accept),
        Reply::Accept(content) => ElicitResult::new(ElicitationAction::Accept).with_content(content),
        Reply::Decline => ElicitResult::new(ElicitationAction::Decline),
        Reply::Cancel => ElicitResult::new(ElicitationAction::Cancel),
    }
}
