//! What a message says that HTTP wants to hear in headers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

/// From this version on requests stand for themselves and name their method in a header.
const MODERN: &str = "2026-07-28";
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

#[derive(Debug, Default, PartialEq)]
pub(super) struct Words {
    pub(super) id: Option<Value>,
    pub(super) method: Option<String>,
    /// The version that the message itself names.
    version: Option<String>,
    /// What the message is about, where its method has that.
    pub(super) name: Option<String>,
    /// The id of the request that it gives up, as JSON.
    pub(super) gives_up: Option<String>,
}

impl Words {
    pub(super) fn of(message: &Value) -> Self {
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        let params = message.get("params");
        let text = |key: &str| params.and_then(|params| params.get(key)?.as_str()).map(str::to_owned);
        let version = params.and_then(|params| params.get("_meta")?.get(META_VERSION)?.as_str()).map(str::to_owned);
        let name = match method.as_deref() {
            Some("tools/call" | "prompts/get") => text("name"),
            Some("resources/read" | "resources/subscribe" | "resources/unsubscribe") => text("uri"),
            Some("tasks/get" | "tasks/update" | "tasks/cancel") => text("taskId"),
            _ => None,
        };
        let cancels = params.filter(|_| method.as_deref() == Some("notifications/cancelled"));
        let gives_up = cancels.and_then(|params| params.get("requestId")).map(ToString::to_string);
        let id = message.get("id").filter(|id| method.is_some() && !id.is_null()).cloned();
        Self { id, method, version, name, gives_up }
    }

    /// The headers of the message; `agreed` is the version of the session, where there is one.
    pub(super) fn headers(&self, agreed: Option<&str>) -> HeaderMap {
        let version = self.version.as_deref().or(agreed);
        let modern = version.is_some_and(|version| version >= MODERN);
        let pairs = [
            ("mcp-protocol-version", version.map(str::to_owned)),
            ("mcp-method", self.method.clone().filter(|_| modern)),
            ("mcp-name", self.name.as_deref().filter(|_| modern).map(encoded)),
        ];
        let header =
            |(name, value): (&'static str, Option<String>)| Some((HeaderName::from_static(name), HeaderValue::from_str(&value?).ok()?));
        pairs.into_iter().filter_map(header).collect()
    }
}

/// A value that no header can carry goes in base64.
fn encoded(value: &str) -> String {
    let plain = value.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) && value.trim() == value;
    let looks_encoded = value.starts_with("=?base64?") && value.ends_with("?=");
    if plain && !looks_encoded { value.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(value)) }
}

/// A failure of a request, as JSON-RPC says it.
pub(super) fn failure(id: &Value, code: i32, message: &str, hint: Option<&str>) -> String {
    let mut error = json!({"code": code, "message": message});
    if let (Some(hint), Some(error)) = (hint, error.as_object_mut()) {
        error.insert("data".into(), json!({"hint": hint}));
    }
    json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: Value, agreed: Option<&str>, expected: &[(&str, &str)]) {
        let headers = Words::of(&message).headers(agreed);
        let mut named: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        named.sort_unstable();
        assert_eq!(named, expected, "{message}");
    }

    #[test]
    fn a_message_of_the_later_era_says_itself_what_it_is() {
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
        let version = ("mcp-protocol-version", "2026-07-28");
        let call = json!({"id": 1, "method": "tools/call", "params": {"name": "a__b", "_meta": meta}});
        check(call, None, &[("mcp-method", "tools/call"), ("mcp-name", "a__b"), version]);
        let read = json!({"id": 1, "method": "resources/read", "params": {"uri": "caxton://ä", "_meta": meta}});
        check(read, None, &[("mcp-method", "resources/read"), ("mcp-name", "=?base64?Y2F4dG9uOi8vw6Q=?="), version]);
    }

    #[test]
    fn a_message_of_a_session_is_of_its_version() {
        let call = json!({"id": 1, "method": "tools/call", "params": {"name": "a__b"}});
        check(call.clone(), Some("2025-11-25"), &[("mcp-protocol-version", "2025-11-25")]);
        check(call, None, &[]);
    }

    #[test]
    fn requests_have_an_id_and_answers_have_none_of_ours() {
        assert_eq!(Words::of(&json!({"id": "a", "method": "ping"})).id, Some(json!("a")));
        assert_eq!(Words::of(&json!({"id": 3, "result": {}})), Words::default());
        let given_up = Words::of(&json!({"method": "notifications/cancelled", "params": {"requestId": "a"}})).gives_up;
        assert_eq!(given_up.as_deref(), Some("\"a\""));
    }
}
