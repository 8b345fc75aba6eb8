//! One call: a fresh instance, its limits, its end.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use caxton_types::{Metering, nearest, unit::ByteSize};
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tracing::debug;
use wasmtime::{CallHook, Store, UpdateDeadline};

use crate::{
    Attachment, Caller, Component, Denial, Error, HostCalls, Limits, Reuse,
    account::{Account, Exceeded},
    attachments::Folder,
    bindings::ToolError,
    component::Loaded,
    entry::{Entry, Live, Reply, Request},
    grant::Granted,
    host::{Copies, Host},
    sandbox::Shared,
    share::Taken,
    warm::{Instance, Left},
    wasi::Reach,
    window::Charged,
};

/// Ticks after which a call gives way for the first time, and after that.
const FIRST_SLICE: u64 = 2;
const SLICE: u64 = 1;
/// What a result takes besides its text.
const RESULT_OVERHEAD: usize = 64 << 10;

/// A variable of every tool's environment: which call this is, so that a second attempt can be told from a second call.
pub const IDEMPOTENCY_KEY: &str = "CAXTON_IDEMPOTENCY_KEY";

/// A call of a tool.
#[derive(Debug, Clone)]
pub struct Call {
    /// The tool's name in its component.
    pub tool: String,
    /// The arguments, a JSON object.
    pub arguments_json: String,
    /// Files that the tool finds in `/attachments`.
    pub attachments: Vec<Attachment>,
    /// What the call may use.
    pub limits: Limits,
    /// The same for every attempt at one call; the tool finds it in the variable [`IDEMPOTENCY_KEY`].
    pub idempotency_key: Option<String>,
    /// Whether it may be served by an instance that has served others, and leave it to others after it. Only a call
    /// without attachments is; the variable [`IDEMPOTENCY_KEY`] is not set in such an instance.
    pub reuse: Option<Reuse>,
    /// Whose window it counts to; none where nobody's.
    pub caller: Option<Caller>,
    /// Who answers what the guest asks of the host; nobody where it is granted nothing of that.
    pub host: Option<Arc<dyn HostCalls>>,
    /// When whoever calls waits no longer. It counts from before there is a slot, unlike the limit of wall time.
    pub deadline: Option<Instant>,
    /// Whether a guest waits for it that holds a slot itself: it takes what is free and waits for nobody, as two that hold a slot
    /// and wait for another would wait for ever.
    pub is_nested: bool,
}

impl Call {
    /// A call without attachments and with the default limits.
    pub fn new(tool: impl Into<String>, arguments_json: impl Into<String>) -> Self {
        Self {
            tool: tool.into(),
            arguments_json: arguments_json.into(),
            attachments: Vec::new(),
            limits: Limits::default(),
            idempotency_key: None,
            reuse: None,
            caller: None,
            host: None,
            deadline: None,
            is_nested: false,
        }
    }
}

/// What came of a call that succeeded.
#[derive(Debug, Clone)]
pub struct CallOutcome {
    /// The JSON text of an MCP `CallToolResult`, as the guest gave it.
    pub result_json: String,
    /// What it used.
    pub usage: Usage,
    /// What it tried and was not granted, the first few.
    pub denials: Vec<Denial>,
}

/// What a call used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// From having a slot to the end.
    pub wall: Duration,
    /// Of that, computing.
    pub cpu: Duration,
    /// The most linear memory it had at once.
    pub memory_peak: ByteSize,
    /// The most files that it had open at once.
    pub open_files: u32,
    /// What it wrote to disk.
    pub disk_written: ByteSize,
    /// What it printed.
    pub printed: ByteSize,
    /// Its result, as JSON; none where that was too large. What the guest hands to the host on the way there is bounded
    /// (`Limits::host_call`) and not counted: wasmtime does not tell it.
    pub result: ByteSize,
    /// Requests that it sent, and connections that it opened.
    pub requests: u32,
    /// What it sent to the network.
    pub sent: ByteSize,
    /// What it received from there.
    pub received: ByteSize,
}

