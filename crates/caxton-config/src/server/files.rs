//! Which files are read, and how they lie over each other: the base, what it extends, a profile, an environment.

use super::{Options, Sources, substitute::substitute};
use crate::{
    Diagnostic, Diagnostics, SourceKind,
    source::Source,
    tree::{self, Entry, Format, Map, Node},
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// The longest chain of `extends`.
const CHAIN_LEN_MAX: usize = 16;

/// Top-level keys of a workspace's `caxton.toml`, which is no configuration of the server.
const WORKSPACE_KEYS: [&str; 2] = ["workspace", "remotes"];

/// The base file: the one that is named, or the first one found.
pub fn base_file(options: &Options, sources: &Sources<'_>) -> Result<Option<PathBuf>, Diagnostic> {
    Files::new(sources).base(options)
}

pub(super) struct Files<'s> {
    sources: &'s Sources<'s>,
    /// Every file that was read, in the order of reading.
    pub(super) read: Vec<PathBuf>,
    pub(super) problems: Diagnostics,
}

impl<'s> Files<'s> {
    pub(super) const fn new(sources: &'s Sources<'s>) -> Self {
        Self { sources, read: Vec::new(), problems: Diagnostics::new() }
    }

    /// One tree of all files that count; an empty one where there is none.
    pub(super) fn load(&mut self, options: &Options) -> Result<Node, Diagnostics> {
        let base = self.base(options)?;
        let dir = base.as_ref().and_then(|base| base.parent()).unwrap_or(&self.sources.cwd).to_path_buf();
        let mut tree = Node::map(Map::new(), Source::new(SourceKind::Default, "default", "").top());
        let profile = match &options.profile {
            None => None,
            Some(name) => Some(self.overlay(&dir, name)?.ok_or_else(|| missing(&dir, name, "--profile"))?),
        };
        let stands_alone = profile.as_ref().is_some_and(|(_, node)| node.child("extends").is_some());
        if let Some(base) = base.filter(|_| !stands_alone) {
            let node = self.file(&base)?;
            tree.merge(self.with_extends(node, &base)?);
        }
        if let Some((path, node)) = profile {
            tree.merge(self.with_extends(node, &path)?);
        }
        if let Some((path, node)) = self.environment(&dir, options)? {
            tree.merge(self.with_extends(node, &path)?);
        }
        Ok(tree)
    }

