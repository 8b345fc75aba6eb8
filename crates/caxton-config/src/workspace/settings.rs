//! A workspace's `caxton.toml`.

use crate::{
    Diagnostics, SourceKind,
    record::{Keys, Record},
    scalar,
    source::Source,
    tree::{self, Format, Node},
};
use caxton_types::WorkspaceName;
use std::collections::BTreeMap;

/// What a workspace says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceSettings {
    /// The workspace on the server that it is deployed to.
    pub name: Option<WorkspaceName>,
    /// One line on what it is for.
    pub description: Option<Box<str>>,
    /// Servers by the name of their environment.
    pub remotes: BTreeMap<Box<str>, Remote>,
}

/// A server that a workspace is deployed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Where it listens.
    pub url: Box<str>,
}

const TOP: Keys = Keys { known: &["workspace", "remotes"], unbuilt: &[] };
const WORKSPACE: Keys = Keys { known: &["name", "description"], unbuilt: &[] };
const REMOTE: Keys = Keys { known: &["url"], unbuilt: &["token", "token_env", "strategy", "workspace"] };

impl WorkspaceSettings {
    /// Reads a `caxton.toml`; `file` is its name in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, Diagnostics> {
        let root = tree::parse(&Source::new(SourceKind::File, file, text), Format::Toml)?;
        let mut problems = Diagnostics::new();
        let settings = Self::read(&root, &mut problems);
        problems.or(settings)
    }

    fn read(root: &Node, problems: &mut Diagnostics) -> Self {
        let top = Record::open(Some(root), "", &TOP, problems);
        let workspace = Record::open(top.node("workspace"), "workspace", &WORKSPACE, problems);
        let mut remotes = BTreeMap::new();
        for (name, entry) in top.node("remotes").and_then(Node::entries).into_iter().flatten() {
            let path = format!("remotes.{name}");
            let remote = Record::open(Some(&entry.node), &path, &REMOTE, problems);
            let url = remote.value("url", problems, |node| {
                let url = scalar::text(node)?;
                let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
                let sound = rest.is_some_and(|rest| !rest.is_empty() && !url.contains(char::is_whitespace));
                if sound { Ok(url) } else { Err(format!("`{url}` is not a URL such as `https://caxton.example.com`")) }
            });
            match url {
                Some(url) => drop(remotes.insert(name.clone(), Remote { url: url.into() })),
                None if entry.node.child("url").is_none() => {
                    problems.push(entry.key.error(format!("`{path}` has no `url`")).key(path.as_str()));
                }
                None => {}
            }
        }
        Self {
            name: workspace.value("name", problems, scalar::parsed),
            description: workspace.text("description", problems).map(Into::into),
            remotes,
        }
    }
}
