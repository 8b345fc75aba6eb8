//! How an agent wants its tools handled.

use super::fields::either;
use crate::{Diagnostics, policy, record::Record, source::Place};
use caxton_types::{ToolPolicy, ToolRef};

/// The most entries.
const LEN_MAX: usize = 256;

/// `[tool_policies.ENTRY]`, or `[tools.policies.ENTRY]`; an entry is one of the allowlist.
pub(super) fn read(top: &Record<'_>, problems: &mut Diagnostics) -> Vec<(ToolRef, Place, ToolPolicy)> {
    let in_tools = top.node("tools").and_then(|node| node.child("policies"));
    let sites = [("tool_policies", top.entry("tool_policies")), ("tools.policies", in_tools)];
    let path =
        if sites.iter().any(|(name, entry)| *name == "tool_policies" && entry.is_some()) { "tool_policies" } else { "tools.policies" };
    let Some(entry) = either(&sites, problems) else {
        return Vec::new();
    };
    let Some(map) = entry.node.entries() else {
        let wrong = format!("`{path}`: expected a table, found {}", entry.node.kind());
        problems.push(entry.node.place.error(wrong).key(path).help("write `[tool_policies.\"server/tool\"]`"));
        return Vec::new();
    };
    if map.len() > LEN_MAX {
        problems.push(entry.key.error(format!("`{path}` has more than {LEN_MAX} entries")).key(path));
    }
    let mut policies = Vec::new();
    for (name, entry) in map {
        let path = format!("{path}.{name}");
        let policy = policy::read(&entry.node, &path, problems);
        match name.parse::<ToolRef>() {
            Ok(tool) => policies.push((tool, entry.key.clone(), policy)),
            Err(error) => problems.push(entry.key.error(error.to_string()).key(path)),
        }
    }
    policies
}
