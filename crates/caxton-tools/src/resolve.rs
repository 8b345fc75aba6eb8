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

/// What names may mean. It does not depend on what can be called now: what one server cannot do, no other does under its name.
pub(crate) struct Known<'t> {
    /// First those that are built in.
    pub(crate) tools: Vec<&'t ToolDefinition>,
    /// The servers of others, also those whose tools were never seen.
    pub(crate) others: Vec<&'t str>,
    /// Under which names the tools of which of them are also known.
    pub(crate) labels: Vec<(&'t str, &'t str)>,
}

/// The agent's word goes before the author's, and an entry for one tool before one for its server. `callable` is a tool as it can be called now.
pub(crate) fn of_agent<'t>(
    spec: &AgentSpec,
    known: &Known<'t>,
    callable: impl Fn(&'t ToolDefinition) -> Option<&'t ToolDefinition>,
) -> Resolution {
    let mut resolution = Resolution::default();
    for reference in spec.tools.iter().chain(&spec.optional_tools) {
        let found: Vec<&ToolDefinition> = matching(reference, known).into_iter().filter_map(&callable).collect();
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
            tool.policy = own_policy(tool, spec, known).or(tool.policy);
        }
    }
    resolution
}

/// What the agent itself says of a tool.
fn own_policy(tool: &ToolDefinition, spec: &AgentSpec, known: &Known<'_>) -> ToolPolicy {
    let mut said: Vec<(u8, ToolPolicy)> = Vec::new();
    for (reference, policy) in &spec.tool_policies {
        if matching(reference, known).iter().any(|named| named.id == tool.id) {
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

/// What an entry names. A bare name is a server; failing that, the one tool of that name, the workspace's own before a built-in one and that before
/// one of others; failing that, the built-in server that it is another spelling of; failing that, all tools of the servers with that label.
fn matching<'t>(reference: &ToolRef, Known { tools, others, labels }: &Known<'t>) -> Vec<&'t ToolDefinition> {
    let those = |wanted: &dyn Fn(&ToolDefinition) -> bool| tools.iter().copied().filter(|tool| wanted(tool)).collect::<Vec<_>>();
    let is_server = |name: &str| others.contains(&name) || tools.iter().any(|tool| tool.id.server() == name);
    match reference {
        ToolRef::Tool(id) => match (!is_server(id.server())).then(|| built_in_server(id.server())).flatten() {
            Some(server) => those(&|tool| tool.id.server() == server && tool.id.tool() == id.tool()),
            None => those(&|tool| tool.id == *id),
        },
        ToolRef::Name(name) => {
            if is_server(name) {
                return those(&|tool| tool.id.server() == &**name);
            }
            let mut of_name = those(&|tool| tool.id.tool() == &**name);
            let rank = |tool: &ToolDefinition| (others.contains(&tool.id.server()), is_built_in(tool.id.server()));
            let first = of_name.iter().map(|tool| rank(tool)).min();
            of_name.retain(|tool| Some(rank(tool)) == first);
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

/// The tools that somebody names from outside of any turn: the one of this whole name, else what an entry of an agent's file would mean by it.
pub(crate) fn named<'t>(known: &Known<'t>, name: &str) -> Vec<&'t ToolDefinition> {
    match known.tools.iter().copied().find(|tool| tool.id.is_called(name)) {
        Some(tool) => vec![tool],
        None => reference(name).map(|reference| matching(&reference, known)).unwrap_or_default(),
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