impl Usage {
    /// The same as the journal holds it; what was not used at all is left out.
    pub fn metering(&self) -> Metering {
        let some = |bytes: ByteSize| (bytes.get() > 0).then_some(bytes.get());
        let number = |number: u32| (number > 0).then_some(number);
        Metering {
            wall_us: u64::try_from(self.wall.as_micros()).unwrap_or(u64::MAX),
            memory_peak: Some(self.memory_peak.get()),
            cpu_us: u64::try_from(self.cpu.as_micros()).ok(),
            disk_written: some(self.disk_written),
            open_files: number(self.open_files),
            printed: some(self.printed),
            result: some(self.result),
            requests: number(self.requests),
            sent: some(self.sent),
            received: some(self.received),
        }
    }
}

/// A call that has ended, well or not, and what it used either way.
#[derive(Debug)]
pub struct CallEnded {
    /// The JSON text of an MCP `CallToolResult`, as the guest gave it.
    pub result: Result<String, Error>,
    /// What it used.
    pub usage: Usage,
    /// What it tried and was not granted, the first few.
    pub denials: Vec<Denial>,
}

impl Call {
    /// Whether an instance may serve it that has served others; what it is given is of no use to those after it.
    fn may_be_reused(&self) -> bool {
        self.reuse.is_some() && self.attachments.is_empty()
    }
}

impl Component {
    /// Runs a tool in a fresh instance. Dropping the future ends the call and frees its slot.
    pub async fn call(&self, call: Call) -> Result<CallOutcome, Error> {
        let CallEnded { result, usage, denials } = self.perform(call).await;
        result.map(|result_json| CallOutcome { result_json, usage, denials })
    }

    /// Like [`Component::call`], and tells of a call that failed too what it used.
    pub async fn perform(&self, call: Call) -> CallEnded {
        match self.run(call).await {
            Ok(Ended { result, usage, denials, at: _ }) => CallEnded { result: result.and_then(text), usage, denials },
            Err(error) => CallEnded { result: Err(error), usage: Usage::default(), denials: vec![] },
        }
    }

    async fn run(&self, call: Call) -> Result<Ended, Error> {
        let loaded = &self.0;
        if !loaded.tools.iter().any(|tool| tool.name == call.tool) {
            return Err(self.unknown(&call.tool));
        }
        if let Some(caller) = &call.caller {
            loaded.shared.windows.admit(caller)?;
        }
        let share = match &call.caller {
            Some(caller) => Some(loaded.shared.shares.take(caller, loaded.slots, call.is_nested).await?),
            None => None,
        };
        let place = self.place(&call).await?;
        let ended = self.drive(call, place, share).await;
        loaded.shared.figures.ended(&ended.result, &ended.usage);
        loaded.shared.compiler.called(ended.at);
        Ok(ended)
    }

    /// An instance that waits, if the call may have one, or a slot for a fresh one.
    async fn place(&self, call: &Call) -> Result<Place, Error> {
        let Loaded { shared, id, resident, .. } = &*self.0;
        if call.may_be_reused() {
            let waiting = shared.warm.take(*id, &within(call.limits, shared));
            shared.figures.looked(waiting.is_some());
            if let Some((instance, slot)) = waiting {
                return Ok(Place::Waiting(instance, slot));
            }
        }
        let entry = resident.entry(shared).await?;
        let slot = if call.is_nested { shared.free_slots(entry.slots)? } else { shared.slots(entry.slots).await? };
        Ok(Place::Fresh(entry, slot))
    }

