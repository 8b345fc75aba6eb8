//! The fields of both dialects, side by side.

use super::{Parsed, budget, policies, prompts, tables};
use crate::{
    Diagnostic, Diagnostics,
    record::{Keys, Record},
    scalar,
    source::Place,
    tree::{Entry, Node, Value},
};
use caxton_types::{AgentName, AgentSpec, Capability, CapabilityLabel, ToolRef};
use serde_json::Map;

/// Keys that belong to no table; written below a table's header, TOML gives them to the table.
const HOISTED: [&str; 3] = ["system_prompt", "user_prompt_template", "documentation"];

const TOP: Keys = Keys {
    known: &[
        "agent",
        "id",
        "name",
        "version",
        "description",
        "author",
        "license",
        "tags",
        "created",
        "updated",
        "capabilities",
        "tools",
        "tool_policies",
        "prompts",
        "system_prompt",
        "user_prompt_template",
        "memory",
        "model",
        "limits",
        "budget",
        "output",
        "output_schema",
        "parameters",
        "documentation",
    ],
    unbuilt: &[
        "tool_config",
        "requires",
        "capability_metadata",
        "llm",
        "conversation",
        "performance",
        "security",
        "deployment",
        "monitoring",
        "messaging",
        "resources",
        "fallback",
        "runtime",
        "replicas",
        "subscriptions",
    ],
};
const AGENT: Keys = Keys {
    known: &["id", "name", "version", "description", "author", "license", "tags", "created", "updated"],
    unbuilt: &["runtime", "replicas"],
};
const CAPABILITIES: Keys = Keys { known: &["patterns"], unbuilt: &["requires", "metadata"] };
const TOOLS: Keys = Keys { known: &["required", "optional", "policies"], unbuilt: &["config"] };

/// The most entries of one list.
const LIST_LEN_MAX: usize = 256;
const VERSION: &str = "0.1.0";

/// Moves the keys that a table swallowed back to the top.
pub(super) fn hoist(root: &mut Node, problems: &mut Diagnostics) -> Vec<Diagnostic> {
    let mut lints = Vec::new();
    let Value::Map(top) = &mut root.value else {
        return lints;
    };
    let mut found: Vec<(&str, Entry)> = Vec::new();
    for (table, entry) in top.iter_mut() {
        let Value::Map(map) = &mut entry.node.value else {
            continue;
        };
        for key in HOISTED {
            if let Some(swallowed) = map.remove(key) {
                let message = format!("`{key}` stands below the header `[{table}]` and so belongs to it; read as a key of the agent");
                lints.push(swallowed.key.error(message).key(key).warning().help(format!("write `{key}` above `[{table}]`")));
                found.push((key, swallowed));
            }
        }
    }
    for (key, entry) in found {
        match top.get(key) {
            Some(known) if known.node.json() != entry.node.json() => problems.push(twice(key, known, key, &entry)),
            _ => drop(top.insert(key.into(), entry)),
        }
    }
    lints
}

fn twice(first: &str, a: &Entry, second: &str, b: &Entry) -> Diagnostic {
    let message = format!("`{first}` ({}) and `{second}` say different things", a.key);
    b.key.error(message).key(second).help("keep one of the two")
}

/// One field that both dialects have: the first entry of those given; two that differ are a mistake.
pub(super) fn either<'n>(sites: &[(&str, Option<&'n Entry>)], problems: &mut Diagnostics) -> Option<&'n Entry> {
    let mut given = sites.iter().filter_map(|(name, entry)| entry.map(|entry| (*name, entry)));
    let (first, entry) = given.next()?;
    for (second, other) in given {
        if other.node.json() != entry.node.json() {
            problems.push(twice(first, entry, second, other));
        }
    }
    Some(entry)
}

