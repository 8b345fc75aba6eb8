//! The sandbox itself: one engine, its linkers, the slots and the clock, shared by all components.

use std::{
    sync::{Arc, Weak},
    thread,
};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Engine;

use crate::{
    Error, Limits, Options, attachments,
    cache::Cache,
    compiler::Compiler,
    component::Loaded,
    engine,
    figures::Figures,
    keeper::Keeper,
    share::Shares,
    slots::{Queue, Slots},
    swap::Unclean,
    ticker::Ticker,
    warm::Warm,
    wasi::Linkers,
    window::Windows,
};

/// Loads components. Cheap to clone; bound to no runtime.
#[derive(Clone)]
pub struct Sandbox(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) linkers: Linkers,
    pub(crate) ticker: Ticker,
    pub(crate) slots: Slots,
    /// What of them one agent may have.
    pub(crate) shares: Shares,
    pub(crate) windows: Windows,
    /// Turns of the calls that compute on threads of their own: as many as there are processors.
    pub(crate) long: Arc<Semaphore>,
    /// The threads that compile; which of them may is said by `compiles`.
    pub(crate) compiler: Compiler,
    pub(crate) compiles: Arc<Semaphore>,
    pub(crate) compiles_waiting: Queue,
    pub(crate) pagemap_scan: bool,
    pub(crate) unclean: Unclean,
    pub(crate) cache: Option<Cache>,
    pub(crate) warm: Warm,
    pub(crate) loaded: Mutex<Vec<Weak<Loaded>>>,
    pub(crate) keeper: Keeper,
    pub(crate) figures: Figures,
    pub(crate) options: Options,
}

impl Sandbox {
    /// Starts the engine. Nothing of it depends on an async runtime yet.
    pub fn new(options: Options) -> Result<Self, Error> {
        let engine::Started { engine, slots, pagemap_scan } = engine::start(&options)?;
        let started = |what: &str, error: &dyn std::fmt::Display| Error::Engine(format!("{what}: {error}"));
        attachments::sweep(&options.scratch_dir).map_err(|error| started("the folder for running calls", &error))?;
        let linkers = Linkers::new(&engine).map_err(|error| started("WASI", &error))?;
        let cache = match &options.compiled_dir {
            None => None,
            Some(folder) => Some(
                Cache::open(folder, options.compiled_size_max, &engine).map_err(|error| started("the folder for compiled code", &error))?,
            ),
        };
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(Shared {
            ticker: Ticker::start({
                let engine = engine.clone();
                move || engine.increment_epoch()
            })?,
            windows: Windows::new(options.windows.clone()),
            shares: Shares::new(options.agent_slots_max.unwrap_or(slots.div_ceil(2)), options.waiting_max, options.wait_max),
            slots: Slots::new(slots, options.waiting_max, options.wait_max),
            long: Arc::new(Semaphore::new(processors)),
            compiler: Compiler::start()?,
            compiles: Arc::new(Semaphore::new(options.compilations_max.max(1) as usize)),
            compiles_waiting: Queue::default(),
            pagemap_scan,
            unclean: Unclean::default(),
            cache,
            warm: Warm::new(options.waiting_instances_max),
            loaded: Mutex::default(),
            keeper: Keeper::default(),
            figures: Figures::new(),
            options,
            linkers,
            engine,
        });
        shared.keeper.start(Arc::downgrade(&shared))?;
        Ok(Self(shared))
    }
}

impl Shared {
    /// More than a slot of the pool holds would end in a trap that names no limit.
    pub(crate) fn within(&self, limits: Limits) -> Limits {
        Limits { memory: limits.memory.min(self.options.memory_max), ..limits }
    }

    /// Slots for a call; instances that only wait make room for it.
    pub(crate) async fn slots(&self, slots: u32) -> Result<OwnedSemaphorePermit, Error> {
        self.is_clean()?;
        match self.make_room(slots) {
            Some(free) => Ok(free),
            // Apart: a call that need not wait has nothing of its size.
            None => Box::pin(self.slots.take(slots)).await,
        }
    }

    /// The same for one that waits for nobody.
    pub(crate) fn free_slots(&self, slots: u32) -> Result<OwnedSemaphorePermit, Error> {
        self.is_clean()?;
        self.make_room(slots).ok_or_else(|| self.slots.exhausted(self.slots.waiting()))
    }

    fn make_room(&self, slots: u32) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Some(free) = self.slots.take_free(slots) {
                return Some(free);
            }
            if !self.warm.drop_oldest() {
                return None;
            }
        }
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("options", &self.0.options).finish_non_exhaustive()
    }
}
