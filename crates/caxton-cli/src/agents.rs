//! `caxton agent …` and `caxton template list`.

use crate::{
    args::AgentCommand,
    console::{Console, FAINT, GOOD, NAME},
    error::{Error, Result},
    init, place,
    place::Place,
    session::{Session, explained},
    table::Table,
    templates,
};
use caxton_config::{Diagnostic, agent, workspace::permission_words};
use caxton_types::Code;
use serde::Serialize;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) async fn run(command: &AgentCommand, session: &Session) -> Result<()> {
    match command {
        AgentCommand::Create(args) => init::agent_create(args, session.here(), session.console()),
        AgentCommand::List => list(session).await,
        AgentCommand::Inspect { name } => inspect(name, session).await,
        AgentCommand::Validate { paths } => validate(paths, session),
    }
}

pub(crate) fn templates(console: &Console) -> Result<()> {
    if console.json {
        let all: Vec<_> = templates::ALL
            .iter()
            .map(|template| json!({"kind": "agent", "name": template.name, "about": template.about, "capability": template.capability}))
            .chain(templates::TOOLS.iter().map(|template| json!({"kind": "tool", "name": template.name, "about": template.about})))
            .collect();
        return console.value(&all);
    }
    let mut table = Table::new(["TEMPLATE", "CAPABILITY", "ABOUT"]);
    for template in &templates::ALL {
        table.row([template.name, template.capability, template.about]);
    }
    for template in &templates::TOOLS {
        table.row([template.name, "", template.about]);
    }
    table.print(console)?;
    console.note("next: caxton init NAME --template TEMPLATE");
    Ok(())
}

async fn list(session: &Session) -> Result<()> {
    let console = session.console();
    let agents = session.client()?.agents(None).await.map_err(explained)?;
    if console.json {
        return console.value(&agents);
    }
    if agents.is_empty() {
        console.note(format_args!("no agents are deployed in the workspace `{}`; `caxton deploy` sends them", session.workspace()?));
        return Ok(());
    }
    let mut table = Table::new(["AGENT", "REVISION", "CAPABILITIES", "ABOUT"]);
    for agent in agents {
        let labels: Vec<&str> = agent.capabilities.iter().map(|capability| capability.label.as_str()).collect();
        let about = agent.description.as_deref().unwrap_or_default().to_owned();
        table.row([agent.name.to_string(), agent.revision.to_string(), labels.join(", "), about]);
    }
    table.print(console)
}

async fn inspect(name: &str, session: &Session) -> Result<()> {
    let console = session.console();
    let detail = session.client()?.agent(name).await.map_err(explained)?;
    if console.json {
        return console.value(&detail);
    }
    let painter = console.painter();
    let (agent, spec) = (&detail.agent, &detail.spec);
    let mut lines = vec![format!(
        "{} ({}) version {}, revision {}, deployed {}",
        painter.paint(NAME, &agent.name),
        agent.display_name,
        agent.version,
        agent.revision,
        agent.deployed_at
    )];
    lines.extend(agent.description.clone());
    for capability in &agent.capabilities {
        let phrases: Vec<String> = capability.phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect();
        lines.push(format!("capability  {}  {}", capability.label, phrases.join(", ")).trim_end().to_owned());
    }
    lines.extend(detail.tools.iter().map(|tool| format!("tool        {}  {}", tool.id, first_sentence(&tool.description))));
    lines.push(format!("model       {} (at most {} tokens an answer)", spec.model.name, spec.model.max_tokens));
    lines.push(if spec.memory.enabled {
        format!("memory      {} (answers are {})", spec.memory.scope.as_str(), if spec.memory.auto_store { "kept" } else { "not kept" })
    } else {
        "memory      off".to_owned()
    });
    let limits = &spec.limits;
    lines.push(format!(
        "a turn      at most {} model calls, {} tool calls, {} tokens, {}",
        limits.model_calls, limits.tool_calls, limits.tokens, limits.wall_time
    ));
    console.line(lines.join("\n"))?;
    match &spec.documentation {
        Some(documentation) => console.line(format_args!("\n{}", documentation.trim_end())),
        None => Ok(()),
    }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}

