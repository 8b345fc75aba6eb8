//! Tests of one tool: `tools/NAME/tests/*.toml`, in the words of the tests of agents.

use super::{
    Expect, Placed,
    read::{self, CASES_MAX},
};
use crate::{
    Diagnostics, SourceKind,
    record::{Keys, Record},
    scalar,
    source::Source,
    tree::{self, Format, Node},
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// One call of a tool, and what must come of it.
#[derive(Debug, Clone)]
pub struct ToolCase {
    /// What it shows; unique in its file.
    pub name: Box<str>,
    /// The line where it begins.
    pub line: u32,
    /// The tool at its server; may be absent where the server has only one.
    pub tool: Option<Placed<Box<str>>>,
    /// What it is called with.
    pub arguments: Value,
    /// Files that it may read, relative to the file of the tests.
    pub attachments: Vec<Placed<Box<str>>>,
    /// Whether the call must fail, or its result report an error.
    pub is_error: bool,
    /// What must come out.
    pub expect: Expect,
}

const TOP: Keys = Keys { known: &["case"], unbuilt: &[] };
const CASE: Keys = Keys { known: &["name", "tool", "arguments", "attachments", "expect"], unbuilt: &[] };
const EXPECT: Keys = Keys { known: &["error", "equals", "contains", "lacks", "matches", "json"], unbuilt: &[] };

/// Reads a file of tests of a tool; `file` is its name in messages.
pub fn parse(text: &str, file: &str) -> Result<Vec<ToolCase>, Diagnostics> {
    let root = tree::parse(&Source::new(SourceKind::File, file, text), Format::Toml)?;
    let mut problems = Diagnostics::new();
    let top = Record::open(Some(&root), "", &TOP, &mut problems);
    let nodes = read::tables(&top, "case", &mut problems);
    if nodes.is_empty() && problems.is_empty() {
        problems.push(root.place.error("the file has no cases").key("case").help("a case begins with `[[case]]` and has a `name`"));
    }
    if nodes.len() > CASES_MAX {
        problems.push(root.place.error(format!("the file has {} cases; at most {CASES_MAX} are read", nodes.len())).key("case"));
    }
    let (mut names, mut cases) = (BTreeSet::new(), Vec::new());
    for (at, node) in nodes.into_iter().take(CASES_MAX).enumerate() {
        let Some(case) = case(node, &format!("case.{}", at + 1), &mut problems) else { continue };
        if !names.insert(case.name.clone()) {
            problems.push(node.place.error(format!("two cases are named `{}`", case.name)).key("name"));
        }
        cases.push(case);
    }
    problems.or(cases)
}

fn case(node: &Node, path: &str, problems: &mut Diagnostics) -> Option<ToolCase> {
    let table = Record::open(Some(node), path, &CASE, problems);
    node.entries()?;
    let Some(name) = table.text("name", problems) else {
        if table.node("name").is_none() {
            problems.push(node.place.error(format!("`{path}` has no `name`")).key("name").help("say in a few words what the case shows"));
        }
        return None;
    };
    let arguments = table.value("arguments", problems, |node| {
        if node.entries().is_some() { Ok(node.json()) } else { Err(format!("expected a table, found {}", node.kind())) }
    });
    let attachments = table.value("attachments", problems, |node| {
        let items = scalar::texts(node).map_err(|(wrong, _)| wrong)?;
        Ok(items.into_iter().map(|(text, node)| Placed { value: text.into(), place: node.place.clone() }).collect())
    });
    let path = format!("{path}.expect");
    let expected = Record::open(table.node("expect"), &path, &EXPECT, problems);
    Some(ToolCase {
        name: name.into(),
        line: node.place.position().map_or(1, |at| at.line),
        tool: table.value("tool", problems, |node| Ok(Placed { value: scalar::text(node)?.into(), place: node.place.clone() })),
        arguments: arguments.unwrap_or_else(|| Value::Object(Map::new())),
        attachments: attachments.unwrap_or_default(),
        is_error: expected.value("error", problems, scalar::flag).unwrap_or_default(),
        expect: read::words(&expected, problems),
    })
}
