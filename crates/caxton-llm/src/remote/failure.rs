//! What a failed attempt means: which error it is, and whether another attempt may help.

use crate::{ApiKey, Error, ProviderOptions};
use genai::{Error as Genai, webc};
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::{error::Error as StdError, time::Duration};

/// The most characters of a provider's own words that are passed on.
const REASON_CHARS_MAX: usize = 300;

pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) transient: bool,
    pub(super) retry_after: Option<Duration>,
}

impl Failed {
    pub(super) const fn for_good(error: Error) -> Self {
        Self { error, transient: false, retry_after: None }
    }

    pub(super) const fn transient(error: Error) -> Self {
        Self { error, transient: true, retry_after: None }
    }
}

/// Reads what genai reports. Its own texts hold whole requests and bodies and are never passed on.
pub(super) fn read(error: Genai, options: &ProviderOptions, model: &str, waited: Duration) -> Failed {
    let at = At { options, model, waited };
    match error {
        Genai::HttpError { status, body, headers, .. } => at.refused(status.as_u16(), &body, &headers),
        Genai::WebModelCall { webc_error, .. } | Genai::WebAdapterCall { webc_error, .. } => match webc_error {
            webc::Error::ResponseFailedStatus { status, body, headers } => at.refused(status.as_u16(), &body, &headers),
            webc::Error::Reqwest(error) => at.not_reached(&error),
            webc::Error::ResponseFailedNotJson { .. } | webc::Error::ResponseFailedInvalidJson { .. } | webc::Error::JsonValueExt(_) => {
                at.unusable("it is not JSON")
            }
        },
        Genai::WebStream { error, .. } => at.broken(error),
        Genai::ChatResponse { body, .. } => at.told_midway(&body),
        Genai::StreamParse { serde_error, .. } => at.unusable(&format!("a piece of it is not JSON: {serde_error}")),
        Genai::InvalidJsonResponseElement { info } => at.unusable(info),
        Genai::Internal(reason) => at.unusable(&at.clean(&reason)),
        _ => at.unusable("it could not be read"),
    }
}

struct At<'a> {
    options: &'a ProviderOptions,
    model: &'a str,
    /// How long a silence was borne.
    waited: Duration,
}

impl At<'_> {
    fn provider(&self) -> String {
        self.options.name.clone()
    }

    fn unusable(&self, reason: &str) -> Failed {
        Failed::transient(Error::BadResponse { provider: self.provider(), reason: reason.to_owned() })
    }

    /// The stream failed: genai boxes what happened.
    fn broken(&self, error: genai::BoxError) -> Failed {
        let error = match error.downcast::<Genai>() {
            Ok(inner) => {
                return match *inner {
                    Genai::HttpError { status, body, headers, .. } => self.refused(status.as_u16(), &body, &headers),
                    _ => self.unusable("it could not be read"),
                };
            }
            Err(error) => error,
        };
        if error.is::<webc::StreamTimeout>() {
            return self.too_late();
        }
        match error.downcast::<reqwest::Error>() {
            Ok(error) => self.not_reached(&error),
            Err(_) => self.unusable("it is not valid text"),
        }
    }

    fn too_late(&self) -> Failed {
        Failed::transient(Error::Timeout { provider: self.provider(), limit: self.waited })
    }

    fn not_reached(&self, error: &reqwest::Error) -> Failed {
        if error.is_timeout() && !error.is_connect() {
            return self.too_late();
        }
        if error.is_builder() {
            let reason = self.clean(&causes(error));
            return Failed::for_good(Error::Misconfigured { provider: self.provider(), reason });
        }
        Failed::transient(Error::Connection { provider: self.provider(), reason: self.clean(&causes(error)) })
    }

    /// An HTTP status other than success.
    fn refused(&self, status: u16, body: &str, headers: &HeaderMap) -> Failed {
        let told = Told::read(body);
        let reason = self.clean(&told.message);
        let provider = self.provider();
        let error = match status {
            401 | 403 => return Failed::for_good(Error::Unauthorized { provider, status }),
            300..400 => {
                return Failed::for_good(Error::Provider {
                    provider,
                    status: Some(status),
                    reason: "it redirects; set `base_url` to the final address".into(),
                });
            }
            402 => return Failed::for_good(Error::QuotaExhausted { provider, reason }),
            // Anthropic calls it an invalid request.
            400 if told.message.contains("credit balance is too low") => {
                return Failed::for_good(Error::QuotaExhausted { provider, reason });
            }
            429 if told.is_about(&["insufficient_quota", "billing"]) => {
                return Failed::for_good(Error::QuotaExhausted { provider, reason });
            }
            429 => Error::RateLimited { provider, retry_after: retry_after(headers), reason },
            400 | 413 | 422 if told.is_too_long() => {
                return Failed::for_good(Error::ContextTooLong { provider, model: self.model.to_owned(), reason });
            }
            _ => Error::Provider { provider, status: Some(status), reason },
        };
        let transient = match headers.get("x-should-retry").and_then(|value| value.to_str().ok()) {
            Some("false") => false,
            Some("true") => true,
            _ => matches!(status, 408 | 409 | 429 | 500..=599),
        };
        Failed { error, transient, retry_after: retry_after(headers) }
    }

    /// An error in the middle of an answer that began well.
    fn told_midway(&self, body: &Value) -> Failed {
        let told = Told::of(body);
        let (provider, reason) = (self.provider(), self.clean(&told.message));
        if told.is_about(&["rate_limit"]) {
            return Failed::transient(Error::RateLimited { provider, retry_after: None, reason });
        }
        // The status that it would have had, had it come earlier.
        let status = told.is_about(&["invalid_request"]).then_some(400);
        let transient = told.is_about(&["overloaded", "server_error", "api_error", "internal", "timeout"]);
        Failed { error: Error::Provider { provider, status, reason }, transient, retry_after: None }
    }

    /// A provider's words, shortened, on one line, without the key even where the provider repeats it.
    fn clean(&self, text: &str) -> String {
        let key = self.options.api_key.as_ref().map_or("", ApiKey::reveal);
        let text = if key.is_empty() { text.to_owned() } else { text.replace(key, "(key)") };
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= REASON_CHARS_MAX {
            return if line.is_empty() { "it gives no reason".into() } else { line };
        }
        line.chars().take(REASON_CHARS_MAX).chain(['…']).collect()
    }
}

