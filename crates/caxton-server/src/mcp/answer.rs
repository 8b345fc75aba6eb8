//! Replies and results as the content of an MCP result.

use super::said;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use caxton_mcp::rmcp::model::{CallToolResult, ContentBlock, ErrorData, ResourceContents};
use caxton_store::Workspace;
use caxton_types::Attachment;

/// The bytes of files that one result carries; of further ones it names the blob.
const FILES_LEN_MAX: u64 = 16 * 1024 * 1024;

/// A result that says what went wrong, for the model of the client.
pub(super) fn failed(why: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why.into())])
}

/// Files as content: pictures and sounds as such, the rest as embedded resources.
pub(super) async fn files(workspace: &Workspace, files: &[Attachment]) -> Result<Vec<ContentBlock>, ErrorData> {
    let (mut content, mut left) = (Vec::with_capacity(files.len()), FILES_LEN_MAX);
    for file in files {
        let uri = format!("caxton://{}/blobs/{}/{}", workspace.name(), file.digest, file.name);
        let fits = file.size <= left;
        let Some(bytes) = (if fits { workspace.blob(file.digest).await.map_err(said)? } else { None }) else {
            content
                .push(ContentBlock::text(format!("{} ({}, {} bytes) is kept as {}", file.name, file.media_type, file.size, file.digest)));
            continue;
        };
        left = left.saturating_sub(file.size);
        content.push(match file.media_type.split('/').next() {
            Some("image") => ContentBlock::image(STANDARD.encode(&bytes), &*file.media_type),
            Some("audio") => ContentBlock::audio(STANDARD.encode(&bytes), &*file.media_type),
            _ => ContentBlock::resource(embedded(uri, &file.media_type, &bytes)),
        });
    }
    Ok(content)
}

fn embedded(uri: String, media_type: &str, bytes: &[u8]) -> ResourceContents {
    match std::str::from_utf8(bytes) {
        Ok(text) => ResourceContents::text(text, uri).with_mime_type(media_type),
        Err(_) => ResourceContents::blob(STANDARD.encode(bytes), uri).with_mime_type(media_type),
    }
}
