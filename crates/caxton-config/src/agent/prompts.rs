//! Prompts: inline or in files, with the places of what is wrong inside them.

use super::fields::either;
use crate::{
    Diagnostic, Diagnostics, SourceKind,
    record::{Keys, Record},
    scalar,
    source::{Place, Source},
    tree::{Entry, Node, literal::raw_offset},
};
use caxton_types::{Prompts, Template, nearest};
use serde_json::{Map, Value as Json};

const PROMPTS: Keys = Keys { known: &["system", "system_file", "user", "user_file"], unbuilt: &[] };

/// What every prompt may name, beside the agent's own parameters.
pub(crate) const VARIABLES: [&str; 9] =
    ["request", "context", "requirements", "memory_context", "data", "user_id", "timestamp", "conversation", "agent_name"];

pub(super) fn read(
    top: &Record<'_>,
    root: &Node,
    parameters: &Map<String, Json>,
    file: &dyn Fn(&str) -> Option<String>,
    problems: &mut Diagnostics,
) -> Option<Prompts> {
    let known = problems.iter().count();
    let table = Record::open(top.node("prompts"), "prompts", &PROMPTS, problems);
    let context = Context { parameters, file };
    let system = context.prompt(
        [("system_prompt", top.entry("system_prompt")), ("prompts.system", table.entry("system"))],
        ("prompts.system_file", table.entry("system_file")),
        problems,
    );
    let user = context.prompt(
        [("user_prompt_template", top.entry("user_prompt_template")), ("prompts.user", table.entry("user"))],
        ("prompts.user_file", table.entry("user_file")),
        problems,
    );
    if let Some(system) = system {
        return Some(Prompts { system, user });
    }
    if problems.iter().count() == known {
        let missing = root.place.error("the agent has no system prompt").key("prompts.system");
        problems.push(missing.help("add `system_prompt = \"…\"`, or `system = \"…\"` under `[prompts]`"));
    }
    None
}

struct Context<'a> {
    parameters: &'a Map<String, Json>,
    file: &'a dyn Fn(&str) -> Option<String>,
}

impl Context<'_> {
    fn prompt(
        &self,
        inline: [(&str, Option<&Entry>); 2],
        (file_key, file): (&str, Option<&Entry>),
        problems: &mut Diagnostics,
    ) -> Option<Template> {
        let [first, second] = inline;
        let entry = either(&[first, second, (file_key, file)], problems)?;
        let key = [first, second]
            .into_iter()
            .find(|(_, site)| site.is_some_and(|site| std::ptr::eq(site, entry)))
            .map_or(file_key, |(key, _)| key);
        let result = if key == file_key { self.in_file(entry, key) } else { self.inline(&entry.node, key) };
        problems.take(result.map_err(|problem| problem.key(key)))
    }

    fn inline(&self, node: &Node, key: &str) -> Result<Template, Diagnostic> {
        let text = scalar::text(node).map_err(|wrong| node.place.error(format!("`{key}`: {wrong}")))?;
        let raw = node.place.text();
        let at = |byte: usize, len: usize| match raw_offset(raw, text, byte) {
            Some(start) => node.place.inside(start..start + len),
            None => node.place.clone(),
        };
        self.template(text, &at)
    }

    fn in_file(&self, entry: &Entry, key: &str) -> Result<Template, Diagnostic> {
        let place = &entry.node.place;
        let path = scalar::text(&entry.node).map_err(|wrong| place.error(format!("`{key}`: {wrong}")))?;
        if !path.starts_with("prompts/") || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(place.error(format!("`{key}`: prompts stand in files such as `prompts/system.md`, beside the agent's file")));
        }
        let text = (self.file)(path).ok_or_else(|| place.error(format!("`{key}`: the file `{path}` does not exist")))?;
        let name = match place.source.name.rsplit_once('/') {
            Some((dir, _)) => format!("{dir}/{path}"),
            None => path.into(),
        };
        let source = Source::new(SourceKind::File, name, &text);
        if source.text().trim().is_empty() {
            return Err(source.top().error("the prompt is empty"));
        }
        self.template(source.text(), &|byte, len| source.place(byte..byte + len))
    }

    fn template(&self, text: &str, at: &dyn Fn(usize, usize) -> Place) -> Result<Template, Diagnostic> {
        let template: Template = text.parse().map_err(|error: caxton_types::InvalidTemplate| {
            let message = error.to_string();
            let message = message.rsplit_once(" (line ").map_or(&*message, |(message, _)| message);
            at(byte_of(text, error.line, error.column), 2).error(message).help("`{{` and `}}` enclose the name of a variable")
        })?;
        let Some(name) = template.variables().into_iter().find(|name| !self.knows(name)).map(str::to_owned) else {
            return Ok(template);
        };
        let (start, len) = find(text, &name).unwrap_or((0, 1));
        let known = || VARIABLES.into_iter().chain(self.parameters.keys().map(String::as_str));
        let help = nearest(&name, known()).map_or_else(
            || {
                let names = known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                format!("known: {names}; more come from `[parameters]`")
            },
            |nearest| format!("did you mean `{{{{{nearest}}}}}`?"),
        );
        Err(at(start, len).error(format!("unknown variable `{{{{{name}}}}}`")).help(help))
    }

    /// One of the known names, or the dotted path of a parameter.
    fn knows(&self, name: &str) -> bool {
        let mut parts = name.split('.');
        let first = parts.next().and_then(|first| self.parameters.get(first));
        VARIABLES.contains(&name) || first.is_some_and(|value| parts.try_fold(value, |value, part| value.get(part)).is_some())
    }
}

/// The byte at a line and a column of characters, both from 1.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

/// Where the variable is named first, and how long that is, braces included.
fn find(text: &str, name: &str) -> Option<(usize, usize)> {
    text.match_indices("{{").find_map(|(at, _)| {
        let inside = text.get(at + 2..)?;
        let (inside, _) = inside.split_once("}}")?;
        (inside.trim() == name).then(|| (at, inside.len() + 4))
    })
}
