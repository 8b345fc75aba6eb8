//! `caxton init` and `caxton agent create`: one engine that writes what a template holds.

#[cfg(test)]
mod tests;

use crate::{
    args::{AgentCreate, Init},
    console::{Console, GOOD, NAME, STRONG},
    error::{Error, Result},
    git,
    place::Place,
    templates::{self, AgentValues, Rendered, Template, ToolTemplate},
};
use caxton_config::workspace::is_deployed;
use caxton_types::{AgentName, CapabilityLabel, Code, Timestamp, WorkspaceName};
use serde::Serialize;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What was made, for `--json` and for people.
#[derive(Debug, Serialize)]
pub(crate) struct Made {
    /// `workspace`, `agent` or `tool`.
    kind: &'static str,
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    /// Every file that was written, relative to where the command ran.
    files: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// What is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

pub(crate) fn run(args: &Init, here: &Path, console: &Console) -> Result<()> {
    if let Some(template) = &args.template {
        if let Some(template) = ToolTemplate::named(template) {
            return create_tool(args, template, here, console);
        }
        return create(&args.name, template, args.capability.as_ref(), here, console);
    }
    let made = workspace(&args.name, here)?;
    tell(&made, &format!("cd {} && caxton init analyzer --template data-analyzer", made.name), console)
}

pub(crate) fn agent_create(args: &AgentCreate, here: &Path, console: &Console) -> Result<()> {
    create(&args.name, &args.template, args.capability.as_ref(), here, console)
}

fn create(name: &str, template: &str, capability: Option<&CapabilityLabel>, here: &Path, console: &Console) -> Result<()> {
    let template = Template::named(template)?;
    let made = agent(name, template, capability, here)?;
    let next = match Place::find(here) {
        Some(_) => format!("git add . && git commit -m \"Add {}\" && caxton deploy", made.name),
        None => format!("git init && git add . && git commit -m \"Add {}\" && caxton deploy", made.name),
    };
    tell(&made, &next, console)
}

fn create_tool(args: &Init, template: &ToolTemplate, here: &Path, console: &Console) -> Result<()> {
    if args.capability.is_some() {
        return Err(Error::invalid("a tool offers no capability").hint("capabilities are offered by agents: leave --capability out"));
    }
    let made = tool(&args.name, template, here)?;
    let dir = made.dir.strip_prefix(here).unwrap_or(&made.dir).display().to_string();
    tell(&made, &format!("caxton build {dir}"), console)
}

/// Makes a tool from a template: in `tools/NAME/` of the workspace around `here`, in `NAME/` where there is none.
fn tool(name: &str, template: &ToolTemplate, here: &Path) -> Result<Made> {
    // As agents are named: what is called by them is called in the same words.
    let name: AgentName = name.parse().map_err(|error| {
        Error::invalid(format!("`{name}` is not the name of a tool: {error}"))
            .hint("use lower-case letters, digits and `-`, such as `word-count`")
    })?;
    let dir = Place::find(here).map_or_else(|| here.join(name.as_str()), |place| place.root().join("tools").join(name.as_str()));
    let files = template.render(name.as_str());
    write_all(&dir, &files)?;
    let written = files.iter().map(|file| {
        let path = dir.join(&file.path);
        path.strip_prefix(here).map_or(path.clone(), Path::to_path_buf)
    });
    Ok(Made { kind: "tool", name: name.to_string(), files: written.collect(), dir, commit: None, notes: Vec::new() })
}

/// Makes the workspace `name` below `here`.
pub(crate) fn workspace(name: &str, here: &Path) -> Result<Made> {
    let name: WorkspaceName =
        name.parse().map_err(|error| Error::invalid(format!("{error}")).hint("such as `caxton init my-workspace`"))?;
    if name.is_system() {
        return Err(Error::invalid(format!("`{name}` is the server's own workspace")).hint("choose another name"));
    }
    if let Some(place) = Place::find(here) {
        return Err(Error::new(Code::Conflict, format!("this is a workspace already: `{}`", place.root().display()))
            .hint(format!("to make an agent in it: `caxton init {name} --template data-analyzer`")));
    }
    let dir = here.join(name.as_str());
    let outer = git::top(here)?;
    let files = templates::workspace(name.as_str());
    write_all(&dir, &files)?;
    let paths: Vec<String> = files.into_iter().map(|file| file.path).collect();
    let commit = git::begin(&dir, &paths)?;
    let note = |outer: PathBuf| format!("it is a git repository of its own inside that of `{}`", outer.display());
    Ok(Made {
        kind: "workspace",
        files: paths.iter().map(|path| Path::new(name.as_str()).join(path)).collect(),
        name: name.to_string(),
        dir,
        commit: Some(commit),
        notes: outer.map(note).into_iter().collect(),
    })
}

/// Makes an agent from a template: in `agents/NAME/` of the workspace around `here`, in `NAME/` where there is none.
pub(crate) fn agent(name: &str, template: &Template, capability: Option<&CapabilityLabel>, here: &Path) -> Result<Made> {
    let values = values(name, template, capability)?;
    let (dir, tools) = match Place::find(here) {
        Some(place) => (place.root().join("agents").join(values.id.as_str()), place.root().join("tools")),
        // The folder around it is what can be deployed then: `NAME/agent.toml` beside `tools/`.
        None => (here.join(values.id.as_str()), here.join("tools")),
    };
    if !is_deployed(&format!("{}/agent.toml", values.id)) && Place::find(here).is_none() {
        return Err(
            Error::invalid(format!("outside a workspace a folder `{}` cannot hold an agent", values.id)).hint("choose another name")
        );
    }
    let files = template.render(&values);
    let tool_files = template.render_tools();
    let mut notes = Vec::new();
    let new_tools = tools_to_write(&tools, tool_files, &mut notes);
    refuse_existing(&dir, &files)?;
    write_all(&dir, &files)?;
    write_all(&tools, &new_tools)?;
    let relative = |dir: &Path, file: &Rendered| {
        let path = dir.join(&file.path);
        path.strip_prefix(here).map_or(path.clone(), Path::to_path_buf)
    };
    let written = files.iter().map(|file| relative(&dir, file)).chain(new_tools.iter().map(|file| relative(&tools, file)));
    Ok(Made { kind: "agent", name: values.id.to_string(), files: written.collect(), dir, commit: None, notes })
}

fn values(name: &str, template: &Template, capability: Option<&CapabilityLabel>) -> Result<AgentValues> {
    // What stands in `agent.toml` between quotes needs no escaping then.
    if let Some(bad) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || " -_".contains(*c))) {
        return Err(Error::invalid(format!("`{name}` is not the name of an agent: `{bad}` cannot be part of it"))
            .hint("use letters, digits and `-`, such as `order-desk`"));
    }
    let id = name
        .parse::<AgentName>()
        .or_else(|_| AgentName::from_display(name))
        .map_err(|error| Error::invalid(error.to_string()).hint("choose a longer or plainer name, such as `order-desk`"))?;
    let display = if id.as_str() == name { title(name) } else { name.trim().to_owned() };
    let capability = match capability {
        // The label stands among the phrases of `agent.toml`, and a phrase has only letters, digits and `-` in its label.
        Some(label) if CapabilityLabel::from_phrase(label.as_str()).as_ref() != Ok(label) => {
            return Err(Error::invalid(format!("a template cannot offer the capability `{label}`")).hint("use letters, digits and `-`"));
        }
        Some(label) => label.clone(),
        None => template.capability.parse().map_err(|error| Error::new(Code::Internal, format!("{error}")))?,
    };
    Ok(AgentValues { id, display, capability, created_at: Timestamp::from(SystemTime::now()) })
}

