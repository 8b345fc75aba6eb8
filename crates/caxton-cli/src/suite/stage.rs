//! What cases are played with: the agents and tools of the workspace as a deployment would make them.

use crate::{
    error::Result,
    place::{Files, Place},
};
use caxton_config::{
    Diagnostic, Diagnostics,
    server::{self, Flag, Loaded, Sources},
    suite::{Case, Model, Placed, Suite},
    workspace::Workspace,
};
use caxton_llm::{ApiKey, Models, Options, ProviderKind, ProviderOptions};
use caxton_server::Workbench;
use caxton_types::{AgentName, AgentSpec, ToolDefinition, ToolId, ToolRef, WorkspaceName, nearest};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

/// One case with where it stands.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) suite: Arc<str>,
    /// The file of the tests, by its path in the workspace.
    pub(super) file: Arc<str>,
    /// Its folder on disk.
    pub(super) dir: Arc<Path>,
    /// Who is asked; nobody only where a cassette says it.
    pub(super) agent: Option<AgentName>,
    pub(super) case: Case,
}

impl Task {
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }
}

/// Each case with its agent; what it names must be there.
pub(super) fn tasks(place: &Place, workspace: &Workspace, suites: Vec<Suite>, record: bool) -> Result<Vec<Task>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut tasks = Vec::new();
    for Suite { file, name, cases } in suites {
        let (suite, file): (Arc<str>, Arc<str>) = (Arc::from(name), Arc::from(file));
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let dir: Arc<Path> = place.root().join(folder).into();
        let neighbour = neighbour(workspace, folder);
        for case in cases {
            let agent = case.agent.as_ref().map_or_else(|| neighbour.clone(), |agent| Some(agent.value.clone()));
            let task = Task { suite: Arc::clone(&suite), file: Arc::clone(&file), dir: Arc::clone(&dir), agent, case };
            problems.extend(check(&task, workspace, record));
            tasks.push(task);
        }
    }
    problems.or(tasks)
}

/// The agent beside whose file the tests lie; failing that, the only one that there is.
fn neighbour(workspace: &Workspace, folder: &str) -> Option<AgentName> {
    let home = folder.strip_suffix("tests").map(|home| format!("{home}agent.toml"));
    let beside = workspace.agents.iter().find(|agent| home.as_deref() == Some(&*agent.path));
    let only = if let [only] = workspace.agents.as_slice() { Some(only) } else { None };
    beside.or(only).map(|agent| agent.spec.name.clone())
}

fn check(task: &Task, workspace: &Workspace, record: bool) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let names = || workspace.agents.iter().map(|agent| agent.spec.name.as_str());
    match (&task.agent, &task.case.agent) {
        (Some(name), Some(placed)) if !names().any(|known| known == name.as_str()) => {
            let help = match nearest(name.as_str(), names()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            problems.push(placed.error(format!("the workspace has no agent `{name}`")).key("agent").help(help));
        }
        (None, _) if !matches!(task.case.model, Model::Cassette(_)) => {
            let wrong = task.case.error("the case does not say which agent is asked").key("agent");
            problems.push(wrong.help(format!("add `agent = \"NAME\"`; there are: {}", names().collect::<Vec<_>>().join(", "))));
        }
        _ => {}
    }
    problems.extend(absent(&task.case.attachments, &task.dir));
    if let Model::Cassette(file) = &task.case.model
        && !task.path(&file.value).is_file()
    {
        if !record {
            let wrong = file.error(format!("there is no cassette `{}`", file.value)).key("cassette");
            problems.push(wrong.help("`caxton test --record` records it; `caxton cassette export` writes one from a conversation"));
        } else if task.case.input.is_none() || task.agent.is_none() {
            problems.push(file.error("a cassette that is not there yet is recorded from an `agent` and an `input`").key("cassette"));
        }
    }
    problems
}

/// The files of a case that are not there.
pub(super) fn absent(files: &[Placed<Box<str>>], dir: &Path) -> impl Iterator<Item = Diagnostic> {
    files.iter().filter(|file| !dir.join(&*file.value).is_file()).map(|file| {
        let problem = file.error(format!("there is no file `{}`", file.value));
        problem.key("attachments").help("paths are relative to this file")
    })
}

