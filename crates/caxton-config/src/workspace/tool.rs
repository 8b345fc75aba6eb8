//! What a tool's `tool.toml` and `policy.yaml` say.

use super::{
    Ceiling,
    call_limits::{self, CallLimits},
    permissions::{MANIFEST, MEMORY, POLICY, TIMEOUT, Wanted},
};
use crate::{
    Diagnostic, Diagnostics, SourceKind, policy,
    record::{Keys, Record},
    scalar,
    source::{Place, Source},
    tree::{self, Format, Node, Value},
};
use caxton_types::{
    EnvSource, Permissions, ToolPolicy, WorkspaceName, nearest,
    unit::{ByteSize, Period},
};
use std::path::Path;

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
    /// What else one call may use.
    pub limits: CallLimits,
    /// Longest time of one call, instead of the server's bound; never more.
    pub timeout: Option<Period>,
    /// Whether an instance serves one call after the other, and so sees what the last one left in its memory.
    pub reuse: bool,
    /// Of instances that serve again, how many may wait for a call; never more than the server's bound.
    pub instances: Option<u32>,
    /// What it asks to touch.
    wanted: Wanted,
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

/// Bounds of how many instances wait.
const INSTANCES: (i64, i64) = (1, 10_000);

/// Stands for the directory that is a tool's own, where nobody knows yet where that is.
const OWN: &str = "own";

const TOP: Keys =
    Keys { known: &["tool", "description", "version", "reuse", "permissions", "limits", "policy", "tools"], unbuilt: &["environment"] };
const TOOL: Keys = Keys { known: &["description", "version", "reuse"], unbuilt: &["name", "kind", "url", "command", "permissions"] };
const LIMITS: Keys = Keys {
    known: &[
        "memory",
        "timeout",
        "instances",
        "cpu",
        "result_size",
        "host_call_size",
        "printed_size",
        "disk",
        "egress",
        "ingress",
        "open_files",
        "requests",
    ],
    unbuilt: &["timeout_ms", "output"],
};
/// `$schema` is for editors.
const POLICY_FILE: Keys = Keys { known: &["$schema", "version", "description", "permissions"], unbuilt: &[] };

