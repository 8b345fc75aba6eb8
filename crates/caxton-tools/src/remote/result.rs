//! From a server's answer to a result: words for the model, data, and files for whoever keeps them.

use crate::{Error, built_in::Produced};
use caxton_mcp::client::{Answer, Content};
use caxton_types::{Attachment, ToolId, ToolResult, error::ResourceError, unit::ByteSize};
use std::fmt::Write as _;

/// The most files of one result.
const FILES_MAX: usize = 32;

pub(super) fn read(id: &ToolId, answer: Answer, len_max: ByteSize) -> Result<(ToolResult, Vec<Produced>), Error> {
    let (mut text, mut files, mut len) = (String::new(), Vec::<Produced>::new(), 0_u64);
    for content in answer.content {
        if !text.is_empty() {
            text.push('\n');
        }
        match content {
            Content::Text(words) => text.push_str(&words),
            Content::Resource { uri, text: words } => {
                // Writing to a text cannot fail.
                let _ = write!(text, "{uri}:\n{words}");
            }
            Content::Link { uri, name, description } => {
                let _ = write!(text, "{name}: {uri}");
                if let Some(description) = description {
                    let _ = write!(text, " ({description})");
                }
            }
            Content::File { uri, media_type, bytes } => {
                if files.len() == FILES_MAX {
                    return Err(Error::Failed { tool: id.clone(), reason: format!("its result has more than {FILES_MAX} files") });
                }
                let name = file_name(id, uri.as_deref(), &media_type, &files);
                let _ = write!(text, "(file `{name}`, {media_type}, {} bytes)", bytes.len());
                len += bytes.len() as u64;
                files.push(Produced { name: name.into(), media_type: media_type.into(), bytes });
            }
        }
    }
    if let Some(structured) = answer.structured.as_ref().filter(|_| text.is_empty()) {
        text = structured.to_string();
    }
    if text.len() as u64 + len > len_max.get() {
        return Err(ResourceError::OutputLimitExceeded { limit: len_max }.into());
    }
    Ok((ToolResult { text, structured: answer.structured, is_error: answer.is_error, files: vec![] }, files))
}

/// The resource's own name where it has one that is free, else the tool's with a number.
fn file_name(id: &ToolId, uri: Option<&str>, media_type: &str, taken: &[Produced]) -> String {
    let is_free = |name: &str| !taken.iter().any(|file| &*file.name == name);
    let own = uri.and_then(|uri| uri.rsplit('/').next()).filter(|name| Attachment::is_valid_name(name) && is_free(name));
    let extension = match media_type.split(';').next().unwrap_or_default().trim() {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/svg+xml" => "svg",
        "audio/wav" | "audio/x-wav" => "wav",
        "audio/mpeg" => "mp3",
        "audio/ogg" => "ogg",
        "application/pdf" => "pdf",
        "application/json" => "json",
        "text/csv" => "csv",
        other if other.starts_with("text/") => "txt",
        _ => "bin",
    };
    own.map_or_else(|| format!("{}-{}.{extension}", id.tool(), taken.len() + 1), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use serde_json::json;

    fn check(content: Vec<Content>, len_max: u64) -> Result<(String, Vec<String>), String> {
        let id = ToolId::new("web", "draw").unwrap();
        let answer = Answer { content, structured: Some(json!({"a": 1})), is_error: false };
        let (result, files) = read(&id, answer, ByteSize::new(len_max)).map_err(|error| error.to_string())?;
        assert_eq!(result.structured, Some(json!({"a": 1})));
        Ok((result.text, files.into_iter().map(|file| file.name.to_string()).collect()))
    }

    #[test]
    fn everything_in_a_result_has_its_place() {
        let file = |uri: Option<&str>, media_type: &str| Content::File {
            uri: uri.map(Into::into),
            media_type: media_type.into(),
            bytes: Bytes::from_static(b"1234"),
        };
        let content = vec![
            Content::Text("here".into()),
            file(None, "image/png"),
            file(Some("file:///tmp/a.pdf"), "application/pdf"),
            file(Some("file:///other/a.pdf"), "application/pdf"),
            Content::Resource { uri: "note://1".into(), text: "words".into() },
            Content::Link { uri: "https://x".into(), name: "x".into(), description: Some("an x".into()) },
        ];
        let (text, files) = check(content.clone(), 1000).unwrap();
        assert_eq!(files, ["draw-1.png", "a.pdf", "draw-3.pdf"]);
        let lines = [
            "here",
            "(file `draw-1.png`, image/png, 4 bytes)",
            "(file `a.pdf`, application/pdf, 4 bytes)",
            "(file `draw-3.pdf`, application/pdf, 4 bytes)",
            "note://1:",
            "words",
            "x: https://x (an x)",
        ];
        assert_eq!(text, lines.join("\n"));
        assert_eq!(check(content, 100).unwrap_err(), "the result has more than 100B");
        assert_eq!(check(vec![], 100).unwrap().0, "{\"a\":1}");
        assert!(check(vec![file(None, "image/png"); 33], 1000).unwrap_err().ends_with("more than 32 files"));
    }
}
