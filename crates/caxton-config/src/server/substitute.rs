//! `${VAR}` and `${VAR:-default}` in values.

use crate::{
    Diagnostic, Diagnostics,
    tree::{Node, Value},
};

/// Puts the variables into every text below this node; `path` is its dotted key.
pub(super) fn substitute(node: &mut Node, path: &str, env: &dyn Fn(&str) -> Option<String>, problems: &mut Diagnostics) {
    match &mut node.value {
        Value::Text(text) if text.contains("${") => match expand(text, env) {
            Ok(value) => {
                node.value = Value::Text(value.into());
                node.substituted = true;
            }
            // Reported once: what stands there is not checked again.
            Err(problem) => {
                problems.push(problem.into_diagnostic(node, path));
                node.value = Value::Null;
            }
        },
        Value::List(items) => items.retain_mut(|item| {
            let given = !matches!(item.value, Value::Null);
            substitute(item, path, env, problems);
            !(given && matches!(item.value, Value::Null))
        }),
        Value::Map(map) => {
            for (key, entry) in map {
                let path = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
                substitute(&mut entry.node, &path, env, problems);
            }
        }
        _ => {}
    }
}

enum Problem {
    Undefined(String),
    Unclosed,
    Malformed(String),
}

impl Problem {
    fn into_diagnostic(self, node: &Node, path: &str) -> Diagnostic {
        let diagnostic = match self {
            Self::Undefined(name) => node
                .place
                .error(format!("`{path}` needs the environment variable {name}, which is not set"))
                .help(format!("set {name}, or give a default: `${{{name}:-value}}`")),
            Self::Unclosed => {
                node.place.error(format!("`{path}`: `${{` is never closed by `}}`")).help("write `$${` for the characters themselves")
            }
            Self::Malformed(text) => node
                .place
                .error(format!("`{path}`: `${{{text}}}` is not a variable"))
                .help("write `${VAR}` or `${VAR:-default}`; `$${` stands for the characters themselves"),
        };
        diagnostic.key(path)
    }
}

fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Problem> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (inside, after) = after.split_once('}').ok_or(Problem::Unclosed)?;
        let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
        if !is_variable(name) {
            return Err(Problem::Malformed(inside.chars().take(40).collect()));
        }
        // As in a shell, a default also stands in for a variable that is set and empty.
        match (env(name), default) {
            (Some(value), None) => out.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => out.push_str(&value),
            (_, Some(default)) => out.push_str(default),
            (None, None) => return Err(Problem::Undefined(name.into())),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let env = |name: &str| match name {
            "A" => Some("a}${B}".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let found = expand(text, &env).unwrap_or_else(|problem| match problem {
            Problem::Undefined(name) => format!("undefined {name}"),
            Problem::Unclosed => "unclosed".into(),
            Problem::Malformed(text) => format!("malformed {text}"),
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn variables_defaults_and_mistakes() {
        check("x${A}y", "xa}${B}y");
        check("${B:-1}${EMPTY:-2}${EMPTY}${A:-3}", "12a}${B}");
        check("${B:-}", "");
        check("$A $${A} $$", "$A ${A} $$");
        check("${B}", "undefined B");
        check("${A", "unclosed");
        check("${A-x}", "malformed A-x");
        check("${}", "malformed ");
    }
}
