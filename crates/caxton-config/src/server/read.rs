//! Typed reading of a checked tree.

use super::{check::join, schema};
use crate::{
    Diagnostic, Secret, SourceKind, scalar,
    source::{Place, Source},
    tree::{self, Node, Value},
};
use std::{
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
};

/// A part of the tree, with the pattern by which the schema knows it.
pub(super) struct Reader<'t> {
    node: &'t Node,
    pattern: String,
}

impl<'t> Reader<'t> {
    pub(super) const fn new(root: &'t Node) -> Self {
        Self { node: root, pattern: String::new() }
    }

    pub(super) fn section(&self, path: &str) -> Reader<'_> {
        let node = self.node.at(path).unwrap_or(self.node);
        Reader { node, pattern: join(&self.pattern, path) }
    }

    /// The items of a list.
    pub(super) fn items(&self, path: &str) -> Vec<Reader<'_>> {
        let Some(Value::List(items)) = self.node.at(path).map(|node| &node.value) else {
            return Vec::new();
        };
        items.iter().map(|node| Reader { node, pattern: format!("{}[]", join(&self.pattern, path)) }).collect()
    }

    /// The entries of a map whose names the writer chooses.
    pub(super) fn named(&self, path: &str) -> Vec<(&str, &Place, Reader<'_>)> {
        let entries = self.node.at(path).and_then(Node::entries).into_iter().flatten();
        let pattern = join(&join(&self.pattern, path), "*");
        entries.map(|(name, entry)| (&**name, &entry.key, Reader { node: &entry.node, pattern: pattern.clone() })).collect()
    }

    /// The node that counts: what was given, else the schema's default.
    pub(super) fn node(&self, key: &str) -> Result<Option<Node>, Diagnostic> {
        if let Some(node) = self.node.at(key).filter(|node| !matches!(node.value, Value::Null)) {
            return Ok(Some(node.clone()));
        }
        match schema::find(&join(&self.pattern, key)).map(|key| key.default) {
            Some(default) if !default.is_empty() => tree::parse_value(&Source::new(SourceKind::Default, "default", default)).map(Some),
            _ => Ok(None),
        }
    }

    fn required(&self, key: &str) -> Result<Node, Diagnostic> {
        self.node(key)?.ok_or_else(|| {
            let path = join(&self.pattern, key);
            self.node.place.error(format!("`{path}` is missing")).key(path)
        })
    }

    /// A message about one of its keys, or about itself where the key is not given.
    pub(super) fn about(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        self.node.at(key).unwrap_or(self.node).place.error(message).key(join(&self.pattern, key))
    }

    fn convert<T>(&self, key: &str, convert: impl Fn(&Node) -> Result<T, String>) -> Result<T, Diagnostic> {
        let node = self.required(key)?;
        convert(&node).map_err(|wrong| {
            let path = join(&self.pattern, key);
            node.place.error(format!("`{path}`: {wrong}")).key(path)
        })
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, Diagnostic> {
        self.convert(key, scalar::flag)
    }

    pub(super) fn whole<T: TryFrom<i64>>(&self, key: &str) -> Result<T, Diagnostic> {
        self.convert(key, |node| {
            let number = scalar::whole(node, i64::MIN, i64::MAX)?;
            T::try_from(number).map_err(|_| format!("{number} is out of bounds"))
        })
    }

    pub(super) fn quantity<T: FromStr<Err: Display>>(&self, key: &str) -> Result<T, Diagnostic> {
        self.convert(key, scalar::quantity)
    }

    /// A bound of a budget; nothing where it is `none`.
    pub(super) fn cap<T>(&self, key: &str, convert: impl Fn(&Node) -> Result<T, String>) -> Result<Option<T>, Diagnostic> {
        match self.node(key)? {
            Some(node) if node.text() != Some(schema::NO_CAP) => self.convert(key, convert).map(Some),
            _ => Ok(None),
        }
    }

    /// Its own value, where it is no section.
    pub(super) fn own_quantity<T: FromStr<Err: Display>>(&self) -> Result<T, Diagnostic> {
        scalar::quantity(self.node)
            .map_err(|wrong| self.node.place.error(format!("`{}`: {wrong}", self.pattern)).key(self.pattern.as_str()))
    }

    /// Its own value, where it is a secret and no section.
    pub(super) fn own_secret(&self) -> Result<Secret, Diagnostic> {
        match &self.node.value {
            Value::Secret(secret) => Ok(secret.clone()),
            _ => Err(self.node.place.error(format!("`{}`: expected a text", self.pattern)).key(self.pattern.as_str())),
        }
    }

    /// One of the schema's words, as the type that has them.
    pub(super) fn choice<T>(&self, key: &str, types: &[(&str, T)]) -> Result<T, Diagnostic>
    where
        T: Copy,
    {
        let words: Vec<_> = types.iter().map(|(word, _)| *word).collect();
        let aliases = match schema::find(&join(&self.pattern, key)).map(|key| key.kind) {
            Some(schema::Kind::Choice(words)) => words.aliases,
            _ => &[],
        };
        self.convert(key, |node| {
            let word = scalar::choice(node, &words, aliases)?;
            types.iter().find(|(known, _)| *known == word).map(|(_, value)| *value).ok_or_else(|| format!("`{word}` is not known"))
        })
    }

    pub(super) fn text(&self, key: &str) -> Result<Box<str>, Diagnostic> {
        self.convert(key, |node| scalar::text(node).map(Into::into))
    }

    pub(super) fn text_if(&self, key: &str) -> Result<Option<Box<str>>, Diagnostic> {
        self.node(key)?.map(|_| self.text(key)).transpose()
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<Box<str>>, Diagnostic> {
        self.convert(key, |node| Ok(scalar::texts(node).map_err(|(wrong, _)| wrong)?.into_iter().map(|(text, _)| text.into()).collect()))
    }

    pub(super) fn secret_if(&self, key: &str) -> Result<Option<Secret>, Diagnostic> {
        Ok(self.node(key)?.and_then(|node| if let Value::Secret(secret) = node.value { Some(secret) } else { None }))
    }

    /// A path: of a file's value relative to that file, otherwise to the working directory; `~` is the home directory.
    pub(super) fn path_if(&self, key: &str, cwd: &Path, home: Option<&Path>) -> Result<Option<PathBuf>, Diagnostic> {
        let Some(node) = self.node(key)? else {
            return Ok(None);
        };
        let text = self.text(key)?;
        if let (Some(rest), Some(home)) = (text.strip_prefix("~/"), home) {
            return Ok(Some(home.join(rest)));
        }
        let source = &node.place.source;
        let beside = if source.kind == SourceKind::File { Path::new(&*source.name).parent() } else { None };
        Ok(Some(cwd.join(beside.unwrap_or(Path::new(""))).join(&*text)))
    }
}