/// Agents, tools and models.
pub(super) struct Stage {
    pub(super) workspace: WorkspaceName,
    pub(super) bench: Workbench,
    /// What knows the prices of models: those of the configuration, or the built-in ones.
    pub(super) prices: Models,
    /// What must not get into a cassette.
    pub(super) secrets: Vec<String>,
    agents: BTreeMap<AgentName, Arc<AgentSpec>>,
    /// Servers whose tools run in the sandbox: nothing of them reaches outside.
    enclosed: BTreeSet<Box<str>>,
    _data: TempDir,
}

impl Stage {
    /// With the models and tools of this configuration, or with those of a server that was told nothing: no key, no host.
    pub(super) async fn new(workspace: &Workspace, files: &Files, configured: Option<Loaded>) -> Result<Self> {
        let failed = |error| crate::error::Error::io("make a temporary folder", &error);
        let data = tempfile::Builder::new().prefix("caxton-test-").tempdir().map_err(failed)?;
        let is_configured = configured.is_some();
        let mut config = match configured {
            Some(loaded) => loaded.config,
            None => untold(data.path())?.config,
        };
        // A server that runs with the same configuration keeps its own folder.
        config.data_dir = data.path().to_path_buf();
        let secrets = config.secrets().map(|secret| secret.expose().to_owned()).collect();
        let bench = Workbench::new(&config).await?;
        let bench = if is_configured { bench } else { bench.enclosed() };
        let prices = if is_configured { bench.models.clone() } else { vendors()? };
        let name = workspace.settings.name.clone().unwrap_or_default();
        bench.install(&name, workspace, files).await?;
        let agents = workspace.agents.iter().map(|agent| (agent.spec.name.clone(), Arc::new(agent.spec.clone()))).collect();
        let enclosed = workspace.tools.iter().filter(|tool| tool.manifest.is_enclosed()).map(|tool| tool.name.clone()).collect();
        Ok(Self { workspace: name, bench, prices, secrets, agents, enclosed, _data: data })
    }

    pub(super) fn agent(&self, name: &AgentName) -> Option<Arc<AgentSpec>> {
        self.agents.get(name).map(Arc::clone)
    }

    /// Whether a tool runs in the sandbox.
    pub(super) fn encloses(&self, tool: &ToolId) -> bool {
        self.enclosed.contains(tool.server())
    }

    /// The tools of an agent. Those that only a server has are as `elsewhere` defines them, in the same order.
    pub(super) fn tools(&self, agent: &AgentSpec, elsewhere: &[ToolDefinition]) -> Vec<ToolDefinition> {
        let mut found = self.bench.tools.of_agent(&self.workspace, agent);
        let wanted: Vec<ToolRef> = found.missing.into_iter().chain(agent.optional_tools.iter().cloned()).collect();
        let mut tools = Vec::new();
        for known in elsewhere {
            if let Some(at) = found.tools.iter().position(|tool| tool.id == known.id) {
                tools.push(found.tools.remove(at));
            } else if wanted.iter().any(|reference| names(reference, &known.id)) {
                tools.push(known.clone());
            }
        }
        tools.extend(found.tools);
        tools
    }
}

fn names(reference: &ToolRef, tool: &ToolId) -> bool {
    match reference {
        ToolRef::Tool(id) => id == tool,
        ToolRef::Name(name) => **name == *tool.server() || **name == *tool.tool(),
    }
}

/// Models that are not asked: their vendors' prices are known.
pub(super) fn vendors() -> Result<Models> {
    let kinds = [
        ("openai", ProviderKind::OpenAi { base_url: None }),
        ("anthropic", ProviderKind::Anthropic { base_url: None }),
        ("offline", ProviderKind::Offline),
    ];
    let provider =
        |(name, kind): (&str, ProviderKind)| ProviderOptions { api_key: Some(ApiKey::new("none")), ..ProviderOptions::new(name, kind, "") };
    Ok(Models::new(Options { providers: kinds.into_iter().map(provider).collect(), ..Options::default() })?)
}

/// The configuration of a server that was told nothing.
pub(super) fn untold(data_dir: &Path) -> Result<Loaded> {
    let no_variable = |_: &str| None;
    let no_file = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let sources = Sources { env: &no_variable, read: &no_file, cwd: data_dir.to_path_buf() };
    let flags = vec![Flag { name: "--data-dir", key: "resources.disk.data_dir", value: data_dir.display().to_string() }];
    Ok(server::load(&server::Options { flags, ..server::Options::default() }, &sources)?)
}
