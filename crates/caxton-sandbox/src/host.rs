//! What a guest finds around it: WASI with next to nothing granted, a memory limit, and a place for its output.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime::{ResourceLimiter, component::ResourceTable};
use wasmtime_wasi::{
    FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use crate::call::IDEMPOTENCY_KEY;

/// Where a guest finds the files of its call.
const ATTACHMENTS: &str = "/attachments";
/// What is kept of what a guest prints.
const OUTPUT_KEPT: usize = 8 << 10;
/// Table elements, all together: what the largest language runtimes need, twice.
const TABLE_LEN_MAX: usize = 100_000;
/// Open files, streams and the like: each file is a descriptor of the process.
const RESOURCES_MAX: usize = 128;
const RANDOM_LEN_MAX: u64 = 64 << 10;

pub(crate) struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(crate) meter: Meter,
}

impl Host {
    pub(crate) fn new(
        memory_max: usize,
        attachments: Option<&Path>,
        idempotency_key: Option<&str>,
        output: Output,
    ) -> wasmtime::Result<Self> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(output.clone())
            .stderr(output)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_LEN_MAX);
        if let Some(folder) = attachments {
            // A call that reads is soon moved to a thread of its own, where blocking is no harm.
            wasi.allow_blocking_current_thread(true).preopened_dir(folder, ATTACHMENTS, FsPerms::ReadOnly)?;
        }
        if let Some(key) = idempotency_key {
            wasi.env(IDEMPOTENCY_KEY, key);
        }
        let meter = Meter { memory: 0, peak: 0, memory_max, refused: false };
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        Ok(Self { wasi: wasi.build(), table, meter })
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Counts a call's memory, all its memories together, and refuses what is over the limit.
pub(crate) struct Meter {
    memory: usize,
    pub(crate) peak: usize,
    memory_max: usize,
    /// It asked for more than it may have.
    pub(crate) refused: bool,
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let memory = self.memory.saturating_add(desired.saturating_sub(current));
        if memory > self.memory_max {
            self.refused = true;
            return Ok(false);
        }
        self.memory = memory;
        self.peak = self.peak.max(memory);
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_LEN_MAX)
    }
}

/// Keeps the first of what a guest prints and forgets the rest: printing much is no reason to fail.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock();
        let room = OUTPUT_KEPT.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Asked for by WASI 0.3 only, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.keep(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(OUTPUT_KEPT)
    }
}
