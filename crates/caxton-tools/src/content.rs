//! The content of an MCP result: words for the model, files for whoever called.

use crate::Produced;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use caxton_types::{Attachment, ToolResult};
use serde_json::{Value, json};

/// Reads an MCP `CallToolResult`. Pictures, sounds and embedded resources become files; their base64 is nothing for a model to read.
pub(crate) fn read(result: &Value) -> Result<(ToolResult, Vec<Produced>), String> {
    let content = result.get("content").and_then(Value::as_array).ok_or("its result has no `content`")?;
    let (mut texts, mut files) = (Vec::new(), Vec::<Produced>::new());
    for part in content {
        let text = |key: &str| part.get(key).and_then(Value::as_str);
        let file = match text("type") {
            Some("image") => Some(bytes(text("data"), text("mimeType").unwrap_or("image/png"), "picture")?),
            Some("audio") => Some(bytes(text("data"), text("mimeType").unwrap_or("audio/wav"), "sound")?),
            Some("resource") => part.get("resource").map(embedded).transpose()?,
            // Other kinds say at most a text.
            _ => None,
        };
        match file {
            Some(file) => files.push(distinct(file, &files)),
            None => texts.extend(text("text")),
        }
    }
    let result = ToolResult {
        text: texts.join("\n"),
        structured: result.get("structuredContent").cloned(),
        is_error: result.get("isError").and_then(Value::as_bool).unwrap_or(false),
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

fn embedded(resource: &Value) -> Result<Produced, String> {
    let text = |key: &str| resource.get(key).and_then(Value::as_str);
    let name = text("uri").and_then(|uri| uri.rsplit('/').next()).filter(|name| Attachment::is_valid_name(name)).unwrap_or("resource");
    match (text("text"), text("blob")) {
        (Some(words), _) => {
            let media_type = text("mimeType").unwrap_or("text/plain").into();
            Ok(Produced { name: name.into(), media_type, bytes: words.to_owned().into() })
        }
        (None, blob) => {
            let file = bytes(blob, text("mimeType").unwrap_or("application/octet-stream"), "resource")?;
            Ok(Produced { name: name.into(), ..file })
        }
    }
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
        let (result, files) = read(&content).unwrap();
        assert_eq!((result.text.as_str(), result.is_error), ("a\nb", true));
        let files: Vec<_> = files.iter().map(|file| (&*file.name, &*file.media_type, &file.bytes[..])).collect();
        let expected: [(&str, &str, &[u8]); 3] =
            [("picture", "image/png", &[0, 1, 2]), ("2-picture", "image/png", &[0, 1, 2]), ("note.txt", "text/plain", b"hello")];
        assert_eq!(files, expected);
        // What a tool hands on is what it got.
        let (again, handed) = read(&serde_json::from_str(&write(&result, &read(&content).unwrap().1)).unwrap()).unwrap();
        assert_eq!((again, handed), read(&content).unwrap());
    }

    #[test]
    fn what_is_no_content_is_refused() {
        assert!(read(&json!({})).is_err());
        assert!(read(&json!({"content": [{"type": "audio", "data": "?"}]})).is_err());
    }
}
