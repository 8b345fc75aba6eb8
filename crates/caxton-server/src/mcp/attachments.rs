//! Files that come along with a message or a call: as text, in base64, or by the digest of a blob that is there.

use super::said;
use crate::edge::Fail;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use caxton_mcp::{
    rmcp::model::{ErrorData, JsonObject},
    server::error,
};
use caxton_messaging::ATTACHMENTS_MAX;
use caxton_store::Workspace;
use caxton_types::{Attachment, Code, Digest};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    name: String,
    media_type: Option<String>,
    text: Option<String>,
    data: Option<String>,
    digest: Option<Digest>,
}

/// Under which name a tool with these arguments takes files: one that it has not taken itself.
pub(super) fn key(schema: &JsonObject) -> String {
    let taken = |name: &str| schema.get("properties").is_some_and(|properties| properties.get(name).is_some());
    let mut key = "attachments".to_owned();
    while taken(&key) {
        key.insert(0, '_');
    }
    key
}

/// The schema of what files come as.
pub(super) fn schema() -> Value {
    json!({
        "type": "array",
        "description": "Files for the agent and its tools; each with exactly one of `text`, `data`, `digest`",
        "maxItems": ATTACHMENTS_MAX,
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "A plain file name, such as `cities.csv`"},
                "media_type": {"type": "string", "description": "Such as `text/csv`"},
                "text": {"type": "string", "description": "The content, where it is text"},
                "data": {"type": "string", "description": "The content in base64"},
                "digest": {"type": "string", "description": "The SHA-256 of a blob that was uploaded before"}
            },
            "required": ["name"],
            "additionalProperties": false
        }
    })
}

/// Keeps the files as blobs of the workspace.
pub(super) async fn keep(workspace: &Workspace, given: Option<&Value>) -> Result<Vec<Attachment>, ErrorData> {
    let Some(given) = given else { return Ok(vec![]) };
    let wrong = |why: String| error(Code::Invalid, format!("`attachments` cannot be read: {why}"), None);
    let given = Vec::<Given>::deserialize(given).map_err(|reason| wrong(reason.to_string()))?;
    if given.len() > ATTACHMENTS_MAX {
        return Err(wrong(format!("{} files; at most {ATTACHMENTS_MAX} are taken", given.len())));
    }
    let mut kept: Vec<Attachment> = Vec::with_capacity(given.len());
    for Given { name, media_type, text, data, digest } in given {
        if !Attachment::is_valid_name(&name) {
            return Err(wrong("a name must be a plain file name of at most 128 bytes".into()));
        }
        if kept.iter().any(|file| *file.name == name) {
            return Err(wrong(format!("two files are named `{name}`")));
        }
        let (digest, size, usual) = match (text, data, digest) {
            (Some(text), None, None) => stored(workspace, text.into_bytes(), "text/plain").await?,
            (None, Some(data), None) => {
                let bytes = STANDARD.decode(data).map_err(|_| wrong(format!("the data of `{name}` is not base64")))?;
                stored(workspace, bytes, "application/octet-stream").await?
            }
            (None, None, Some(digest)) => {
                let size = workspace.blob_len(digest).await.map_err(said)?;
                let size = size.ok_or_else(|| said(Fail::not_found(format!("`{name}` names the blob {digest}, which is not there"))))?;
                (digest, size, "application/octet-stream")
            }
            _ => return Err(wrong(format!("`{name}` needs exactly one of `text`, `data`, `digest`"))),
        };
        kept.push(Attachment { name: name.into(), media_type: media_type.as_deref().unwrap_or(usual).into(), digest, size });
    }
    Ok(kept)
}

async fn stored(workspace: &Workspace, bytes: Vec<u8>, usual: &'static str) -> Result<(Digest, u64, &'static str), ErrorData> {
    let size = bytes.len() as u64;
    Ok((workspace.put_blob(bytes.into()).await.map_err(said)?, size, usual))
}
