//! What the tools of a workspace are granted: what their files ask for, within what the operator allows, at places that really are where
//! they seem to be.

#[cfg(test)]
mod tests;

use crate::Error;
use caxton_config::{
    Diagnostic,
    workspace::{AttachmentAccess, Ceiling, LoadedTool, ToolManifest, permission_words},
};
use caxton_store::Workspace;
use caxton_tools::{Binary, Grant, Limits, LoadedServer, Reuse, Tools};
use caxton_types::{Access, Code, Digest, DirectoryGrant, Failure, FileGrant, Permissions, WorkspaceName, unit::ByteSize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The most that tools of workspaces are granted.
#[derive(Debug, Clone, Default)]
pub struct ToolBounds {
    /// What one call gets where its manifest asks for no less.
    pub limits: Limits,
    /// What they may touch.
    pub ceiling: Ceiling,
    /// How many instances of one that allows reuse wait for calls.
    pub pool: Pool,
}

/// How many instances of a tool that allows reuse wait for calls.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    /// Those that are started with it and stay.
    pub kept: u32,
    /// The most of one tool.
    pub waiting_max: u32,
}

impl Default for Pool {
    fn default() -> Self {
        Self { kept: 0, waiting_max: u32::MAX }
    }
}

impl Pool {
    /// What a manifest asks for, within these bounds.
    fn reuse(self, manifest: &ToolManifest) -> Option<Reuse> {
        let usual = Reuse::default();
        let instances = manifest.instances.unwrap_or(usual.instances.max(self.kept)).min(self.waiting_max);
        manifest.reuse.then_some(Reuse { instances, kept: self.kept.min(instances), ..usual })
    }
}

/// Compiles a tool of a workspace and gives it what its files ask for, within these bounds.
pub async fn load_tool(
    tools: &Tools,
    workspace: &WorkspaceName,
    tool: &LoadedTool,
    binary: impl Into<Binary>,
    bounds: &ToolBounds,
) -> Result<LoadedServer, Error> {
    let grant = grant(&tool.manifest, workspace, &tool.name, bounds).await?;
    let loaded = tools.load(&tool.name, binary, grant).await;
    let loaded = loaded.map_err(|source| Error::Tool { tool: tool.name.clone(), source: Box::new(source) })?;
    let offered: Vec<_> = loaded.definitions().iter().map(|definition| definition.id.tool()).collect();
    tool.manifest.check_tools(&offered)?;
    Ok(loaded.with_policies(|id| tool.manifest.policy_of(id.tool())))
}

/// A component that the workspace stores; its bytes are read where they are needed.
pub(crate) fn component(workspace: &Workspace, digest: Digest, size: u64) -> Binary {
    let store = workspace.clone();
    Binary::stored(digest, size, async move {
        let bytes = store.blob(digest).await.map_err(|error| Failure::of(&error))?;
        bytes.ok_or_else(|| Failure {
            hint: Some("restore the directory `blobs` from a backup, or deploy that component again".into()),
            ..Failure::new(Code::NotFound, format!("its content {digest} is not stored any more"))
        })
    })
}

/// What a tool is granted: what its manifest asks for, and never more than the bounds.
pub(crate) async fn grant(manifest: &ToolManifest, workspace: &WorkspaceName, tool: &str, bounds: &ToolBounds) -> Result<Grant, Error> {
    let mut permissions = manifest.grant(&bounds.ceiling, workspace, tool)?;
    if !permissions.directories.is_empty() || !permissions.files.is_empty() {
        let (ceiling, own) = (bounds.ceiling.clone(), bounds.ceiling.own_directory(workspace, tool));
        let named: Vec<bool> = permissions.directories.iter().map(|grant| manifest.names_file(&own, &grant.host)).collect();
        let checked = tokio::task::spawn_blocking(move || look(permissions, &named, &own, &ceiling));
        permissions =
            checked.await.unwrap_or_else(|_| Err((PathBuf::new(), "looking at it did not end".into()))).map_err(|(host, why)| {
                let problem = Diagnostic::error(format!("the tool cannot be granted `{}`: {why}", host.display()));
                Error::Invalid(problem.file(format!("tools/{tool}")).key("permissions.storage").into())
            })?;
    }
    let most = bounds.limits;
    let within = |bound: Duration| manifest.timeout.map_or(bound, |own| own.get().min(bound));
    let own = manifest.limits;
    let size = |own: Option<ByteSize>, most: ByteSize| own.map_or(most, |own| own.min(most));
    let count = |own: Option<u32>, most: u32| own.map_or(most, |own| own.min(most));
    let limits = Limits {
        memory: size(manifest.memory, most.memory),
        wall: within(most.wall),
        cpu: own.cpu.map_or(within(most.cpu), |cpu| cpu.get().min(within(most.cpu))),
        output: size(own.result_size, most.output),
        host_call: size(own.host_call_size, most.host_call),
        printed: size(own.printed_size, most.printed),
        open_files: count(own.open_files, most.open_files),
        disk: size(own.disk, most.disk),
        requests: count(own.requests, most.requests),
        egress: size(own.egress, most.egress),
        ingress: size(own.ingress, most.ingress),
    };
    let attachments = manifest.attachments == AttachmentAccess::Read;
    Ok(Grant { limits, attachments, permissions: Arc::new(permissions), reuse: bounds.pool.reuse(manifest) })
}