    fn base(&self, options: &Options) -> Result<Option<PathBuf>, Diagnostic> {
        if let Some(path) = &options.config {
            return self.named(path, "--config").map(Some);
        }
        for variable in ["CAXTON_CONFIG_PATH", "CAXTON_CONFIG"] {
            if let Some(path) = self.sources.variable(variable) {
                return self.named(Path::new(&path), variable).map(Some);
            }
        }
        for name in ["caxton.yaml", "caxton.yml", "caxton.toml"] {
            let path = self.sources.cwd.join(name);
            if self.exists(&path)? && !(name == "caxton.toml" && self.is_workspace(&path)?) {
                return Ok(Some(path));
            }
        }
        let home = self.sources.config_home().map(|home| home.join("caxton"));
        for dir in home.into_iter().chain([PathBuf::from("/etc/caxton")]) {
            for extension in ["yaml", "yml", "toml"] {
                let path = dir.join("config").with_extension(extension);
                if self.exists(&path)? {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }

    fn named(&self, path: &Path, by: &str) -> Result<PathBuf, Diagnostic> {
        let path = self.sources.cwd.join(path);
        if self.exists(&path)? {
            return Ok(path);
        }
        Err(Diagnostic::error(format!("the configuration file does not exist ({by})")).file(path.display().to_string()))
    }

    fn exists(&self, path: &Path) -> Result<bool, Diagnostic> {
        match (self.sources.read)(path) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(unreadable(path, &error)),
        }
    }

    /// A `caxton.toml` that is empty or has a workspace's keys belongs to the workspace.
    fn is_workspace(&self, path: &Path) -> Result<bool, Diagnostic> {
        let node = self.parse(path)?;
        let entries = node.entries();
        Ok(entries.is_none_or(|map| map.is_empty() || WORKSPACE_KEYS.iter().any(|key| map.contains_key(*key))))
    }

    fn parse(&self, path: &Path) -> Result<Node, Diagnostic> {
        let name = self.sources.display(path);
        let content = (self.sources.read)(path).map_err(|error| unreadable(path, &error))?;
        let format = Format::of(&name).ok_or_else(|| {
            Diagnostic::error("the format is told by the name, which must end in `.yaml`, `.yml` or `.toml`").file(name.clone())
        })?;
        tree::parse(&Source::new(SourceKind::File, name, &content.text), format)
    }

    /// One file with its variables put in.
    fn file(&mut self, path: &Path) -> Result<Node, Diagnostic> {
        let mut node = self.parse(path)?;
        substitute(&mut node, "", self.sources.env, &mut self.problems);
        self.read.push(path.to_path_buf());
        Ok(node)
    }

    /// `config-NAME.*` in this directory, if there is one.
    fn overlay(&mut self, dir: &Path, name: &str) -> Result<Option<(PathBuf, Node)>, Diagnostic> {
        let valid = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !valid {
            return Err(Diagnostic::error(format!("`{name}` is not a name of letters, digits, `-` and `_`")));
        }
        for extension in ["yaml", "yml", "toml"] {
            let path = dir.join(format!("config-{name}.{extension}"));
            if self.exists(&path)? {
                let node = self.file(&path)?;
                return Ok(Some((path, node)));
            }
        }
        Ok(None)
    }

    fn environment(&mut self, dir: &Path, options: &Options) -> Result<Option<(PathBuf, Node)>, Diagnostic> {
        if let Some(name) = &options.env {
            return self.overlay(dir, name)?.ok_or_else(|| missing(dir, name, "--env")).map(Some);
        }
        self.sources.variable("CAXTON_ENV").map_or(Ok(None), |name| self.overlay(dir, &name))
    }

    /// Lays the file over those it extends.
    fn with_extends(&mut self, mut node: Node, path: &Path) -> Result<Node, Diagnostic> {
        let mut over = Vec::new();
        let mut chain = vec![path.to_path_buf()];
        while let Some(entry) = take(&mut node, "extends") {
            let place = entry.node.place.clone();
            let Some(target) = entry.node.text() else {
                return Err(place.error("`extends` names one file").key("extends"));
            };
            let last = chain.last().map_or(Path::new(""), PathBuf::as_path);
            let target = normal(&last.parent().unwrap_or(Path::new("")).join(target));
            let shown = |paths: &[PathBuf]| paths.iter().map(|path| self.sources.display(path)).collect::<Vec<_>>().join(" → ");
            if chain.contains(&target) {
                let circle = format!("{} → {}", shown(&chain), self.sources.display(&target));
                return Err(place.error(format!("`extends` goes in a circle: {circle}")).key("extends"));
            }
            if chain.len() >= CHAIN_LEN_MAX {
                return Err(place.error(format!("more than {CHAIN_LEN_MAX} files extend each other: {}", shown(&chain))).key("extends"));
            }
            if !self.exists(&target)? {
                let message = format!("`extends` names `{}`, which does not exist", self.sources.display(&target));
                return Err(place.error(message).key("extends"));
            }
            let below = self.file(&target)?;
            over.push(std::mem::replace(&mut node, below));
            chain.push(target);
        }
        while let Some(above) = over.pop() {
            node.merge(above);
        }
        Ok(node)
    }
}

fn take(node: &mut Node, key: &str) -> Option<Entry> {
    if let tree::Value::Map(map) = &mut node.value { map.remove(key) } else { None }
}

/// The path without `.` and `..`, so that one file has one name.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

fn missing(dir: &Path, name: &str, by: &str) -> Diagnostic {
    Diagnostic::error(format!("`{by} {name}` needs the file `config-{name}.yaml` (or `.toml`), which does not exist"))
        .file(dir.display().to_string())
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("the file cannot be read: {error}")).file(path.display().to_string())
}
