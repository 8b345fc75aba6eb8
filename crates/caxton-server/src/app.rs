//! Everything that handlers reach, as one cheap clone.

use crate::{LiveConfig, edge::Fail, life::Life};
use caxton_deploy::Deploy;
use caxton_exchange::Exchange;
use caxton_llm::Models;
use caxton_runtime::Runtime;
use caxton_store::{Store, Workspace};
use caxton_tools::Tools;
use caxton_types::{Caller, Code};
use std::{ops::Deref, sync::Arc};
use tokio_util::task::TaskTracker;

/// The way to the services of one server: cloned for every request, several times.
#[derive(Clone)]
pub struct App(Arc<Services>);

impl Deref for App {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

/// The services of one server.
pub struct Services {
    /// Journals, queues, blobs.
    pub store: Store,
    /// Messages in and answers out.
    pub exchange: Exchange,
    /// Deployments.
    pub deploy: Deploy,
    /// Tools of every kind.
    pub tools: Tools,
    /// Model providers.
    pub models: Models,
    /// Turns.
    pub runtime: Runtime,
    /// The configuration that counts now.
    pub config: LiveConfig,
    pub(crate) life: Life,
    pub(crate) workspaces_max: usize,
    /// What goes on although nobody waits for its answer any more; it ends when the server begins to stop.
    pub(crate) upkeep: TaskTracker,
}

impl App {
    pub(crate) fn new(services: Services) -> Self {
        Self(Arc::new(services))
    }

    /// Returns when the server takes requests, or is told to stop before it does; until then it answers each with 503.
    pub async fn recovered(&self) {
        self.life.recovered().await;
    }

    /// The workspace that the caller acts in.
    pub(crate) fn workspace(&self, caller: &Caller) -> Result<Workspace, Fail> {
        self.store.existing(&caller.workspace)?.ok_or_else(|| {
            Fail::not_found(format!("workspace `{}` does not exist", caller.workspace))
                .hint("the first deployment into a workspace creates it")
        })
    }

    /// The workspace that the caller deploys into; a new one where there is room for it.
    pub(crate) fn workspace_to_deploy(&self, caller: &Caller) -> Result<Workspace, Fail> {
        Self::not_system(caller)?;
        if let Some(workspace) = self.store.existing(&caller.workspace)? {
            return Ok(workspace);
        }
        let count = self.store.workspace_names()?.into_iter().filter(|name| !name.is_system()).count();
        if count >= self.workspaces_max {
            let detail = format!("the server holds {} workspaces already, which is its bound", self.workspaces_max);
            return Err(Fail::new(Code::Exhausted, detail).hint("deploy into one that exists"));
        }
        Ok(self.store.workspace(&caller.workspace)?)
    }

    /// Refuses what only workspaces of users take.
    pub(crate) fn not_system(caller: &Caller) -> Result<(), Fail> {
        if caller.workspace.is_system() {
            return Err(Fail::new(Code::Denied, "the workspace `_system` holds facts of the server: it can be read, not used"));
        }
        Ok(())
    }
}
