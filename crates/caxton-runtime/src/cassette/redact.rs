//! Secrets in recordings: found by name, by form and by the key that they stand under; replaced everywhere.

use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// Texts and what stands in their place.
#[derive(Debug)]
pub(super) struct Redaction {
    /// The number of the last placeholder that is in use already.
    before: u32,
    found: Vec<String>,
}

/// What a secret looks like. Where a pattern has a group, only that is the secret.
const PATTERNS: [&str; 15] = [
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY-----",
    // OpenAI, Anthropic and others that follow them; Stripe.
    r"\bsk-[A-Za-z0-9_-]{16,}",
    r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
    // GitHub, GitLab, Slack, Hugging Face, npm.
    r"\bgh[pousr]_[A-Za-z0-9]{30,}",
    r"\bgithub_pat_[A-Za-z0-9_]{22,}",
    r"\bglpat-[A-Za-z0-9_-]{20,}",
    r"\bxox[abposr]-[A-Za-z0-9-]{10,}",
    r"\bhf_[A-Za-z0-9]{30,}",
    r"\bnpm_[A-Za-z0-9]{30,}",
    // Amazon, Google.
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\bAIza[0-9A-Za-z_-]{35}",
    // JSON Web Tokens, and what stands in an `Authorization` header.
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    r"(?i)\b(?:bearer|basic)\s+([A-Za-z0-9._~+/-]{16,}=*)",
    // A password inside of an address.
    r#"[a-z]://[^/\s:@"]+:([^/\s@"]{8,})@"#,
    // `password=…` in a text.
    r#"(?i)\b(?:api[_-]?key|access[_-]?token|client[_-]?secret|password|passwd)["']?\s*[:=]\s*["']?([^\s"',;&]{8,})"#,
];

/// Keys of JSON under which a secret stands; `-` and `_` do not count.
const KEYS: [&str; 9] =
    ["password", "passwd", "apikey", "accesstoken", "refreshtoken", "clientsecret", "secret", "authorization", "privatekey"];

static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| PATTERNS.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect());

impl Redaction {
    /// The shortest text that is replaced: anything shorter is part of other words.
    pub(super) const LEN_MIN: usize = 8;

