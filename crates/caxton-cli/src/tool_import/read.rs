//! What other clients write: `mcpServers` (Claude Desktop, Cursor), `servers` (VS Code), with comments and variables of their own.

use serde_json::{Map, Value};

/// The servers of a file, and what somebody should know of them.
#[derive(Debug, Default)]
pub(super) struct Servers {
    pub(super) all: Vec<Server>,
    pub(super) notes: Vec<String>,
}

/// One of them, in our words.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) place: Where,
    /// `env`, `env_secrets`, `headers`, `header_secrets`.
    pub(super) tables: [(&'static str, Map<String, Value>); 2],
    /// The name of the bearer token in the secrets file.
    pub(super) bearer: Option<String>,
}

#[derive(Debug)]
pub(super) enum Where {
    Url { url: String },
    Program { command: String, args: Vec<Value>, cwd: Option<String> },
}

impl Servers {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let root: Value = serde_json::from_str(&plain_json(text)).map_err(|error| format!("it is not JSON: {error}"))?;
        let places = [root.get("mcpServers"), root.get("servers"), root.pointer("/mcp/servers"), root.pointer("/mcp/mcpServers")];
        let Some(entries) = places.into_iter().flatten().find_map(Value::as_object) else {
            return Err("it has neither `mcpServers` nor `servers`".into());
        };
        let mut servers = Self::default();
        for (name, entry) in entries {
            if let Err(reason) = servers.take(name, entry) {
                servers.notes.push(format!("`{name}` is left out: {reason}"));
            }
        }
        Ok(servers)
    }

    fn take(&mut self, wanted: &str, entry: &Value) -> Result<(), String> {
        if entry.get("disabled").and_then(Value::as_bool) == Some(true) || entry.get("enabled").and_then(Value::as_bool) == Some(false) {
            return Err("it is switched off there".into());
        }
        let kind = entry.get("type").or_else(|| entry.get("transport")).and_then(Value::as_str).unwrap_or_default();
        if kind == "sse" {
            return Err("it speaks the HTTP+SSE of 2024, which is not supported; most such servers have a streamable endpoint too".into());
        }
        let name = server_name(wanted).ok_or("its name has no letter")?;
        if self.all.iter().any(|known| known.name == name) {
            return Err(format!("another server is named `{name}` already"));
        }
        if name != wanted {
            self.notes.push(format!("`{wanted}` is named `{name}` here"));
        }
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let mut notes = Vec::new();
        let mut value = |text: &str| variables(text, &mut notes);
        let (place, table, secrets) = match (text("url").or_else(|| text("serverUrl")), text("command")) {
            (Some(url), _) => (Where::Url { url: value(url) }, "headers", "header_secrets"),
            (None, Some(command)) => {
                let args = entry.get("args").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
                let args = args.map(|arg| Value::from(value(arg))).collect();
                (Where::Program { command: value(command), args, cwd: text("cwd").map(&mut value) }, "env", "env_secrets")
            }
            (None, None) => return Err("it has neither `url` nor `command`".into()),
        };
        let (mut plain, mut hidden, mut bearer) = (Map::new(), Map::new(), None);
        for (key, given) in entry.get(table).and_then(Value::as_object).into_iter().flatten() {
            let given = given.as_str().map_or_else(|| given.to_string(), ToOwned::to_owned);
            let token = given.strip_prefix("Bearer ").filter(|_| key.eq_ignore_ascii_case("authorization"));
            if is_literal(token.unwrap_or(&given)) && (token.is_some() || sounds_secret(key)) {
                let secret = if token.is_some() { name.clone() } else { format!("{name}-{}", key.to_lowercase().replace('_', "-")) };
                self.notes
                    .push(format!("`{key}` of `{name}` is a secret and is not copied: put it as `mcp.{secret}` into the secrets file"));
                match token {
                    Some(_) => bearer = Some(secret),
                    None => drop(hidden.insert(key.clone(), secret.into())),
                }
            } else {
                plain.insert(key.clone(), value(&given).into());
            }
        }
        self.notes.extend(notes.into_iter().map(|note| format!("`{name}`: {note}")));
        self.all.push(Server { name, place, tables: [(table, plain), (secrets, hidden)], bearer });
        Ok(())
    }
}

/// A name that a tool server can have: `My Server` becomes `My-Server`.
fn server_name(name: &str) -> Option<String> {
    let mut known = String::new();
    for c in name.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).chars().take(40) {
        let c = if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        if !(matches!(c, '_' | '-') && known.ends_with(c)) {
            known.push(c);
        }
    }
    let known = known.trim_end_matches('-').to_owned();
    (!known.is_empty()).then_some(known)
}

/// Whether nothing of it comes from elsewhere.
fn is_literal(text: &str) -> bool {
    !text.is_empty() && !text.contains("${")
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "token", "secret", "password", "passwd", "credential", "authorization", "cookie"].iter().any(|word| name.contains(word))
}

/// Variables as others write them, as ours.
fn variables(text: &str, notes: &mut Vec<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        if let Some((inside, after)) = after.split_once('}') {
            out.push_str(&variable(inside, notes));
            rest = after;
        } else {
            out.push_str("$${");
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// What stands between `${` and `}`, as we write it: `env:NAME` is a variable, and so is what a client asks its user for.
fn variable(inside: &str, notes: &mut Vec<String>) -> String {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match inside.split_once(':') {
        Some(("env", name)) if is_name(name) => format!("${{{name}}}"),
        Some(("input", name)) => {
            let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
            notes.push(format!("set {name}: the other client asks its user for it"));
            format!("${{{name}}}")
        }
        None if inside == "userHome" => "${HOME}".into(),
        None if inside == "workspaceFolder" => {
            notes.push("`${workspaceFolder}` became `.`, where the server runs".into());
            ".".into()
        }
        None if is_name(inside) => format!("${{{inside}}}"),
        Some((name, default)) if is_name(name) && default.starts_with('-') => format!("${{{inside}}}"),
        _ => {
            notes.push(format!("`${{{inside}}}` is not known here and stands as it is"));
            format!("$${{{inside}}}")
        }
    }
}

/// JSON without the comments and the commas before a closing bracket that some clients allow.
fn plain_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    let mut in_text = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_text => {
                out.push(c);
                out.extend(chars.next());
                continue;
            }
            '"' => in_text = !in_text,
            '/' if !in_text && chars.peek() == Some(&'/') => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
                continue;
            }
            '/' if !in_text && chars.peek() == Some(&'*') => {
                let mut last = ' ';
                chars.next();
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
                continue;
            }
            '}' | ']' if !in_text && out.trim_end().ends_with(',') => out.truncate(out.trim_end().len() - 1),
            _ => {}
        }
        out.push(c);
    }
    out
}
