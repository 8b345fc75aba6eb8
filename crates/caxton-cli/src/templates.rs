//! The templates for agents and workspaces: compiled in, checked while compiling, filled in by plain replacement.
//!
//! Only the variables named here are replaced. Everything else in double braces is the agent's own, such as `{{request}}` in a
//! prompt, and stays as it is.

mod check;
#[cfg(test)]
mod tests;
mod tools;

pub(crate) use self::tools::{TOOLS, ToolTemplate};

use crate::error::{Error, Result};
use caxton_types::{AgentName, CapabilityLabel, Code, Timestamp, nearest};

/// A file of a template.
pub(crate) struct File {
    /// Its path inside the folder that is made, with `/`.
    pub(crate) path: &'static str,
    bytes: &'static [u8],
}

/// What an agent can be made from.
pub(crate) struct Template {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The capability that it offers unless told otherwise.
    pub(crate) capability: &'static str,
    pub(crate) files: &'static [File],
    /// Files of tools that the agent calls, below `tools/` of the workspace.
    pub(crate) tools: &'static [File],
}

/// `[folder in the repository; path below it, …]`, each at the same path in the folder that is made.
macro_rules! files {
    ($folder:literal: $($path:literal),+ $(,)?) => {
        [$(File { path: $path, bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../", $folder, "/", $path)) }),+]
    };
}

/// Every template, in the order of `caxton template list`.
pub(crate) const ALL: [Template; 3] = [
    Template {
        name: "data-analyzer",
        about: "Answers questions about CSV files by computing over all of their rows",
        capability: "data-analysis",
        files: &files!("templates/data-analyzer": "agent.toml", "README.md", "prompts/system.md", "prompts/user.md",
            "examples/questions.md", "examples/zones.csv", "tests/basic.toml", "tests/small.csv", "tests/questions.csv"),
        tools: &files!("examples/tools": "csv-stats/tool.wasm", "csv-stats/tool.toml"),
    },
    Template {
        name: "task-automator",
        about: "Carries out small tasks over HTTP and reports what came of each step",
        capability: "task-automation",
        files: &files!("templates/task-automator": "agent.toml", "README.md", "prompts/system.md", "prompts/user.md",
            "examples/tasks.md", "tests/basic.toml", "tests/status.json"),
        tools: &[],
    },
    Template {
        name: "content-generator",
        about: "Writes and rewrites texts in the voice that its parameters describe",
        capability: "content-generation",
        files: &files!("templates/content-generator": "agent.toml", "README.md", "prompts/system.md", "prompts/user.md",
            "examples/requests.md", "tests/basic.toml", "tests/notes.md"),
        tools: &[],
    },
];

/// What a workspace is made from; `gitignore` gets its dot when it is written.
const WORKSPACE: [File; 3] = files!("templates/workspace": "caxton.toml", "README.md", "gitignore");

/// The real data set that comes with `data-analyzer`.
pub(crate) const ZONES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../templates/data-analyzer/examples/zones.csv"));

/// What an agent's template is filled in with.
pub(crate) struct AgentValues {
    pub(crate) id: AgentName,
    pub(crate) display: String,
    pub(crate) capability: CapabilityLabel,
    pub(crate) created_at: Timestamp,
}

/// A file ready to be written.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// Its path inside the folder that is made, with `/`.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

impl Template {
    /// The template of this name.
    pub(crate) fn named(name: &str) -> Result<&'static Self> {
        ALL.iter().find(|template| template.name == name).ok_or_else(|| {
            let names: Vec<&str> = ALL.iter().map(|template| template.name).chain(TOOLS.iter().map(|template| template.name)).collect();
            let meant = nearest(name, names.iter().copied()).map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
            Error::new(Code::NotFound, format!("there is no template `{name}`"))
                .hint(format!("{meant}`caxton template list` shows the templates: {}", names.join(", ")))
        })
    }

    /// The agent's own files.
    pub(crate) fn render(&self, values: &AgentValues) -> Vec<Rendered> {
        let day = values.created_at.to_string();
        let day = day.split('T').next().unwrap_or_default();
        let value = |name: &str| match name {
            "agent_name" => Some(values.display.as_str()),
            "agent_id" => Some(values.id.as_str()),
            "created_at" => Some(day),
            "capability" => Some(values.capability.as_str()),
            _ => None,
        };
        self.files.iter().map(|file| file.render(value)).collect()
    }

    /// The files of the tools that it calls, below `tools/`.
    pub(crate) fn render_tools(&self) -> Vec<Rendered> {
        self.tools.iter().map(|file| Rendered { path: file.path.to_owned(), bytes: file.bytes.to_vec() }).collect()
    }
}

/// The files of a new workspace.
pub(crate) fn workspace(name: &str) -> Vec<Rendered> {
    let value = |variable: &str| (variable == "workspace").then_some(name);
    let mut files: Vec<Rendered> = WORKSPACE.iter().map(|file| file.render(value)).collect();
    for file in files.iter_mut().filter(|file| file.path == "gitignore") {
        file.path.insert(0, '.');
    }
    // git keeps no empty folders.
    files.extend(["agents", "tools", "tests"].map(|folder| Rendered { path: format!("{folder}/.gitkeep"), bytes: Vec::new() }));
    files
}

impl File {
    fn render<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Rendered {
        let bytes = match std::str::from_utf8(self.bytes) {
            Ok(text) if check::is_rendered(self.path) => replace(text, value).into_bytes(),
            _ => self.bytes.to_vec(),
        };
        Rendered { path: self.path.to_owned(), bytes }
    }
}

/// Replaces each `{{variable}}` that `value` knows; every other brace stays.
fn replace<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        if let Some((value, tail)) = after.split_once("}}").and_then(|(name, tail)| Some((value(name)?, tail))) {
            out.push_str(value);
            rest = tail;
        } else {
            out.push_str("{{");
            rest = after;
        }
    }
    out.push_str(rest);
    out
}
