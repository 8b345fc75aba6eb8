//! One run: an instance, fresh or one that waited, its limits, its end.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::sync::OwnedSemaphorePermit;
use tracing::debug;
use wasmtime::{CallHook, Store, UpdateDeadline};

use crate::{
    Attachment, Caller, Denial, Error, HostCalls, Limits, Reuse, Usage,
    account::{Account, Exceeded},
    attachments::Folder,
    bindings::ToolError,
    drive::drive,
    entry::{Entry, Reply, Request},
    grant::Granted,
    host::{Copies, Host},
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

/// A run to be: where, what for, and for how long.
pub(crate) struct Run {
    component: u64,
    place: Place,
    job: Job,
    pub(crate) time: TimeLimits,
}

/// Where a run takes place.
pub(crate) enum Place {
    /// In an instance that has served others.
    Waiting(Box<Instance>),
    /// In one that is made for it.
    Fresh { entry: Arc<Entry>, slot: OwnedSemaphorePermit, granted: Arc<Granted>, account: Arc<Account> },
}

/// What an instance is for, and what it has for that as long as it runs.
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) attachments: Vec<Attachment>,
    /// Whether the instance may have served others, and may serve others after.
    pub(crate) reuse: Option<Reuse>,
    /// Who answers what the guest asks of the host.
    pub(crate) calls: Option<Arc<dyn HostCalls>>,
    /// What it has of its agent's share.
    pub(crate) _share: Option<Taken>,
    pub(crate) shared: Arc<Shared>,
}

/// The time that a run has; whatever else it may use is its account's to know.
#[derive(Clone, Copy)]
pub(crate) struct TimeLimits {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// When its caller waits no longer.
    pub(crate) deadline: Option<Instant>,
}

/// What a guest answered, and what it leaves to the next call.
pub(crate) struct Answered {
    reply: Reply,
    left: Option<Box<Instance>>,
}

/// A run that has ended.
pub(crate) struct Ended {
    pub(crate) result: Result<Reply, Error>,
    pub(crate) usage: Usage,
    pub(crate) denials: Vec<Denial>,
    pub(crate) at: Instant,
}

impl TimeLimits {
    pub(crate) fn of(limits: Limits) -> Self {
        Self { wall: limits.wall, cpu: limits.cpu, deadline: None }
    }
}

impl Place {
    pub(crate) fn fresh(shared: &Shared, entry: Arc<Entry>, slot: OwnedSemaphorePermit, granted: &Arc<Granted>, limits: Limits) -> Self {
        Self::Fresh { entry, slot, granted: Arc::clone(granted), account: Account::new(shared.within(limits)) }
    }

    /// Where it counts what it uses.
    fn account(&self) -> &Arc<Account> {
        match self {
            Self::Waiting(instance) => &instance.account,
            Self::Fresh { account, .. } => account,
        }
    }

    fn granted(&self) -> &Granted {
        match self {
            Self::Waiting(instance) => &instance.store.data().granted,
            Self::Fresh { granted, .. } => granted,
        }
    }
}

impl Run {
    pub(crate) fn new(component: u64, mut place: Place, job: Job, time: TimeLimits) -> Self {
        if let Place::Waiting(instance) = &mut place {
            instance.store.data_mut().renew();
            instance.store.set_epoch_deadline(FIRST_SLICE);
        }
        Self { component, place, job, time }
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        self.place.account()
    }

    /// Whether it goes to a thread of its own at once.
    pub(crate) fn touches_files(&self) -> bool {
        Reach::touches_files(self.place.granted(), !self.job.attachments.is_empty())
    }

