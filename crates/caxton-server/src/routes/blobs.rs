//! Uploaded bytes.

use crate::{
    App,
    edge::{By, Fail, PathOf, RawBody},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use caxton_api::{Blob, schema};
use caxton_types::{Action, Caller, Digest};
use serde::Deserialize;

const OCTETS: &str = "application/octet-stream";

/// Uploads bytes.
///
/// The body is taken as it is. The answer names its SHA-256, under which attachments and deployments refer to it; the same bytes are kept once.
#[utoipa::path(
    post, path = "/blobs", operation_id = "upload_blob", tag = "blobs",
    request_body(content = inline(schema::Bytes), content_type = "application/octet-stream", description = "Any bytes under any media type, at most `limits.max_blob_size` (64 MB)"),
    responses((status = 201, description = "The bytes are kept", body = Blob, headers(("Location" = String, description = "The blob"))))
)]
pub(crate) async fn put(State(app): State<App>, By(caller): By, body: RawBody) -> Result<Response, Fail> {
    caller.require(Action::Send)?;
    App::not_system(&caller)?;
    let workspace = app.workspace(&caller)?;
    let size = body.bytes.len() as u64;
    let media_type = body.media_type.unwrap_or_else(|| OCTETS.into());
    let digest = workspace.put_blob(body.bytes).await?;
    let location = format!("/api/v1/workspaces/{}/blobs/{digest}", caller.workspace);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(Blob { digest, size, media_type })).into_response())
}

/// Reads bytes.
#[utoipa::path(
    get, path = "/blobs/{digest}", operation_id = "get_blob", tag = "blobs",
    params(("digest" = schema::Digest, Path, description = "The SHA-256 of the bytes")),
    responses((status = 200, description = "The bytes", body = inline(schema::Bytes), content_type = "application/octet-stream", headers(("ETag" = String, description = "The digest"))))
)]
pub(crate) async fn get(State(app): State<App>, By(caller): By, PathOf(path): PathOf<DigestPath>) -> Result<Response, Fail> {
    caller.require(Action::Read)?;
    let bytes = app.workspace(&caller)?.blob(path.digest).await?.ok_or_else(|| unknown(&caller, path.digest))?;
    Ok((headers(path.digest), bytes).into_response())
}

/// Tells whether bytes are there, and how many.
#[utoipa::path(
    head, path = "/blobs/{digest}", operation_id = "head_blob", tag = "blobs",
    params(("digest" = schema::Digest, Path, description = "The SHA-256 of the bytes")),
    responses((status = 200, description = "The bytes are there; `Content-Length` is their number", headers(("ETag" = String, description = "The digest"))))
)]
pub(crate) async fn head(State(app): State<App>, By(caller): By, PathOf(path): PathOf<DigestPath>) -> Result<Response, Fail> {
    caller.require(Action::Read)?;
    let len = app.workspace(&caller)?.blob_len(path.digest).await?.ok_or_else(|| unknown(&caller, path.digest))?;
    let mut headers = headers(path.digest);
    headers.insert(header::CONTENT_LENGTH, len.into());
    Ok(headers.into_response())
}

#[derive(Deserialize)]
pub(crate) struct DigestPath {
    digest: Digest,
}

fn unknown(caller: &Caller, digest: Digest) -> Fail {
    Fail::not_found(format!("workspace `{}` has no blob {digest}", caller.workspace)).hint("upload it with `POST …/blobs`")
}

/// Bytes are never shown by a browser as what they claim to be: they are somebody's upload.
fn headers(digest: Digest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{digest}\"")) {
        headers.insert(header::ETAG, tag);
    }
    headers
}
