//! A file of tests into its cases.

use super::{Call, Case, Ceiling, Expect, Line, Model, Placed, SUITE, Stub, Suite};
use crate::{
    Diagnostics, SourceKind,
    record::{Keys, Record},
    scalar::{self, Wrong},
    source::Source,
    tree::{self, Format, Node, Value},
};
use caxton_types::{Performative, TurnEnd};
use regex::Regex;
use serde_json::Value as Json;
use std::collections::BTreeSet;

const TOP: Keys = Keys { known: &["suite", "case"], unbuilt: &[] };
const CASE: Keys = Keys {
    known: &["name", "agent", "input", "performative", "attachments", "model", "cassette", "tool", "expect"],
    unbuilt: &["memory", "history"],
};
const LINE: Keys = Keys { known: &["text", "calls"], unbuilt: &[] };
const CALL: Keys = Keys { known: &["tool", "arguments"], unbuilt: &[] };
const STUB: Keys = Keys { known: &["name", "text", "structured", "error"], unbuilt: &[] };
const EXPECT: Keys = Keys {
    known: &["performative", "end", "equals", "contains", "lacks", "matches", "json", "calls", "beyond", "budget"],
    unbuilt: &["schema", "messages"],
};
const BUDGET: Keys = Keys { known: &["tokens", "steps", "model_calls", "tool_calls", "cost"], unbuilt: &["wall_time"] };

const ENDS: [TurnEnd; 7] = [
    TurnEnd::Completed,
    TurnEnd::Refused,
    TurnEnd::Failed,
    TurnEnd::Exhausted,
    TurnEnd::BudgetExhausted,
    TurnEnd::Cancelled,
    TurnEnd::Interrupted,
];

/// The most cases of one file.
const CASES_MAX: usize = 1000;

/// Reads a file of tests; `file` is its name in messages.
pub fn parse(text: &str, file: &str) -> Result<Suite, Diagnostics> {
    let root = tree::parse(&Source::new(SourceKind::File, file, text), Format::Toml)?;
    let mut problems = Diagnostics::new();
    let top = Record::open(Some(&root), "", &TOP, &mut problems);
    let name = top.text("suite", &mut problems).unwrap_or(SUITE).into();
    let cases = cases(&root, &top, &mut problems, case, |case| &case.name);
    problems.or(Suite { file: file.into(), name, cases })
}

/// The cases of a file, in their order; no two have one name.
pub(super) fn cases<T>(
    root: &Node,
    top: &Record<'_>,
    problems: &mut Diagnostics,
    read: impl Fn(&Node, &str, &mut Diagnostics) -> Option<T>,
    name: impl Fn(&T) -> &str,
) -> Vec<T> {
    let nodes = tables(top, "case", problems);
    if nodes.is_empty() && problems.is_empty() {
        problems.push(root.place.error("the file has no cases").key("case").help("a case begins with `[[case]]` and has a `name`"));
    }
    if nodes.len() > CASES_MAX {
        problems.push(root.place.error(format!("the file has {} cases; at most {CASES_MAX} are read", nodes.len())).key("case"));
    }
    let mut names = BTreeSet::new();
    let mut cases = Vec::new();
    for (at, node) in nodes.into_iter().take(CASES_MAX).enumerate() {
        let Some(case) = read(node, &format!("case.{}", at + 1), problems) else { continue };
        let name = name(&case);
        if !names.insert(name.to_owned()) {
            problems.push(node.place.error(format!("two cases are named `{name}`")).key("name"));
        }
        cases.push(case);
    }
    cases
}

/// The name that a case must have.
pub(super) fn name<'n>(table: &Record<'n>, node: &Node, path: &str, problems: &mut Diagnostics) -> Option<&'n str> {
    let name = table.text("name", problems);
    if name.is_none() && table.node("name").is_none() {
        problems.push(node.place.error(format!("`{path}` has no `name`")).key("name").help("say in a few words what the case shows"));
    }
    name
}

/// The files that go with a case.
pub(super) fn attachments(table: &Record<'_>, problems: &mut Diagnostics) -> Vec<Placed<Box<str>>> {
    let read = |node: &Node| {
        let items = scalar::texts(node).map_err(|(wrong, _)| wrong)?;
        Ok(items.into_iter().map(|(text, node)| Placed { value: text.into(), place: node.place.clone() }).collect())
    };
    table.value("attachments", problems, read).unwrap_or_default()
}

