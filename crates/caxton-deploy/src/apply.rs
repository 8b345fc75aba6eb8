//! A whole workspace: what changes, whether it holds together, and the one batch that applies it.

use crate::{
    Deploy, Deployment, Error, Manifest, ManifestFile, Options, Plan,
    grants::{self, load_tool},
};
use caxton_config::{
    Diagnostics,
    workspace::{FileContent, LoadedTool, Offered, Workspace as Loaded, is_deployed, load, resolve_tools},
};
use caxton_store::{AgentEntry, Batch, FileRow, Workspace, ids};
use caxton_tools::LoadedServer;
use caxton_types::{
    Action, AgentRevision, Caller, DeployedFile, Digest, Fact, Failure, FileChange, NewEvent, ToolDefinition, canonical_json,
};
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Instant,
};
use tracing::{Instrument as _, info_span};

impl Deploy {
    /// What deploying the manifest would take, and which contents the server still needs for it.
    pub async fn plan(&self, caller: &Caller, manifest: &Manifest) -> Result<Plan, Error> {
        caller.require(Action::Deploy)?;
        check(manifest, &self.0.options)?;
        let workspace = self.0.store.workspace(&caller.workspace)?;
        let lengths = lengths(&workspace, manifest).await?;
        check_sizes(manifest, &lengths)?;
        let changes = changes(&workspace.files().await?, manifest);
        Ok(Plan { missing: missing(&lengths), changes: told(&changes) })
    }

    /// Checks the whole workspace and applies it; where nothing has changed, nothing is recorded.
    pub async fn apply(&self, caller: &Caller, manifest: Manifest) -> Result<Deployment, Error> {
        caller.require(Action::Deploy)?;
        check(&manifest, &self.0.options)?;
        let workspace = self.0.store.workspace(&caller.workspace)?;
        let lock = self.lock(workspace.name());
        let _one_at_a_time = lock.lock().await;
        let lengths = lengths(&workspace, &manifest).await?;
        check_sizes(&manifest, &lengths)?;
        self.apply_locked(caller, &workspace, manifest, &lengths).await
    }

    pub(crate) async fn apply_locked(
        &self,
        caller: &Caller,
        workspace: &Workspace,
        manifest: Manifest,
        lengths: &Lengths,
    ) -> Result<Deployment, Error> {
        let began = Instant::now();
        let missing = missing(lengths);
        if !missing.is_empty() {
            return Err(Error::Missing(missing));
        }
        let changes = changes(&workspace.files().await?, &manifest);
        let last = workspace.deployments(1).await?.into_iter().next();
        if let Some(last) = &last
            && changes.iter().all(|file| file.change == FileChange::Unchanged)
        {
            let agents = workspace.agents().await?.into_iter().map(|row| revision_of(&row)).collect();
            return Ok(Deployment {
                deployment: last.deployment,
                version: last.version,
                changed: false,
                changes: told(&changes),
                agents,
                granted: vec![],
                warnings: vec![],
                took_ms: millis(began),
            });
        }
        let loaded = load(&read(workspace, &manifest.files).await?)?;
        let servers = servers(self, workspace, &loaded.tools).await?;
        self.check_tools(&loaded, &servers)?;
        let (agents, blobs) = revise(&loaded, &workspace.agents().await?);
        let deployment = ids::deployment();
        let version = last.map_or(1, |last| last.version + 1);
        let told_changes = told(&changes);
        let took_ms = millis(began);
        let fact = Fact::Deployed { deployment, version, git: manifest.git, files: changes, agents: agents.clone(), took_ms };
        let event = NewEvent { caller: caller.actor(), trace: ids::trace(), conversation: None, agent: None, turn: None, step: None, fact };
        let span = info_span!("agent_deploy", deployment_id = %deployment, version, strategy = "direct");
        let granted = grants::added(&grants::granted(&self.0.tools, workspace.name()), &servers);
        let turns_held = self.0.runtime.hold(workspace.name()).await;
        workspace.commit(Batch { blobs, ..Batch::of(vec![event]) }).instrument(span).await?;
        self.0.tools.install(workspace.name(), servers);
        self.0.exchange.reload(workspace).await?;
        self.0.runtime.reload(workspace.name());
        drop(turns_held);
        metrics::counter!("caxton_deployments_total").increment(1);
        let warnings = loaded.agents.into_iter().flat_map(|agent| agent.lints).chain(loaded.warnings).collect();
        let took_ms = millis(began);
        Ok(Deployment { deployment, version, changed: true, changes: told_changes, agents, granted, warnings, took_ms })
    }

