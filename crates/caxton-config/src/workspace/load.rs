//! Files into a workspace.

use super::{
    FILES_MAX, FileContent, LoadedAgent, LoadedTool, TEXT_SIZE_MAX, ToolManifest, WASM_SIZE_MAX, Wasm, Workspace, WorkspaceSettings,
    layout::{Item, dir_of, item},
};
use crate::{Diagnostic, Diagnostics, agent};
use caxton_types::{AgentName, ToolRef, is_built_in, unit::ByteSize};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

/// The largest README that becomes an agent's documentation.
const README_SIZE_MAX: usize = 64 << 10;

type Files = BTreeMap<String, FileContent>;

/// Reads a workspace; files that no deployment carries are passed over.
pub fn load(files: &Files) -> Result<Workspace, Diagnostics> {
    if files.len() > FILES_MAX {
        return Err(Diagnostic::error(format!("the workspace has {} files; at most {FILES_MAX} are read", files.len())).into());
    }
    let mut loader = Loader { files, problems: Diagnostics::new(), warnings: Vec::new() };
    let agents = loader.agents();
    let tools = loader.tools();
    let settings = loader.settings();
    if agents.is_empty() && loader.problems.is_empty() {
        let warning = Diagnostic::error("the workspace has no agents").warning();
        loader.warnings.push(warning.help("an agent is a file such as `agents/my-agent.toml` or `agents/my-agent/agent.toml`"));
    }
    loader.problems.or(Workspace { agents, tools, settings, warnings: loader.warnings })
}

struct Loader<'f> {
    files: &'f Files,
    problems: Diagnostics,
    warnings: Vec<Diagnostic>,
}

impl<'f> Loader<'f> {
    fn text(&self, path: &str) -> Option<Result<&'f str, Diagnostic>> {
        let content = self.files.get(path)?;
        let error = |message: String| Err(Diagnostic::error(message).file(path));
        if content.size > TEXT_SIZE_MAX {
            let size_max = ByteSize::new(TEXT_SIZE_MAX);
            return Some(error(format!("the file has {} bytes; at most {size_max} are read", content.size)));
        }
        Some(match content.bytes().map(std::str::from_utf8) {
            Some(Ok(text)) => Ok(text),
            Some(Err(wrong)) => error(format!("the file is not UTF-8 text (byte {})", wrong.valid_up_to())),
            None => error("the content of the file is missing".into()),
        })
    }

    fn agents(&mut self) -> Vec<LoadedAgent> {
        let mut agents: Vec<LoadedAgent> = Vec::new();
        let mut by_name: BTreeMap<AgentName, &str> = BTreeMap::new();
        for path in self.files.keys().filter(|path| item(path) == Some(Item::Agent)) {
            let Some(agent) = self.agent(path) else {
                continue;
            };
            if let Some(first) = by_name.get(&agent.spec.name) {
                let message = format!("the agent `{}` is defined twice: in {first} and in {path}", agent.spec.name);
                self.problems
                    .push(Diagnostic::error(message).file(path.as_str()).key("id").help("give one of them another `id`, or remove it"));
                continue;
            }
            by_name.insert(agent.spec.name.clone(), path);
            agents.push(agent);
        }
        agents
    }

    fn agent(&mut self, path: &str) -> Option<LoadedAgent> {
        let text = self.text(path)?;
        let text = self.problems.take(text)?;
        let dir = dir_of(path);
        let unreadable = RefCell::new(Vec::new());
        let in_dir = |name: &str| if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
        let prompt = |name: &str| match self.text(&in_dir(name))? {
            Ok(text) => Some(text.to_owned()),
            Err(problem) => {
                unreadable.borrow_mut().push(problem);
                None
            }
        };
        let parsed = agent::parse_with(text, path, &prompt);
        self.problems.extend(unreadable.into_inner());
        let mut parsed = match parsed {
            Ok(parsed) => parsed,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        if parsed.spec.documentation.is_none() && path.ends_with("/agent.toml") {
            parsed.spec.documentation = self.readme(&in_dir("README.md"));
        }
        let agent::Parsed { spec, lints, tools, policies, model } = parsed;
        Some(LoadedAgent { path: path.into(), spec, lints, tools, policies, model })
    }

    fn readme(&mut self, path: &str) -> Option<Box<str>> {
        let text = self.text(path)?;
        match text {
            Ok(text) if text.len() <= README_SIZE_MAX => (!text.trim().is_empty()).then(|| text.into()),
            Ok(_) => {
                let bound = ByteSize::new(README_SIZE_MAX as u64);
                self.warnings.push(Diagnostic::error(format!("the README is larger than {bound} and is not shown")).file(path).warning());
                None
            }
            Err(problem) => {
                self.warnings.push(problem.warning());
                None
            }
        }
    }

    fn tools(&mut self) -> Vec<LoadedTool> {
        let name = |path: &'f String| match item(path) {
            Some(Item::Wasm(name) | Item::Manifest(name) | Item::Policy(name)) => Some(name),
            _ => None,
        };
        let names: BTreeSet<&str> = self.files.keys().filter_map(name).collect();
        names.into_iter().filter_map(|name| self.tool(name)).collect()
    }

    fn tool(&mut self, name: &str) -> Option<LoadedTool> {
        let dir = format!("tools/{name}");
        if let Err(error) = name.parse::<ToolRef>() {
            self.problems.push(Diagnostic::error(error.to_string()).file(dir.as_str()).help("rename the directory"));
        }
        if is_built_in(name) {
            let warning = Diagnostic::error(format!("a tool server `{name}` is built in; no deployment takes another one")).warning();
            self.warnings.push(warning.file(dir.as_str()).help("rename the directory"));
        }
        let manifest = self.parsed(&format!("{dir}/tool.toml"), ToolManifest::parse).unwrap_or_default();
        let with_policy = |text: &str, file: &str| manifest.clone().with_policy(text, file);
        let manifest = self.parsed(&format!("{dir}/policy.yaml"), with_policy).unwrap_or(manifest);
        self.problems.extend(manifest.check_wanted());
        self.warnings.extend(manifest.warnings());
        let path = format!("{dir}/tool.wasm");
        let Some(content) = self.files.get(&path) else {
            let warning = Diagnostic::error(format!("the tool `{name}` has no `tool.wasm` and is left out")).file(dir.as_str()).warning();
            self.warnings.push(warning.help(format!("`caxton build {dir}` makes it of its sources; or copy a component there")));
            return None;
        };
        let problem = if content.size > WASM_SIZE_MAX {
            Some(format!("the component has {} bytes; at most {} are taken", content.size, ByteSize::new(WASM_SIZE_MAX)))
        } else {
            let foreign = content.bytes().is_some_and(|bytes| !bytes.starts_with(b"\0asm"));
            foreign.then(|| "the file is not WebAssembly".into())
        };
        if let Some(problem) = problem {
            self.problems.push(Diagnostic::error(problem).file(path.as_str()));
        }
        let wasm = Wasm { path: path.into(), digest: content.digest, size: content.size };
        Some(LoadedTool { name: name.into(), path: dir.into(), manifest, wasm })
    }

    fn settings(&mut self) -> WorkspaceSettings {
        self.parsed("caxton.toml", WorkspaceSettings::parse).unwrap_or_default()
    }

    /// A file that may be absent, as `parse` reads it.
    fn parsed<T>(&mut self, path: &str, parse: impl Fn(&str, &str) -> Result<T, Diagnostics>) -> Option<T> {
        let text = self.text(path)?;
        let text = self.problems.take(text)?;
        parse(text, path).map_err(|problems| self.problems.extend(problems)).ok()
    }
}
