//! One call: a fresh instance, its limits, its end.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use caxton_types::{Metering, error::ResourceError, nearest, unit::ByteSize};
use tokio::sync::OwnedSemaphorePermit;
use tracing::debug;
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::I32Exit;

use crate::{
    Attachment, Component, Denial, Error, Limits,
    account::{Account, Exceeded},
    attachments::Folder,
    bindings::ToolError,
    entry::{Entry, Reply, Request},
    grant::Granted,
    host::Host,
    sandbox::Shared,
    wasi::Reach,
};

/// Ticks after which a call gives way for the first time, and after that.
const FIRST_SLICE: u64 = 2;
const SLICE: u64 = 1;
/// What a result takes besides its text.
const RESULT_OVERHEAD: usize = 64 << 10;
/// Handles between a component's own parts.
const HANDLES_MAX: usize = 1000;

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
        let slot = loaded.shared.slots.take().await?;
        let Call { tool, arguments_json, attachments, limits, idempotency_key } = call;
        let request = Request::Call { tool, arguments_json, idempotency_key };
        let job = Job { granted: Arc::clone(&loaded.granted), limits, request, attachments };
        let ended = Run::new(Arc::clone(&loaded.shared), Arc::clone(&loaded.entry), job, slot).drive().await;
        ended.record();
        Ok(ended)
    }

    fn unknown(&self, tool: &str) -> Error {
        let near = nearest(tool, self.0.tools.iter().map(|tool| tool.name.as_str()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Error::UnknownTool(format!("component `{}` has no tool `{tool}`{near}", self.0.name))
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
}

/// A run to be: everything that one instance needs, and owns until it is gone.
pub(crate) struct Run {
    pub(crate) shared: Arc<Shared>,
    entry: Arc<Entry>,
    pub(crate) job: Job,
    pub(crate) account: Arc<Account>,
    /// Freed last: the next one needs what this one used.
    _slot: OwnedSemaphorePermit,
}

impl Run {
    pub(crate) fn new(shared: Arc<Shared>, entry: Arc<Entry>, mut job: Job, slot: OwnedSemaphorePermit) -> Self {
        // More than a slot of the pool holds would end in a trap that names no limit.
        job.limits.memory = job.limits.memory.min(shared.options.memory_max);
        let account = Account::new(job.limits);
        Self { shared, entry, job, account, _slot: slot }
    }

    /// Whether it goes to a thread of its own at once.
    pub(crate) fn touches_files(&self) -> bool {
        Reach::touches_files(&self.job.granted, !self.job.attachments.is_empty())
    }

    /// Instantiates and calls.
    pub(crate) async fn run(self) -> Result<Reply, Error> {
        let folder = match self.job.attachments.as_slice() {
            [] => None,
            some => Some(Folder::lay_out(&self.shared.options.scratch_dir, some)?),
        };
        let _ticking = self.shared.ticker.tick();
        let reach = Reach {
            granted: &self.job.granted,
            attachments: folder.as_ref().map(Folder::path),
            idempotency_key: match &self.job.request {
                Request::Call { idempotency_key, .. } => idempotency_key.as_deref(),
                Request::List => None,
            },
            account: &self.account,
            options: &self.shared.options,
        };
        let mut store = self.store(Host::new(&self.job.granted, &reach)?);
        let answered = self.ask(&mut store).await;
        self.account.with_output(|output| debug!(output, "the guest printed"));
        match self.account.exceeded() {
            // Whatever it answers, and however it fails: it went over its limit first.
            Some(limit) => Err(limit.clone().into()),
            None => answered.map_err(|error| self.classify(&error, store.data().meter.refused)),
        }
    }

    fn store(&self, host: Host) -> Store<Host> {
        let mut store = Store::new(&self.shared.engine, host);
        store.limiter(|host| host);
        store.set_hostcall_fuel(self.handed_max());
        store.set_max_component_handles(HANDLES_MAX);
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
        let Limits { host_call, output, .. } = &self.job.limits;
        let result = output.as_usize().saturating_add(RESULT_OVERHEAD).saturating_mul(self.entry.hostcall_weight());
        host_call.as_usize().max(result)
    }

    async fn ask(&self, store: &mut Store<Host>) -> wasmtime::Result<Reply> {
        let live = self.entry.instantiate(store).await?;
        let reply = self.entry.ask(&live, store, &self.job.request).await?;
        let limit = self.job.limits.output;
        if let Reply::Called(Ok(text)) = &reply
            && text.len() > limit.as_usize()
        {
            return Err(self.account.exceed(ResourceError::OutputLimitExceeded { limit }).into());
        }
        Ok(reply)
    }

    fn classify(&self, error: &wasmtime::Error, memory_refused: bool) -> Error {
        if memory_refused {
            return ResourceError::MemoryLimitExceeded { limit: self.job.limits.memory }.into();
        }
        // wasmtime has no type of its own for this one.
        let is_too_much = |text: &str| text.contains("fuel allocated for hostcalls");
        if error.chain().any(|cause| is_too_much(&cause.to_string())) {
            return ResourceError::HostCallLimitExceeded { limit: ByteSize::new(self.handed_max() as u64) }.into();
        }
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return Error::Trap(format!("it exited with status {}", exit.0));
        }
        match error.downcast_ref::<Trap>() {
            Some(trap) => Error::Trap(trap.to_string()),
            None => Error::Trap(error.root_cause().to_string()),
        }
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
    pub(crate) async fn drive(self) -> Ended {
        let (begun, account) = (Instant::now(), Arc::clone(&self.account));
        let result = crate::drive::drive(self).await;
        Ended { result, usage: account.usage(begun.elapsed()), denials: account.take_denials() }
    }
}