    /// Not `async` itself: what it makes of the call goes to where it runs, and has no second place in the future that waits for it.
    fn drive(&self, call: Call, place: Place, share: Option<Taken>) -> impl Future<Output = Ended> + Send + use<'_> {
        let Loaded { shared, id, resident, is_retired, .. } = &*self.0;
        let may_be_reused = call.may_be_reused();
        let Call { tool, arguments_json, attachments, limits, idempotency_key, reuse, caller, host: calls, deadline, is_nested: _ } = call;
        let kept = |reuse: Reuse| if is_retired.load(Ordering::Acquire) { 0 } else { reuse.kept };
        let reuse = reuse.filter(|_| may_be_reused).map(|reuse| Reuse { kept: kept(reuse), ..reuse });
        let request = Request::Call { tool, arguments_json, idempotency_key };
        let granted = Arc::clone(&resident.origin().granted);
        let mut run = Run::new(Arc::clone(shared), *id, place, Job { granted, limits, request, attachments, reuse, calls });
        (run.share, run.deadline) = (share, deadline);
        let charged = caller.and_then(|caller| Charged::new(caller, &run.account, shared));
        run.drive(shared, charged)
    }

    /// Starts instances that then wait for calls under these limits, having told their tools; fewer where there is no
    /// room. Returns how many wait.
    pub async fn start(&self, instances: u32, limits: Limits, reuse: Reuse) -> Result<usize, Error> {
        let Loaded { shared, id, resident, .. } = &*self.0;
        for _ in 0..instances.min(reuse.instances) {
            let entry = resident.entry(shared).await?;
            let Some(slot) = shared.slots.take_free(entry.slots) else { break };
            let granted = Arc::clone(&resident.origin().granted);
            let job = Job { granted, limits, request: Request::List, attachments: Vec::new(), reuse: Some(reuse), calls: None };
            Run::new(Arc::clone(shared), *id, Place::Fresh(entry, slot), job).drive(shared, None).await.result?;
        }
        Ok(shared.warm.count(*id))
    }

    fn unknown(&self, tool: &str) -> Error {
        let near = nearest(tool, self.0.tools.iter().map(|tool| tool.name.as_str()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Error::UnknownTool(format!("component `{}` has no tool `{tool}`{near}", self.0.name()))
    }
}

fn text(reply: Reply) -> Result<String, Error> {
    match reply {
        Reply::Called(Ok(result_json)) => Ok(result_json),
        Reply::Called(Err(ToolError::UnknownTool(text))) => Err(Error::UnknownTool(text)),
        Reply::Called(Err(ToolError::InvalidArguments(text))) => Err(Error::InvalidArguments(text)),
        Reply::Called(Err(ToolError::Failed(text))) => Err(Error::Failed(text)),
        Reply::Tools(_) => Err(Error::Failed("the tool did not answer".to_owned())),
    }
}

fn words(error: &ToolError) -> &str {
    match error {
        ToolError::UnknownTool(text) | ToolError::InvalidArguments(text) | ToolError::Failed(text) => text,
    }
}

/// A run that has ended.
pub(crate) struct Ended {
    pub(crate) result: Result<Reply, Error>,
    pub(crate) usage: Usage,
    pub(crate) denials: Vec<Denial>,
    pub(crate) at: Instant,
}

/// What an instance is for, and what it has for that.
pub(crate) struct Job {
    pub(crate) granted: Arc<Granted>,
    pub(crate) limits: Limits,
    pub(crate) request: Request,
    pub(crate) attachments: Vec<Attachment>,
    /// Whether the instance may have served others, and may serve others after.
    pub(crate) reuse: Option<Reuse>,
    /// Who answers what the guest asks of the host.
    pub(crate) calls: Option<Arc<dyn HostCalls>>,
}

/// More than a slot of the pool holds would end in a trap that names no limit.
fn within(limits: Limits, shared: &Shared) -> Limits {
    Limits { memory: limits.memory.min(shared.options.memory_max), ..limits }
}

/// Where a run takes place.
pub(crate) enum Place {
    /// In an instance that has served others.
    Waiting(Instance, OwnedSemaphorePermit),
    /// In one that is made for it.
    Fresh(Arc<Entry>, OwnedSemaphorePermit),
}

/// A run to be: everything that one instance needs, and owns until it is gone.
pub(crate) struct Run {
    pub(crate) shared: Arc<Shared>,
    component: u64,
    entry: Arc<Entry>,
    pub(crate) job: Job,
    pub(crate) account: Arc<Account>,
    /// The instance, where it has served others before, and how many.
    waiting: Mutex<Option<(Store<Host>, Live)>>,
    calls: u32,
    /// Freed last: the next one needs what this one used.
    slot: Option<OwnedSemaphorePermit>,
    /// What it has of its agent's share.
    share: Option<Taken>,
    /// When its caller waits no longer.
    pub(crate) deadline: Option<Instant>,
}

/// What a guest answered, and what it leaves to the next call.
pub(crate) struct Answered {
    reply: Reply,
    left: Option<Left>,
}

impl Run {
    pub(crate) fn new(shared: Arc<Shared>, component: u64, place: Place, job: Job) -> Self {
        let job = Job { limits: within(job.limits, &shared), ..job };
        let (entry, account, waiting, calls, slot) = match place {
            Place::Fresh(entry, slot) => (entry, Account::new(job.limits), None, 0, slot),
            Place::Waiting(Instance { mut store, live, entry, account, calls }, slot) => {
                store.data_mut().renew();
                store.set_epoch_deadline(FIRST_SLICE);
                (entry, account, Some((store, live)), calls, slot)
            }
        };
        Self { shared, component, entry, job, account, waiting: Mutex::new(waiting), calls, slot: Some(slot), share: None, deadline: None }
    }

    /// Whether it goes to a thread of its own at once.
    pub(crate) fn touches_files(&self) -> bool {
        Reach::touches_files(&self.job.granted, !self.job.attachments.is_empty())
    }

    /// Instantiates, unless that is done, and calls.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps a second place for what it takes")]
    pub(crate) fn perform(mut self) -> impl Future<Output = Result<Answered, Error>> + Send {
        async move {
            let folder = match self.job.attachments.as_slice() {
                [] => None,
                some => Some(Folder::lay_out(&self.shared.options.scratch_dir, some)?),
            };
            let (mut store, mut live) = match self.waiting.get_mut().take() {
                Some((store, live)) => (store, Some(live)),
                None => (self.store(Host::new(&self.job.granted, &self.reach(folder.as_ref()))?), None),
            };
            let host = store.data_mut();
            (host.copies, host.calls) = (self.copies(), self.job.calls.take());
            let ticking = self.shared.ticker.tick();
            let answered = self.ask(&mut store, &mut live).await;
            drop(ticking);
            store.data_mut().calls = None;
            self.account.with_output(|output| debug!(output, "the guest printed"));
            let reply = match self.account.exceeded() {
                // Whatever it answers, and however it fails: it went over its limit first.
                Some(limit) => return Err(limit.clone().into()),
                None => answered.map_err(|error| self.blame(&error, store.data()))?,
            };
            let left = live.filter(|_| is_well(&reply) && store.data().meter.refused.is_none()).and_then(|live| self.keep(store, live));
            Ok(Answered { reply, left })
        }
    }

    fn reach<'r>(&'r self, folder: Option<&'r Folder>) -> Reach<'r> {
        Reach {
            granted: &self.job.granted,
            attachments: folder.map(Folder::path),
            idempotency_key: match &self.job.request {
                // It would be the next call's too.
                Request::Call { idempotency_key, .. } if self.job.reuse.is_none() => idempotency_key.as_deref(),
                Request::Call { .. } | Request::List => None,
            },
            account: &self.account,
            options: &self.shared.options,
        }
    }

    /// Leaves the instance to the next call, if this one may; not while somebody waits for a slot.
    fn keep(mut self, store: Store<Host>, live: Live) -> Option<Left> {
        if self.job.reuse.is_none() || self.shared.slots.is_wanted() {
            return None;
        }
        let slot = self.slot.take()?;
        let is_call = matches!(self.job.request, Request::Call { .. });
        let calls = self.calls.saturating_add(u32::from(is_call));
        Some((Instance { store, live, entry: self.entry, account: self.account, calls }, slot))
    }

    fn store(&self, host: Host) -> Store<Host> {
        let mut store = Store::new(&self.shared.engine, host);
        store.limiter(|host| host);
        // For each copy its own bound, as one of these begins.
        store.call_hook(|mut store, hook| {
            let Copies { handed_max, result_max } = store.data().copies;
            match hook {
                CallHook::CallingHost => store.set_hostcall_fuel(handed_max),
                CallHook::ReturningFromWasm => store.set_hostcall_fuel(result_max),
                CallHook::CallingWasm | CallHook::ReturningFromHost => {}
            }
            Ok(())
        });
        store.set_max_component_handles(self.shared.options.handles_max as usize);
        store.set_epoch_deadline(FIRST_SLICE);
        let account = Arc::clone(&self.account);
        store.epoch_deadline_callback(move |_| {
            account.is_long.store(true, Ordering::Relaxed);
            if account.exceeded().is_some() { Err(Exceeded.into()) } else { Ok(UpdateDeadline::Yield(SLICE)) }
        });
        store
    }

    /// What may be copied out of the guest in this call.
    fn copies(&self) -> Copies {
        Copies { handed_max: self.job.limits.host_call.as_usize(), result_max: self.result_max() }
    }

    /// What its result may take of the host; a list of tools is nobody's result.
    fn result_max(&self) -> usize {
        let Limits { output, host_call, .. } = self.job.limits;
        let most = output.as_usize().saturating_add(RESULT_OVERHEAD).saturating_mul(self.entry.result_weight());
        match self.job.request {
            Request::Call { .. } => most,
            Request::List => most.max(host_call.as_usize()),
        }
    }

    async fn ask(&self, store: &mut Store<Host>, live: &mut Option<Live>) -> wasmtime::Result<Reply> {
        let live = match live {
            Some(live) => live,
            // Apart, as most of a run's size would be for it.
            None => live.insert(Box::pin(self.entry.instantiate(store)).await?),
        };
        let reply = self.entry.ask(live, store, &self.job.request).await?;
        if let Reply::Called(answer) = &reply {
            self.account.answer(answer.as_ref().map_or_else(words, String::as_str).len())?;
        }
        Ok(reply)
    }
}

/// Whether an instance that answered so is fit for another call.
fn is_well(reply: &Reply) -> bool {
    match reply {
        Reply::Tools(_) | Reply::Called(Ok(_)) => true,
        Reply::Called(Err(ToolError::UnknownTool(_) | ToolError::InvalidArguments(_))) => true,
        Reply::Called(Err(ToolError::Failed(_))) => false,
    }
}

impl Run {
    /// Runs under its limits of time, and tells what it used.
    pub(crate) fn drive(self, shared: &Shared, charged: Option<Charged>) -> impl Future<Output = Ended> + Send + use<'_> {
        let (begun, account) = (Instant::now(), Arc::clone(&self.account));
        let (reuse, component) = (self.job.reuse, self.component);
        let driven = crate::drive::drive(self, begun);
        async move {
            let (answer, ended) = driven.await;
            let (result, left) = match answer {
                Ok(Answered { reply, left }) => (Ok(reply), left),
                Err(error) => (Err(error), None),
            };
            let usage = account.usage(ended.saturating_duration_since(begun));
            let denials = account.take_denials();
            drop(charged);
            // Only now, when all that this call used is read: the next one counts in the same account.
            if let (Some(reuse), Some(left)) = (reuse, left) {
                shared.warm.give(component, left, reuse, ended);
            }
            Ended { result, usage, denials, at: ended }
        }
    }
}
