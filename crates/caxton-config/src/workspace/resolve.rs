//! Names in agents' files against what there is.

use super::Workspace;
use crate::Diagnostic;
use caxton_types::{AgentName, ToolRef, nearest};
use std::collections::{BTreeMap, BTreeSet};

/// A tool server that there is.
#[derive(Debug, Clone)]
pub struct Offered<'a> {
    /// Its name.
    pub server: &'a str,
    /// The names of its tools, where they are known.
    pub tools: Option<Vec<&'a str>>,
}

/// A tool that an agent must have, and that is not there.
#[derive(Debug, Clone)]
pub struct UnknownTool {
    /// The agent.
    pub agent: AgentName,
    /// What its file names.
    pub tool: ToolRef,
    /// What is wrong and where: an error; who only validates makes it a warning.
    pub diagnostic: Diagnostic,
}

/// A model that an agent needs, and that the server's configuration does not name.
#[derive(Debug, Clone)]
pub struct UnknownModel {
    /// The agent.
    pub agent: AgentName,
    /// What its file names.
    pub model: Box<str>,
    /// What is wrong and where: an error; who only validates makes it a warning.
    pub diagnostic: Diagnostic,
}

/// The tools that agents must have and that nobody offers; the workspace's own count as offered.
pub fn resolve_tools(workspace: &Workspace, offered: &[Offered<'_>]) -> Vec<UnknownTool> {
    let mut servers: BTreeMap<&str, Option<&[&str]>> = workspace.tools.iter().map(|tool| (&*tool.name, None)).collect();
    servers.extend(offered.iter().map(|offered| (offered.server, offered.tools.as_deref())));
    let mut unknown = Vec::new();
    for agent in &workspace.agents {
        for (tool, place) in &agent.tools {
            let Err((message, help)) = find(tool, &servers) else {
                continue;
            };
            let mut diagnostic = place.error(message).key("tools");
            diagnostic.help = Some(help);
            unknown.push(UnknownTool { agent: agent.spec.name.clone(), tool: tool.clone(), diagnostic });
        }
    }
    unknown
}

/// The models that agents need and that no configuration names.
pub fn resolve_models(workspace: &Workspace, known: &BTreeSet<&str>) -> Vec<UnknownModel> {
    let unknown = workspace.agents.iter().filter(|agent| !known.contains(&*agent.spec.model.name));
    let unknown = unknown.map(|agent| {
        let name = &agent.spec.model.name;
        let names = || known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let help = nearest(name, known.iter().copied()).map_or_else(
            || format!("known here: {}; others stand under `llm.models` of the server's configuration", names()),
            did_you_mean,
        );
        let diagnostic = agent.model.error(format!("no model is named `{name}`")).key("model").help(help);
        UnknownModel { agent: agent.spec.name.clone(), model: name.clone(), diagnostic }
    });
    unknown.collect()
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

fn find(tool: &ToolRef, servers: &BTreeMap<&str, Option<&[&str]>>) -> Result<(), (String, String)> {
    match tool {
        ToolRef::Tool(id) => match servers.get(id.server()) {
            Some(None) => Ok(()),
            Some(Some(tools)) if tools.contains(&id.tool()) => Ok(()),
            Some(Some(tools)) => {
                let message = format!("the tool server `{}` has no tool `{}`", id.server(), id.tool());
                let help = match nearest(id.tool(), tools.iter().copied()) {
                    Some(nearest) => did_you_mean(&format!("{}/{nearest}", id.server())),
                    None => format!("it has: {}", quoted(tools.iter().copied())),
                };
                Err((message, help))
            }
            None => Err((format!("the tool `{id}` does not exist"), suggestion(id.server(), servers))),
        },
        ToolRef::Name(name) if servers.contains_key(&**name) => Ok(()),
        ToolRef::Name(name) => {
            let owners: Vec<_> = servers.iter().filter(|(_, tools)| tools.is_some_and(|tools| tools.contains(&&**name))).collect();
            match owners.as_slice() {
                [_] => Ok(()),
                [] => Err((format!("the tool `{name}` does not exist"), suggestion(name, servers))),
                several => {
                    let ids: Vec<_> = several.iter().map(|(server, _)| format!("{server}/{name}")).collect();
                    Err((format!("several servers offer a tool `{name}`"), format!("write {}", quoted(ids.iter().map(String::as_str)))))
                }
            }
        }
    }
}

fn suggestion(name: &str, servers: &BTreeMap<&str, Option<&[&str]>>) -> String {
    let tools = servers.values().flatten().flat_map(|tools| tools.iter().copied());
    match nearest(name, servers.keys().copied().chain(tools)) {
        Some(nearest) => did_you_mean(nearest),
        None if servers.is_empty() => "no tools are there: put one into `tools/NAME/tool.wasm`".into(),
        None => format!("there are: {}", quoted(servers.keys().copied())),
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
