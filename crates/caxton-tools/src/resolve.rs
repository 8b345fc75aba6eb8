//! Which tools an agent has, and how it wants them handled.

use caxton_types::{AgentSpec, ToolCall, ToolDefinition, ToolId, ToolPolicy, ToolRef, built_in_server, is_built_in};

/// What an agent's tools come to among those that are there.
#[derive(Debug, Default, PartialEq)]
pub struct Resolution {
    /// Its tools, each with the policy that holds for this agent.
    pub tools: Vec<ToolDefinition>,
    /// Entries that name nothing here.
    pub missing: Vec<ToolRef>,
}

/// The agent's word goes before the author's, and an entry for one tool before one for its server.
pub(crate) fn of_agent(spec: &AgentSpec, available: &[&ToolDefinition], labels: &[(&str, &str)]) -> Resolution {
    let mut resolution = Resolution::default();
    for reference in spec.tools.iter().chain(&spec.optional_tools) {
        let found = matching(reference, available, labels);
        if found.is_empty() {
            resolution.missing.push(reference.clone());
        }
        for tool in found {
            if !resolution.tools.iter().any(|known| known.id == tool.id) {
                resolution.tools.push(tool.clone());
            }
        }
    }
    if !spec.tool_policies.is_empty() {
        for tool in &mut resolution.tools {
            tool.policy = own_policy(tool, spec, available, labels).or(tool.policy);
        }
    }
    resolution
}

/// What the agent itself says of a tool.
fn own_policy(tool: &ToolDefinition, spec: &AgentSpec, available: &[&ToolDefinition], labels: &[(&str, &str)]) -> ToolPolicy {
    let mut said: Vec<(u8, ToolPolicy)> = Vec::new();
    for (reference, policy) in &spec.tool_policies {
        if matching(reference, available, labels).iter().any(|named| named.id == tool.id) {
            let breadth = match reference {
                ToolRef::Tool(_) => 0,
                ToolRef::Name(name) if **name == *tool.id.server() || built_in_server(name) == Some(tool.id.server()) => 2,
                ToolRef::Name(_) => 1,
            };
            said.push((breadth, *policy));
        }
    }
    said.sort_by_key(|(breadth, _)| *breadth);
    said.into_iter().fold(ToolPolicy::default(), |all, (_, policy)| all.or(policy))
}

/// What an entry names. A bare name is a server; failing that, the one tool of that name, the workspace's own before a built-in one; failing
/// that, the built-in server that it is another spelling of; failing that, all tools of the servers with that label.
fn matching<'a>(reference: &ToolRef, available: &[&'a ToolDefinition], labels: &[(&str, &str)]) -> Vec<&'a ToolDefinition> {
    let those = |wanted: &dyn Fn(&ToolDefinition) -> bool| available.iter().copied().filter(|tool| wanted(tool)).collect::<Vec<_>>();
    match reference {
        ToolRef::Tool(id) => {
            match those(&|tool| tool.id.server() == id.server()).is_empty().then(|| built_in_server(id.server())).flatten() {
                Some(server) => those(&|tool| tool.id.server() == server && tool.id.tool() == id.tool()),
                None => those(&|tool| tool.id == *id),
            }
        }
        ToolRef::Name(name) => {
            let of_server = those(&|tool| tool.id.server() == &**name);
            if !of_server.is_empty() {
                return of_server;
            }
            let (built_in, own): (Vec<_>, Vec<_>) =
                those(&|tool| tool.id.tool() == &**name).into_iter().partition(|tool| is_built_in(tool.id.server()));
            let of_name = if own.is_empty() { built_in } else { own };
            match (of_name.as_slice(), built_in_server(name)) {
                ([_], _) => return of_name,
                ([], Some(server)) => return those(&|tool| tool.id.server() == server),
                _ => {}
            }
            let labelled = |tool: &ToolDefinition| labels.iter().any(|(label, server)| *label == &**name && *server == tool.id.server());
            those(&labelled)
        }
    }
}

/// The tool that a call names, among those that are allowed; models write `server__tool`.
pub(crate) fn called<'t>(allowed: &'t [ToolDefinition], call: &ToolCall) -> Option<&'t ToolDefinition> {
    allowed.iter().find(|tool| tool.id.is_called(&call.tool))
}

/// The tool that somebody names from outside of any turn: by its whole name, else what an entry of an agent's file would mean by it, where that
/// is one tool.
pub(crate) fn named<'t>(available: &[&'t ToolDefinition], labels: &[(&str, &str)], name: &str) -> Option<&'t ToolDefinition> {
    if let Some(tool) = available.iter().copied().find(|tool| tool.id.is_called(name)) {
        return Some(tool);
    }
    match matching(&reference(name)?, available, labels).as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// The name as an agent's file would have it; models write `server__tool`.
fn reference(name: &str) -> Option<ToolRef> {
    match name.split_once("__") {
        Some((server, tool)) => ToolId::new(server, tool).ok().map(ToolRef::Tool),
        None => name.parse().ok(),
    }
}

/// The server that a name of a tool names, or might.
pub(crate) fn server_of(name: &str) -> &str {
    let cut = [name.find("__"), name.find('/')].into_iter().flatten().min();
    cut.and_then(|cut| name.get(..cut)).unwrap_or(name)
}

#[cfg(test)]
mod tests;
