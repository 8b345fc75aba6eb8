//! Names in agents' files against what there is.

use super::Workspace;
use crate::Diagnostic;
use caxton_types::{AgentName, AgentSpec, BUILT_IN, ToolRef, built_in_server, is_built_in, nearest};
use std::collections::{BTreeMap, BTreeSet};

/// The tool servers that are there without any workspace; none of a workspace may have the name of one.
pub fn built_in() -> Vec<Offered<'static>> {
    BUILT_IN.iter().map(|(server, tools)| Offered { server, tools: Some(tools.to_vec()) }).collect()
}

/// A tool server that there is.
#[derive(Debug, Clone)]
pub struct Offered<'a> {
    /// Its name.
    pub server: &'a str,
    /// The names of its tools, where they are known.
    pub tools: Option<Vec<&'a str>>,
}

/// A tool that an agent must have and that is not there, or one whose handling it sets and that it does not have.
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

/// The tools that agents must have and that nobody offers, and policies for tools that an agent does not have; the
/// workspace's own tools count as offered.
pub fn resolve_tools(workspace: &Workspace, offered: &[Offered<'_>]) -> Vec<UnknownTool> {
    let mut servers: Servers<'_> = workspace.tools.iter().map(|tool| (&*tool.name, None)).collect();
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
        for (tool, place) in &agent.policies {
            let Err((message, help)) = check_policy(tool, &agent.spec, &servers) else {
                continue;
            };
            let diagnostic = place.error(message).key(format!("tool_policies.{tool}")).help(help);
            unknown.push(UnknownTool { agent: agent.spec.name.clone(), tool: tool.clone(), diagnostic });
        }
    }
    unknown
}

/// A policy is for a tool that the agent has.
fn check_policy(policy: &ToolRef, spec: &AgentSpec, servers: &Servers<'_>) -> Result<(), (String, String)> {
    let allowed = || spec.tools.iter().chain(&spec.optional_tools);
    if allowed().any(|tool| tool == policy) {
        return Ok(());
    }
    let meant = reach(policy, servers);
    let overlap =
        |(server, tool): &Reach<'_>, (other, its): &Reach<'_>| server == other && (tool.is_none() || its.is_none() || tool == its);
    if !allowed().any(|tool| reach(tool, servers).iter().any(|known| meant.iter().any(|meant| overlap(known, meant)))) {
        let names: Vec<_> = allowed().map(ToString::to_string).collect();
        let help = match nearest(&policy.to_string(), names.iter().map(String::as_str)) {
            Some(nearest) => did_you_mean(nearest),
            None if names.is_empty() => "remove it, or add the tool to `tools`".into(),
            None => format!("its tools are: {}", quoted(names.iter().map(String::as_str))),
        };
        return Err((format!("the agent has no tool `{policy}` to set a policy for"), help));
    }
    // A tool that its server is known not to have is nobody's, though the agent may call all of the server's.
    match policy {
        ToolRef::Tool(id) if servers.contains_key(server_of(id.server(), servers)) => find(policy, servers),
        ToolRef::Tool(_) | ToolRef::Name(_) => Ok(()),
    }
}

/// A tool of a server, or all that it has.
type Reach<'a> = (&'a str, Option<&'a str>);

/// What an entry may mean; where the tools of a server are not known, they may have any name.
fn reach<'a>(tool: &'a ToolRef, servers: &Servers<'a>) -> Vec<Reach<'a>> {
    match tool {
        ToolRef::Tool(id) => vec![(server_of(id.server(), servers), Some(id.tool()))],
        ToolRef::Name(name) if servers.contains_key(server_of(name, servers)) => vec![(server_of(name, servers), None)],
        ToolRef::Name(name) => {
            let may_have = |tools: Option<&[&str]>| tools.is_none_or(|tools| tools.contains(&&**name));
            let owners = servers.iter().filter(|(_, tools)| may_have(**tools));
            owners.map(|(server, _)| (*server, Some(&**name))).chain([(&**name, None)]).collect()
        }
    }
}

/// The server that a name means: the one of that name, else the built-in one that it is another spelling of.
fn server_of<'a>(name: &'a str, servers: &Servers<'_>) -> &'a str {
    if servers.contains_key(name) { name } else { built_in_server(name).unwrap_or(name) }
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

/// The names of tools by server, where they are known.
type Servers<'a> = BTreeMap<&'a str, Option<&'a [&'a str]>>;

fn find(tool: &ToolRef, servers: &Servers<'_>) -> Result<(), (String, String)> {
    match tool {
        ToolRef::Tool(id) => match servers.get(server_of(id.server(), servers)) {
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
            let owners = servers.iter().filter(|(_, tools)| tools.is_some_and(|tools| tools.contains(&&**name)));
            let (built_in, own): (Vec<_>, Vec<_>) = owners.partition(|(server, _)| is_built_in(server));
            let owners = if own.is_empty() { built_in } else { own };
            match owners.as_slice() {
                [_] => Ok(()),
                [] if servers.contains_key(server_of(name, servers)) => Ok(()),
                [] => Err((format!("the tool `{name}` does not exist"), suggestion(name, servers))),
                several => {
                    let ids: Vec<_> = several.iter().map(|(server, _)| format!("{server}/{name}")).collect();
                    Err((format!("several servers offer a tool `{name}`"), format!("write {}", quoted(ids.iter().map(String::as_str)))))
                }
            }
        }
    }
}

fn suggestion(name: &str, servers: &Servers<'_>) -> String {
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
