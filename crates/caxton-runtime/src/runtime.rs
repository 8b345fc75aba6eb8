//! The service: takes deliveries, drives one turn for each, at most one at a time per agent and conversation.

use crate::{
    Budgets, Error,
    begin::{self, Cast},
    dispatch::{Lane, Lanes, Resume, Work},
    driver::{self, Driven},
    live::Live,
};
use caxton_exchange::{Deliveries, Delivery, Exchange};
use caxton_llm::Models;
use caxton_store::{Workspace, ids, now};
use caxton_tools::Tools;
use caxton_types::{AgentName, Begin, Digest, Failure, Fault as _, Message, Party, Pinned, TurnId, WorkspaceName, unit::Period};
use lru::LruCache;
use parking_lot::Mutex;
use std::{collections::HashMap, num::NonZeroUsize, sync::Arc, time::Duration};
use tokio::sync::{Notify, OwnedRwLockWriteGuard, RwLock, mpsc};
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
    /// How long a person may take to decide about a call, a second attempt, a failover or what an MCP server asks.
    pub approval_within: Period,
    /// What turns may cost.
    pub budgets: Budgets,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrent_turns_max: 256,
            drain: Duration::from_secs(10),
            agents_cached_max: NonZeroUsize::new(4096).unwrap_or(NonZeroUsize::MIN),
            approval_within: Period::from_secs(86_400),
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
    agents: Mutex<LruCache<(WorkspaceName, AgentName), Known>>,
    /// Agents of open turns, by the digests of spec and tools.
    pinned: Mutex<LruCache<(Digest, Digest), Arc<Cast>>>,
    live: Live,
    /// The server is told to stop: who only waits for a person goes at once.
    stopping: CancellationToken,
    /// The time that open turns had after that is over.
    halted: CancellationToken,
    /// Calls outside of turns, until they are recorded.
    direct: TaskTracker,
    /// Open turns that may go on; bounded by the turns that are open.
    resumes: mpsc::UnboundedSender<Resume>,
    resumed: Mutex<Option<mpsc::UnboundedReceiver<Resume>>>,
    /// Workspaces whose waits are watched, and when to look at them anew.
    watched: Mutex<Vec<Workspace>>,
    waits_changed: Notify,
    /// Turns begin under the reading side, a deployment is applied under the writing side.
    deployed: Mutex<HashMap<WorkspaceName, Arc<RwLock<()>>>>,
}

/// An agent as it is deployed, with the tools that it may call.
struct Known {
    cast: Arc<Cast>,
    /// Which tools of others there were: where that has changed, it is made anew.
    generation: u64,
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
        let pinned = Mutex::new(LruCache::new(options.agents_cached_max));
        let (resumes, receiver) = mpsc::unbounded_channel();
        Self(Arc::new(Inner {
            exchange,
            models,
            tools,
            options,
            agents,
            pinned,
            live: Live::default(),
            stopping: CancellationToken::new(),
            halted: CancellationToken::new(),
            direct: TaskTracker::new(),
            resumes,
            resumed: Mutex::new(Some(receiver)),
            watched: Mutex::default(),
            waits_changed: Notify::new(),
            deployed: Mutex::default(),
        }))
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

    pub(crate) fn approval_within(&self) -> Period {
        self.0.options.approval_within
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

    pub(crate) fn direct(&self) -> &TaskTracker {
        &self.0.direct
    }

    /// Cancelled when the server is told to stop.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(crate) fn pinned(&self, key: &(Digest, Digest)) -> Option<Arc<Cast>> {
        self.0.pinned.lock().get(key).cloned()
    }

    pub(crate) fn pin(&self, key: (Digest, Digest), cast: &Arc<Cast>) {
        self.0.pinned.lock().put(key, Arc::clone(cast));
    }

