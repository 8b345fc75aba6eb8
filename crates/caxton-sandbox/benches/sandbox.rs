//! What a call costs through the sandbox, beside the bare engine doing the same in the same run.
//!
//! One JSON object a line on stdout; `cargo xtask bench sandbox` collects them.

#[path = "../tests/it/guest.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "it belongs to the tests, which use more of it")]
mod guest;

use std::{
    fmt::Write as _,
    hint::black_box,
    io::Write as _,
    time::{Duration, Instant},
};

use caxton_sandbox::{Attachment, Call, Component, Options, Sandbox};
use serde_json::{Value, json};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component as Code, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker},
};

const WARM_UP: usize = 2_000;
const CALLS: usize = 20_000;
/// Enough for a quantile of something a thousand times slower.
const SLOW_CALLS: usize = 300;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let mut options = Options::new(folder.path().join("scratch"));
    options.compiled_dir = Some(folder.path().join("compiled"));
    let sandbox = Sandbox::new(options)?;
    let echo = guest::tool(guest::ECHO);
    let component = runtime.block_on(sandbox.load("echo", echo.clone()))?;
    fresh_call(&runtime, &component, &echo)?;
    throughput(&runtime, &component)?;
    let csv_stats = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tools/csv-stats/tool.wasm"))?;
    load(&runtime, &sandbox, &csv_stats)?;
    csv(&runtime, &sandbox, &csv_stats)?;
    kill(&runtime, &sandbox)
}

/// A call of a guest that answers with its arguments, in a fresh instance.
fn fresh_call(runtime: &tokio::runtime::Runtime, component: &Component, echo: &[u8]) -> Result<(), Failure> {
    let bare = Bare::new(echo)?;
    let (mut ours, mut floor) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
    runtime.block_on(async {
        for round in 0..WARM_UP + CALLS {
            let begun = Instant::now();
            black_box(component.call(Call::new("echo", "{\"a\":1}")).await?);
            let called = begun.elapsed();
            let begun = Instant::now();
            black_box(bare.call().await?);
            if round >= WARM_UP {
                ours.push(called);
                floor.push(begun.elapsed());
            }
        }
        Ok::<_, Failure>(())
    })?;
    let (p50, p99) = quantiles(ours);
    let (floor, _) = quantiles(floor);
    row(json!({"id": "sandbox.call_fresh", "what": "call in a fresh instance, no I/O", "unit": "us", "better": "lower",
        "ours": micros(p50), "p99": micros(p99), "floor": micros(floor), "floor_name": "bare wasmtime: store, instantiate, call, drop",
        "goal": 50.0, "met": p99 <= Duration::from_micros(50), "note": "goal is for p99"}))
}

/// As many calls as one busy core can make; what other processes take of it does not count.
fn throughput(runtime: &tokio::runtime::Runtime, component: &Component) -> Result<(), Failure> {
    let (begun, calls) = (cpu_time(), 8 * CALLS);
    runtime.block_on(async {
        for _ in 0..calls {
            black_box(component.call(Call::new("echo", "{}")).await?);
        }
        Ok::<_, Failure>(())
    })?;
    let rate = per_second(calls, cpu_time().saturating_sub(begun));
    row(json!({"id": "sandbox.calls", "what": "calls a second of processor time, fresh instance each", "unit": "1/s", "better": "higher",
        "ours": rate.round(), "goal": 100_000, "met": rate >= 100_000.0}))
}

/// The first load compiles, the others take the code from the cache; both list the tools.
fn load(runtime: &tokio::runtime::Runtime, sandbox: &Sandbox, wasm: &[u8]) -> Result<(), Failure> {
    let wasm = bytes::Bytes::copy_from_slice(wasm);
    let once = || -> Result<Duration, Failure> {
        let begun = Instant::now();
        black_box(runtime.block_on(sandbox.load("csv-stats", wasm.clone()))?);
        Ok(begun.elapsed())
    };
    let compiled = once()?;
    let loads = (0..SLOW_CALLS).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    let (p50, p99) = quantiles(loads);
    row(json!({"id": "sandbox.load_cached", "what": "load csv-stats (142 KB) from the compiled cache", "unit": "us", "better": "lower",
        "ours": micros(p50), "p99": micros(p99), "goal": 5_000, "met": p50 <= Duration::from_millis(5)}))?;
    row(json!({"id": "sandbox.load_compile", "what": "load csv-stats (142 KB), compiling it", "unit": "ms", "better": "lower",
        "ours": (compiled.as_secs_f64() * 1e4).round() / 10.0, "note": "once; all cores"}))
}