pub(super) fn read(
    root: &Node,
    lints: Vec<Diagnostic>,
    prompt: &dyn Fn(&str) -> Option<String>,
    mut problems: Diagnostics,
) -> Result<Parsed, Diagnostics> {
    let mut lints = lints;
    let top = Record::open(Some(root), "", &TOP, &mut problems);
    let agent = Record::open(top.node("agent"), "agent", &AGENT, &mut problems);
    let both = |key: &'static str, problems: &mut Diagnostics| {
        let nested = format!("agent.{key}");
        let entry = either(&[(key, top.entry(key)), (&nested, agent.entry(key))], problems)?;
        problems
            .take(scalar::text(&entry.node).map_err(|wrong| entry.node.place.error(format!("`{key}`: {wrong}")).key(key)))
            .map(|text| (text, &entry.node))
    };
    for key in ["author", "license", "created", "updated"] {
        both(key, &mut problems);
    }
    tags(&[&top, &agent], &mut problems);
    let (name, display_name) = names(both("id", &mut problems), both("name", &mut problems), root, &mut problems);
    let version = both("version", &mut problems).map_or(VERSION, |(text, node)| {
        if !is_semver(text) {
            let wrong = node.place.error(format!("`version`: `{text}` is not a version such as `1.0.0`")).key("version");
            problems.push(wrong.help("write MAJOR.MINOR.PATCH"));
        }
        text
    });
    let description = both("description", &mut problems).map(|(text, _)| text.into());
    let capabilities = capabilities(top.node("capabilities"), &mut problems);
    let (tools, optional_tools) = tools(top.node("tools"), &mut problems);
    let policies = policies::read(&top, &mut problems);
    let parameters = parameters(top.node("parameters"), &mut problems);
    let prompts = prompts::read(&top, root, &parameters, prompt, &mut problems);
    let memory = tables::memory(top.node("memory"), &mut lints, &mut problems);
    let model = tables::model(top.node("model"), &mut problems);
    let limits = tables::limits(top.node("limits"), &mut problems);
    let budget = budget::read(top.node("budget"), &mut problems);
    let output_schema = tables::output(&top, &mut problems);
    let documentation = top.text("documentation", &mut problems).map(Into::into);
    match (name, prompts) {
        (Some(name), Some(prompts)) if problems.is_empty() => Ok(Parsed {
            lints,
            spec: AgentSpec {
                name,
                display_name,
                version: version.into(),
                description,
                capabilities,
                tools: tools.iter().map(|(tool, _)| tool.clone()).collect(),
                optional_tools: optional_tools.into_iter().map(|(tool, _)| tool).collect(),
                tool_policies: policies.iter().map(|(tool, _, policy)| (tool.clone(), *policy)).collect(),
                prompts,
                memory,
                model,
                limits,
                budget,
                output_schema,
                parameters,
                documentation,
            },
            tools,
            policies: policies.into_iter().map(|(tool, place, _)| (tool, place)).collect(),
            model: top.node("model").map_or(&root.place, |node| node.child("name").map_or(&node.place, |entry| &entry.node.place)).clone(),
        }),
        _ => Err(problems.sorted()),
    }
}

/// The agent's name and the one that people see.
fn names(id: Option<(&str, &Node)>, name: Option<(&str, &Node)>, root: &Node, problems: &mut Diagnostics) -> (Option<AgentName>, Box<str>) {
    let display: Box<str> = name.or(id).map_or("", |(text, _)| text).into();
    let parsed = match (id, name) {
        (Some((text, node)), _) => text.parse::<AgentName>().map_err(|error| {
            let suggestion = AgentName::from_display(text).ok();
            node.place.error(format!("`id`: {error}")).key("id").meant(suggestion.as_ref().map(AgentName::as_str))
        }),
        (None, Some((text, node))) => AgentName::from_display(text).map_err(|_| {
            let message = format!("`name`: no agent name can be made of `{text}`");
            node.place.error(message).key("name").help("add `id`: 3 to 64 of `a-z`, `0-9` and `-`, starting with a letter")
        }),
        (None, None) if problems.iter().any(|known| matches!(known.key.as_deref(), Some("id" | "name"))) => return (None, display),
        (None, None) => Err(root.place.error("the agent has no name").key("name").help("add `name = \"My Agent\"`")),
    };
    (problems.take(parsed), display)
}

fn tags(records: &[&Record<'_>], problems: &mut Diagnostics) {
    for record in records {
        if let Some(node) = record.node("tags") {
            list(node, "tags", problems);
        }
    }
}

/// The texts of a list, each with its place.
fn list<'n>(node: &'n Node, path: &str, problems: &mut Diagnostics) -> Vec<(&'n str, &'n Node)> {
    let list = scalar::texts(node).map_err(|(wrong, node)| node.place.error(format!("`{path}`: {wrong}")).key(path));
    let list = problems.take(list).unwrap_or_default();
    if list.len() > LIST_LEN_MAX {
        problems.push(node.place.error(format!("`{path}` has more than {LIST_LEN_MAX} entries")).key(path));
    }
    list
}

