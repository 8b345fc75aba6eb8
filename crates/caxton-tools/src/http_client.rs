//! The built-in `http_client`: requests to hosts that the server's configuration allows, and to no others.
//!
//! Addresses are checked after the name is resolved and the connection uses exactly the checked ones, so a name that
//! resolves to a private address (DNS rebinding) reaches nothing. Redirects are not followed: the model sees them.

mod guard;

use crate::{
    CallContext, Error, Refusal,
    built_in::{Answer, BuiltIn, Traffic},
};
use async_trait::async_trait;
use caxton_types::{Fault as _, ToolAnnotations, ToolDefinition, ToolId, ToolPolicy, ToolResult, error::ResourceError, unit::ByteSize};
use futures_util::StreamExt as _;
use reqwest::{Client, Method, Request, Url, header, redirect};
use serde_json::{Map, Value, json};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

/// The name that an agent's `tools` use.
pub(crate) const SERVER: &str = "http_client";
const TOOL: &str = "request";
/// As in draft-ietf-httpapi-idempotency-key-header: a server that knows it performs two requests with one key once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What the built-in HTTP client may do.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Hosts that may be reached: `api.example.com`, `*.example.com`, each with an optional `:port`.
    pub allowed_hosts: Vec<Box<str>>,
    /// Hosts (with port) that may be reached although their address is private or loopback.
    pub allowed_private_hosts: Vec<Box<str>>,
    pub timeout: Duration,
    pub response_len_max: ByteSize,
    pub request_len_max: ByteSize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            allowed_hosts: vec![],
            allowed_private_hosts: vec![],
            timeout: Duration::from_secs(20),
            response_len_max: ByteSize::mib(1),
            request_len_max: ByteSize::new(256 * 1024),
        }
    }
}

#[derive(Debug)]
pub(crate) struct HttpClient {
    id: ToolId,
    client: Client,
    guard: Arc<guard::Guard>,
    options: HttpOptions,
}

#[async_trait]
impl BuiltIn for HttpClient {
    fn definitions(&self) -> Vec<ToolDefinition> {
        vec![self.definition()]
    }

    async fn call(&self, _: &ToolDefinition, arguments: &Value, context: &CallContext<'_>, traffic: &Traffic) -> Result<Answer, Error> {
        let request = self.request(arguments, context.idempotency_key)?;
        self.exchange(request, traffic).await.map(Answer::from)
    }
}

