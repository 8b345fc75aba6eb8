//! The content of an MCP result: words for the model, files for whoever called.

use crate::Produced;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use caxton_types::{Attachment, ToolResult};
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// An MCP `CallToolResult`, as far as it is anything to us.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallToolResult<'r> {
    #[serde(borrow)]
    content: Vec<Part<'r>>,
    structured_content: Option<Value>,
    is_error: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'r> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'r, str>,
    text: Option<String>,
    data: Option<String>,
    mime_type: Option<String>,
    resource: Option<Embedded>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Embedded {
    uri: Option<String>,
    mime_type: Option<String>,
    text: Option<String>,
    blob: Option<String>,
}

/// Reads the JSON of an MCP `CallToolResult`. Pictures, sounds and embedded resources become files; their base64 is nothing for a model to read.
pub(crate) fn read(json: &str) -> Result<(ToolResult, Vec<Produced>), String> {
    let result: CallToolResult<'_> = serde_json::from_str(json).map_err(|error| format!("its result is not one of MCP: {error}"))?;
    let (mut text, mut files) = (None::<String>, Vec::<Produced>::new());
    for part in result.content {
        let file = match &*part.kind {
            "image" => Some(bytes(part.data.as_deref(), part.mime_type.as_deref().unwrap_or("image/png"), "picture")?),
            "audio" => Some(bytes(part.data.as_deref(), part.mime_type.as_deref().unwrap_or("audio/wav"), "sound")?),
            "resource" => part.resource.map(embedded).transpose()?,
            // Other kinds say at most a text.
            _ => None,
        };
        match (file, part.text, &mut text) {
            (Some(file), ..) => files.push(distinct(file, &files)),
            (None, Some(more), Some(text)) => text.extend(["\n", &more]),
            (None, Some(first), None) => text = Some(first),
            (None, None, _) => {}
        }
    }
    let result = ToolResult {
        text: text.unwrap_or_default(),
        structured: result.structured_content,
        is_error: result.is_error.unwrap_or(false),
        files: vec![],
    };
    Ok((result, files))
}

/// The JSON of an MCP `CallToolResult`: what [`read`] reads.
pub(crate) fn write(result: &ToolResult, files: &[Produced]) -> String {
    let mut content = vec![json!({"type": "text", "text": result.text})];
    content.extend(files.iter().map(|file| {
        let data = STANDARD.encode(&file.bytes);
        let uri = format!("file:///{}", file.name);
        json!({"type": "resource", "resource": {"uri": uri, "mimeType": file.media_type, "blob": data}})
    }));
    let mut whole = json!({"content": content, "isError": result.is_error});
    if let (Some(structured), Some(whole)) = (&result.structured, whole.as_object_mut()) {
        whole.insert("structuredContent".into(), structured.clone());
    }
    whole.to_string()
}

fn bytes(data: Option<&str>, media_type: &str, name: &str) -> Result<Produced, String> {
    let bytes = data.and_then(|data| STANDARD.decode(data).ok()).ok_or_else(|| format!("the data of a {name} is not base64"))?;
    Ok(Produced { name: name.into(), media_type: media_type.into(), bytes: bytes.into() })
}

fn embedded(resource: Embedded) -> Result<Produced, String> {
    let Embedded { uri, mime_type, text, blob } = resource;
    let name = uri.as_deref().and_then(|uri| uri.rsplit('/').next()).filter(|name| Attachment::is_valid_name(name)).unwrap_or("resource");
    if let Some(words) = text {
        let media_type = mime_type.as_deref().unwrap_or("text/plain").into();
        return Ok(Produced { name: name.into(), media_type, bytes: words.into() });
    }
    let file = bytes(blob.as_deref(), mime_type.as_deref().unwrap_or("application/octet-stream"), "resource")?;
    Ok(Produced { name: name.into(), ..file })
}

/// The file under a name that no other has.
fn distinct(file: Produced, others: &[Produced]) -> Produced {
    let taken = |name: &str| others.iter().any(|other| *other.name == *name);
    if !taken(&file.name) {
        return file;
    }
    // As many names as there are others cannot all be taken.
    let name = (2..=others.len() + 2).map(|count| format!("{count}-{}", file.name)).find(|name| !taken(name)).unwrap_or_default();
    Produced { name: name.into(), ..file }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_for_the_model_and_the_rest_are_files() {
        let picture = json!({"type": "image", "data": "AAEC", "mimeType": "image/png"});
        let note = json!({"type": "resource", "resource": {"uri": "file:///a/note.txt", "text": "hello"}});
        let content =
            json!({"content": [{"type": "text", "text": "a"}, picture, {"type": "text", "text": "b"}, picture, note], "isError": true});
        let (result, files) = read(&content.to_string()).unwrap();
        assert_eq!((result.text.as_str(), result.is_error), ("a\nb", true));
        let files: Vec<_> = files.iter().map(|file| (&*file.name, &*file.media_type, &file.bytes[..])).collect();
        let expected: [(&str, &str, &[u8]); 3] =
            [("picture", "image/png", &[0, 1, 2]), ("2-picture", "image/png", &[0, 1, 2]), ("note.txt", "text/plain", b"hello")];
        assert_eq!(files, expected);
        // What a tool hands on is what it got.
        let whole = read(&content.to_string()).unwrap();
        assert_eq!(read(&write(&whole.0, &whole.1)).unwrap(), whole);
    }

    #[test]
    fn what_is_no_content_is_refused() {
        assert_eq!(read("{}").unwrap_err(), "its result is not one of MCP: missing field `content` at line 1 column 2");
        assert_eq!(read("[").unwrap_err(), "its result is not one of MCP: EOF while parsing a list at line 1 column 1");
        assert!(
            read(r#"{"content": [{"type": "text", "text": 7}]}"#).unwrap_err().contains("invalid type: integer `7`, expected a string")
        );
        assert!(read(r#"{"content": [{"type": "audio", "data": "?"}]}"#).is_err());
    }
}