    /// Every tool that an agent must have is there: built in, or brought by this very workspace.
    fn check_tools(&self, loaded: &Loaded, servers: &[LoadedServer]) -> Result<(), Error> {
        let built_in = self.0.tools.built_in();
        let mut offered: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let definitions = built_in.iter().chain(servers.iter().flat_map(LoadedServer::definitions));
        for ToolDefinition { id, .. } in definitions {
            offered.entry(id.server()).or_default().push(id.tool());
        }
        let mut offered: Vec<Offered<'_>> = offered.into_iter().map(|(server, tools)| Offered { server, tools: Some(tools) }).collect();
        // What others offer comes and goes: naming their server is enough.
        let remote = self.0.tools.remote_names();
        offered.extend(remote.iter().map(|server| Offered { server, tools: None }));
        let mut problems = Diagnostics::new();
        problems.extend(resolve_tools(loaded, &offered).into_iter().map(|unknown| unknown.diagnostic));
        Ok(problems.or(())?)
    }
}

/// Brings back tools and agents of the last deployment. A tool that no longer loads is reported and left out: the rest must serve.
pub(crate) async fn restore(deploy: &Deploy, workspace: &Workspace) -> Result<(), Error> {
    let files = deployed(workspace).await?;
    if !files.is_empty() {
        let loaded = load(&read(workspace, &files).await?)?;
        let (mut servers, mut failed) = (Vec::new(), Vec::new());
        for tool in &loaded.tools {
            match server(deploy, workspace, tool).await {
                Ok(server) => servers.push(server),
                Err(error) => {
                    let reason = Failure::of(&error).reason;
                    tracing::error!(tool = %tool.name, workspace = %workspace.name(), %reason, "tool is left out");
                    failed.push((tool.name.clone(), reason));
                }
            }
        }
        deploy.0.tools.install_with(workspace.name(), servers, failed);
    }
    Ok(deploy.0.exchange.reload(workspace).await?)
}

/// The files as the last deployment left them.
pub(crate) async fn deployed(workspace: &Workspace) -> Result<Vec<ManifestFile>, Error> {
    let rows = workspace.files().await?;
    Ok(rows.into_iter().map(|row| ManifestFile { path: row.path, digest: row.digest, size: row.size }).collect())
}

fn check(manifest: &Manifest, options: &Options) -> Result<(), Error> {
    if manifest.files.len() > options.files_max {
        return Err(Error::FilesTooMany { len: manifest.files.len(), len_max: options.files_max });
    }
    let mut paths = BTreeSet::new();
    let mut total = 0u64;
    for file in &manifest.files {
        if !is_deployed(&file.path) {
            return Err(Error::Path(file.path.chars().take(200).collect()));
        }
        if !paths.insert(&file.path) {
            return Err(Error::PathTwice(file.path.clone()));
        }
        if file.size > options.file_len_max.get() {
            return Err(Error::FileTooLarge { path: file.path.clone(), size: file.size, size_max: options.file_len_max });
        }
        total = total.saturating_add(file.size);
    }
    if total > options.total_len_max.get() {
        return Err(Error::TotalTooLarge { size: total, size_max: options.total_len_max });
    }
    Ok(())
}

/// How long the contents are; nothing of one that the server does not have yet.
pub(crate) type Lengths = BTreeMap<Digest, Option<u64>>;

pub(crate) async fn lengths(workspace: &Workspace, manifest: &Manifest) -> Result<Lengths, Error> {
    let mut lengths = Lengths::new();
    for digest in manifest.files.iter().map(|file| file.digest) {
        if let Entry::Vacant(unknown) = lengths.entry(digest) {
            unknown.insert(workspace.blob_len(digest).await?);
        }
    }
    Ok(lengths)
}

