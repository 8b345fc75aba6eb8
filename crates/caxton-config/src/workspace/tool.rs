//! What a tool's `tool.toml` and `policy.yaml` say.

use crate::{
    Diagnostics, SourceKind,
    record::{Keys, Record},
    scalar,
    source::Source,
    tree::{self, Format, Node, Value},
};
use caxton_types::unit::{ByteSize, Period};

/// What a tool is, and what it may do; without a file, the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    Keys { known: &["tool", "description", "version", "permissions", "limits"], unbuilt: &["tools", "environment", "policy"] };
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
        };
        problems.or(manifest)
    }
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