/// The tables of a list; what is no table is reported.
pub(super) fn tables<'n>(record: &Record<'n>, key: &str, problems: &mut Diagnostics) -> Vec<&'n Node> {
    let items = |node: &'n Node| match &node.value {
        Value::List(items) => Ok(items.iter().collect()),
        _ => Err(format!("expected a list of tables, as `[[{key}]]` makes one")),
    };
    record.value(key, problems, items).unwrap_or_default()
}

/// One text, or a list of them.
fn texts(record: &Record<'_>, key: &str, problems: &mut Diagnostics) -> Vec<Box<str>> {
    let read = |node: &Node| match &node.value {
        Value::List(items) => items.iter().map(|item| scalar::text(item).map(Into::into)).collect::<Result<Vec<_>, Wrong>>(),
        _ => Ok(vec![scalar::text(node)?.into()]),
    };
    record.value(key, problems, read).unwrap_or_default()
}

fn case(node: &Node, path: &str, problems: &mut Diagnostics) -> Option<Case> {
    let table = Record::open(Some(node), path, &CASE, problems);
    node.entries()?;
    let name = name(&table, node, path, problems)?;
    let attachments = attachments(&table, problems);
    let model = model(&table, node, path, problems)?;
    let recorded = matches!(model, Model::Cassette(_));
    if !recorded && table.node("input").is_none() {
        problems.push(node.place.error(format!("`{path}` has no `input`")).key("input").help("write what the agent is asked"));
    }
    if recorded && table.node("tool").is_some() {
        let wrong = "a case with a cassette has no use for `[[case.tool]]`: the cassette holds what the tools gave";
        problems.push(node.place.error(wrong).key("tool").help("remove one of them"));
    }
    let tools = tables(&table, "tool", problems);
    let stubs = tools.into_iter().enumerate().filter_map(|(at, node)| stub(node, &format!("{path}.tool.{}", at + 1), problems)).collect();
    Some(Case {
        name: name.into(),
        line: node.place.position().map_or(1, |at| at.line),
        agent: table.value("agent", problems, |node| Ok(Placed { value: scalar::parsed(node)?, place: node.place.clone() })),
        input: table.value("input", problems, |node| Ok(node.json())),
        performative: table.value("performative", problems, scalar::parsed).unwrap_or(Performative::Request),
        attachments,
        model,
        tools: stubs,
        expect: expect(table.node("expect"), &format!("{path}.expect"), problems),
        place: node.place.clone(),
    })
}

/// Exactly one thing answers for the model.
fn model(table: &Record<'_>, case: &Node, path: &str, problems: &mut Diagnostics) -> Option<Model> {
    let cassette = table.value("cassette", problems, |node| Ok(Placed { value: scalar::text(node)?.into(), place: node.place.clone() }));
    let help = "write `model = \"offline\"`, lines of a script as `[[case.model]]`, or `cassette = \"FILE\"`";
    match (cassette, table.node("model")) {
        (Some(cassette), None) => Some(Model::Cassette(cassette)),
        (Some(_), Some(model)) => {
            problems
                .push(model.place.error(format!("`{path}` has both a `model` and a `cassette`")).key("model").help("remove one of them"));
            None
        }
        (None, None) => {
            if table.node("cassette").is_none() {
                problems.push(case.place.error(format!("`{path}` does not say what answers for the model")).key("model").help(help));
            }
            None
        }
        (None, Some(Node { value: Value::List(_), .. })) => {
            let lines = tables(table, "model", problems);
            let read = |(at, node)| line(node, &format!("{path}.model.{}", at + 1), problems);
            Some(Model::Script(lines.into_iter().enumerate().filter_map(read).collect()))
        }
        (None, Some(node)) => match scalar::choice(node, &["offline"], &[]) {
            Ok(_) => Some(Model::Offline),
            Err(wrong) => {
                problems.push(node.place.error(format!("`{path}.model`: {wrong}")).key("model").help(help));
                None
            }
        },
    }
}

fn line(node: &Node, path: &str, problems: &mut Diagnostics) -> Option<Line> {
    let table = Record::open(Some(node), path, &LINE, problems);
    node.entries()?;
    let calls = calls(&table, path, problems).unwrap_or_default();
    let text = table.text("text", problems).unwrap_or_default().to_owned();
    if text.is_empty() && calls.is_empty() && table.node("text").is_none() {
        problems.push(node.place.error(format!("`{path}` says nothing")).key("text").help("give it a `text`, or `calls`"));
    }
    Some(Line { text, calls })
}