fn missing(lengths: &Lengths) -> Vec<Digest> {
    lengths.iter().filter(|(_, len)| len.is_none()).map(|(digest, _)| *digest).collect()
}

/// Whether contents that the server has are as long as somebody says.
fn check_sizes(manifest: &Manifest, lengths: &Lengths) -> Result<(), Error> {
    for file in &manifest.files {
        if let Some(size) = lengths.get(&file.digest).copied().flatten()
            && size != file.size
        {
            return Err(Error::SizeOther { path: file.path.clone(), told: file.size, size });
        }
    }
    Ok(())
}

/// What becomes of every file, old and new.
fn changes(before: &[FileRow], manifest: &Manifest) -> Vec<DeployedFile> {
    let mut old: BTreeMap<&str, &FileRow> = before.iter().map(|row| (&*row.path, row)).collect();
    let mut files: Vec<DeployedFile> = manifest
        .files
        .iter()
        .map(|file| {
            let change = match old.remove(&*file.path) {
                None => FileChange::Added,
                Some(row) if row.digest == file.digest => FileChange::Unchanged,
                Some(_) => FileChange::Modified,
            };
            DeployedFile { path: file.path.clone(), digest: file.digest, size: file.size, change }
        })
        .collect();
    files.extend(old.into_values().map(|row| DeployedFile {
        path: row.path.clone(),
        digest: row.digest,
        size: row.size,
        change: FileChange::Removed,
    }));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn told(changes: &[DeployedFile]) -> Vec<(Box<str>, FileChange)> {
    changes.iter().map(|file| (file.path.clone(), file.change)).collect()
}

/// The contents of the files; components stay where they are and are read one by one.
pub(crate) async fn read(workspace: &Workspace, files: &[ManifestFile]) -> Result<BTreeMap<String, FileContent>, Error> {
    let mut contents = BTreeMap::new();
    for file in files {
        let content = if file.path.ends_with(".wasm") {
            FileContent::known(file.digest, file.size)
        } else {
            let bytes = workspace.blob(file.digest).await?.ok_or_else(|| Error::Missing(vec![file.digest]))?;
            FileContent::new(bytes.to_vec())
        };
        contents.insert(file.path.to_string(), content);
    }
    Ok(contents)
}

async fn servers(deploy: &Deploy, workspace: &Workspace, tools: &[LoadedTool]) -> Result<Vec<LoadedServer>, Error> {
    let mut servers = Vec::with_capacity(tools.len());
    for tool in tools {
        servers.push(server(deploy, workspace, tool).await?);
    }
    Ok(servers)
}

async fn server(deploy: &Deploy, workspace: &Workspace, tool: &LoadedTool) -> Result<LoadedServer, Error> {
    let binary = grants::component(workspace, tool.wasm.digest, tool.wasm.size);
    load_tool(&deploy.0.tools, workspace.name(), tool, binary, &deploy.0.options.tools).await
}

fn revision_of(row: &AgentEntry) -> AgentRevision {
    AgentRevision { name: row.name.clone(), revision: row.revision, spec: row.spec_digest }
}

type Blobs = Vec<(Digest, bytes::Bytes)>;

/// The revisions that the deployment leaves behind; an agent whose spec is the same keeps its revision.
fn revise(loaded: &Loaded, before: &[AgentEntry]) -> (Vec<AgentRevision>, Blobs) {
    let old: BTreeMap<_, _> = before.iter().map(|row| (&row.name, row)).collect();
    let mut blobs = Blobs::new();
    let revise = |agent: &caxton_config::workspace::LoadedAgent| {
        let json = serde_json::to_value(&agent.spec).map(|value| canonical_json(&value)).unwrap_or_default();
        let spec = Digest::of(json.as_bytes());
        let revision = match old.get(&agent.spec.name) {
            Some(row) if row.spec_digest == spec => row.revision,
            Some(row) => row.revision + 1,
            None => 1,
        };
        blobs.push((spec, json.into_bytes().into()));
        AgentRevision { name: agent.spec.name.clone(), revision, spec }
    };
    let agents = loaded.agents.iter().map(revise).collect();
    (agents, blobs)
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
