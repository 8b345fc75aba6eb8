//! Tests of one tool: `tools/NAME/tests/*.toml`, in the words of the tests of agents.

use super::{Expect, Placed, read};
use crate::{
    Diagnostics, SourceKind,
    record::{Keys, Record},
    scalar,
    source::Source,
    tree::{self, Format, Node},
};
use serde_json::{Map, Value};

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
    let cases = read::cases(&root, &top, &mut problems, case, |case| &case.name);
    problems.or(cases)
}

fn case(node: &Node, path: &str, problems: &mut Diagnostics) -> Option<ToolCase> {
    let table = Record::open(Some(node), path, &CASE, problems);
    node.entries()?;
    let name = read::name(&table, node, path, problems)?;
    let arguments = table.value("arguments", problems, |node| {
        if node.entries().is_some() { Ok(node.json()) } else { Err(format!("expected a table, found {}", node.kind())) }
    });
    let attachments = read::attachments(&table, problems);
    let path = format!("{path}.expect");
    let expected = Record::open(table.node("expect"), &path, &EXPECT, problems);
    Some(ToolCase {
        name: name.into(),
        line: node.place.position().map_or(1, |at| at.line),
        tool: table.value("tool", problems, |node| Ok(Placed { value: scalar::text(node)?.into(), place: node.place.clone() })),
        arguments: arguments.unwrap_or_else(|| Value::Object(Map::new())),
        attachments,
        is_error: expected.value("error", problems, scalar::flag).unwrap_or_default(),
        expect: read::words(&expected, problems),
    })
}