/// What a provider's error body says. Both formats have `error.message` and `error.type`; some servers have a bare `message` or a text.
struct Told {
    message: String,
    kind: String,
}

impl Told {
    fn read(body: &str) -> Self {
        serde_json::from_str(body).map_or_else(|_| Self { message: body.to_owned(), kind: String::new() }, |value| Self::of(&value))
    }

    fn of(body: &Value) -> Self {
        let error = body.get("error").unwrap_or(body);
        let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = error.as_str().unwrap_or_else(|| field("message"));
        Self { message: message.to_owned(), kind: format!("{} {}", field("type"), field("code")) }
    }

    fn is_about(&self, kinds: &[&str]) -> bool {
        kinds.iter().any(|kind| self.kind.contains(kind))
    }

    fn is_too_long(&self) -> bool {
        let message = self.message.to_lowercase();
        self.is_about(&["context_length_exceeded", "exceed_context_size"])
            || ["maximum context length", "context window", "prompt is too long", "context length", "context size", "request too large"]
                .iter()
                .any(|sign| message.contains(sign))
    }
}

/// When the provider wants to be asked again: `retry-after-ms`, or `Retry-After` in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let after = text("retry-after")?;
    if let Ok(seconds) = after.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(after).ok()?;
    Duration::try_from(at.duration_since(jiff::Timestamp::now())).ok()
}

fn causes(error: &reqwest::Error) -> String {
    // Without the URL: the configuration has it, and a proxy's could hold a password.
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(source) = cause {
        let said = source.to_string();
        if !text.contains(&said) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&said);
        }
        cause = source.source();
    }
    if text.is_empty() { "the connection broke".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        retry_after(&headers)
    }

    #[test]
    fn what_the_provider_asks_to_wait_is_read_in_every_form() {
        assert_eq!(after("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
        assert_eq!(after("retry-after", " 7 "), Some(Duration::from_secs(7)));
        assert_eq!(after("retry-after", "-7"), None);
        assert_eq!(after("retry-after", "soon"), None);
        assert_eq!(after("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT"), None);
        assert!(after("retry-after", "Tue, 31 Dec 2199 23:59:59 GMT").is_some());
    }

    #[test]
    fn errors_are_read_in_every_form() {
        for (body, message, kind) in [
            (r#"{"error":{"message":"m","type":"t","code":"c"}}"#, "m", "t c"),
            (r#"{"error":"m"}"#, "m", " "),
            (r#"{"message":"m","type":"t"}"#, "m", "t "),
            (r#"{"object":"error","message":"m","code":400}"#, "m", " "),
            ("<html>", "<html>", ""),
        ] {
            let told = Told::read(body);
            assert_eq!((told.message.as_str(), told.kind.as_str()), (message, kind), "{body}");
        }
    }
}
