//! One call: a fresh instance, its limits, its end.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use caxton_types::{Metering, error::ResourceError, nearest, unit::ByteSize};
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tracing::debug;
use wasmtime::{Store, UpdateDeadline};

use crate::{
    Attachment, Caller, Component, Denial, Error, HostCalls, Limits, Reuse,
    account::{Account, Exceeded},
    attachments::Folder,
    bindings::ToolError,
    component::Loaded,
    entry::{Entry, Live, Reply, Request},
    grant::Granted,
    host::Host,
    sandbox::Shared,
    share::Taken,
    warm::Instance,
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

impl Component {
    /// Runs a tool in a fresh instance. Dropping the future ends the call and frees its slot.
    pub async fn call(&self, call: Call) -> Result<CallOutcome, Error> {
        let CallEnded { result, usage, denials } = self.perform(call).await;
        result.map(|result_json| CallOutcome { result_json, usage, denials })
    }

    /// Like [`Component::call`], and tells of a call that failed too what it used.
    pub async fn perform(&self, call: Call) -> CallEnded {
        match self.run(call).await {
            Ok(Ended { result, usage, denials }) => CallEnded { result: result.and_then(text), usage, denials },
            Err(error) => CallEnded { result: Err(error), usage: Usage::default(), denials: vec![] },
        }
    }

    async fn run(&self, call: Call) -> Result<Ended, Error> {
        let loaded = &self.0;
        if !loaded.tools.iter().any(|tool| tool.name == call.tool) {
            return Err(self.unknown(&call.tool));
        }
        let Call { tool, arguments_json, attachments, limits, idempotency_key, reuse, caller, host: calls, is_nested } = call;
        if let Some(caller) = &caller {
            loaded.shared.windows.admit(caller)?;
        }
        let kept = |reuse: Reuse| if loaded.is_retired.load(Ordering::Acquire) { 0 } else { reuse.kept };
        let reuse = reuse.filter(|_| attachments.is_empty()).map(|reuse| Reuse { kept: kept(reuse), ..reuse });
        let request = Request::Call { tool, arguments_json, idempotency_key };
        let granted = Arc::clone(&loaded.resident.origin().granted);
        let share = match &caller {
            Some(caller) => Some(loaded.shared.shares.take(caller, loaded.slots, is_nested).await?),
            None => None,
        };
        let mut run = self.prepare(Job { granted, limits, request, attachments, reuse, calls }, is_nested).await?;
        run.share = share;
        let charged = caller.map(|caller| Charged::new(caller, &run.account, &loaded.shared));
        let ended = run.drive(charged).await;
        ended.record();
        Ok(ended)
    }

    /// Takes an instance that waits, if the job may have one, or a slot for a fresh one.
    async fn prepare(&self, job: Job, is_nested: bool) -> Result<Run, Error> {
        let loaded = &self.0;
        let Loaded { shared, id, resident, .. } = &**loaded;
        if job.reuse.is_some() {
            let waiting = shared.warm.take(*id, &job.limits_within(shared));
            metrics::counter!("caxton_sandbox_reuse_total", "found" => if waiting.is_some() { "waiting" } else { "none" }).increment(1);
            if let Some((instance, slot)) = waiting {
                return Ok(Run::again(Arc::clone(shared), *id, instance, job, slot));
            }
        }
        let entry = resident.entry(shared).await?;
        let slot = if is_nested { shared.free_slots(entry.slots)? } else { shared.slots(entry.slots).await? };
        Ok(Run::new(Arc::clone(shared), *id, entry, job, slot))
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
            Run::new(Arc::clone(shared), *id, entry, job, slot).drive(None).await.result?;
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

/// A run that has ended.
pub(crate) struct Ended {
    pub(crate) result: Result<Reply, Error>,
    pub(crate) usage: Usage,
    pub(crate) denials: Vec<Denial>,
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

impl Job {
    /// More than a slot of the pool holds would end in a trap that names no limit.
    fn limits_within(&self, shared: &Shared) -> Limits {
        Limits { memory: self.limits.memory.min(shared.options.memory_max), ..self.limits }
    }
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
    /// Where it leaves the instance, if others may have it.
    kept: Option<Arc<Kept>>,
    /// Freed last: the next one needs what this one used.
    slot: Option<OwnedSemaphorePermit>,
    /// What it has of its agent's share.
    share: Option<Taken>,
}

/// An instance that waits for its call to be accounted for.
type Kept = Mutex<Option<(Instance, OwnedSemaphorePermit)>>;

impl Run {
    pub(crate) fn new(shared: Arc<Shared>, component: u64, entry: Arc<Entry>, mut job: Job, slot: OwnedSemaphorePermit) -> Self {
        job.limits = job.limits_within(&shared);
        let account = Account::new(job.limits);
        Self { shared, component, entry, job, account, waiting: Mutex::default(), calls: 0, kept: None, slot: Some(slot), share: None }
    }

    /// Another call of an instance.
    fn again(shared: Arc<Shared>, component: u64, instance: Instance, mut job: Job, slot: OwnedSemaphorePermit) -> Self {
        job.limits = job.limits_within(&shared);
        let Instance { mut store, live, entry, account, calls } = instance;
        store.data_mut().renew();
        store.set_epoch_deadline(FIRST_SLICE);
        Self {
            shared,
            component,
            entry,
            job,
            account,
            waiting: Mutex::new(Some((store, live))),
            calls,
            kept: None,
            slot: Some(slot),
            share: None,
        }
    }

    /// Whether it goes to a thread of its own at once.
    pub(crate) fn touches_files(&self) -> bool {
        Reach::touches_files(&self.job.granted, !self.job.attachments.is_empty())
    }

    /// Instantiates, unless that is done, and calls.
    pub(crate) async fn run(mut self) -> Result<Reply, Error> {
        let folder = match self.job.attachments.as_slice() {
            [] => None,
            some => Some(Folder::lay_out(&self.shared.options.scratch_dir, some)?),
        };
        let _ticking = self.shared.ticker.tick();
        let reach = Reach {
            granted: &self.job.granted,
            attachments: folder.as_ref().map(Folder::path),
            idempotency_key: match &self.job.request {
                // It would be the next call's too.
                Request::Call { idempotency_key, .. } if self.job.reuse.is_none() => idempotency_key.as_deref(),
                Request::Call { .. } | Request::List => None,
            },
            account: &self.account,
            options: &self.shared.options,
        };
        let (mut store, mut live) = match self.waiting.get_mut().take() {
            Some((store, live)) => (store, Some(live)),
            None => (self.store(Host::new(&self.job.granted, &reach)?), None),
        };
        store.data_mut().calls = self.job.calls.take();
        let answered = self.ask(&mut store, &mut live).await;
        store.data_mut().calls = None;
        self.account.with_output(|output| debug!(output, "the guest printed"));
        let answer = match self.account.exceeded() {
            // Whatever it answers, and however it fails: it went over its limit first.
            Some(limit) => Err(limit.clone().into()),
            None => answered.map_err(|error| self.blame(&error, store.data())),
        };
        if let (true, Some(live)) = (is_well(&answer) && store.data().meter.refused.is_none(), live) {
            self.keep(store, live);
        }
        answer
    }

    /// Keeps the instance for the next call, if this one may; not while somebody waits for a slot.
    fn keep(mut self, store: Store<Host>, live: Live) {
        let Some(kept) = self.kept.take().filter(|_| !self.shared.slots.is_wanted()) else { return };
        let Some(slot) = self.slot.take() else { return };
        let is_call = matches!(self.job.request, Request::Call { .. });
        let calls = self.calls.saturating_add(u32::from(is_call));
        let instance = Instance { store, live, entry: self.entry, account: self.account, calls };
        *kept.lock() = Some((instance, slot));
    }

    fn store(&self, host: Host) -> Store<Host> {
        let mut store = Store::new(&self.shared.engine, host);
        store.limiter(|host| host);
        store.set_hostcall_fuel(self.handed_max());
        store.set_max_component_handles(self.shared.options.handles_max as usize);
        store.set_epoch_deadline(FIRST_SLICE);
        let account = Arc::clone(&self.account);
        store.epoch_deadline_callback(move |_| {
            account.is_long.store(true, Ordering::Relaxed);
            if account.exceeded().is_some() { Err(Exceeded.into()) } else { Ok(UpdateDeadline::Yield(SLICE)) }
        });
        store
    }

    /// What it may hand to the host at once; a result that it may give is no more than that.
    fn handed_max(&self) -> usize {
        self.job.limits.host_call.as_usize().max(self.result_max())
    }

    pub(crate) fn result_max(&self) -> usize {
        self.job.limits.output.as_usize().saturating_add(RESULT_OVERHEAD).saturating_mul(self.entry.hostcall_weight())
    }

    async fn ask(&self, store: &mut Store<Host>, live: &mut Option<Live>) -> wasmtime::Result<Reply> {
        let live = match live {
            Some(live) => live,
            None => live.insert(self.entry.instantiate(store).await?),
        };
        let reply = self.entry.ask(live, store, &self.job.request).await?;
        let limit = self.job.limits.output;
        if let Reply::Called(Ok(text)) = &reply
            && text.len() > limit.as_usize()
        {
            return Err(self.account.exceed(ResourceError::OutputLimitExceeded { limit }).into());
        }
        Ok(reply)
    }
}

/// Whether an instance that ended so is fit for another call.
fn is_well(answer: &Result<Reply, Error>) -> bool {
    match answer {
        Ok(Reply::Tools(_) | Reply::Called(Ok(_))) => true,
        Ok(Reply::Called(Err(ToolError::UnknownTool(_) | ToolError::InvalidArguments(_)))) => true,
        Ok(Reply::Called(Err(ToolError::Failed(_)))) | Err(_) => false,
    }
}

impl Ended {
    fn record(&self) {
        let outcome = match &self.result {
            Ok(Reply::Called(Err(_))) => "refused",
            Ok(_) => "ok",
            Err(Error::Limit(_)) => "limit",
            Err(Error::Trap(_)) => "trap",
            Err(_) => "error",
        };
        metrics::counter!("caxton_sandbox_calls_total", "outcome" => outcome).increment(1);
        metrics::histogram!("caxton_sandbox_call_seconds").record(self.usage.wall.as_secs_f64());
        metrics::histogram!("caxton_sandbox_cpu_seconds").record(self.usage.cpu.as_secs_f64());
    }
}

impl Run {
    /// Runs under its limits of time, and tells what it used.
    pub(crate) async fn drive(mut self, charged: Option<Charged>) -> Ended {
        let (begun, account) = (Instant::now(), Arc::clone(&self.account));
        let kept = self.job.reuse.map(|reuse| (Arc::new(Kept::default()), reuse, Arc::clone(&self.shared), self.component));
        self.kept = kept.as_ref().map(|(kept, ..)| Arc::clone(kept));
        let result = crate::drive::drive(self).await;
        let ended = Ended { result, usage: account.usage(begun.elapsed()), denials: account.take_denials() };
        drop(charged);
        // Only now, when all that this call used is read: the next one counts in the same account.
        if let Some((kept, reuse, shared, component)) = kept
            && let Some((instance, slot)) = kept.lock().take()
        {
            shared.warm.give(component, instance, slot, reuse);
        }
        ended
    }
}