/// The CSV tool over a file of a hundred thousand rows.
fn csv(runtime: &tokio::runtime::Runtime, sandbox: &Sandbox, wasm: &[u8]) -> Result<(), Failure> {
    let mut text = String::from("id,group,value\n");
    for number in 0..100_000_u32 {
        writeln!(text, "{number},g{},{}.{}", number % 100, number.wrapping_mul(2_654_435_761) % 10_000, number % 10)?;
    }
    let size = text.len();
    let text = bytes::Bytes::from(text);
    let component = runtime.block_on(sandbox.load("csv-stats", wasm.to_vec()))?;
    let calls = (0..10).map(|_| {
        let mut call = Call::new("stats", r#"{"file":"data.csv","operation":"mean","column":"value","group_by":"group"}"#);
        call.attachments.push(Attachment::bytes("data.csv", text.clone()));
        let begun = Instant::now();
        black_box(runtime.block_on(component.call(call))?);
        Ok(begun.elapsed())
    });
    let (p50, _) = quantiles(calls.collect::<Result<Vec<_>, Failure>>()?);
    let rate = per_second(size, p50) / 1e6;
    row(json!({"id": "sandbox.csv_group_mean", "what": "csv-stats: mean by group over 100,000 rows", "unit": "MB/s", "better": "higher",
        "ours": (rate * 10.0).round() / 10.0}))
}

/// How long after its deadline a guest that never ends is gone.
fn kill(runtime: &tokio::runtime::Runtime, sandbox: &Sandbox) -> Result<(), Failure> {
    let component = runtime.block_on(sandbox.load("endless", guest::tool("(loop (br 0)) (unreachable)")))?;
    let deadline = Duration::from_millis(20);
    let mut late = Vec::new();
    for _ in 0..50 {
        let mut call = Call::new("echo", "{}");
        call.limits.wall = deadline;
        let begun = Instant::now();
        if runtime.block_on(component.call(call)).is_ok() {
            return Err("an endless loop ended".into());
        }
        late.push(begun.elapsed().saturating_sub(deadline));
    }
    let (p50, p99) = quantiles(late);
    row(json!({"id": "sandbox.kill", "what": "an endless guest is ended after its deadline", "unit": "us", "better": "lower",
        "ours": micros(p50), "p99": micros(p99), "goal": 2_000, "met": p50 <= Duration::from_millis(2)}))
}

/// `tool-error` of the world.
#[derive(ComponentType, Lift)]
#[component(variant)]
#[allow(dead_code, reason = "only its shape matters")]
enum Refusal {
    #[component(name = "unknown-tool")]
    UnknownTool(String),
    #[component(name = "invalid-arguments")]
    InvalidArguments(String),
    #[component(name = "failed")]
    Failed(String),
}

/// The engine alone, tuned as ours, doing what a call cannot do without.
struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
    call: ComponentExportIndex,
}

impl Bare {
    fn new(wasm: &[u8]) -> Result<Self, Failure> {
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(2 << 20).table_keep_resident(64 << 10).pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool)).epoch_interruption(true).concurrency_support(false);
        let engine = Engine::new(&config)?;
        let code = Code::from_binary(&engine, wasm)?;
        let tools = code.get_export_index(None, "caxton:tool/tools@0.1.0").ok_or("no tools")?;
        let call = code.get_export_index(Some(&tools), "call-tool").ok_or("no call-tool")?;
        let pre = Linker::new(&engine).instantiate_pre(&code)?;
        Ok(Self { engine, pre, call })
    }

    async fn call(&self) -> Result<String, Failure> {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1_000_000);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let call = instance.get_typed_func::<(&str, &str), (Result<String, Refusal>,)>(&mut store, self.call)?;
        let (answer,) = call.call_async(&mut store, ("echo", "{\"a\":1}")).await?;
        answer.map_err(|_| "refused".into())
    }
}

/// What this process has computed so far, its threads together; in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold anything: the 12th and 13th fields are user and system time.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |hundredth: usize| times.get(times.len() * hundredth / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e8).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn row(row: Value) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{row}")?;
    Ok(())
}
