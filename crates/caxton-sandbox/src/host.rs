//! What an instance is given: its WASI, its memory limit, and the place where its use counts.

use std::sync::Arc;

use wasmtime::{ResourceLimiter, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::{
    GrantError, HostCalls,
    account::Account,
    attachments::Folder,
    egress::Hooks,
    grant::Granted,
    lent::Lent,
    wasi::{Destinations, OpenFiles, Reach},
};

/// What the host keeps for a guest beside what the guest has a handle of.
const RESOURCES_BESIDE: usize = 24;
/// Where there are sockets, each may be one: a descriptor of the process.
const RESOURCES_WITH_SOCKETS_MAX: usize = 256;
/// The headers of one request or response, as they lie in memory.
const HEADERS_LEN_MAX: usize = 128 << 10;

pub(crate) struct Host {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    http: WasiHttpCtx,
    hooks: Hooks,
    pub(crate) open: OpenFiles,
    pub(crate) destinations: Option<Arc<Destinations>>,
    pub(crate) granted: Arc<Granted>,
    pub(crate) account: Arc<Account>,
    /// The single files that it reads, there as long as it is.
    _lent: Option<Lent>,
    /// The files of the call that it was made for.
    _attachments: Option<Folder>,
    pub(crate) meter: Meter,
    pub(crate) copies: Copies,
    /// Who answers what the guest of the call under way asks; nobody while the instance waits.
    pub(crate) calls: Option<Arc<dyn HostCalls>>,
}

/// What may be copied out of the guest at once, in the call under way.
#[derive(Clone, Copy, Default)]
pub(crate) struct Copies {
    /// What it hands to the host while it runs.
    pub(crate) handed_max: usize,
    /// What it returns.
    pub(crate) result_max: usize,
}

impl Host {
    pub(crate) fn new(granted: &Arc<Granted>, reach: &Reach<'_>) -> Result<Self, GrantError> {
        let account = reach.account;
        let mut table = ResourceTable::new();
        let resources_max = (reach.options.handles_max as usize).saturating_add(RESOURCES_BESIDE);
        table.set_max_capacity(if granted.sockets { resources_max.min(RESOURCES_WITH_SOCKETS_MAX) } else { resources_max });
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADERS_LEN_MAX);
        let destinations = Destinations::new(granted, account);
        let lent = Lent::lay_out(&reach.options.scratch_dir, granted)?;
        Ok(Self {
            wasi: reach.context(lent.as_ref(), destinations.as_ref())?,
            table,
            http,
            hooks: Hooks { egress: granted.egress.clone(), account: Arc::clone(account) },
            open: OpenFiles::default(),
            destinations,
            granted: Arc::clone(granted),
            account: Arc::clone(account),
            _lent: lent,
            _attachments: None,
            calls: None,
            copies: Copies::default(),
            meter: Meter { table_entries_max: reach.options.table_entries_max as usize, ..Meter::default() },
        })
    }

    /// Keeps these files as long as it is there itself.
    pub(crate) fn keeping(self, attachments: Option<Folder>) -> Self {
        Self { _attachments: attachments, ..self }
    }

    /// How many handles it may hold: `most`, or fewer where each may be a socket.
    pub(crate) fn handles_max(&self, most: u32) -> u32 {
        u32::try_from(self.table.max_capacity()).unwrap_or(u32::MAX).min(most)
    }

    /// Begins a new count, for another call of the same instance; the memory that it has stays counted.
    pub(crate) fn renew(&mut self) {
        self.account.renew();
        self.account.remember_memory(self.meter.memory);
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// A call's memory, all its memories together, and so its tables.
#[derive(Default)]
pub(crate) struct Meter {
    memory: usize,
    table_entries: usize,
    table_entries_max: usize,
    /// It asked for more than it may have.
    pub(crate) refused: Option<Refused>,
}

/// What a guest was refused, which it may live with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Memory,
    Table,
}

impl ResourceLimiter for Host {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let (meter, max) = (&mut self.meter, self.account.limits().memory.as_usize());
        let memory = meter.memory.saturating_add(desired.saturating_sub(current));
        if memory > max {
            meter.refused = Some(Refused::Memory);
            return Ok(false);
        }
        meter.memory = memory;
        self.account.remember_memory(memory);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let meter = &mut self.meter;
        let entries = meter.table_entries.saturating_add(desired.saturating_sub(current));
        if entries > meter.table_entries_max {
            meter.refused = Some(Refused::Table);
            return Ok(false);
        }
        meter.table_entries = entries;
        Ok(true)
    }
}