    /// What a turn begins with, all of one deployment; nothing where the agent is gone.
    pub(crate) async fn gather(&self, delivery: &Delivery) -> Result<Option<(Arc<Cast>, Begin, Pinned)>, Error> {
        let deployed = self.deployed(delivery.workspace.name());
        let _one_deployment = deployed.read().await;
        let Some(cast) = self.cast(&delivery.workspace, &delivery.agent).await? else { return Ok(None) };
        let (begin, pinned) = begin::gather(delivery, &cast, ids::turn()).await?;
        Ok(Some((cast, begin, pinned)))
    }

    /// Forgets what is cached of a workspace's agents; call it while turns are held.
    pub fn reload(&self, workspace: &WorkspaceName) {
        let mut agents = self.0.agents.lock();
        let stale: Vec<_> = agents.iter().map(|(key, _)| key).filter(|(of, _)| of == workspace).cloned().collect();
        for key in stale {
            agents.pop(&key);
        }
    }

    pub(crate) async fn cast(&self, workspace: &Workspace, name: &AgentName) -> Result<Option<Arc<Cast>>, Error> {
        let key = (workspace.name().clone(), name.clone());
        let generation = self.tools().generation();
        if let Some(known) = self.0.agents.lock().get(&key).filter(|known| known.generation == generation) {
            return Ok(Some(Arc::clone(&known.cast)));
        }
        let Some(row) = workspace.agent(name).await? else { return Ok(None) };
        let cast = Arc::new(Cast::new(&row, workspace.name(), self.tools()));
        self.0.agents.lock().put(key, Known { cast: Arc::clone(&cast), generation });
        Ok(Some(cast))
    }

    /// Something came that an open turn may wait for: it looks, now or as soon as there is room for it.
    pub(crate) fn wake(&self, resume: Resume, cancel: Option<Failure>) {
        if !self.live().ring(resume.turn, cancel) {
            // Where nobody takes them any more the server is stopping: the next start takes up every open turn.
            let _ = self.0.resumes.send(resume);
        }
    }

    /// Tells everybody who waits for the answer that it is in the journal.
    pub(crate) async fn answered(&self, workspace: &Workspace, question: &Message, answer: &Arc<Message>) {
        self.exchange().answered(question.id, answer);
        if matches!(question.sender, Party::Client(_)) {
            return;
        }
        match workspace.wait_for_reply(question.id).await {
            Ok(Some((turn, _))) => self.wake_turn(workspace, turn).await,
            Ok(None) => {}
            Err(fault) => warn!(error = %fault, "the turn that waits for an answer could not be found; it looks when its time is over"),
        }
    }

    async fn wake_turn(&self, workspace: &Workspace, turn: TurnId) {
        if self.live().ring(turn, None) {
            return;
        }
        match workspace.turn(turn).await {
            Ok(Some(row)) => {
                let resume = Resume { workspace: workspace.clone(), turn, agent: row.agent, conversation: row.conversation, opens: false };
                self.wake(resume, None);
            }
            Ok(None) => {}
            Err(fault) => warn!(error = %fault, %turn, "an open turn could not be taken up"),
        }
    }

    /// Watches the waits of a workspace from now on.
    pub(crate) fn watch(&self, workspace: &Workspace) {
        let mut watched = self.0.watched.lock();
        if !watched.iter().any(|known| known.name() == workspace.name()) {
            watched.push(workspace.clone());
        }
    }

    /// A turn was suspended: what it waits for may be due before anything else.
    pub(crate) fn waits_changed(&self, workspace: &Workspace) {
        self.watch(workspace);
        self.0.waits_changed.notify_one();
    }

