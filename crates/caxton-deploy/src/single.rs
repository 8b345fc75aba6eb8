//! One agent at a time: the same path, with the rest of the workspace as it is.

use crate::{Deploy, Deployment, Error, Manifest, ManifestFile, apply};
use caxton_config::workspace::load;
use caxton_store::Workspace;
use caxton_types::{Action, AgentName, Caller};

impl Deploy {
    /// Deploys this text as the file of the agent `name`, new or in place of what there is.
    pub async fn put_agent(&self, caller: &Caller, name: &AgentName, toml: &str) -> Result<Deployment, Error> {
        caller.require(Action::Deploy)?;
        let workspace = self.0.store.workspace(&caller.workspace)?;
        let lock = self.lock(workspace.name());
        let _one_at_a_time = lock.lock().await;
        let mut files = apply::deployed(&workspace).await?;
        let path = path_of(&workspace, &files, name).await?.unwrap_or_else(|| format!("agents/{name}.toml").into());
        let digest = workspace.put_blob(toml.as_bytes().to_vec().into()).await?;
        files.retain(|file| file.path != path);
        files.push(ManifestFile { path: path.clone(), digest, size: toml.len() as u64 });
        let loaded = load(&apply::read(&workspace, &files).await?)?;
        match loaded.agents.into_iter().find(|agent| agent.path == path) {
            Some(agent) if agent.spec.name != *name => Err(Error::AgentNamedOtherwise { expected: name.clone(), found: agent.spec.name }),
            _ => self.apply_files(caller, &workspace, files).await,
        }
    }

    /// Removes the agent `name` with the files that are its own.
    pub async fn remove_agent(&self, caller: &Caller, name: &AgentName) -> Result<Deployment, Error> {
        caller.require(Action::Deploy)?;
        let workspace = self.0.store.workspace(&caller.workspace)?;
        let lock = self.lock(workspace.name());
        let _one_at_a_time = lock.lock().await;
        let mut files = apply::deployed(&workspace).await?;
        let path = path_of(&workspace, &files, name).await?.ok_or_else(|| Error::AgentUnknown(name.clone()))?;
        match path.strip_suffix("agent.toml") {
            Some(dir) if !dir.is_empty() => files.retain(|file| !file.path.starts_with(dir)),
            _ => files.retain(|file| file.path != path),
        }
        self.apply_files(caller, &workspace, files).await
    }

    /// Their sizes are as they were recorded: nobody says them now.
    async fn apply_files(&self, caller: &Caller, workspace: &Workspace, files: Vec<ManifestFile>) -> Result<Deployment, Error> {
        let manifest = Manifest { files, git: None };
        let lengths = apply::lengths(workspace, &manifest).await?;
        self.apply_locked(caller, workspace, manifest, &lengths).await
    }
}

/// The file that defines the agent, if one does.
async fn path_of(workspace: &Workspace, files: &[ManifestFile], name: &AgentName) -> Result<Option<Box<str>>, Error> {
    let loaded = load(&apply::read(workspace, files).await?)?;
    Ok(loaded.agents.into_iter().find(|agent| agent.spec.name == *name).map(|agent| agent.path))
}
