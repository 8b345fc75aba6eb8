//! Calls of a component's tools: what is asked, who is let in and where, and what came of it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use caxton_types::{Metering, nearest, unit::ByteSize};

use crate::{
    Attachment, Caller, Component, Denial, Error, HostCalls, Limits, Reuse,
    bindings::ToolError,
    component::Loaded,
    entry::{Reply, Request},
    run::{Ended, Job, Place, Run, TimeLimits},
    share::Taken,
};

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
    /// Of that, computing: in the first two milliseconds by the clock, then what its thread computed.
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
    /// Runs a tool, in a fresh instance unless the call may be served by one that waits. Dropping the future ends the call and frees its slot.
    pub async fn call(&self, call: Call) -> Result<CallOutcome, Error> {
        let CallEnded { result, usage, denials } = self.perform(call).await;
        result.map(|result_json| CallOutcome { result_json, usage, denials })
    }

    /// Like [`Component::call`], and tells of a call that failed too what it used.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps a second place for what it takes")]
    pub fn perform(&self, call: Call) -> impl Future<Output = CallEnded> + Send + use<'_> {
        async move {
            let (place, share) = match self.admit(&call).await {
                Ok(admitted) => admitted,
                Err(error) => return CallEnded { result: Err(error), usage: Usage::default(), denials: vec![] },
            };
            let Ended { result, usage, denials, at } = self.drive(call, place, share).await;
            let shared = &self.0.shared;
            shared.figures.ended(&result, &usage);
            shared.compiler.called(at);
            CallEnded { result: result.and_then(text), usage, denials }
        }
    }

    /// What a call needs before it begins: its agent's leave, a part of that agent's share, and a place.
    async fn admit(&self, call: &Call) -> Result<(Place, Option<Taken>), Error> {
        let Loaded { tools, shared, slots, .. } = &*self.0;
        if !tools.iter().any(|tool| tool.name == call.tool) {
            return Err(self.unknown(&call.tool));
        }
        let share = match &call.caller {
            Some(caller) => {
                shared.windows.admit(caller)?;
                Some(shared.shares.take(caller, *slots, call.is_nested).await?)
            }
            None => None,
        };
        Ok((self.place(call).await?, share))
    }

    /// An instance that waits, if the call may have one, or a slot for a fresh one.
    async fn place(&self, call: &Call) -> Result<Place, Error> {
        let Loaded { shared, id, resident, .. } = &*self.0;
        if call.may_be_reused() {
            let waiting = shared.warm.take(*id, &shared.within(call.limits));
            shared.figures.looked(waiting.is_some());
            if let Some(instance) = waiting {
                return Ok(Place::Waiting(instance));
            }
        }
        let entry = resident.entry(shared).await?;
        let slot = if call.is_nested { shared.free_slots(entry.slots)? } else { shared.slots(entry.slots).await? };
        Ok(Place::fresh(shared, entry, slot, &resident.origin().granted, call.limits))
    }

    /// Not `async` itself: what it makes of the call goes to where it runs, and has no second place in the future that waits for it.
    fn drive(&self, call: Call, place: Place, share: Option<Taken>) -> impl Future<Output = Ended> + Send + use<'_> {
        let Loaded { shared, id, is_retired, .. } = &*self.0;
        let may_be_reused = call.may_be_reused();
        let Call { tool, arguments_json, attachments, limits, idempotency_key, reuse, caller, host: calls, deadline, is_nested: _ } = call;
        let kept = |reuse: Reuse| if is_retired.load(Ordering::Acquire) { 0 } else { reuse.kept };
        let reuse = reuse.filter(|_| may_be_reused).map(|reuse| Reuse { kept: kept(reuse), ..reuse });
        let request = Request::Call { tool, arguments_json, idempotency_key };
        let job = Job { request, attachments, reuse, calls, _share: share, shared: Arc::clone(shared) };
        Run::new(*id, place, job, TimeLimits { deadline, ..TimeLimits::of(limits) }).drive(shared, caller)
    }

    /// Starts instances that then wait for calls under these limits, having told their tools; fewer where there is no
    /// room. Returns how many wait.
    pub async fn start(&self, instances: u32, limits: Limits, reuse: Reuse) -> Result<usize, Error> {
        let Loaded { shared, id, resident, .. } = &*self.0;
        for _ in 0..instances.min(reuse.instances) {
            let entry = resident.entry(shared).await?;
            let Some(slot) = shared.slots.take_free(entry.slots) else { break };
            let place = Place::fresh(shared, entry, slot, &resident.origin().granted, limits);
            let job = Job { reuse: Some(reuse), ..Job::list(shared) };
            Run::new(*id, place, job, TimeLimits::of(limits)).drive(shared, None).await.result?;
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
