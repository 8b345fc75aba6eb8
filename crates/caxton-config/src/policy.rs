//! How a tool is handled, as an agent's file and a tool's own both write it.

use crate::{
    Diagnostics,
    record::{Keys, Record},
    scalar,
    tree::{Map, Node},
};
use caxton_types::{ApprovalRule, Execution, ToolPolicy, nearest};

const POLICY: Keys = Keys { known: &["execution", "approval"], unbuilt: &[] };

const EXECUTIONS: [(&str, Execution); 3] =
    [("idempotent", Execution::Idempotent), ("at_most_once", Execution::AtMostOnce), ("ask_human", Execution::AskHuman)];
const APPROVALS: [(&str, ApprovalRule); 3] =
    [("always", ApprovalRule::Always), ("never", ApprovalRule::Never), ("when-writing", ApprovalRule::WhenWriting)];

/// Reads the table at `path`; one that says nothing is a mistake.
pub(crate) fn read(node: &Node, path: &str, problems: &mut Diagnostics) -> ToolPolicy {
    let table = Record::open(Some(node), path, &POLICY, problems);
    let policy = ToolPolicy {
        execution: word(&table, path, "execution", &EXECUTIONS, problems),
        approval: word(&table, path, "approval", &APPROVALS, problems),
    };
    if node.entries().is_some_and(Map::is_empty) {
        problems.push(node.place.error(format!("`{path}` says nothing")).key(path).help("add `execution` or `approval`, or remove it"));
    }
    policy
}

/// One of these words, however its parts are joined.
fn word<T: Copy>(table: &Record<'_>, path: &str, key: &str, words: &[(&str, T)], problems: &mut Diagnostics) -> Option<T> {
    let node = table.node(key)?;
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let written = node.text().map(|text| text.replace('-', "_"));
    let found = words.iter().find(|(name, _)| written.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(&name.replace('-', "_"))));
    if let Some((_, value)) = found {
        return Some(*value);
    }
    let wrong = scalar::choice(node, &names, &[]).err().unwrap_or_default();
    let key = format!("{path}.{key}");
    problems.push(node.place.error(format!("`{key}`: {wrong}")).key(key).meant(node.text().and_then(|text| nearest(text, names))));
    None
}