/// `order-desk` as `Order Desk`, which resolves to the same name again.
fn title(name: &str) -> String {
    let words = name.split('-').filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A tool that is there stays as it is: several agents share it, and somebody may have changed it.
fn tools_to_write(tools: &Path, files: Vec<Rendered>, notes: &mut Vec<String>) -> Vec<Rendered> {
    let mut changed = Vec::new();
    let missing = files.into_iter().filter(|file| match fs::read(tools.join(&file.path)) {
        Ok(bytes) => {
            if bytes != file.bytes {
                changed.push(file.path.clone());
            }
            false
        }
        Err(_) => true,
    });
    let missing = missing.collect();
    if !changed.is_empty() {
        notes.push(format!("left as they are, though they differ from the template's: {}", changed.join(", ")));
    }
    missing
}

fn refuse_existing(dir: &Path, files: &[Rendered]) -> Result<()> {
    let there: Vec<String> =
        files.iter().map(|file| dir.join(&file.path)).filter(|path| path.exists()).map(|path| path.display().to_string()).collect();
    if there.is_empty() {
        return Ok(());
    }
    let shown = there.iter().take(3).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    let more = if there.len() > 3 { format!(" and {} more", there.len() - 3) } else { String::new() };
    Err(Error::new(Code::Conflict, format!("nothing was written, because these files exist: {shown}{more}"))
        .hint("choose another name, or remove them first"))
}

fn write_all(dir: &Path, files: &[Rendered]) -> Result<()> {
    refuse_existing(dir, files)?;
    for file in files {
        let path = dir.join(&file.path);
        let write = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::File::create_new(&path)?.write_all(&file.bytes)
        };
        write().map_err(|error| Error::io(format_args!("write `{}`", path.display()), &error))?;
    }
    Ok(())
}

fn tell(made: &Made, next: &str, console: &Console) -> Result<()> {
    if console.json {
        return console.value(made);
    }
    let painter = console.painter();
    console.line(format_args!("{} Created {} {}", painter.paint(GOOD, "✓"), made.kind, painter.paint(STRONG, &made.name)))?;
    for file in &made.files {
        console.line(format_args!("  {}", file.display()))?;
    }
    if let Some(commit) = &made.commit {
        console.line(format_args!("Git commit: {}", short(commit)))?;
    }
    for note in &made.notes {
        console.note(format_args!("note: {note}"));
    }
    console.note(format_args!("next: {}", console.note_painter().paint(NAME, next)));
    Ok(())
}

/// A commit as people quote it.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..9).unwrap_or(commit)
}
