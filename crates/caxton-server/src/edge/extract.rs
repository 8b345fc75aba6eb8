//! Requests become values here, once; what cannot be one is refused with its place.

use super::Fail;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, RawPathParams, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use caxton_api::{Diagnostic, Severity};
use caxton_types::{Caller, Code, WorkspaceName};
use serde::de::DeserializeOwned;

/// The parameters of the path; `workspace` may stand among them unread.
pub(crate) struct PathOf<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fail> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|error| Fail::invalid(format!("the path cannot be read: {}", error.body_text())))
    }
}

/// The parameters of the query; an unknown one is an error where `T` denies it.
pub(crate) struct QueryOf<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fail> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let query = query.map_err(|error| Fail::invalid(format!("the query cannot be read: {}", error.body_text())))?;
        Ok(Self(query.0))
    }
}

/// Whoever asks, in the workspace that the path names; the default one where it names none.
pub(crate) struct By(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fail> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|error| Fail::invalid(format!("the path cannot be read: {}", error.body_text())))?;
        let workspace = params.iter().find(|(name, _)| *name == "workspace").map(|(_, value)| value.parse::<WorkspaceName>());
        let workspace = workspace.transpose().map_err(|error| Fail::invalid(error.to_string()))?;
        Ok(Self(Caller::local(workspace.unwrap_or_default())))
    }
}

/// A body as it came, with its media type (without parameters, lower case).
pub(crate) struct RawBody {
    pub(crate) bytes: Bytes,
    pub(crate) media_type: Option<String>,
}

/// The media type without its parameters.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Fail;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fail> {
        let media_type = media_type(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Fail::new(Code::TooLarge, "the body is larger than this resource takes")
                .hint("send large data as an attachment: `POST …/blobs`, then name its digest"),
            _ => Fail::invalid("the body could not be read to its end"),
        })?;
        Ok(Self { bytes, media_type })
    }
}

impl RawBody {
    /// Whether the body says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.media_type.as_deref().is_some_and(|media_type| {
            media_type == "application/json" || media_type.starts_with("application/") && media_type.ends_with("+json")
        })
    }

    pub(crate) fn unsupported(&self, wanted: &str) -> Fail {
        let got = self.media_type.as_deref().unwrap_or("nothing");
        Fail::new(Code::Unsupported, format!("the body is said to be `{got}`; expected `{wanted}`"))
            .hint(format!("send `Content-Type: {wanted}`"))
    }

    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Fail> {
        let mut reader = serde_json::Deserializer::from_slice(&self.bytes);
        let value = serde_path_to_error::deserialize::<_, T>(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let cause = error.into_inner();
            let (line, column) = (u32::try_from(cause.line()).ok(), u32::try_from(cause.column()).ok());
            let detail = if path == "." { format!("the body is not valid: {cause}") } else { format!("`{path}` is not valid: {cause}") };
            let place = (path != ".").then_some(path);
            let at = |place: Option<u32>| place.filter(|place| *place > 0);
            let message = cause.to_string();
            let diagnostic = Diagnostic {
                severity: Severity::Error,
                message,
                file: place,
                line: at(line),
                column: at(column),
                hint: None,
                rendered: None,
            };
            Fail::invalid(detail).errors(vec![diagnostic])
        })?;
        reader.end().map_err(|_| Fail::invalid("the body goes on behind its JSON"))?;
        Ok(value)
    }
}

/// A JSON body that must be one of `T`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Fail;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fail> {
        let body = RawBody::from_request(request, state).await?;
        if !body.is_json() {
            return Err(body.unsupported("application/json"));
        }
        body.json().map(Self)
    }
}

/// A JSON body, or none at all for what needs no words.
pub(crate) struct MaybeBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeBody<T> {
    type Rejection = Fail;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fail> {
        let body = RawBody::from_request(request, state).await?;
        if body.bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !body.is_json() {
            return Err(body.unsupported("application/json"));
        }
        body.json().map(Self)
    }
}
