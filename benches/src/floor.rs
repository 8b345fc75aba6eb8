//! The engine alone, tuned as ours, doing what a call cannot do without.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component as Code, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker, ResourceTable, TypedFunc},
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::Failure;

/// `tool-error` of the world.
#[derive(ComponentType, Lift)]
#[component(variant)]
#[allow(dead_code, reason = "only its shape matters")]
pub(crate) enum Refusal {
    #[component(name = "unknown-tool")]
    UnknownTool(String),
    #[component(name = "invalid-arguments")]
    InvalidArguments(String),
    #[component(name = "failed")]
    Failed(String),
}

/// What a guest has that reaches for nothing; WASI is linked and empty.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

type CallTool = TypedFunc<(String, String), (Result<String, Refusal>,)>;

pub(crate) struct Bare {
    engine: Engine,
    pre: InstancePre<State>,
    call: ComponentExportIndex,
}

/// An instance that is there already.
pub(crate) struct Warm {
    store: Store<State>,
    call: CallTool,
}

fn engine() -> Result<Engine, Failure> {
    let mut pool = PoolingAllocationConfig::new();
    pool.linear_memory_keep_resident(2 << 20).table_keep_resident(64 << 10).pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool)).epoch_interruption(true).concurrency_support(false);
    Ok(Engine::new(&config)?)
}

impl Bare {
    pub(crate) fn new(wasm: &[u8]) -> Result<Self, Failure> {
        let engine = engine()?;
        let code = Code::from_binary(&engine, wasm)?;
        let tools = code.get_export_index(None, "caxton:tool/tools@0.1.0").ok_or("no tools")?;
        let call = code.get_export_index(Some(&tools), "call-tool").ok_or("no call-tool")?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        let pre = linker.instantiate_pre(&code)?;
        Ok(Self { engine, pre, call })
    }

    /// How long it takes to compile.
    pub(crate) fn compile(wasm: &[u8]) -> Result<Duration, Failure> {
        let engine = engine()?;
        let begun = Instant::now();
        black_box(Code::from_binary(&engine, wasm)?);
        Ok(begun.elapsed())
    }

    pub(crate) async fn warm(&self) -> Result<Warm, Failure> {
        let state = State { wasi: WasiCtxBuilder::new().build(), table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, state);
        store.set_epoch_deadline(1_000_000);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let call = instance.get_typed_func(&mut store, self.call)?;
        Ok(Warm { store, call })
    }

    /// A call in a fresh instance.
    pub(crate) async fn call(&self, tool: &str, arguments: &str) -> Result<usize, Failure> {
        self.warm().await?.call(tool, arguments).await
    }
}

impl Warm {
    /// The length of the answer, or of the refusal.
    pub(crate) async fn call(&mut self, tool: &str, arguments: &str) -> Result<usize, Failure> {
        let (answer,) = self.call.call_async(&mut self.store, (tool.to_owned(), arguments.to_owned())).await?;
        let (Ok(text) | Err(Refusal::UnknownTool(text) | Refusal::InvalidArguments(text) | Refusal::Failed(text))) = answer;
        Ok(text.len())
    }
}
