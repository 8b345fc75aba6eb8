//! What a tool costs in each language: its first call, its memory, its calls a second; the guests are those of the conformance table.
//!
//! `cargo xtask bench tools` builds the guests and names their folder in `CAXTON_GUESTS`.

use std::{
    env,
    hint::black_box,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use caxton_sandbox::{Call, Component, Options, Sandbox};
use caxton_types::Permissions;
use serde_json::json;

use crate::{
    Failure, Rows,
    measure::{cpu_time, millis, quantiles, runtime},
};

const LANGUAGES: [(&str, &str); 5] = [("rust", "Rust"), ("c", "C"), ("js", "JavaScript"), ("python", "Python"), ("go", "Go")];
const COLD_STARTS: usize = 20;
/// How long each language is called, in processor time.
const BUSY: Duration = Duration::from_secs(1);
const WARM_UP: usize = 20;

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    let Some(folder) = env::var_os("CAXTON_GUESTS").map(PathBuf::from) else {
        return Rows::remark("`tools.cold_*` is not measured: `cargo xtask bench tools` builds the guests");
    };
    let runtime = runtime()?;
    let kept = tempfile::tempdir()?;
    let mut native = None;
    for (language, name) in LANGUAGES {
        let path = folder.join(format!("{language}.wasm"));
        if path.is_file() {
            measure(rows, &runtime, kept.path(), &path, (language, name), &mut native)?;
        } else {
            Rows::remark(&format!("`tools.cold_{language}` is not measured: `cargo xtask guests --all` builds its guest"))?;
        }
    }
    Ok(())
}

fn measure(
    rows: &Rows,
    runtime: &tokio::runtime::Runtime,
    kept: &Path,
    guest: &Path,
    (language, name): (&str, &str),
    native: &mut Option<f64>,
) -> Result<(), Failure> {
    let wasm = bytes::Bytes::from(std::fs::read(guest)?);
    let start = || {
        let mut options = Options::new(kept.join("calls"));
        options.compiled_dir = Some(kept.join("compiled"));
        options.code_idle_max = Duration::ZERO;
        Sandbox::new(options)
    };
    // What the libraries of CPython import; without hosts they lead nowhere.
    let permissions = Permissions { sockets: language == "python", ..Permissions::default() };
    let load = async |sandbox: &Sandbox| sandbox.load_granted(language, wasm.clone(), &permissions).await;
    let compile = {
        let sandbox = start()?;
        let begun = Instant::now();
        black_box(runtime.block_on(load(&sandbox))?);
        begun.elapsed()
    };
    let (mut cold, mut calls, mut memory) = (Vec::new(), Vec::new(), 0);
    for _ in 0..COLD_STARTS {
        let sandbox = start()?;
        let begun = Instant::now();
        let component = runtime.block_on(load(&sandbox))?;
        let loaded = begun.elapsed();
        memory = runtime.block_on(component.call(hello()))?.usage.memory_peak.get();
        cold.push(begun.elapsed());
        calls.push(begun.elapsed().saturating_sub(loaded));
    }
    let (p50, p99) = quantiles(cold);
    let (call, _) = quantiles(calls);
    let size = wasm.len().div_ceil(1000);
    rows.print(&json!({"id": format!("tools.cold_{language}"), "what": format!("{name}: load from the compiled cache, list, first call"),
        "unit": "ms", "better": "lower", "ours": millis(p50), "p99": millis(p99), "goal": 5.0, "met": p50 <= Duration::from_millis(5),
        "note": format!("component of {size} KB, compiled in {:.1} s; the first call alone {} ms", compile.as_secs_f64(), millis(call))}))?;
    rows.print(&json!({"id": format!("tools.memory_{language}"), "what": format!("{name}: linear memory of a call"), "unit": "KiB",
        "better": "lower", "ours": memory / 1024, "met": true}))?;
    let sandbox = start()?;
    let component = runtime.block_on(load(&sandbox))?;
    let mut first = Vec::new();
    for _ in 0..COLD_STARTS {
        if sandbox.put_away().components != 1 {
            return Err(format!("the code of {name} was not put away").into());
        }
        let begun = Instant::now();
        black_box(runtime.block_on(component.call(hello()))?);
        first.push(begun.elapsed());
    }
    let (p50, p99) = quantiles(first);
    rows.print(
        &json!({"id": format!("tools.first_call_{language}"), "what": format!("{name}: call of code that was put away, from the compiled cache"),
        "unit": "ms", "better": "lower", "ours": millis(p50), "p99": millis(p99), "goal": 5.0, "met": p50 <= Duration::from_millis(5)}),
    )?;
    let rate = rate(runtime, &component)?;
    let native = *native.get_or_insert(rate);
    rows.print(
        &json!({"id": format!("tools.calls_{language}"), "what": format!("{name}: calls a second of processor time, fresh instance each"),
        "unit": "1/s", "better": "higher", "ours": rate.round(), "met": true, "note": format!("{:.0} % of Rust", 100.0 * rate / native)}),
    )
}

fn hello() -> Call {
    Call::new("hello", r#"{"name":"Ada"}"#)
}

/// As many calls as one busy core can make; what other processes take of it does not count.
fn rate(runtime: &tokio::runtime::Runtime, component: &Component) -> Result<f64, Failure> {
    runtime.block_on(async {
        for _ in 0..WARM_UP {
            black_box(component.call(hello()).await?);
        }
        let (begun, mut calls) = (cpu_time(), 0_u32);
        loop {
            for _ in 0..WARM_UP {
                black_box(component.call(hello()).await?);
                calls += 1;
            }
            let busy = cpu_time().saturating_sub(begun);
            if busy >= BUSY {
                return Ok(f64::from(calls) / busy.as_secs_f64());
            }
        }
    })
}
