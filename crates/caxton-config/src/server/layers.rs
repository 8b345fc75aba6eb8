//! What lies below the files and over them: defaults, variables of the environment, flags.

use super::{Options, Sources, schema};
use crate::{
    Diagnostic, Diagnostics, SourceKind,
    source::Source,
    tree::{self, Node, Value},
};

/// Variables that stand for a key.
const VARIABLES: [(&str, &str); 4] = [
    ("CAXTON_HOST", "server.host"),
    ("CAXTON_PORT", "server.port"),
    ("CAXTON_DATA_DIR", "resources.disk.data_dir"),
    ("RUST_LOG", "observability.logging.level"),
];

/// Variables that are known and not built yet.
const UNBUILT: [&str; 10] = [
    "CAXTON_METRICS_PORT",
    "CAXTON_DB_HOST",
    "CAXTON_DB_PORT",
    "CAXTON_DB_NAME",
    "CAXTON_DB_USER",
    "CAXTON_DB_PASSWORD",
    "CAXTON_MEMORY_BACKEND",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
];

/// Variables that ask for protection: to go on without it would be worse than to stop.
const PROTECTION: [&str; 2] = ["CAXTON_AUTH_ENABLED", "CAXTON_TLS_ENABLED"];

/// The built-in values.
pub(super) fn defaults(sources: &Sources<'_>) -> Result<Node, Diagnostic> {
    let mut tree = Node::new(Value::Null, Source::new(SourceKind::Default, "default", "").top());
    let fixed = schema::keys().filter(|key| !key.default.is_empty() && !key.path.contains(['*', '[']));
    let data_dir = sources.default_data_dir();
    for (path, text) in fixed.map(|key| (key.path, key.default)).chain([("resources.disk.data_dir", &*data_dir.to_string_lossy())]) {
        let source = Source::new(SourceKind::Default, "default", text);
        tree.merge(tree::parse_value(&source)?.under(path));
    }
    Ok(tree)
}

/// Variables of the environment; one that is set and empty counts as not set.
pub(super) fn environment(sources: &Sources<'_>, warnings: &mut Vec<Diagnostic>, problems: &mut Diagnostics) -> Vec<Node> {
    let place = |name: &str| Source::new(SourceKind::Environment, name, "").top();
    for name in UNBUILT {
        if sources.variable(name).is_some_and(|value| (name, &*value) != ("CAXTON_MEMORY_BACKEND", "embedded")) {
            warnings.push(place(name).error("the environment variable is not supported yet and does nothing").warning());
        }
    }
    for name in PROTECTION {
        if sources.variable(name).is_some_and(|value| !matches!(value.to_lowercase().as_str(), "false" | "0" | "no" | "off")) {
            problems.push(
                place(name)
                    .error("the protection that the environment variable asks for is not supported yet")
                    .help(format!("unset {name} and keep the server on a loopback address")),
            );
        }
    }
    let set = VARIABLES.into_iter().filter_map(|(name, path)| sources.variable(name).map(|value| (name, path, value)));
    set.map(|(name, path, value)| literal(SourceKind::Environment, name, &value).under(path)).collect()
}

/// Flags that stand for a key, then `--set`, later ones over earlier ones.
pub(super) fn flags(options: &Options, problems: &mut Diagnostics) -> Vec<Node> {
    let named = options.flags.iter().map(|flag| literal(SourceKind::Flag, flag.name, &flag.value).under(flag.key));
    let mut layers: Vec<_> = named.collect();
    layers.extend(options.set.iter().filter_map(|text| problems.take(set(text))));
    layers
}

/// A value as it is, in which a number may stand.
fn literal(kind: SourceKind, name: &str, value: &str) -> Node {
    Node { substituted: true, ..Node::new(Value::Text(value.into()), Source::new(kind, name, value).top()) }
}

fn set(text: &str) -> Result<Node, Diagnostic> {
    let malformed = |message: &str| Diagnostic::error(message).file(format!("--set {}", text.split('=').next().unwrap_or_default()));
    let (path, value) = text.split_once('=').ok_or_else(|| malformed("expected KEY=VALUE, such as `server.port=9000`"))?;
    let path = path.trim();
    if path.split('.').any(|part| part.is_empty() || part.contains(char::is_whitespace)) {
        return Err(malformed("the key must be dotted, such as `server.port`"));
    }
    let source = Source::new(SourceKind::Flag, format!("--set {path}"), value);
    let node = tree::parse_value(&source)?;
    if matches!(node.value, Value::Null) {
        return Err(node.place.error(format!("`{path}` is given no value")).key(path));
    }
    Ok(node.under(path))
}