impl HttpClient {
    pub(crate) fn new(options: HttpOptions) -> Result<Self, Error> {
        let id = ToolId::new(SERVER, TOOL).map_err(|source| Error::ToolName { server: SERVER.into(), tool: TOOL.into(), source })?;
        let guard = Arc::new(guard::Guard::new(&options.allowed_hosts, &options.allowed_private_hosts));
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .dns_resolver(guard::Resolver(Arc::clone(&guard)))
            .no_proxy()
            .timeout(options.timeout)
            .connect_timeout(options.timeout.min(Duration::from_secs(10)))
            .user_agent(concat!("caxton/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { id, client, guard, options })
    }

    fn definition(&self) -> ToolDefinition {
        ToolDefinition {
            id: self.id.clone(),
            description: "Sends an HTTP request to an allowed host and returns status, headers and body.".into(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "url": {"type": "string", "format": "uri", "description": "http or https URL of an allowed host"},
                    "method": {"type": "string", "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], "default": "GET"},
                    "headers": {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 32},
                    "body": {"type": "string", "description": "the body of the request, as text"}
                },
                "required": ["url"],
                "additionalProperties": false
            }),
            output_schema: None,
            annotations: ToolAnnotations { read_only_hint: false, destructive_hint: true, idempotent_hint: false, open_world_hint: true },
            policy: ToolPolicy::default(),
            digest: None,
        }
    }

    /// The request that the arguments ask for, to a host that is granted.
    fn request(&self, arguments: &Value, idempotency_key: &str) -> Result<Request, Error> {
        let invalid = |reason: String| Error::InvalidArguments { tool: self.id.clone(), reason };
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let url: Url = text("url").unwrap_or_default().parse().map_err(|error| invalid(format!("`url`: {error}")))?;
        self.guard.check(&url).map_err(|refusal| self.refused(refusal))?;
        let method: Method = text("method").unwrap_or("GET").parse().map_err(|_| invalid("`method` is not known".into()))?;
        let reads = matches!(method, Method::GET | Method::HEAD);
        let mut request = self.client.request(method, url);
        let mut is_keyed = reads;
        for (name, value) in arguments.get("headers").and_then(Value::as_object).unwrap_or(&Map::new()) {
            let forbidden = [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];
            if forbidden.iter().any(|known| known.as_str().eq_ignore_ascii_case(name)) {
                return Err(invalid(format!("the header `{name}` is set by the client itself")));
            }
            is_keyed |= name.eq_ignore_ascii_case(IDEMPOTENCY_KEY);
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        if !is_keyed {
            request = request.header(IDEMPOTENCY_KEY, quoted(idempotency_key));
        }
        if let Some(body) = text("body") {
            if body.len() as u64 > self.options.request_len_max.get() {
                return Err(invalid(format!("`body` has {} bytes; at most {} are sent", body.len(), self.options.request_len_max)));
            }
            request = request.body(body.to_owned());
        }
        request.build().map_err(|error| self.failed(&error))
    }

    async fn exchange(&self, request: Request, traffic: &Traffic) -> Result<ToolResult, Error> {
        traffic.requests.fetch_add(1, Relaxed);
        traffic.sent.fetch_add(sent_len(&request), Relaxed);
        let response = self.client.execute(request).await.map_err(|error| {
            let refusal = guard::refusal_in(&error);
            if refusal.is_some() || error.is_connect() {
                traffic.sent.store(0, Relaxed);
            }
            refusal.map_or_else(|| self.sending(&error), |refusal| self.refused(refusal))
        })?;
        let status = response.status();
        traffic.received.fetch_add(headers_len(response.headers()), Relaxed);
        let headers = shown(response.headers());
        let body = self.body(response, traffic).await?;
        let shown = String::from_utf8_lossy(&body);
        Ok(ToolResult {
            text: format!("HTTP {status}\n\n{shown}"),
            structured: Some(json!({"status": status.as_u16(), "headers": headers, "body": shown})),
            is_error: status.is_client_error() || status.is_server_error(),
            files: vec![],
        })
    }

    fn refused(&self, refusal: Refusal) -> Error {
        Error::Refused { tool: self.id.clone(), refusal }
    }

    fn exceeded(&self, limit: &ResourceError, hint: &str) -> Error {
        self.refused(Refusal::new(limit.code(), limit.to_string()).hint(hint))
    }

    fn failed(&self, error: &reqwest::Error) -> Error {
        Error::Failed { tool: self.id.clone(), reason: plain(error) }
    }

    fn sending(&self, error: &reqwest::Error) -> Error {
        if error.is_timeout() {
            let limit = ResourceError::TimeLimitExceeded { limit: self.options.timeout };
            return self.exceeded(&limit, "ask a host that answers sooner, or raise `tools.http_client.timeout`");
        }
        self.failed(error)
    }

    async fn body(&self, response: reqwest::Response, traffic: &Traffic) -> Result<Vec<u8>, Error> {
        let limit = self.options.response_len_max;
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.sending(&error))?;
            traffic.received.fetch_add(chunk.len() as u64, Relaxed);
            if body.len() + chunk.len() > limit.as_usize() {
                let limit = ResourceError::OutputLimitExceeded { limit };
                return Err(self.exceeded(&limit, "ask for less at once, or raise `tools.http_client.max_response_size`"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// What a request takes on its way. Heads count as HTTP/1.1 writes what is known of them here; TLS does not count.
fn sent_len(request: &Request) -> u64 {
    let line = request.method().as_str().len().saturating_add(request.url().as_str().len());
    let body = request.body().and_then(reqwest::Body::as_bytes).map_or(0, <[u8]>::len);
    headers_len(request.headers()).saturating_add(line.saturating_add(body) as u64)
}

fn headers_len(headers: &header::HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + ": \r\n".len()) as u64).sum()
}

/// What a request of this method does, as RFC 9110 has it; the default method is GET.
pub(crate) fn annotations(arguments: &Value) -> ToolAnnotations {
    let method = arguments.get("method").map_or(Some("GET"), Value::as_str).unwrap_or_default();
    let reads = matches!(method, "GET" | "HEAD");
    ToolAnnotations {
        read_only_hint: reads,
        destructive_hint: !reads,
        idempotent_hint: reads || matches!(method, "PUT" | "DELETE"),
        open_world_hint: true,
    }
}

/// A key as the draft writes it: a string of structured fields (RFC 8941).
fn quoted(key: &str) -> String {
    let plain = key.chars().filter(|c| (' '..='~').contains(c));
    format!("\"{}\"", plain.map(|c| if matches!(c, '"' | '\\') { format!("\\{c}") } else { c.to_string() }).collect::<String>())
}

/// The error with its causes, without the URL (which may hold a secret).
fn plain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if text.is_empty() { "the request could not be sent".into() } else { text }
}

/// The headers that tell a model something.
fn shown(headers: &header::HeaderMap) -> Map<String, Value> {
    let telling = [header::CONTENT_TYPE, header::LOCATION, header::RETRY_AFTER, header::LAST_MODIFIED, header::ETAG, header::LINK];
    telling.iter().filter_map(|name| Some((name.to_string(), headers.get(name)?.to_str().ok()?.into()))).collect()
}
