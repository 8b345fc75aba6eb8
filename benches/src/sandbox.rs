//! What a call costs through the sandbox, beside the bare engine doing the same in the same run: `sandbox.*` rows.

mod calls;
mod space;

use std::{
    fmt::Write as _,
    hint::black_box,
    time::{Duration, Instant},
};

use caxton_sandbox::{Attachment, Call, Component, Options, Sandbox};
use serde_json::json;

use self::calls::Guest;
use crate::{
    Failure, Rows,
    floor::Bare,
    guest,
    measure::{CALLS, CSV_STATS, cpu_time, micros, per_second, quantiles, runtime},
};

/// Enough for a quantile of something a thousand times slower.
const SLOW_CALLS: usize = 300;

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    let runtime = runtime()?;
    let folder = tempfile::tempdir()?;
    let echo = guest::tool(guest::ECHO);
    // First, while the address space and the heap are empty.
    space::live(rows, &runtime, folder.path(), &echo)?;
    space::registered(rows, &runtime, folder.path(), CSV_STATS)?;
    let mut options = Options::new(folder.path().join("scratch"));
    options.compiled_dir = Some(folder.path().join("compiled"));
    let sandbox = Sandbox::new(options)?;
    let component = runtime.block_on(sandbox.load("echo", echo.clone()))?;
    fresh_call(rows, &runtime, &sandbox, &component, &echo)?;
    throughput(rows, &runtime, &component)?;
    load(rows, &runtime, &sandbox, CSV_STATS)?;
    rust_call(rows, &runtime, &sandbox, CSV_STATS)?;
    csv(rows, &runtime, &sandbox, CSV_STATS)?;
    kill(rows, &runtime, &sandbox)
}

/// Calls of a guest of a few instructions that answers with its arguments.
fn fresh_call(
    rows: &Rows,
    runtime: &tokio::runtime::Runtime,
    sandbox: &Sandbox,
    component: &Component,
    echo: &[u8],
) -> Result<(), Failure> {
    let bare = Bare::new(echo)?;
    let called = Guest { id: "", what: "WAT echo", component, bare: &bare, tool: "echo", arguments: "{\"a\":1}" };
    let p99 = calls::fresh(rows, runtime, &called)?;
    rows.print(
        &json!({"id": "sandbox.call_fresh_p99", "what": "WAT echo: call in a fresh instance, 99 of 100", "unit": "us", "better": "lower",
        "ours": micros(p99), "goal": 50, "met": p99 <= Duration::from_micros(50)}),
    )?;
    // Its memory only ever grows: enough of it for all calls.
    let wasm = guest::tool_with(&guest::Guest { pages: 64, ..guest::Guest::default() });
    let (component, bare) = (runtime.block_on(sandbox.load("echo-warm", wasm.clone()))?, Bare::new(&wasm)?);
    calls::warm(rows, runtime, &Guest { component: &component, bare: &bare, ..called })
}

/// Calls of a guest in Rust that reads its arguments, looks for the file and says that there is none.
fn rust_call(rows: &Rows, runtime: &tokio::runtime::Runtime, sandbox: &Sandbox, wasm: &[u8]) -> Result<(), Failure> {
    let component = runtime.block_on(sandbox.load("csv-stats", wasm.to_vec()))?;
    let bare = Bare::new(wasm)?;
    let arguments = r#"{"file":"data.csv","operation":"mean","column":"value"}"#;
    let guest = Guest { id: "_rust", what: "Rust guest", component: &component, bare: &bare, tool: "stats", arguments };
    calls::fresh(rows, runtime, &guest)?;
    calls::warm(rows, runtime, &guest)
}

/// As many calls as one busy core can make; what other processes take of it does not count.
fn throughput(rows: &Rows, runtime: &tokio::runtime::Runtime, component: &Component) -> Result<(), Failure> {
    let (begun, calls) = (cpu_time(), 8 * CALLS);
    runtime.block_on(async {
        for _ in 0..calls {
            black_box(component.call(Call::new("echo", "{}")).await?);
        }
        Ok::<_, Failure>(())
    })?;
    let rate = per_second(calls, cpu_time().saturating_sub(begun));
    rows.print(
        &json!({"id": "sandbox.calls", "what": "calls a second of processor time, fresh instance each", "unit": "1/s", "better": "higher",
        "ours": rate.round(), "goal": 100_000, "met": rate >= 100_000.0}),
    )
}

/// The first load compiles, those that are measured take the code from the cache; all list the tools.
fn load(rows: &Rows, runtime: &tokio::runtime::Runtime, sandbox: &Sandbox, wasm: &[u8]) -> Result<(), Failure> {
    let wasm = bytes::Bytes::copy_from_slice(wasm);
    let once = || -> Result<Duration, Failure> {
        let begun = Instant::now();
        black_box(runtime.block_on(sandbox.load("csv-stats", wasm.clone()))?);
        Ok(begun.elapsed())
    };
    once()?;
    let loads = (0..SLOW_CALLS).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    let (p50, p99) = quantiles(loads);
    rows.print(
        &json!({"id": "sandbox.load_cached", "what": "load csv-stats (142 KB) from the compiled cache", "unit": "us", "better": "lower",
        "ours": micros(p50), "p99": micros(p99), "goal": 1_000, "met": p50 <= Duration::from_millis(1)}),
    )
}

/// The CSV tool over a file of a hundred thousand rows.
fn csv(rows: &Rows, runtime: &tokio::runtime::Runtime, sandbox: &Sandbox, wasm: &[u8]) -> Result<(), Failure> {
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
    rows.print(
        &json!({"id": "sandbox.csv_group_mean", "what": "csv-stats: mean by group over 100,000 rows", "unit": "MB/s", "better": "higher",
        "ours": (rate * 10.0).round() / 10.0, "met": true}),
    )
}

/// How long after its deadline a guest that never ends is gone.
fn kill(rows: &Rows, runtime: &tokio::runtime::Runtime, sandbox: &Sandbox) -> Result<(), Failure> {
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
    rows.print(&json!({"id": "sandbox.kill", "what": "an endless guest is ended after its deadline", "unit": "us", "better": "lower",
        "ours": micros(p50), "p99": micros(p99), "goal": 2_000, "met": p50 <= Duration::from_millis(2)}))
}