/// One file that was checked, for `--json`.
#[derive(Debug, Serialize)]
struct Checked {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    problems: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

fn validate(paths: &[PathBuf], session: &Session) -> Result<()> {
    if paths.is_empty() { validate_workspace(session) } else { validate_files(paths, session) }
}

fn validate_workspace(session: &Session) -> Result<()> {
    let console = session.console();
    let place = Place::of(None, session.here())?;
    let files = place.files()?;
    let workspace = match caxton_config::workspace::load(&files) {
        Ok(workspace) => workspace,
        Err(problems) if console.json => {
            console
                .value(&problems.iter().map(|problem| json!({"path": problem.file, "problems": [finding(problem)]})).collect::<Vec<_>>())?;
            return Err(Error::BadNews(Code::Invalid));
        }
        Err(problems) => return Err(place::problem(&problems)),
    };
    let warnings: Vec<Diagnostic> = place::warnings(&workspace).into_iter().chain(place::missing_tools(&workspace)).collect();
    let of = |path: &str| warnings.iter().filter(|warning| warning.file.as_deref() == Some(path)).map(finding).collect();
    if console.json {
        let checked = |path: &str, agent: String| Checked { path: path.to_owned(), agent: Some(agent), problems: of(path) };
        return console.value(&workspace.agents.iter().map(|agent| checked(&agent.path, agent.spec.name.to_string())).collect::<Vec<_>>());
    }
    for warning in &warnings {
        console.warn(untitled(warning));
    }
    let painter = console.painter();
    for agent in &workspace.agents {
        console.line(format_args!("{} {} {}", painter.paint(GOOD, "✓"), agent.spec.name, painter.paint(FAINT, &agent.path)))?;
    }
    for tool in &workspace.tools {
        let wanted = permission_words(&tool.manifest.wanted());
        if !wanted.is_empty() {
            console.line(format_args!("{} wants {}", painter.paint(NAME, &tool.name), painter.paint(FAINT, &tool.path)))?;
            wanted.iter().try_for_each(|permission| console.line(format_args!("  {permission}")))?;
        }
    }
    Ok(())
}

fn validate_files(paths: &[PathBuf], session: &Session) -> Result<()> {
    let console = session.console();
    let mut all = Vec::new();
    let mut failed = None;
    for path in paths {
        let file = if path.is_dir() { path.join("agent.toml") } else { path.clone() };
        let name = file.display().to_string();
        let full = session.here().join(&file);
        let text = fs::read_to_string(&full).map_err(|error| {
            Error::io(format_args!("read `{name}`"), &error).hint("name the file of an agent, or a folder that holds an `agent.toml`")
        })?;
        let folder = full.parent().unwrap_or_else(|| Path::new(".")).to_path_buf();
        let parsed = agent::parse_with(&text, &name, &|prompt| fs::read_to_string(folder.join(prompt)).ok());
        let (agent, problems) = match parsed {
            Ok(parsed) => (Some(parsed.spec.name.to_string()), parsed.lints),
            Err(problems) => {
                let list = problems.iter().cloned().collect();
                failed.get_or_insert(place::problem(&problems));
                (None, list)
            }
        };
        if !console.json {
            problems.iter().filter(|problem| !problem.is_error()).for_each(|problem| console.warn(untitled(problem)));
            if let Some(agent) = &agent {
                let painter = console.painter();
                console.line(format_args!("{} {agent} {}", painter.paint(GOOD, "✓"), painter.paint(FAINT, &name)))?;
            }
        }
        all.push(Checked { path: name, agent, problems: problems.iter().map(finding).collect() });
    }
    if console.json {
        console.value(&all)?;
        return if failed.is_some() { Err(Error::BadNews(Code::Invalid)) } else { Ok(()) };
    }
    failed.map_or(Ok(()), Err)
}

fn finding(diagnostic: &Diagnostic) -> Finding {
    Finding {
        severity: if diagnostic.is_error() { "error" } else { "warning" },
        message: diagnostic.message.clone(),
        line: diagnostic.position.map(|at| at.line),
        column: diagnostic.position.map(|at| at.column),
        help: diagnostic.help.clone(),
    }
}

/// Without its own `warning:`, which the console puts in front.
pub(crate) fn untitled(warning: &Diagnostic) -> String {
    warning.to_string().replacen("warning: ", "", 1)
}
