//! The tree against the schema: unknown keys, keys that are not built yet, values of the wrong kind.

use super::schema::{self, Kind};
use crate::{
    Diagnostic, Diagnostics, Secret,
    tree::{Entry, Node, Value},
};
use caxton_types::nearest;

/// Reports everything that the schema does not allow, and hides secrets from now on.
pub(super) fn check(tree: &mut Node, problems: &mut Diagnostics) {
    node(tree, "", "", problems);
}

fn node(node: &mut Node, pattern: &str, path: &str, problems: &mut Diagnostics) {
    if matches!(node.value, Value::Null) {
        return;
    }
    if let Some(key) = schema::find(pattern) {
        leaf(node, key.kind, path, problems);
        return;
    }
    let expects_list = schema::children(pattern).any(|child| child == "[]");
    match &mut node.value {
        Value::List(items) if expects_list => {
            let pattern = format!("{pattern}[]");
            for (index, item) in items.iter_mut().enumerate() {
                self::node(item, &pattern, &format!("{path}[{index}]"), problems);
            }
        }
        Value::Map(map) if !expects_list => {
            for (name, entry) in map {
                child(name, entry, pattern, path, problems);
            }
        }
        _ => {
            let wanted = if expects_list { "a list" } else { "a table of keys" };
            problems.push(node.place.error(format!("`{path}`: expected {wanted}, found {}", node.kind())).key(path));
        }
    }
}

fn child(name: &str, entry: &mut Entry, pattern: &str, path: &str, problems: &mut Diagnostics) {
    let path = join(path, name);
    let any = schema::children(pattern).any(|child| child == "*");
    if any {
        node(&mut entry.node, &join(pattern, "*"), &path, problems);
    } else if schema::children(pattern).any(|child| child == name) {
        node(&mut entry.node, &join(pattern, name), &path, problems);
    } else if schema::UNBUILT.contains(&path.as_str()) {
        let diagnostic = entry.key.error(format!("`{path}` is not supported yet")).key(path);
        problems.push(diagnostic.help("remove it: nothing is ignored silently"));
    } else {
        problems.push(unknown(name, entry, pattern, &path));
    }
}

fn unknown(name: &str, entry: &Entry, pattern: &str, path: &str) -> Diagnostic {
    let diagnostic = entry.key.error(format!("unknown key `{path}`")).key(path);
    let siblings = || schema::children(pattern);
    if let Some(nearest) = nearest(name, siblings()) {
        return diagnostic.help(format!("did you mean `{}`?", join(parent(path), nearest)));
    }
    // The right word in the wrong place is a common mistake too.
    let elsewhere = schema::keys().find(|key| key.path.rsplit('.').next() == Some(name) && !key.path.contains(['*', '[']));
    if let Some(key) = elsewhere {
        return diagnostic.help(format!("did you mean `{}`?", key.path));
    }
    let mut known: Vec<_> = siblings().map(|name| format!("`{name}`")).collect();
    known.dedup();
    diagnostic.help(format!("known here: {}", known.join(", ")))
}

fn leaf(node: &mut Node, kind: Kind, path: &str, problems: &mut Diagnostics) {
    if let (Kind::Choice(words), Some(text)) = (kind, node.text())
        && words.unbuilt.iter().any(|word| word.eq_ignore_ascii_case(text))
    {
        problems
            .push(node.place.error(format!("`{path}: {text}` is not supported yet")).key(path).help(format!("supported: {}", kind.unit())));
        return;
    }
    let of_items = match kind {
        Kind::Hosts => Some(Kind::Authority),
        Kind::Texts => Some(Kind::Text),
        _ => None,
    };
    if let (Some(kind), Value::List(items)) = (of_items, &mut node.value) {
        for (index, item) in items.iter_mut().enumerate() {
            leaf(item, kind, &format!("{path}[{index}]"), problems);
        }
        return;
    }
    if let Err(wrong) = kind.check(node) {
        let diagnostic = node.place.error(format!("`{path}`: {wrong}")).key(path);
        let suggestion = match (kind, node.text()) {
            (Kind::Choice(words), Some(text)) => nearest(text, words.all.iter().copied()),
            _ => None,
        };
        problems.push(diagnostic.meant(suggestion));
        return;
    }
    if let (Kind::Secret, Value::Text(text)) = (kind, &mut node.value) {
        node.value = Value::Secret(Secret::new(std::mem::take(text)));
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}