fn calls(record: &Record<'_>, path: &str, problems: &mut Diagnostics) -> Option<Vec<Call>> {
    record.node("calls")?;
    let nodes = tables(record, "calls", problems);
    Some(nodes.into_iter().enumerate().filter_map(|(at, node)| call(node, &format!("{path}.calls.{}", at + 1), problems)).collect())
}

fn call(node: &Node, path: &str, problems: &mut Diagnostics) -> Option<Call> {
    let table = Record::open(Some(node), path, &CALL, problems);
    node.entries()?;
    let tool = table.text("tool", problems);
    if tool.is_none() && table.node("tool").is_none() {
        problems.push(node.place.error(format!("`{path}` names no `tool`")).key("tool").help("such as `tool = \"csv-stats/describe\"`"));
    }
    let object =
        |node: &Node| if node.entries().is_some() { Ok(node.json()) } else { Err(format!("expected a table, found {}", node.kind())) };
    let arguments = table.value("arguments", problems, object).unwrap_or_else(|| Json::Object(serde_json::Map::new()));
    Some(Call { tool: tool?.into(), arguments })
}

fn stub(node: &Node, path: &str, problems: &mut Diagnostics) -> Option<Stub> {
    let table = Record::open(Some(node), path, &STUB, problems);
    node.entries()?;
    let name = table.text("name", problems);
    if name.is_none() && table.node("name").is_none() {
        problems.push(node.place.error(format!("`{path}` names no tool")).key("name").help("such as `name = \"http_client/request\"`"));
    }
    let structured = table.value("structured", problems, |node| Ok(node.json()));
    let (text, error) = (table.text("text", problems), table.text("error", problems));
    if text.is_some() == error.is_some() && (text.is_some() || structured.is_none()) {
        let wrong = format!("`{path}` needs one of `text`, `structured` and `error`");
        problems.push(node.place.error(wrong).key("text"));
    }
    let shown = text.or(error).map(str::to_owned).or_else(|| structured.as_ref().map(ToString::to_string)).unwrap_or_default();
    Some(Stub { tool: name?.into(), text: shown, structured, is_error: error.is_some() })
}

fn expect(node: Option<&Node>, path: &str, problems: &mut Diagnostics) -> Expect {
    let table = Record::open(node, path, &EXPECT, problems);
    let end = table.value("end", problems, |node| {
        let word = scalar::choice(node, &ENDS.map(TurnEnd::as_str), &[])?;
        ENDS.into_iter().find(|end| end.as_str() == word).ok_or_else(|| "no such end".into())
    });
    Expect {
        performative: table.value("performative", problems, scalar::parsed),
        end,
        calls: calls(&table, path, problems),
        beyond: table.value("beyond", problems, scalar::flag).unwrap_or(false),
        budget: ceiling(table.node("budget"), &format!("{path}.budget"), problems),
        ..words(&table, problems)
    }
}

/// What must stand in what comes out, and what must not.
pub(super) fn words(table: &Record<'_>, problems: &mut Diagnostics) -> Expect {
    let patterns = texts(table, "matches", problems);
    let mut matches = Vec::new();
    for pattern in patterns {
        // Read inside `value`, so that a pattern that is none is shown where it stands.
        matches.extend(table.value("matches", problems, |_| Regex::new(&pattern).map_err(|error| error.to_string())));
    }
    let json = table.value("json", problems, |node| {
        let map = node.entries().ok_or_else(|| format!("expected JSON Pointers with their values, found {}", node.kind()))?;
        if let Some(bad) = map.keys().find(|key| !key.is_empty() && !key.starts_with('/')) {
            return Err(format!("`{bad}` is no JSON Pointer: it begins with `/`, as in `\"/items/0/name\"`"));
        }
        Ok(map.iter().map(|(pointer, entry)| (pointer.clone(), entry.node.json())).collect())
    });
    Expect {
        equals: table.value("equals", problems, |node| Ok(node.json())),
        contains: texts(table, "contains", problems),
        lacks: texts(table, "lacks", problems),
        matches,
        json: json.unwrap_or_default(),
        ..Expect::default()
    }
}

fn ceiling(node: Option<&Node>, path: &str, problems: &mut Diagnostics) -> Ceiling {
    let table = Record::open(node, path, &BUDGET, problems);
    let mut count = |key| table.whole(key, (0, i64::MAX), problems);
    let (tokens, steps) = (count("tokens"), count("steps"));
    let (model_calls, tool_calls) = (count("model_calls"), count("tool_calls"));
    Ceiling { tokens, steps, model_calls, tool_calls, cost: table.value("cost", problems, scalar::quantity) }
}
