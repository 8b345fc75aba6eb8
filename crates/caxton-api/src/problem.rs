//! What an error looks like: RFC 9457 with a few members of our own.

use caxton_types::Code;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It prevents what was asked.
    Error,
    /// It does not.
    Warning,
}

/// One finding in a file or a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file it is in, by its path in the workspace; or the place in the request, dotted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub file: Option<String>,
    /// Its line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub line: Option<u32>,
    /// Its column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub column: Option<u32>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hint: Option<String>,
    /// All of this for a terminal, with the line that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rendered: Option<String>,
}

/// An error, as every response with a status from 400 carries it (`application/problem+json`, RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:caxton:problem:not_found",
    "title": "not found",
    "status": 404,
    "detail": "agent `data-analyser` is not deployed in this workspace",
    "instance": "/api/v1/workspaces/default/agents/data-analyser",
    "code": "not_found",
    "request_id": "req_01k9zc3m5ne6h8t2v4x6z8a0bc",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "hint": "did you mean `data-analyzer`?"
}))]
pub struct Problem {
    /// Names the kind of problem as a URI reference.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub instance: Option<String>,
    /// The kind of failure, the same on every protocol.
    #[schema(value_type = crate::schema::Code)]
    pub code: Code,
    /// Names the request in the server's log.
    pub request_id: String,
    /// The trace of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub trace_id: Option<String>,
    /// The next step for whoever sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hint: Option<String>,
    /// What was found, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Diagnostic>,
}

impl Problem {
    /// The media type of it.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem of this kind; the edge adds which request it was.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:caxton:problem:{code}"),
            title: code.as_str().replace('_', " "),
            status: code.http(),
            detail: detail.into(),
            instance: None,
            code,
            request_id: String::new(),
            trace_id: None,
            hint: None,
            errors: Vec::new(),
        }
    }
}
