//! The prompts of the agents as prompts of the client: what an agent tells its model, to be told to the client's. Behind them stand those of
//! other people's servers.

use super::{Front, Visit, others, said};
use crate::edge::Fail;
use caxton_mcp::{
    rmcp::model::{
        ErrorData, GetPromptRequestParams, GetPromptResponse, GetPromptResult, JsonObject, ListPromptsResult, Prompt, PromptArgument,
        PromptMessage, Role,
    },
    server::{error, page, read_cursor},
};
use caxton_store::{AgentRow, now};
use caxton_types::{AgentSpec, Code, Template};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeSet};

const PAGE_LEN: usize = 200;
/// What the server knows itself; memory and files are those of a turn, and there is none.
const OURS: [&str; 5] = ["timestamp", "agent_name", "user_id", "conversation", "memory_context"];
const REQUEST: &str = "request";

pub(super) async fn list(front: &Front, cursor: Option<String>) -> Result<ListPromptsResult, ErrorData> {
    let after = cursor.as_deref().map(read_cursor).transpose()?;
    let is_of_others = after.is_some_and(|after| of_others(&after).is_some());
    let mut prompts = Vec::new();
    if !is_of_others {
        let (of_agents, next_cursor) = of_agents(front, cursor.as_deref()).await?;
        prompts.extend(of_agents);
        if next_cursor.is_some() {
            return Ok(ListPromptsResult { next_cursor, ..ListPromptsResult::with_all_items(prompts) });
        }
    }
    let cursor = cursor.filter(|_| is_of_others);
    let (theirs, next_cursor) = page(others::prompts(front), |prompt| &prompt.name, cursor.as_deref(), PAGE_LEN)?;
    prompts.extend(theirs);
    Ok(ListPromptsResult { next_cursor, ..ListPromptsResult::with_all_items(prompts) })
}

async fn of_agents(front: &Front, cursor: Option<&str>) -> Result<(Vec<Prompt>, Option<String>), ErrorData> {
    let Some(workspace) = front.workspace()? else { return Ok((vec![], None)) };
    let agents = front.agents().await?;
    let (agents, next_cursor) = page(agents, |agent| agent.name.as_str(), cursor, PAGE_LEN)?;
    let mut prompts = Vec::with_capacity(agents.len());
    for agent in agents {
        // One that was removed meanwhile is left out.
        if let Some(row) = workspace.agent(&agent.name).await.map_err(said)? {
            prompts.push(prompt(&row.spec));
        }
    }
    Ok((prompts, next_cursor))
}

/// The server and its prompt that a name means; no agent's name has two underscores.
pub(super) fn of_others(name: &str) -> Option<(&str, &str)> {
    name.split_once("__")
}

fn prompt(spec: &AgentSpec) -> Prompt {
    let description = spec.description.as_deref().map_or_else(|| format!("The prompt of the agent {}.", spec.name), str::to_owned);
    let arguments: Vec<_> = arguments(spec).into_iter().map(|name| argument(spec, name)).collect();
    Prompt::new(spec.name.as_str(), Some(description), (!arguments.is_empty()).then_some(arguments)).with_title(&*spec.display_name)
}

fn argument(spec: &AgentSpec, name: &str) -> PromptArgument {
    let argument = PromptArgument::new(name);
    match default(spec, name) {
        Some(value) => argument.with_required(false).with_description(format!("{value} where nothing is given")),
        None if name == REQUEST => argument.with_required(false).with_description("What is asked"),
        None => argument.with_required(false),
    }
}

fn templates(spec: &AgentSpec) -> impl Iterator<Item = &Template> {
    [Some(&spec.prompts.system), spec.prompts.user.as_ref()].into_iter().flatten()
}

/// What a client may fill in.
fn arguments(spec: &AgentSpec) -> BTreeSet<&str> {
    let mut named: BTreeSet<&str> = templates(spec).flat_map(Template::variables).filter(|name| !OURS.contains(name)).collect();
    if spec.prompts.user.is_none() {
        named.insert(REQUEST);
    }
    named
}

/// What the agent's own parameters say.
fn default(spec: &AgentSpec, name: &str) -> Option<String> {
    let mut parts = name.split('.');
    let first = spec.parameters.get(parts.next()?)?;
    let value = parts.try_fold(first, |value, part| value.get(part))?;
    Some(text(value))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) async fn get(front: &Front, visit: &Visit, request: GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    if let Some((server, name)) = of_others(&request.name) {
        return others::prompt(front, visit, server, name, request.arguments.unwrap_or_default()).await;
    }
    let row = find(front, &request.name).await?;
    let (spec, given) = (&*row.spec, request.arguments.unwrap_or_default());
    let known = arguments(spec);
    if let Some(unknown) = given.keys().find(|name| !known.contains(name.as_str())) {
        let names = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(error(Code::Invalid, format!("the prompt has no argument `{unknown}`"), Some(&format!("known: {names}"))));
    }
    let who = visit.caller.who.to_string();
    let value = |name: &str| -> Option<Cow<'_, str>> { given_or_known(spec, &given, &who, name).map(Cow::Owned) };
    let said = |template: &Template| PromptMessage::new_text(Role::User, template.render(value));
    let mut messages: Vec<_> = templates(spec).map(said).collect();
    if spec.prompts.user.is_none() {
        messages.extend(value(REQUEST).map(|request| PromptMessage::new_text(Role::User, request)));
    }
    let result = GetPromptResult::new(messages);
    Ok(match &spec.description {
        Some(description) => result.with_description(&**description),
        None => result,
    }
    .into())
}

fn given_or_known(spec: &AgentSpec, given: &JsonObject, who: &str, name: &str) -> Option<String> {
    match name {
        "timestamp" => Some(now().to_string()),
        "agent_name" => Some(spec.display_name.to_string()),
        "user_id" => Some(who.to_owned()),
        other => given.get(other).map(text).or_else(|| default(spec, other)),
    }
}

async fn find(front: &Front, name: &str) -> Result<AgentRow, ErrorData> {
    let unknown = |fail: Fail| said(fail.because(Code::Invalid));
    let Some(workspace) = front.workspace()? else {
        return Err(unknown(Fail::not_found("nothing is deployed in this workspace yet")));
    };
    crate::routes::find_agent(&workspace, name).await.map_err(unknown)
}

/// What an argument may well be: the value that the agent has for it.
pub(super) async fn values(front: &Front, prompt: &str, argument: &str) -> Result<Vec<String>, ErrorData> {
    let row = find(front, prompt).await?;
    if !arguments(&row.spec).contains(argument) {
        return Err(error(Code::Invalid, format!("the prompt has no argument `{argument}`"), None));
    }
    Ok(default(&row.spec, argument).into_iter().collect())
}
