//! Reading a table whose keys are known: unknown ones are reported with the nearest name, others with what was expected.

use crate::{
    Diagnostic, Diagnostics, scalar,
    tree::{Entry, Map, Node, Value},
};
use caxton_types::nearest;
use std::fmt::Display;

/// The keys that a table may have.
pub(crate) struct Keys {
    pub(crate) known: &'static [&'static str],
    /// Known and not built yet.
    pub(crate) unbuilt: &'static [&'static str],
}

/// Reads one table; what is wrong is collected, and the default stands in.
pub(crate) struct Record<'n> {
    map: Option<&'n Map>,
    path: &'n str,
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.into() } else { format!("{path}.{key}") }
}

impl<'n> Record<'n> {
    /// A table that may be absent; a key that it should not have is reported.
    pub(crate) fn open(node: Option<&'n Node>, path: &'n str, keys: &Keys, problems: &mut Diagnostics) -> Self {
        let map = node.and_then(|node| {
            if node.entries().is_none() {
                problems.push(node.place.error(format!("`{path}`: expected a table, found {}", node.kind())).key(path));
            }
            node.entries()
        });
        for (name, entry) in map.into_iter().flatten() {
            if !keys.known.contains(&&**name) {
                problems.push(unknown(name, entry, path, keys));
            }
        }
        Self { map, path }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.map?.get(key).filter(|entry| !matches!(entry.node.value, Value::Null))
    }

    pub(crate) fn node(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The value of a key as `convert` reads it, if it is there and right.
    pub(crate) fn value<T>(&self, key: &str, problems: &mut Diagnostics, convert: impl Fn(&'n Node) -> Result<T, String>) -> Option<T> {
        let node = self.node(key)?;
        convert(node)
            .map_err(|wrong| {
                let path = join(self.path, key);
                problems.push(node.place.error(format!("`{path}`: {wrong}")).key(path));
            })
            .ok()
    }

    pub(crate) fn text(&self, key: &str, problems: &mut Diagnostics) -> Option<&'n str> {
        self.value(key, problems, scalar::text)
    }

    pub(crate) fn whole<T: TryFrom<i64>>(&self, key: &str, bounds: (i64, i64), problems: &mut Diagnostics) -> Option<T> {
        self.value(key, problems, |node| scalar::whole(node, bounds.0, bounds.1).map(T::try_from)?.map_err(|_| "out of bounds".into()))
    }

    /// A quantity within bounds.
    pub(crate) fn quantity<T>(&self, key: &str, bounds: (T, T), problems: &mut Diagnostics) -> Option<T>
    where
        T: std::str::FromStr<Err: Display> + PartialOrd + Display + Copy,
    {
        self.value(key, problems, |node| {
            let value: T = scalar::quantity(node)?;
            if bounds.0 <= value && value <= bounds.1 {
                Ok(value)
            } else {
                Err(format!("expected from {} to {}, found {value}", bounds.0, bounds.1))
            }
        })
    }
}

/// A key that is not one, with the nearest that is.
fn unknown(name: &str, entry: &Entry, path: &str, keys: &Keys) -> Diagnostic {
    let full = join(path, name);
    if keys.unbuilt.contains(&name) {
        return entry.key.error(format!("`{full}` is not supported yet")).key(full).help("remove it: nothing is ignored silently");
    }
    let diagnostic = entry.key.error(format!("unknown key `{full}`")).key(full);
    match nearest(name, keys.known.iter().copied()) {
        Some(nearest) => diagnostic.help(format!("did you mean `{nearest}`?")),
        None => diagnostic.help(format!("known here: {}", keys.known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "))),
    }
}
