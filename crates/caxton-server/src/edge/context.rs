//! Which request this is: its id, its trace, its span, and that it is answered even where a handler panics.

use super::{Fail, problem};
use axum::{
    extract::{FromRequestParts, MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use caxton_api::header as ours;
use caxton_types::TraceContext;
use futures_util::FutureExt;
use std::{any::Any, convert::Infallible, panic::AssertUnwindSafe, sync::Arc, time::Instant};
use tracing::Instrument;

/// Names a request.
#[derive(Debug, Clone)]
pub(crate) struct RequestInfo {
    pub(crate) id: Arc<str>,
    pub(crate) trace: TraceContext,
}

impl RequestInfo {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let given = text(ours::REQUEST_ID).filter(|id| is_request_id(id));
        let id = given.map_or_else(|| fresh_id().into(), Into::into);
        let trace = text(ours::TRACEPARENT).and_then(|value| value.parse::<TraceContext>().ok());
        Self { id, trace: trace.map_or_else(caxton_store::ids::trace, |trace| trace.child(caxton_store::ids::span())) }
    }
}

/// What a client may choose: short, and harmless wherever it is written.
fn is_request_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn fresh_id() -> String {
    let id = caxton_store::ids::message().to_string();
    format!("req_{}", id.trim_start_matches(caxton_types::MessageId::PREFIX))
}

impl<S: Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

/// The outermost layer.
pub(crate) async fn enclose(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let info = RequestInfo::of(request.headers());
    let (method, path, version) = (request.method().clone(), request.uri().path().to_owned(), request.version());
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(info.clone());
    // Of the highest level, so that warnings carry the ids too where nothing lower is logged.
    let span = tracing::error_span!(
        "http", request_id = %info.id, trace_id = %info.trace.trace_id(), span_id = %info.trace.span_id(),
        http.request.method = %method, url.path = %path
    );
    let answer = async {
        let response = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        let response = response.unwrap_or_else(|panic| Fail::internal(format!("a handler panicked: {}", words(&*panic))).into_response());
        let response = problem(response, &info, &method, &path);
        report(&method, &route, response.status().as_u16(), began);
        response
    };
    let mut response = answer.instrument(span).await;
    name(response.headers_mut(), &info);
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE && version <= Version::HTTP_11 {
        // What is left of the body is not read, so the connection ends: whoever would send another request on it is told.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

fn report(method: &Method, route: &str, status: u16, began: Instant) {
    let took = began.elapsed();
    let labels = [("method", method.to_string()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::histogram!("caxton_request_duration_seconds", &labels).record(took.as_secs_f64());
    if status >= 500 {
        metrics::counter!("caxton_errors_total").increment(1);
    }
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    // Probes come every few seconds for ever: they are of interest only to who asks for it.
    if route == "/health" || route == "/ready" {
        tracing::debug!(http.response.status_code = status, took_us, "answered");
    } else {
        tracing::info!(http.response.status_code = status, took_us, "answered");
    }
}

fn name(headers: &mut HeaderMap, info: &RequestInfo) {
    if let Ok(id) = HeaderValue::from_str(&info.id) {
        headers.insert(ours::REQUEST_ID, id);
    }
    if let Ok(trace) = HeaderValue::from_str(&info.trace.to_string()) {
        headers.insert(ours::TRACEPARENT, trace);
    }
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
}
