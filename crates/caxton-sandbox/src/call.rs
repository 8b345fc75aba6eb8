//! One call: a fresh instance, its limits, its end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use caxton_types::{error::ResourceError, nearest, unit::ByteSize};
use tokio::sync::OwnedSemaphorePermit;
use tracing::debug;
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::I32Exit;

use crate::{
    Attachment, Component, Error, Limits,
    attachments::Folder,
    bindings::ToolError,
    entry::{Entry, Reply, Request},
    host::{Host, Meter, Output},
    sandbox::Shared,
};

/// Ticks after which a call gives way for the first time, and after that.
const FIRST_SLICE: u64 = 2;
const SLICE: u64 = 1;
/// What a guest may hand to the host in one go besides its result.
const HOSTCALL_FUEL_MIN: usize = 64 << 10;
/// Handles between a component's own parts.
const HANDLES_MAX: usize = 1000;

/// The one variable of a tool's environment: which call this is, so that a second attempt can be told from a second call.
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
}

impl Component {
    /// Runs a tool in a fresh instance. Dropping the future ends the call and frees its slot.
    pub async fn call(&self, call: Call) -> Result<CallOutcome, Error> {
        let loaded = &self.0;
        if !loaded.tools.iter().any(|tool| tool.name == call.tool) {
            return Err(self.unknown(&call.tool));
        }
        let slot = loaded.shared.slots.take().await?;
        let Call { tool, arguments_json, attachments, limits, idempotency_key } = call;
        let request = Request::Call { tool, arguments_json, idempotency_key };
        let ended = Run::new(Arc::clone(&loaded.shared), Arc::clone(&loaded.entry), limits, request, attachments, slot).drive().await;
        ended.record();
        let result_json = match ended.result? {
            Reply::Called(Ok(result_json)) => result_json,
            Reply::Called(Err(ToolError::UnknownTool(text))) => return Err(Error::UnknownTool(text)),
            Reply::Called(Err(ToolError::InvalidArguments(text))) => return Err(Error::InvalidArguments(text)),
            Reply::Called(Err(ToolError::Failed(text))) => return Err(Error::Failed(text)),
            Reply::Tools(_) => return Err(Error::Failed("the tool did not answer".to_owned())),
        };
        Ok(CallOutcome { result_json, usage: ended.usage })
    }

    fn unknown(&self, tool: &str) -> Error {
        let near = nearest(tool, self.0.tools.iter().map(|tool| tool.name.as_str()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Error::UnknownTool(format!("component `{}` has no tool `{tool}`{near}", self.0.name))
    }
}

/// A run that has ended.
pub(crate) struct Ended {
    pub(crate) result: Result<Reply, Error>,
    pub(crate) usage: Usage,
}

/// A run to be: everything that one instance needs, and owns until it is gone.
pub(crate) struct Run {
    pub(crate) shared: Arc<Shared>,
    entry: Arc<Entry>,
    pub(crate) limits: Limits,
    request: Request,
    pub(crate) attachments: Vec<Attachment>,
    /// Set when the guest has used up its first slice of time.
    pub(crate) is_long: Arc<AtomicBool>,
    /// Freed last: the next one needs what this one used.
    _slot: OwnedSemaphorePermit,
}

impl Run {
    pub(crate) fn new(
        shared: Arc<Shared>,
        entry: Arc<Entry>,
        limits: Limits,
        request: Request,
        attachments: Vec<Attachment>,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        // More than a slot of the pool holds would end in a trap that names no limit.
        let limits = Limits { memory: limits.memory.min(shared.options.memory_max), ..limits };
        Self { shared, entry, limits, request, attachments, is_long: Arc::new(AtomicBool::new(false)), _slot: slot }
    }

    /// Instantiates and calls; returns the answer and the memory it took.
    pub(crate) async fn run(self) -> (Result<Reply, Error>, usize) {
        let folder = match self.attachments.as_slice() {
            [] => None,
            some => match Folder::lay_out(&self.shared.options.scratch_dir, some) {
                Ok(folder) => Some(folder),
                Err(error) => return (Err(error), 0),
            },
        };
        let _ticking = self.shared.ticker.tick();
        let output = Output::default();
        let memory_max = self.limits.memory.as_usize();
        let key = if let Request::Call { idempotency_key, .. } = &self.request { idempotency_key.as_deref() } else { None };
        let host = match Host::new(memory_max, folder.as_ref().map(Folder::path), key, output.clone()) {
            Ok(host) => host,
            Err(error) => return (Err(Error::Engine(format!("{error:#}"))), 0),
        };
        let mut store = self.store(host);
        let answered = self.ask(&mut store).await;
        let meter = &store.data().meter;
        let (result, peak) = (answered.map_err(|error| self.classify(&error, meter)), meter.peak);
        if !output.is_empty() {
            debug!(output = %output.text(), "the guest printed");
        }
        (result, peak)
    }

    fn store(&self, host: Host) -> Store<Host> {
        let mut store = Store::new(&self.shared.engine, host);
        store.limiter(|host| &mut host.meter);
        let handed_over = self.limits.output.as_usize().saturating_add(HOSTCALL_FUEL_MIN);
        store.set_hostcall_fuel(handed_over.saturating_mul(self.entry.hostcall_weight()));
        store.set_max_component_handles(HANDLES_MAX);
        store.set_epoch_deadline(FIRST_SLICE);
        let is_long = Arc::clone(&self.is_long);
        store.epoch_deadline_callback(move |_| {
            is_long.store(true, Ordering::Relaxed);
            Ok(UpdateDeadline::Yield(SLICE))
        });
        store
    }

    async fn ask(&self, store: &mut Store<Host>) -> wasmtime::Result<Reply> {
        let live = self.entry.instantiate(store).await?;
        let reply = self.entry.ask(&live, store, &self.request).await?;
        if let Reply::Called(Ok(text)) = &reply
            && text.len() > self.limits.output.as_usize()
        {
            return Err(OutputTooLong.into());
        }
        Ok(reply)
    }

    fn classify(&self, error: &wasmtime::Error, meter: &Meter) -> Error {
        if meter.refused {
            return ResourceError::MemoryLimitExceeded { limit: self.limits.memory }.into();
        }
        // wasmtime has no type of its own for this one.
        let is_too_long = |text: &str| text.contains("fuel allocated for hostcalls");
        if error.is::<OutputTooLong>() || error.chain().any(|cause| is_too_long(&cause.to_string())) {
            return ResourceError::OutputLimitExceeded { limit: self.limits.output }.into();
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

#[derive(Debug, thiserror::Error)]
#[error("the result is too long")]
struct OutputTooLong;

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
        let begun = Instant::now();
        let (result, cpu, peak) = crate::drive::drive(self).await;
        let memory_peak = ByteSize::new(peak as u64);
        Ended { result, usage: Usage { wall: begun.elapsed(), cpu, memory_peak } }
    }
}
