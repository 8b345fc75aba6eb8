//! What the tools of a workspace are granted: what their files ask for, within what the operator allows, at places that really are where
//! they seem to be.

use crate::Error;
use caxton_config::{
    Diagnostic,
    workspace::{AttachmentAccess, Ceiling, LoadedTool, ToolManifest, permission_words},
};
use caxton_tools::{Grant, Limits, LoadedServer, Reuse, Tools};
use caxton_types::{Access, DirectoryGrant, WorkspaceName, unit::ByteSize};
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
    wasm: bytes::Bytes,
    bounds: &ToolBounds,
) -> Result<LoadedServer, Error> {
    let grant = grant(&tool.manifest, workspace, &tool.name, bounds).await?;
    let loaded = tools.load(&tool.name, wasm, grant).await;
    let loaded = loaded.map_err(|source| Error::Tool { tool: tool.name.clone(), source })?;
    let offered: Vec<_> = loaded.definitions().iter().map(|definition| definition.id.tool()).collect();
    tool.manifest.check_tools(&offered)?;
    Ok(loaded.with_policies(|id| tool.manifest.policy_of(id.tool())))
}

/// What a tool is granted: what its manifest asks for, and never more than the bounds.
pub(crate) async fn grant(manifest: &ToolManifest, workspace: &WorkspaceName, tool: &str, bounds: &ToolBounds) -> Result<Grant, Error> {
    let permissions = manifest.grant(&bounds.ceiling, workspace, tool)?;
    if !permissions.directories.is_empty() {
        let (directories, ceiling) = (permissions.directories.clone(), bounds.ceiling.clone());
        let own = ceiling.own_directory(workspace, tool);
        let checked = tokio::task::spawn_blocking(move || {
            directories.iter().try_for_each(|directory| prepare(directory, &own, &ceiling).map_err(|why| (directory.host.clone(), why)))
        });
        if let Ok(Err((host, why))) = checked.await {
            let problem = Diagnostic::error(format!("the tool cannot be granted `{}`: {why}", host.display()));
            return Err(Error::Invalid(problem.file(format!("tools/{tool}")).key("permissions.storage").into()));
        }
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

/// Makes a directory that is the tool's own, and looks whether any other is there. A link that leads out of what is allowed is found here,
/// whoever made it.
fn prepare(directory: &DirectoryGrant, own: &Path, ceiling: &Ceiling) -> Result<(), String> {
    let path = &directory.host;
    let failed = |error: io::Error| error.to_string();
    if path.starts_with(own) {
        fs::create_dir_all(own).map_err(failed)?;
        let own = own.canonicalize().map_err(failed)?;
        // Before anything is made below it: what a tool left there may be a link.
        let there = path.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(path);
        if !there.canonicalize().map_err(failed)?.starts_with(&own) {
            return Err("a link leads out of the tool's own directory".into());
        }
        fs::create_dir_all(path).map_err(failed)?;
        return Ok(());
    }
    let real = path.canonicalize().map_err(failed)?;
    if !real.is_dir() {
        return Err("it is no directory, and only directories are granted".into());
    }
    let real_of = |paths: &[PathBuf]| paths.iter().filter_map(|path| path.canonicalize().ok()).any(|allowed| real.starts_with(allowed));
    if real_of(&ceiling.writable) || directory.access == Access::Read && real_of(&ceiling.readable) {
        return Ok(());
    }
    Err(format!("it leads to `{}`, which this server grants to no tool", real.display()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn as_many_instances_wait_as_the_tool_asks_for_and_the_operator_allows() {
        let reuse = |manifest: &str, kept: u32, waiting_max: u32| {
            let reuse = Pool { kept, waiting_max }.reuse(&ToolManifest::parse(manifest, "tool.toml").unwrap());
            reuse.map(|reuse| (reuse.instances, reuse.kept))
        };
        assert_eq!(reuse("", 3, 32), None);
        assert_eq!(reuse("reuse = true", 0, 32), Some((4, 0)));
        assert_eq!(reuse("reuse = true", 10, 32), Some((10, 10)));
        assert_eq!(reuse("reuse = true\n[limits]\ninstances = 2", 10, 32), Some((2, 2)));
        assert_eq!(reuse("reuse = true\n[limits]\ninstances = 200", 10, 32), Some((32, 10)));
    }

    #[test]
    fn no_link_leads_out_of_what_is_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for path in ["srv/data", "srv/out", "secret", "tools/default"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        fs::write(at("srv/data/file"), "").unwrap();
        symlink(at("secret"), at("srv/data/link")).unwrap();
        let ceiling = Ceiling { readable: vec![at("srv")], writable: vec![at("srv/out")], own: at("tools"), ..Ceiling::default() };
        let own = ceiling.own_directory(&WorkspaceName::default(), "feeds");
        let check = |host: PathBuf, access: Access, expected: Result<(), &str>| {
            let found = prepare(&DirectoryGrant { host: host.clone(), guest: "/x".into(), access }, &own, &ceiling);
            match (&found, expected) {
                (Ok(()), Ok(())) => {}
                (Err(found), Err(expected)) if found.contains(expected) => {}
                _ => panic!("{}: {found:?}, expected {expected:?}", host.display()),
            }
        };
        check(at("srv/data"), Access::Read, Ok(()));
        check(at("srv/data"), Access::ReadWrite, Err("grants to no tool"));
        check(at("srv/out"), Access::ReadWrite, Ok(()));
        check(at("srv/data/link"), Access::Read, Err("grants to no tool"));
        check(at("srv/data/file"), Access::Read, Err("no directory"));
        check(at("srv/nothing"), Access::Read, Err("No such file"));
        check(own.join("work/agent"), Access::ReadWrite, Ok(()));
        assert!(own.join("work/agent").is_dir());
        symlink(at("secret"), own.join("out")).unwrap();
        check(own.join("out"), Access::Read, Err("leads out"));
        check(own.join("out/below"), Access::ReadWrite, Err("leads out"));
        assert!(!at("secret/below").exists());
    }
}