impl ToolManifest {
    /// Reads a `tool.toml`; `file` is its name in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, Diagnostics> {
        let root = tree::parse(&Source::new(SourceKind::File, file, text), Format::Toml)?;
        let mut problems = Diagnostics::new();
        let top = Record::open(Some(&root), "", &TOP, &mut problems);
        let tool = Record::open(top.node("tool"), "tool", &TOOL, &mut problems);
        let limits = Record::open(top.node("limits"), "limits", &LIMITS, &mut problems);
        let policy = top.node("policy").map(|node| policy::read(node, "policy", &mut problems)).unwrap_or_default();
        let policies = policies(&top, &mut problems);
        let mut text = |key| {
            let top = top.text(key, &mut problems);
            tool.text(key, &mut problems).or(top).map(Into::into)
        };
        let (description, version) = (text("description"), text("version"));
        let reuse = top.value("reuse", &mut problems, scalar::flag);
        let reuse = tool.value("reuse", &mut problems, scalar::flag).or(reuse).unwrap_or_default();
        let attachments = top.node("permissions").and_then(|permissions| permissions.child("attachments")).map(|entry| &entry.node);
        let attachments = attachments.and_then(|node| attachment_access(node, &mut problems)).unwrap_or_default();
        let wanted = Wanted::read(top.node("permissions"), &MANIFEST, &mut problems);
        let mut call = call_limits::read(&limits, &mut problems);
        call_limits::read_cpu(&limits, &mut call, &mut problems);
        let bounds = Wanted::bounds(
            limits.quantity("memory", MEMORY, &mut problems).zip(limits.node("memory")),
            limits.quantity("timeout", TIMEOUT, &mut problems).zip(limits.node("timeout")),
            call,
        );
        let wanted = problems.take(bounds.join(wanted)).unwrap_or_default();
        let instances = limits.whole("instances", INSTANCES, &mut problems);
        if let Some(node) = limits.node("instances").filter(|_| !reuse) {
            let key = "limits.instances";
            let problem = node.place.error(format!("`{key}` counts instances that wait for their next call, and the tool has no `reuse`"));
            problems.push(problem.key(key).help("write `reuse = true`, or remove it"));
        }
        let manifest = Self { description, version, attachments, reuse, instances, policy, policies, ..Self::default() };
        problems.or(manifest.with(wanted))
    }

    /// Adds what a `policy.yaml` says; where both files speak of the same, they must say the same.
    pub fn with_policy(mut self, text: &str, file: &str) -> Result<Self, Diagnostics> {
        let root = tree::parse(&Source::new(SourceKind::File, file, text), Format::Yaml)?;
        let mut problems = Diagnostics::new();
        let top = Record::open(Some(&root), "", &POLICY_FILE, &mut problems);
        top.value("version", &mut problems, version);
        let description = top.text("description", &mut problems);
        let wanted = Wanted::read(top.node("permissions"), &POLICY, &mut problems);
        self.description = self.description.or_else(|| description.map(Into::into));
        let both = std::mem::take(&mut self.wanted).join(wanted);
        let both = problems.take(both).unwrap_or_default();
        problems.or(self.with(both))
    }

    fn with(self, wanted: Wanted) -> Self {
        let memory = wanted.memory_max.as_ref().map(|size| size.value);
        let timeout = wanted.timeout.as_ref().map(|time| time.value);
        Self { memory, timeout, limits: CallLimits::from(&wanted.call), wanted, ..self }
    }

    /// What it is granted as a tool of this name; what goes beyond the operator's ceiling is an error.
    pub fn grant(&self, ceiling: &Ceiling, workspace: &WorkspaceName, tool: &str) -> Result<Permissions, Diagnostics> {
        self.wanted.grant(ceiling, workspace, tool)
    }

    /// What it asks for, whether anybody grants it or not; its own directory stands as `own`.
    pub fn wanted(&self) -> Permissions {
        self.wanted.open(Path::new(OWN), &mut Diagnostics::new())
    }

    /// Whether it names this path as one names a file: with an extension, and without `/` or `/**` behind it.
    pub fn names_file(&self, own: &Path, path: &Path) -> bool {
        self.wanted.names_file(own, path)
    }

    /// Whether it touches nothing but its own directory, not even through other tools.
    pub fn is_enclosed(&self) -> bool {
        let wanted = self.wanted();
        let has_secret = wanted.environment.iter().any(|variable| matches!(variable.source, EnvSource::Secret(_)));
        let reaches_none = wanted.hosts.is_empty() && wanted.tools.is_empty() && wanted.memory.is_empty();
        let mut places = wanted.directories.iter().map(|grant| &grant.host).chain(wanted.files.iter().map(|grant| &grant.host));
        reaches_none && !has_secret && places.all(|place| place.starts_with(OWN))
    }

    /// What is wrong with what it asks for, whoever grants it.
    pub(super) fn check_wanted(&self) -> Diagnostics {
        let mut problems = Diagnostics::new();
        self.wanted.open(Path::new(OWN), &mut problems);
        problems
    }

    /// What is read and does nothing here.
    pub(super) fn warnings(&self) -> impl Iterator<Item = Diagnostic> {
        self.wanted.warnings.iter().cloned()
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

fn attachment_access(node: &Node, problems: &mut Diagnostics) -> Option<AttachmentAccess> {
    match scalar::choice(node, &["read", "none"], &[("read-only", "read")]) {
        Ok("none") => Some(AttachmentAccess::None),
        Ok(_) => Some(AttachmentAccess::Read),
        Err(wrong) => {
            let key = "permissions.attachments";
            problems.push(node.place.error(format!("`{key}`: {wrong}")).key(key));
            None
        }
    }
}

/// The versions of Wassette's policies that are read.
fn version(node: &Node) -> Result<(), String> {
    let version = match &node.value {
        Value::Whole(number) => number.to_string(),
        Value::Decimal(number) => format!("{number:.1}"),
        Value::Text(text) => text.to_string(),
        _ => return Err(format!("expected `1.0`, found {}", node.kind())),
    };
    if version == "1" || version.starts_with("1.") { Ok(()) } else { Err(format!("expected `1.0`, found `{version}`")) }
}
