//! What a tool's `tool.toml` and `policy.yaml` say.

use crate::{
    Diagnostics, SourceKind, policy,
    record::{Keys, Record},
    scalar,
    source::{Place, Source},
    tree::{self, Format, Node, Value},
};
use caxton_types::{
    ToolPolicy, nearest,
    unit::{ByteSize, Period},
};

/// What a tool is, and what it may do; without a file, the defaults.
#[derive(Debug, Clone, Default)]
pub struct ToolManifest {
    /// One line on what it is for.
    pub description: Option<Box<str>>,
    /// Its version.
    pub version: Option<Box<str>>,
    /// Whether it sees the files that come with a request.
    pub attachments: AttachmentAccess,
    /// Memory of one call, instead of the server's bound; never more.
    pub memory: Option<ByteSize>,
    /// Longest time of one call, instead of the server's bound; never more.
    pub timeout: Option<Period>,
    /// How all of its tools are handled.
    policy: ToolPolicy,
    /// How some of them are, by their names.
    policies: Vec<(Box<str>, Place, ToolPolicy)>,
}

/// Whether a tool sees the files that come with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AttachmentAccess {
    /// It may read them.
    #[default]
    Read,
    /// It does not see them.
    None,
}

const TOP: Keys =
    Keys { known: &["tool", "description", "version", "permissions", "limits", "policy", "tools"], unbuilt: &["environment"] };
const TOOL: Keys = Keys { known: &["description", "version"], unbuilt: &["name", "kind", "url", "command", "permissions"] };
const PERMISSIONS: Keys =
    Keys { known: &["attachments"], unbuilt: &["storage", "network", "environment", "filesystem", "runtime", "resources", "ipc"] };
const LIMITS: Keys = Keys { known: &["memory", "timeout"], unbuilt: &["cpu", "instances", "timeout_ms", "output"] };

const POLICY: Keys = Keys { known: &["version", "description", "permissions"], unbuilt: &[] };

impl ToolManifest {
    /// Reads a `tool.toml`; `file` is its name in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, Diagnostics> {
        let root = tree::parse(&Source::new(SourceKind::File, file, text), Format::Toml)?;
        let mut problems = Diagnostics::new();
        let top = Record::open(Some(&root), "", &TOP, &mut problems);
        let tool = Record::open(top.node("tool"), "tool", &TOOL, &mut problems);
        let permissions = Record::open(top.node("permissions"), "permissions", &PERMISSIONS, &mut problems);
        let limits = Record::open(top.node("limits"), "limits", &LIMITS, &mut problems);
        let policy = top.node("policy").map(|node| policy::read(node, "policy", &mut problems)).unwrap_or_default();
        let policies = policies(&top, &mut problems);
        let mut text = |key| {
            let top = top.text(key, &mut problems);
            tool.text(key, &mut problems).or(top).map(Into::into)
        };
        let (description, version) = (text("description"), text("version"));
        let attachments =
            permissions.value("attachments", &mut problems, |node| scalar::choice(node, &["read", "none"], &[("read-only", "read")]));
        let manifest = Self {
            description,
            version,
            attachments: if attachments == Some("none") { AttachmentAccess::None } else { AttachmentAccess::Read },
            memory: limits.quantity("memory", (ByteSize::new(64 << 10), ByteSize::mib(4096)), &mut problems),
            timeout: limits.quantity("timeout", (Period::from_millis(1), Period::from_secs(3600)), &mut problems),
            policy,
            policies,
        };
        problems.or(manifest)
    }

    /// How the tool is handled: what is said of it, and failing that what is said of all.
    pub fn policy_of(&self, tool: &str) -> ToolPolicy {
        let own = self.policies.iter().find(|(name, ..)| **name == *tool).map(|(.., policy)| *policy);
        own.unwrap_or_default().or(self.policy)
    }

    /// What it says of tools that the component does not have.
    pub fn check_tools(&self, offered: &[&str]) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::new();
        for (name, place, _) in self.policies.iter().filter(|(name, ..)| !offered.contains(&&**name)) {
            let problem = place.error(format!("the component has no tool `{name}`")).key(format!("tools.{name}"));
            problems.push(match nearest(name, offered.iter().copied()) {
                Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
                None => problem.help(format!("it has {}", offered.iter().map(|tool| format!("`{tool}`")).collect::<Vec<_>>().join(", "))),
            });
        }
        problems.or(())
    }
}

/// `[tools.NAME]`: what is said of one tool.
fn policies(top: &Record<'_>, problems: &mut Diagnostics) -> Vec<(Box<str>, Place, ToolPolicy)> {
    let Some(node) = top.node("tools") else {
        return Vec::new();
    };
    if node.entries().is_none() {
        problems.push(node.place.error(format!("`tools`: expected a table, found {}", node.kind())).key("tools"));
    }
    let entries = node.entries().into_iter().flatten();
    entries.map(|(name, entry)| (name.clone(), entry.key.clone(), policy::read(&entry.node, &format!("tools.{name}"), problems))).collect()
}

/// Checks a `policy.yaml`: what it would permit is not built yet, and to leave it out silently would break the tool.
pub(super) fn check_policy(text: &str, file: &str) -> Result<(), Diagnostics> {
    let root = tree::parse(&Source::new(SourceKind::File, file, text), Format::Yaml)?;
    let mut problems = Diagnostics::new();
    let top = Record::open(Some(&root), "", &POLICY, &mut problems);
    for (name, entry) in top.node("permissions").and_then(Node::entries).into_iter().flatten() {
        let empty = match &entry.node.value {
            Value::Null => true,
            Value::Map(map) => map.is_empty(),
            _ => false,
        };
        if !empty {
            let key = format!("permissions.{name}");
            problems.push(
                entry.key.error(format!("`{key}` is not supported yet")).key(key).help("remove it: a tool is granted nothing by default"),
            );
        }
    }
    problems.or(())
}