    /// Runs under its limits of time, and tells what it used; that is charged to the caller's window, where there is one.
    pub(crate) fn drive(self, shared: &Arc<Shared>, caller: Option<Caller>) -> impl Future<Output = Ended> + Send + use<'_> {
        let charged = caller.and_then(|caller| Charged::new(caller, self.account(), shared));
        let (reuse, component) = (self.job.reuse, self.component);
        let begun = Instant::now();
        let driven = drive(self, shared, begun);
        async move {
            let (answer, account, ended) = driven.await;
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

    /// Instantiates, unless that is done, and calls.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps a second place for what it takes")]
    pub(crate) fn perform(mut self) -> impl Future<Output = Result<Answered, Error>> + Send {
        async move {
            let mut instance = match self.place {
                Place::Waiting(instance) => instance,
                Place::Fresh { entry, slot, granted, account } => {
                    // Gone before the slot is, whatever comes between.
                    let folder = match self.job.attachments.as_slice() {
                        [] => None,
                        some => Some(Folder::lay_out(&self.job.shared.options.scratch_dir, some)?),
                    };
                    let host = Host::new(&granted, &self.job.reach(&granted, &account, folder.as_ref()))?.keeping(folder);
                    Box::new(Instance::new(self.job.store(host), entry, account, slot))
                }
            };
            instance.store.data_mut().calls = self.job.calls.take();
            let reply = self.job.ask(&mut instance).await?;
            let left = self.job.leaves(&reply, &instance).then(|| {
                instance.calls = instance.calls.saturating_add(u32::from(self.job.request.is_call()));
                instance
            });
            // What it has of its agent's share, it has until here.
            drop(self.job);
            Ok(Answered { reply, left })
        }
    }
}

impl Job {
    /// To tell its tools.
    pub(crate) fn list(shared: &Arc<Shared>) -> Self {
        Self { request: Request::List, attachments: Vec::new(), reuse: None, calls: None, _share: None, shared: Arc::clone(shared) }
    }

    fn reach<'r>(&'r self, granted: &'r Arc<Granted>, account: &'r Arc<Account>, folder: Option<&'r Folder>) -> Reach<'r> {
        Reach {
            granted,
            attachments: folder.map(Folder::path),
            idempotency_key: match &self.request {
                // It would be the next call's too.
                Request::Call { idempotency_key, .. } if self.reuse.is_none() => idempotency_key.as_deref(),
                Request::Call { .. } | Request::List => None,
            },
            account,
            options: &self.shared.options,
        }
    }

    fn store(&self, host: Host) -> Store<Host> {
        let account = Arc::clone(&host.account);
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
        store.epoch_deadline_callback(move |_| {
            account.is_long.store(true, Ordering::Relaxed);
            if account.exceeded().is_some() { Err(Exceeded.into()) } else { Ok(UpdateDeadline::Yield(SLICE)) }
        });
        store
    }

    /// Asks the guest, under what it may use.
    async fn ask(&self, instance: &mut Instance) -> Result<Reply, Error> {
        let Instance { store, live, entry, account, .. } = instance;
        store.data_mut().copies = self.copies(account.limits(), entry);
        let ticking = self.shared.ticker.tick();
        let answered = entry.ask(live, store, &self.request).await;
        drop(ticking);
        store.data_mut().calls = None;
        account.with_output(|output| debug!(output, "the guest printed"));
        if let Ok(Reply::Called(answer)) = &answered {
            account.answer(answer.as_ref().map_or_else(words, String::as_str).len());
        }
        match account.exceeded() {
            // Whatever it answers, and however it fails: it went over its limit first.
            Some(limit) => Err(limit.clone().into()),
            None => answered.map_err(|error| store.data().blame(&error, &self.shared.options)),
        }
    }

    /// What may be copied out of the guest in this call: what it hands over, and what its result may take of the host. A list
    /// of tools is nobody's result.
    fn copies(&self, limits: &Limits, entry: &Entry) -> Copies {
        let handed_max = limits.host_call.as_usize();
        let most = limits.output.as_usize().saturating_add(RESULT_OVERHEAD).saturating_mul(entry.result_weight());
        let result_max = match self.request {
            Request::Call { .. } => most,
            Request::List => most.max(handed_max),
        };
        Copies { handed_max, result_max }
    }

    /// Whether it leaves its instance to the next call; not while somebody waits for a slot.
    fn leaves(&self, reply: &Reply, instance: &Instance) -> bool {
        self.reuse.is_some() && is_well(reply) && instance.store.data().meter.refused.is_none() && !self.shared.slots.is_wanted()
    }
}

fn words(error: &ToolError) -> &str {
    match error {
        ToolError::UnknownTool(text) | ToolError::InvalidArguments(text) | ToolError::Failed(text) => text,
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
