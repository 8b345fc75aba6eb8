//! Loading, and what is loaded: the configuration, and where each of its values is from.

use super::{Options, ServerConfig, Sources, check, files::Files, layers, llm, mcp, schema};
use crate::{
    Diagnostic, Diagnostics, Secrets, SourceKind,
    source::Source,
    tree::{Node, Value},
};
use caxton_types::nearest;
use serde_json::Value as Json;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A configuration that counts, and where each of its values is from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: ServerConfig,
    /// What somebody should look at.
    pub warnings: Vec<Diagnostic>,
    /// The files that were read, in the order of reading.
    pub files: Vec<PathBuf>,
    /// What the secrets file holds.
    pub secrets: Secrets,
    /// Where that file is, where one is named.
    pub secrets_file: Option<PathBuf>,
    tree: Node,
    cwd: PathBuf,
    home: Option<PathBuf>,
}

/// One value that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// Its key, dotted.
    pub key: String,
    /// Its value; secrets are masked.
    pub value: Json,
    /// Where it is from: `caxton.yaml:3:9`, `CAXTON_PORT`, `--set server.port`, `config set` or `default`.
    pub origin: String,
}

/// A change while the server runs.
#[derive(Debug, Clone)]
pub struct Change {
    /// The key, dotted.
    pub key: Box<str>,
    /// The value before.
    pub old: Json,
    /// The value from now on.
    pub new: Json,
    /// The configuration from now on.
    pub loaded: Loaded,
}

/// Reads everything that counts and checks it whole.
pub fn load(options: &Options, sources: &Sources<'_>) -> Result<Loaded, Diagnostics> {
    let mut warnings = Vec::new();
    let mut files = Files::new(sources);
    let mut tree = layers::defaults(sources)?;
    tree.merge(files.load(options)?);
    let (read, mut problems) = (files.read, files.problems);
    let environment = layers::environment(sources, &mut warnings, &mut problems);
    let flags = layers::flags(options, &mut problems);
    environment.into_iter().chain(flags).for_each(|layer| tree.merge(layer));
    check::check(&mut tree, &mut problems);
    let mut tree = problems.or(tree)?;
    let home = sources.home();
    let secrets_file = super::read::Reader::new(&tree).path_if("security.secrets_file", &sources.cwd, home.as_deref())?;
    let secrets = secrets(&tree, secrets_file.as_deref(), sources)?;
    let mut problems = Diagnostics::new();
    llm::give_keys(&mut tree, sources, &secrets, &mut problems, &mut warnings);
    mcp::give_secrets(&mut tree, &secrets, &mut problems, &mut warnings);
    let config = match ServerConfig::read(&tree, &secrets, &sources.cwd, home.as_deref()) {
        Ok(config) => problems.or(config)?,
        Err(problem) => {
            problems.push(problem);
            return Err(problems.sorted());
        }
    };
    let loaded = Loaded { config, warnings, files: read, secrets, secrets_file, tree, cwd: sources.cwd.clone(), home };
    Ok(loaded.with_live(&options.live))
}

fn secrets(tree: &Node, path: Option<&Path>, sources: &Sources<'_>) -> Result<Secrets, Diagnostics> {
    let reader = super::read::Reader::new(tree);
    let Some(path) = path else {
        return Ok(Secrets::default());
    };
    let unreadable = |error| reader.about("security.secrets_file", format!("the secrets file {} cannot be read: {error}", path.display()));
    let content = (sources.read)(path).map_err(unreadable)?;
    Secrets::parse(&sources.display(path), &content.text, content.mode)
}

impl Loaded {
    /// The value under a key, or everything; secrets are masked.
    pub fn get(&self, path: Option<&str>) -> Result<Json, Diagnostic> {
        let Some(path) = path else {
            return Ok(self.tree.json());
        };
        match self.tree.at(path) {
            Some(node) => Ok(node.json()),
            // Known, with no value and no default.
            None if schema::keys().any(|key| key.path == path || key.path.starts_with(&format!("{path}."))) => Ok(Json::Null),
            None => Err(unknown(path)),
        }
    }

    /// Every value under a key, or all of them, with where each is from.
    pub fn effective(&self, path: Option<&str>) -> Result<Vec<Effective>, Diagnostic> {
        self.get(path)?;
        let node = path.map_or(Some(&self.tree), |path| self.tree.at(path));
        let mut all = Vec::new();
        if let Some(node) = node {
            flatten(node, path.unwrap_or_default(), &mut all);
        }
        Ok(all)
    }

    /// The same with the changes that the server was told while it ran, which its journal knows.
    ///
    /// The environment and flags outrank a change; one that no longer fits is left out with a warning.
    pub fn with_live(self, changes: &BTreeMap<String, Json>) -> Self {
        let mut loaded = self;
        for (path, value) in changes {
            if loaded.decided_by(path).is_some() {
                continue;
            }
            match loaded.set(path, value) {
                Ok(change) => loaded = change.loaded,
                Err(problems) => {
                    let warnings = problems.into_iter().map(|problem| {
                        let message = format!("the change of `{path}` made while the server ran is left out: {}", problem.message);
                        Diagnostic { message, help: None, ..problem.warning() }
                    });
                    loaded.warnings.extend(warnings);
                }
            }
        }
        loaded
    }

    /// What decides a key over any change.
    fn decided_by(&self, path: &str) -> Option<&str> {
        let source = &self.tree.at(path)?.place.source;
        (source.kind > SourceKind::Live).then_some(&*source.name)
    }

    /// Changes one value while the server runs.
    ///
    /// A key that needs a restart, and one that the environment or a flag decides, are refused.
    pub fn set(&self, path: &str, value: &Json) -> Result<Change, Diagnostics> {
        let key = schema::find(path).ok_or_else(|| unknown(path))?;
        if !key.live {
            let refused = Diagnostic::error(format!("`{path}` takes effect at a start only")).key(path);
            return Err(refused.help("write it into the configuration file, then restart the server").into());
        }
        let old = self.tree.at(path);
        if let Some(by) = self.decided_by(path) {
            let refused = Diagnostic::error(format!("`{path}` is decided by {by}, which outranks a change")).key(path);
            return Err(refused.help(format!("restart the server without {by}")).into());
        }
        let source = Source::new(SourceKind::Live, "config set", "");
        let node = Node::of_json(value, &source.top());
        key.kind.check(&node).map_err(|wrong| Diagnostic::error(format!("`{path}`: {wrong}")).key(path))?;
        let (old, new) = (old.map_or(Json::Null, Node::json), node.json());
        let mut tree = self.tree.clone();
        tree.merge(node.under(path));
        let config = ServerConfig::read(&tree, &self.secrets, &self.cwd, self.home.as_deref())?;
        Ok(Change { key: path.into(), old, new, loaded: Self { config, tree, ..self.clone() } })
    }
}

fn unknown(path: &str) -> Diagnostic {
    Diagnostic::error(format!("unknown key `{path}`")).key(path).meant(nearest(path, schema::keys().map(|key| key.path)))
}

fn flatten(node: &Node, path: &str, all: &mut Vec<Effective>) {
    match &node.value {
        Value::Map(map) if !map.is_empty() => {
            for (name, entry) in map {
                flatten(&entry.node, &check::join(path, name), all);
            }
        }
        Value::List(items) if items.iter().any(|item| item.entries().is_some()) => {
            for (index, item) in items.iter().enumerate() {
                flatten(item, &format!("{path}[{index}]"), all);
            }
        }
        _ => all.push(Effective { key: path.into(), value: node.json(), origin: node.place.to_string() }),
    }
}
