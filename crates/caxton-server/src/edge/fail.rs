//! Errors on their way out: every one leaves as an RFC 9457 problem that names its request.

use super::RequestInfo;
use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use caxton_api::{Diagnostic, Problem};
use caxton_mcp::rmcp::model::ErrorData;
use caxton_types::{Code, Fault};
use std::error::Error;

/// An error that a handler answers with. What only the log may know stays beside the problem.
#[derive(Debug, Clone)]
pub(crate) struct Fail {
    problem: Box<Problem>,
    log: Option<String>,
}

impl Fail {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(code, detail)), log: None }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// A defect: the client learns which request it was, the log learns what happened.
    pub(crate) fn internal(log: impl Into<String>) -> Self {
        Self { log: Some(log.into()), ..Self::new(Code::Internal, INTERNAL) }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// The same as a failure of another kind.
    pub(crate) fn because(self, code: Code) -> Self {
        let Self { problem, log } = self;
        let Problem { detail, hint, errors, .. } = *problem;
        Self { problem: Box::new(Problem { hint, errors, ..Problem::new(code, detail) }), log }
    }

    /// An error whose causes are the client's to mend: they are told, unless they are defects.
    pub(crate) fn with_causes(fault: impl Fault) -> Self {
        let whole = (fault.code().http() < 500).then(|| chain(&fault));
        let mut fail = Self::from(fault);
        if let Some(whole) = whole {
            fail.problem.detail = whole;
        }
        fail
    }

    /// The failure as JSON-RPC says it; what only the log may know goes there.
    pub(crate) fn rpc(self) -> ErrorData {
        let Self { problem, log } = self;
        if let Some(cause) = log {
            tracing::error!(cause, code = %problem.code, "request failed");
        }
        caxton_mcp::server::error(problem.code, problem.detail, problem.hint.as_deref())
    }

    pub(crate) fn errors(mut self, errors: Vec<Diagnostic>) -> Self {
        self.problem.errors = errors;
        self
    }
}

const INTERNAL: &str = "the server failed to answer; its log has the cause under this request id";

/// An error with all of its sources, for the log.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl<F: Fault> From<F> for Fail {
    fn from(fault: F) -> Self {
        let code = fault.code();
        let detail = if code == Code::Internal { INTERNAL.to_owned() } else { fault.to_string() };
        let mut fail = Self::new(code, detail);
        fail.problem.hint = fault.hint();
        fail.log = (code.http() >= 500).then(|| chain(&fault));
        fail
    }
}

impl IntoResponse for Fail {
    /// Leaves the problem beside an empty response; [`problem`] writes the body, knowing the request.
    fn into_response(self) -> Response {
        let mut response = status(self.problem.code).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A response whose body says all in the words of its own protocol.
#[derive(Clone)]
struct Kept;

/// Leaves the body of a response as it is, also where it reports an error.
pub(crate) fn keep_body(mut response: Response) -> Response {
    response.extensions_mut().insert(Kept);
    response
}

/// Turns every response that reports an error into a problem, also those of the router itself.
pub(crate) fn problem(mut response: Response, info: &RequestInfo, method: &Method, path: &str) -> Response {
    let status = response.status();
    if status.as_u16() < 400 || response.extensions().get::<Kept>().is_some() {
        return response;
    }
    let fail = response.extensions_mut().remove::<Fail>().unwrap_or_else(|| unspoken(&response, method, path));
    let Fail { mut problem, log } = fail;
    if let Some(cause) = log {
        tracing::error!(cause, code = %problem.code, "request failed");
    }
    problem.status = status.as_u16();
    problem.instance = Some(path.to_owned());
    problem.request_id = info.id.to_string();
    problem.trace_id = Some(info.trace.trace_id());
    let (mut parts, _) = response.into_parts();
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if problem.code.is_transient() {
        parts.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Response::from_parts(parts, Body::from(body))
}

/// What the router refused before any handler saw it.
fn unspoken(response: &Response, method: &Method, path: &str) -> Fail {
    match response.status() {
        StatusCode::NOT_FOUND => Fail::not_found(format!("there is nothing at `{path}`")).hint("`/openapi.json` lists what there is"),
        StatusCode::METHOD_NOT_ALLOWED => {
            let allowed = response.headers().get(header::ALLOW).and_then(|value| value.to_str().ok()).unwrap_or_default();
            Fail::invalid(format!("`{method}` is not possible here; possible: {allowed}"))
        }
        other => Fail::new(Code::from_http(other.as_u16()), other.canonical_reason().unwrap_or("the request was refused").to_lowercase()),
    }
}
