//! The service: takes deliveries, drives one turn for each, at most one at a time per agent and conversation.

use crate::{Budgets, Error, begin, dispatch::Lanes, driver};
use caxton_exchange::{Deliveries, Delivery, Exchange};
use caxton_llm::Models;
use caxton_store::{AgentRow, Workspace, ids};
use caxton_tools::Tools;
use caxton_types::{AgentName, Begin, Fault as _, WorkspaceName};
use lru::LruCache;
use parking_lot::Mutex;
use std::{collections::HashMap, num::NonZeroUsize, sync::Arc, time::Duration};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};

/// Bounds of the runtime.
#[derive(Debug, Clone)]
pub struct Options {
    /// The most turns at the same time.
    pub concurrent_turns_max: usize,
    /// How long turns may go on after the server is told to stop.
    pub drain: Duration,
    /// The most agents whose parsed files are kept in memory.
    pub agents_cached_max: NonZeroUsize,
    /// What turns may cost.
    pub budgets: Budgets,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrent_turns_max: 256,
            drain: Duration::from_secs(10),
            agents_cached_max: NonZeroUsize::new(4096).unwrap_or(NonZeroUsize::MIN),
            budgets: Budgets::default(),
        }
    }
}

/// Drives turns. Cheap to clone.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    exchange: Exchange,
    models: Models,
    tools: Tools,
    options: Options,
    agents: Mutex<LruCache<(WorkspaceName, AgentName), AgentRow>>,
    /// Turns begin under the reading side, a deployment is applied under the writing side.
    deployed: Mutex<HashMap<WorkspaceName, Arc<RwLock<()>>>>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Runtime {
    /// A runtime that asks these models and calls these tools.
    pub fn new(exchange: Exchange, models: Models, tools: Tools, options: Options) -> Self {
        let agents = Mutex::new(LruCache::new(options.agents_cached_max));
        Self(Arc::new(Inner { exchange, models, tools, options, agents, deployed: Mutex::default() }))
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.0.exchange
    }

    pub(crate) fn models(&self) -> &Models {
        &self.0.models
    }

    pub(crate) fn tools(&self) -> &Tools {
        &self.0.tools
    }

    /// What turns may cost.
    pub fn budgets(&self) -> &Budgets {
        &self.0.options.budgets
    }

    /// Keeps turns of the workspace from beginning until the guard is dropped: they see a deployment whole or not at all.
    pub async fn hold(&self, workspace: &WorkspaceName) -> OwnedRwLockWriteGuard<()> {
        self.deployed(workspace).write_owned().await
    }

    fn deployed(&self, workspace: &WorkspaceName) -> Arc<RwLock<()>> {
        Arc::clone(self.0.deployed.lock().entry(workspace.clone()).or_default())
    }

    /// What a turn begins with, all of one deployment; nothing where the agent is gone.
    pub(crate) async fn gather(&self, delivery: &Delivery) -> Result<Option<(AgentRow, Begin)>, Error> {
        let deployed = self.deployed(delivery.workspace.name());
        let _one_deployment = deployed.read().await;
        let Some(agent) = self.agent(&delivery.workspace, &delivery.agent).await? else { return Ok(None) };
        let begin = begin::gather(self, delivery, &agent, ids::turn()).await?;
        Ok(Some((agent, begin)))
    }

    /// Forgets what is cached of a workspace's agents; call it while turns are held.
    pub fn reload(&self, workspace: &WorkspaceName) {
        let mut agents = self.0.agents.lock();
        let stale: Vec<_> = agents.iter().map(|(key, _)| key).filter(|(of, _)| of == workspace).cloned().collect();
        for key in stale {
            agents.pop(&key);
        }
    }

    async fn agent(&self, workspace: &Workspace, name: &AgentName) -> Result<Option<AgentRow>, Error> {
        let key = (workspace.name().clone(), name.clone());
        if let Some(row) = self.0.agents.lock().get(&key) {
            return Ok(Some(row.clone()));
        }
        let row = workspace.agent(name).await?;
        if let Some(row) = &row {
            self.0.agents.lock().put(key, row.clone());
        }
        Ok(row)
    }

    /// Drives turns until told to stop; then lets the open ones end within their time and leaves the rest to the next start.
    pub async fn run(self, mut deliveries: Deliveries, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let lanes = Arc::new(Mutex::new(Lanes::new(self.0.options.concurrent_turns_max)));
        while let Some(Some(delivery)) = stop.run_until_cancelled(deliveries.recv()).await {
            let ready = lanes.lock().arrived(delivery);
            self.start(ready, &lanes, &tasks);
        }
        tasks.close();
        if tokio::time::timeout(self.0.options.drain, tasks.wait()).await.is_err() {
            warn!(turns = tasks.len(), "stopping with open turns: they end as interrupted at the next start");
        }
    }

    /// Drives these turns, and what waits behind each of them. The one that ends starts the next: nobody has to be woken for that.
    fn start(&self, ready: Vec<Delivery>, lanes: &Arc<Mutex<Lanes>>, tasks: &TaskTracker) {
        for delivery in ready {
            let (runtime, lanes, tracked) = (self.clone(), Arc::clone(lanes), tasks.clone());
            tasks.spawn(async move {
                let lane = crate::dispatch::lane(&delivery);
                runtime.turn(delivery).await;
                let next = lanes.lock().ended(&lane);
                // What is not begun when the server stops waits in the journal's queue.
                if !tracked.is_closed() {
                    runtime.start(next, &lanes, &tracked);
                }
            });
        }
        metrics::gauge!("caxton_turns_running").set(u32::try_from(tasks.len()).unwrap_or(u32::MAX));
    }

    async fn turn(&self, delivery: Delivery) {
        let message = delivery.message.id;
        if let Err(fault) = driver::drive(self, delivery).await {
            error!(%message, error = %caxton_types::Failure::of(&fault).reason, code = %fault.code(), "turn could not be driven");
        }
    }
}