/// What is at the place of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Directory,
    File,
    /// Nothing, and nothing is made there.
    Nothing,
}

/// Looks what is where something is granted: a file is granted as one, for reading. `named` says which of the directories are named as
/// one names a file.
fn look(mut permissions: Permissions, named: &[bool], own: &Path, ceiling: &Ceiling) -> Result<Permissions, (PathBuf, String)> {
    for (grant, named) in std::mem::take(&mut permissions.directories).into_iter().zip(named) {
        match prepare(&grant, *named, own, ceiling).map_err(|why| (grant.host.clone(), why))? {
            Found::Directory => permissions.directories.push(grant),
            Found::File => permissions.files.push(FileGrant { host: grant.host, guest: grant.guest }),
            Found::Nothing => {}
        }
    }
    for grant in permissions.files.iter().filter(|grant| grant.host.to_string_lossy().contains('*')) {
        let parent = grant.host.parent().unwrap_or(&grant.host).to_owned();
        let directory = DirectoryGrant { host: parent, guest: grant.guest.clone(), access: Access::Read };
        if prepare(&directory, false, own, ceiling).map_err(|why| (directory.host.clone(), why))? != Found::Directory {
            return Err((directory.host, "it is no directory".into()));
        }
    }
    Ok(permissions)
}

/// Makes a directory that is the tool's own, and looks what any other is. A link that leads out of what is allowed is found here,
/// whoever made it.
fn prepare(grant: &DirectoryGrant, named_as_file: bool, own: &Path, ceiling: &Ceiling) -> Result<Found, String> {
    let path = &grant.host;
    let failed = |error: io::Error| error.to_string();
    if path.starts_with(own) {
        fs::create_dir_all(own).map_err(failed)?;
        let own = own.canonicalize().map_err(failed)?;
        // Before anything is made below it: what a tool left there may be a link.
        let there = path.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(path);
        if !there.canonicalize().map_err(failed)?.starts_with(&own) {
            return Err("a link leads out of the tool's own directory".into());
        }
        if there == path && path.is_file() {
            return file(grant);
        }
        if there != path && named_as_file {
            let missing = "no file is there, and none is made; put it there, or write `/**` behind it if it is to be a directory";
            return if ceiling.lenient { Ok(Found::Nothing) } else { Err(missing.into()) };
        }
        fs::create_dir_all(path).map_err(failed)?;
        return Ok(Found::Directory);
    }
    let real = path.canonicalize().map_err(failed)?;
    let real_of = |paths: &[PathBuf]| paths.iter().filter_map(|path| path.canonicalize().ok()).any(|allowed| real.starts_with(allowed));
    if !real_of(&ceiling.writable) && (grant.access != Access::Read || !real_of(&ceiling.readable)) {
        return Err(format!("it leads to `{}`, which this server grants to no tool", real.display()));
    }
    if real.is_file() {
        return file(grant);
    }
    if real.is_dir() { Ok(Found::Directory) } else { Err("it is neither a directory nor a file".into()) }
}

/// A file is granted for reading, and where no link leads out of its directory: it is looked for anew at each call.
fn file(grant: &DirectoryGrant) -> Result<Found, String> {
    let place = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    let (real, directory) = (place(&grant.host)?, grant.host.parent().map(place).transpose()?);
    if !directory.is_some_and(|directory| real.starts_with(directory)) {
        return Err("a link leads out of the directory of the file".into());
    }
    match grant.access {
        Access::Read => Ok(Found::File),
        Access::ReadWrite => Err("it is a file, and single files are granted for reading only: grant its directory".into()),
    }
}

/// What tools are granted that they were not before, in words.
pub(crate) fn added(before: &BTreeMap<Box<str>, BTreeSet<String>>, servers: &[LoadedServer]) -> Vec<(Box<str>, Vec<String>)> {
    let of = |server: &LoadedServer| {
        let known = before.get(server.name());
        let words = server.grant().map(|grant| permission_words(&grant.permissions)).unwrap_or_default();
        words.into_iter().filter(|word| known.is_none_or(|known| !known.contains(word))).collect::<Vec<_>>()
    };
    servers.iter().map(|server| (server.name().into(), of(server))).filter(|(_, words)| !words.is_empty()).collect()
}

/// What the tool servers of a workspace are granted now, in words.
pub(crate) fn granted(tools: &Tools, workspace: &WorkspaceName) -> BTreeMap<Box<str>, BTreeSet<String>> {
    let mut granted = BTreeMap::new();
    for tool in tools.standing(workspace) {
        if let Some(grant) = tool.grant {
            granted.insert(tool.definition.id.server().into(), permission_words(&grant.permissions).into_iter().collect());
        }
    }
    granted
}