/// A list of labels, or a table with the phrases that ask for them.
fn capabilities(node: Option<&Node>, problems: &mut Diagnostics) -> Vec<Capability> {
    let mut capabilities: Vec<Capability> = Vec::new();
    let mut add = |label: CapabilityLabel, phrase: Option<&str>| {
        let phrases = phrase.map(Into::into);
        match capabilities.iter_mut().find(|known| known.label == label) {
            Some(known) => known.phrases.extend(phrases),
            None => capabilities.push(Capability { label, phrases: phrases.into_iter().collect() }),
        }
    };
    match node.map(|node| (node, &node.value)) {
        None => {}
        Some((node, Value::List(_))) => {
            for (text, item) in list(node, "capabilities", problems) {
                let label = text.parse::<CapabilityLabel>().map_err(|error| {
                    let suggestion = CapabilityLabel::from_phrase(text).ok();
                    let diagnostic = item.place.error(error.to_string()).key("capabilities");
                    diagnostic.meant(suggestion.as_ref().map(CapabilityLabel::as_str))
                });
                problems.take(label).into_iter().for_each(|label| add(label, None));
            }
        }
        Some((node, _)) => {
            let table = Record::open(Some(node), "capabilities", &CAPABILITIES, problems);
            for (text, item) in table.node("patterns").map(|node| list(node, "capabilities.patterns", problems)).unwrap_or_default() {
                let label = CapabilityLabel::from_phrase(text);
                let label = label.map_err(|error| item.place.error(error.to_string()).key("capabilities.patterns"));
                problems.take(label).into_iter().for_each(|label| add(label, Some(text)));
            }
        }
    }
    capabilities
}

type Tools = Vec<(ToolRef, Place)>;

/// A list of tools, or a table of those that it must have and those that it may.
fn tools(node: Option<&Node>, problems: &mut Diagnostics) -> (Tools, Tools) {
    let read = |node: Option<&Node>, path: &str, problems: &mut Diagnostics| {
        let mut tools: Tools = Vec::new();
        for (text, item) in node.map(|node| list(node, path, problems)).unwrap_or_default() {
            let tool = text.parse::<ToolRef>().map_err(|error| item.place.error(error.to_string()).key(path));
            if let Some(tool) = problems.take(tool)
                && !tools.iter().any(|(known, _)| *known == tool)
            {
                tools.push((tool, item.place.clone()));
            }
        }
        tools
    };
    match node.map(|node| (node, &node.value)) {
        None => (Vec::new(), Vec::new()),
        Some((node, Value::List(_))) => (read(Some(node), "tools", problems), Vec::new()),
        Some((node, _)) => {
            let table = Record::open(Some(node), "tools", &TOOLS, problems);
            (read(table.node("required"), "tools.required", problems), read(table.node("optional"), "tools.optional", problems))
        }
    }
}

fn parameters(node: Option<&Node>, problems: &mut Diagnostics) -> Map<String, serde_json::Value> {
    match node.map(|node| (node, node.json())) {
        None => Map::new(),
        Some((_, serde_json::Value::Object(map))) => map,
        Some((node, _)) => {
            problems.push(node.place.error(format!("`parameters`: expected a table, found {}", node.kind())).key("parameters"));
            Map::new()
        }
    }
}

/// `1.0.0`, `2.1.0-rc.1+build.5`, as semver.org has it.
fn is_semver(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let pre_word = |part: &str| word(part) && (number(part) || !part.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= 64
        && core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(pre_word))
        && build.is_none_or(|build| build.split('.').all(word))
}

#[cfg(test)]
mod tests {
    use super::is_semver;

    #[test]
    fn versions_follow_semver() {
        for good in ["0.0.0", "1.20.3", "1.0.0-alpha.1", "1.0.0-0a", "1.0.0+5", "1.0.0-x-y+z.01"] {
            assert!(is_semver(good), "{good}");
        }
        for bad in ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "v1.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", " 1.0.0"] {
            assert!(!is_semver(bad), "{bad}");
        }
    }
}