    /// Nothing yet; so many placeholders are in use.
    pub(super) const fn after(before: u32) -> Self {
        Self { before, found: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many texts are replaced.
    pub(super) fn texts(&self) -> u32 {
        u32::try_from(self.found.len()).unwrap_or(u32::MAX)
    }

    /// Finds what has to go: these texts, and what looks like a secret.
    pub(super) fn collect(&mut self, value: &Value, known: &[&str]) {
        match value {
            Value::String(text) => self.collect_text(text, known),
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, known)),
            Value::Object(map) => {
                for (key, item) in map {
                    self.collect_text(key, known);
                    if let Value::String(text) = item
                        && is_secret_key(key)
                    {
                        self.add(text);
                    }
                    self.collect(item, known);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn collect_text(&mut self, text: &str, known: &[&str]) {
        for secret in known.iter().filter(|secret| text.contains(**secret) || text.contains(&escaped(secret))) {
            self.add(secret);
        }
        if text.len() < Self::LEN_MIN {
            return;
        }
        for form in FORMS.iter() {
            for found in form.captures_iter(text) {
                if let Some(secret) = found.get(1).or_else(|| found.get(0)) {
                    self.add(secret.as_str());
                }
            }
        }
    }

    fn add(&mut self, text: &str) {
        if text.len() >= Self::LEN_MIN && !is_placeholder(text) && !self.found.iter().any(|known| known == text) {
            self.found.push(text.to_owned());
        }
    }

    /// Replaces the texts in every string and key.
    pub(super) fn apply(&self, value: &mut Value) {
        replace_all(value, &self.plan());
    }

    /// Texts with their placeholders, the longest first; a text that JSON writes in another way stands there in both.
    fn plan(&self) -> Vec<(String, String)> {
        let mut plan = Vec::new();
        for (text, number) in self.found.iter().zip(self.before + 1..) {
            let placeholder = placeholder(number, text.len());
            let escaped = escaped(text);
            if escaped != *text {
                plan.push((escaped, placeholder.clone()));
            }
            plan.push((text.clone(), placeholder));
        }
        plan.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        plan
    }

    /// Whether one of the texts is still there.
    pub(super) fn remains(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.found.iter().any(|secret| text.contains(secret.as_str())),
            Value::Array(items) => items.iter().any(|item| self.remains(item)),
            Value::Object(map) => {
                map.iter().any(|(key, item)| self.found.iter().any(|secret| key.contains(secret.as_str())) || self.remains(item))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

fn replace_all(value: &mut Value, plan: &[(String, String)]) {
    match value {
        Value::String(text) => *text = replace(text, plan),
        Value::Array(items) => items.iter_mut().for_each(|item| replace_all(item, plan)),
        Value::Object(map) => {
            let entries = std::mem::take(map);
            map.extend(entries.into_iter().map(|(key, mut item)| {
                replace_all(&mut item, plan);
                (replace(&key, plan), item)
            }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_secret_key(key: &str) -> bool {
    let plain: String = key.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    KEYS.contains(&plain.as_str())
}

/// As long as the text, so that bounds of length are reached or not reached as before.
fn placeholder(number: u32, len: usize) -> String {
    let head = format!("[redacted-{number}");
    if head.len() < len {
        return format!("{head:.<width$}]", width = len - 1);
    }
    format!("[{number:*<width$}]", width = len.saturating_sub(2))
}

fn is_placeholder(text: &str) -> bool {
    text.starts_with("[redacted-") || (text.starts_with('[') && text.ends_with("*]"))
}

/// How the text stands inside of a JSON string.
fn escaped(text: &str) -> String {
    let json = Value::from(text).to_string();
    json.get(1..json.len() - 1).unwrap_or_default().to_owned()
}

fn replace(text: &str, plan: &[(String, String)]) -> String {
    let mut out = text.to_owned();
    for (secret, placeholder) in plan {
        if out.contains(secret.as_str()) {
            out = out.replace(secret.as_str(), placeholder);
        }
        // A text that was cut may end in the beginning of a secret.
        let cut = (Redaction::LEN_MIN..secret.len()).rev().find(|len| secret.get(..*len).is_some_and(|start| out.ends_with(start)));
        if let Some((len, start)) = cut.and_then(|len| Some((len, placeholder.get(..len)?))) {
            out.truncate(out.len() - len);
            out.push_str(start);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_by_their_form() {
        assert_eq!(FORMS.len(), PATTERNS.len());
        let check = |text: &str, expected: &[&str]| {
            let mut redaction = Redaction::after(0);
            redaction.collect(&text.into(), &[]);
            assert_eq!(redaction.found, expected, "{text}");
        };
        check("use sk-test-0123456789abcdef, please", &["sk-test-0123456789abcdef"]);
        check("Authorization: Bearer abcdefghijklmnopqrstuvwx==", &["abcdefghijklmnopqrstuvwx=="]);
        check("postgres://ada:correct-horse@db.example/x", &["correct-horse"]);
        check("password = \"correct-horse\"", &["correct-horse"]);
        check("AKIAIOSFODNN7EXAMPLE", &["AKIAIOSFODNN7EXAMPLE"]);
        check(
            "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
            &["-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"],
        );
        for harmless in [
            "the task-automator is asked",
            "How many rows?",
            "msg_01k6z3q5x7e8r9t0v2w4y6z8a1",
            "ada@example.com",
            "max_tokens = 1024000000",
        ] {
            check(harmless, &[]);
        }
    }

    #[test]
    fn the_same_text_gets_the_same_placeholder_of_its_length() {
        let mut redaction = Redaction::after(2);
        let mut value =
            serde_json::json!({"api_key": "abc\"defghi", "text": "{\"api_key\":\"abc\\\"defghi\"} abc\"defghi", "cut": "it is abc\"defgh"});
        redaction.collect(&value, &[]);
        redaction.apply(&mut value);
        assert!(!redaction.remains(&value));
        let (key, cut) = (value["api_key"].as_str().unwrap(), value["cut"].as_str().unwrap());
        assert_eq!((key.len(), key), (10, "[3*******]"));
        assert_eq!(value["text"], format!("{{\"api_key\":\"{key}\"}} {key}"));
        assert_eq!(cut, format!("it is {}", &key[..9]));
    }
}