    /// Wakes the turns whose waiting is over, one moment after the other.
    async fn keep_time(&self) {
        loop {
            let watched = self.0.watched.lock().clone();
            let mut nap = NAP_MAX;
            for workspace in &watched {
                match self.ring_due(workspace).await {
                    Ok(next) => nap = nap.min(next),
                    Err(fault) => warn!(workspace = %workspace.name(), error = %fault, "what waits for time could not be read"),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                () = self.0.waits_changed.notified() => {}
            }
        }
    }

    /// Wakes what is due; returns how long nothing more will be.
    async fn ring_due(&self, workspace: &Workspace) -> Result<Duration, Error> {
        let due = workspace.waits_due(now(), DUE_AT_ONCE).await?;
        for wait in &due {
            self.wake_turn(workspace, wait.turn).await;
        }
        let next = workspace.next_due().await?.map_or(NAP_MAX, |due| due.since(now()));
        // What was rung for stays due until its turn has had a slot.
        Ok(next.max(if due.is_empty() { NAP_MIN } else { NAP_RUNG }))
    }

    /// Drives turns until told to stop; then lets the open ones end within their time and leaves the rest to the next start.
    pub async fn run(self, mut deliveries: Deliveries, stop: CancellationToken) {
        let Some(mut resumes) = self.0.resumed.lock().take() else {
            error!("turns are driven already");
            return;
        };
        let tasks = TaskTracker::new();
        let lanes = Arc::new(Mutex::new(Lanes::new(self.0.options.concurrent_turns_max)));
        let time = self.keep_time();
        tokio::pin!(time);
        loop {
            let ready = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(resume) = resumes.recv() => {
                    let opens = resume.opens;
                    let work = Work::Resume(Box::new(resume));
                    if opens { lanes.lock().add(work.lane(), work) } else { lanes.lock().resume(work.lane(), work) }
                }
                () = &mut time => break,
                delivery = deliveries.recv() => match delivery {
                    Some(delivery) => {
                        let work = Work::Begin(delivery);
                        lanes.lock().add(work.lane(), work)
                    }
                    None => break,
                },
            };
            self.start(ready, &lanes, &tasks);
        }
        self.0.stopping.cancel();
        tasks.close();
        self.0.direct.close();
        let ended = async { tokio::join!(tasks.wait(), self.0.direct.wait()) };
        if tokio::time::timeout(self.0.options.drain, ended).await.is_err() {
            warn!(turns = tasks.len(), "stopping with open turns: the next start goes on with them");
            // From here on they record nothing: what fails because the server stops is no outcome of theirs.
            self.0.halted.cancel();
            tasks.wait().await;
        }
    }

    /// Drives these turns, and what waits behind each of them. The one that ends starts the next: nobody has to be woken for that.
    fn start(&self, ready: Vec<(Lane, Work)>, lanes: &Arc<Mutex<Lanes>>, tasks: &TaskTracker) {
        for (lane, work) in ready {
            let (runtime, lanes, tracked) = (self.clone(), Arc::clone(lanes), tasks.clone());
            tasks.spawn(async move {
                let driven = runtime.0.halted.run_until_cancelled(Box::pin(runtime.turn(work))).await;
                let next = match driven.unwrap_or(Driven::Suspended) {
                    Driven::Ended => lanes.lock().ended(lane),
                    Driven::Suspended => lanes.lock().suspended(lane),
                };
                // What is not begun when the server stops waits in the journal's queue.
                if !tracked.is_closed() {
                    runtime.start(next, &lanes, &tracked);
                }
            });
        }
        metrics::gauge!("caxton_turns_running").set(u32::try_from(tasks.len()).unwrap_or(u32::MAX));
    }

    async fn turn(&self, work: Work) -> Driven {
        let (driven, what) = match work {
            Work::Begin(delivery) => {
                let what = delivery.message.id.to_string();
                (driver::drive(self, delivery).await, what)
            }
            Work::Resume(resume) => (driver::resume(self, &resume).await, resume.turn.to_string()),
        };
        driven.unwrap_or_else(|fault| {
            error!(%what, error = %Failure::of(&fault).reason, code = %fault.code(), "turn could not be driven");
            Driven::Ended
        })
    }
}

/// The longest time between two looks at what is due.
const NAP_MAX: Duration = Duration::from_mins(1);
/// The shortest, and the shortest after somebody was woken.
const NAP_MIN: Duration = Duration::from_millis(1);
const NAP_RUNG: Duration = Duration::from_millis(20);
/// How many due waits are read at once.
const DUE_AT_ONCE: u32 = 1000;
