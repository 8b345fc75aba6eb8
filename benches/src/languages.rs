//! What a tool costs in each language: to compile, its first call, its memory, its calls a second; the guests are those of the
//! conformance table.
//!
//! `cargo xtask bench tools` builds the guests and names their folder in `CAXTON_GUESTS`.

use std::{
    env, fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use caxton_sandbox::{Binary, Call, Component, Options, Sandbox};
use caxton_types::Permissions;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    Failure, Rows,
    floor::Bare,
    measure::{cpu_time, millis, quantiles, runtime},
};

const LANGUAGES: [(&str, &str); 5] = [("rust", "Rust"), ("c", "C"), ("js", "JavaScript"), ("python", "Python"), ("go", "Go")];
const COMPILES_MAX: usize = 10;
const COLD_STARTS: usize = 20;
/// How long each language is called, in processor time; compiling starts again for as long.
const BUSY: Duration = Duration::from_secs(1);
const WARM_UP: usize = 20;

/// The guest of the conformance table in this language, if it was built.
pub(crate) fn guest(language: &str) -> Result<Option<Bytes>, Failure> {
    let Some(folder) = env::var_os("CAXTON_GUESTS") else { return Ok(None) };
    let path = Path::new(&folder).join(format!("{language}.wasm"));
    Ok(if path.is_file() { Some(fs::read(path)?.into()) } else { None })
}

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    let runtime = runtime()?;
    let folder = tempfile::tempdir()?;
    let mut native = None;
    for (id, name) in LANGUAGES {
        let Some(wasm) = guest(id)? else {
            Rows::remark(&format!("a tool in {name} is not measured: `cargo xtask bench tools` builds it"))?;
            continue;
        };
        let language = Language { rows, runtime: &runtime, folder: folder.path(), id, name, wasm };
        language.compile()?;
        language.cold()?;
        language.put_away()?;
        language.rate(&mut native)?;
    }
    Ok(())
}

struct Language<'b> {
    rows: &'b Rows,
    runtime: &'b Runtime,
    folder: &'b Path,
    id: &'static str,
    name: &'static str,
    wasm: Bytes,
}

impl Language<'_> {
    /// A sandbox as after a start, with the cache of this name.
    fn start(&self, cache: &str) -> Result<Sandbox, Failure> {
        let mut options = Options::new(self.folder.join("calls"));
        options.compiled_dir = Some(self.folder.join(cache));
        options.code_idle_max = Duration::ZERO;
        Ok(Sandbox::new(options)?)
    }

    fn load(&self, sandbox: &Sandbox) -> Result<Component, Failure> {
        self.load_from(sandbox, self.wasm.clone())
    }

    fn load_from(&self, sandbox: &Sandbox, binary: impl Into<Binary>) -> Result<Component, Failure> {
        // What the libraries of CPython import; without hosts they lead nowhere.
        let permissions = Permissions { sockets: self.id == "python", ..Permissions::default() };
        Ok(self.runtime.block_on(sandbox.load_granted(self.id, binary, &permissions))?)
    }

    fn call(&self, component: &Component) -> Result<u64, Failure> {
        Ok(self.runtime.block_on(component.call(hello()))?.usage.memory_peak.get())
    }

    fn compile(&self) -> Result<(), Failure> {
        let (mut ours, mut bare, begun) = (Vec::new(), Vec::new(), Instant::now());
        while ours.len() < COMPILES_MAX && (ours.is_empty() || begun.elapsed() < BUSY) {
            let sandbox = self.start(&format!("{}-{}", self.id, ours.len()))?;
            let begun = Instant::now();
            black_box(self.load(&sandbox)?);
            ours.push(begun.elapsed());
            bare.push(Bare::compile(&self.wasm)?);
        }
        let ((p50, p99), (bare, _)) = (quantiles(ours), quantiles(bare));
        // Of an engine for the language, which most of the others hold, it says nothing about the tool.
        let goal = ["rust", "c"].contains(&self.id).then_some(100.0);
        let (ours, size) = (millis(p50), self.wasm.len().div_ceil(1000));
        self.rows.print(&json!({"id": format!("tools.compile_{}", self.id),
            "what": format!("{}: load of a component of {size} KB, compiling it", self.name), "unit": "ms", "better": "lower",
            "ours": ours, "p99": millis(p99), "floor": millis(bare), "floor_name": "bare wasmtime compiling it",
            "goal": goal, "met": goal.is_none_or(|goal| ours <= goal)}))
    }

    /// After a start, when the code is in the cache.
    fn cold(&self) -> Result<(), Failure> {
        let cache = self.id;
        let digest = self.load(&self.start(cache)?)?.digest();
        let (mut cold, mut calls, mut memory) = (Vec::new(), Vec::new(), 0);
        for _ in 0..COLD_STARTS {
            let sandbox = self.start(cache)?;
            let wasm = self.wasm.clone();
            // As a server does that finds it deployed under its digest.
            let binary = Binary::stored(digest, wasm.len() as u64, async { Ok(wasm) });
            let begun = Instant::now();
            let component = self.load_from(&sandbox, binary)?;
            let loaded = begun.elapsed();
            memory = self.call(&component)?;
            cold.push(begun.elapsed());
            calls.push(begun.elapsed().saturating_sub(loaded));
        }
        let (p50, p99) = quantiles(cold);
        let (call, _) = quantiles(calls);
        self.rows.print(&json!({"id": format!("tools.cold_{}", self.id),
            "what": format!("{}: load of what is deployed from the compiled cache, first call", self.name), "unit": "ms", "better": "lower",
            "ours": millis(p50), "p99": millis(p99), "goal": 5.0, "met": p50 <= Duration::from_millis(5),
            "note": format!("the first call alone {} ms", millis(call))}))?;
        self.rows.print(&json!({"id": format!("tools.memory_{}", self.id), "what": format!("{}: linear memory of a call", self.name),
            "unit": "KiB", "better": "lower", "ours": memory / 1024, "met": true}))
    }

    fn put_away(&self) -> Result<(), Failure> {
        let sandbox = self.start(self.id)?;
        let component = self.load(&sandbox)?;
        let mut first = Vec::new();
        for _ in 0..COLD_STARTS {
            if sandbox.put_away().components != 1 {
                return Err(format!("the code of {} was not put away", self.name).into());
            }
            let begun = Instant::now();
            black_box(self.call(&component)?);
            first.push(begun.elapsed());
        }
        let (p50, p99) = quantiles(first);
        self.rows.print(&json!({"id": format!("tools.first_call_{}", self.id),
            "what": format!("{}: call of code that was put away, from the compiled cache", self.name), "unit": "ms", "better": "lower",
            "ours": millis(p50), "p99": millis(p99), "goal": 5.0, "met": p50 <= Duration::from_millis(5)}))
    }

    /// As many calls as one busy core can make; what other processes take of it does not count.
    fn rate(&self, native: &mut Option<f64>) -> Result<(), Failure> {
        let component = self.load(&self.start(self.id)?)?;
        let rate = self.runtime.block_on(async {
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
                    return Ok::<_, Failure>(f64::from(calls) / busy.as_secs_f64());
                }
            }
        })?;
        let native = *native.get_or_insert(rate);
        self.rows.print(&json!({"id": format!("tools.calls_{}", self.id),
            "what": format!("{}: calls a second of processor time, fresh instance each", self.name), "unit": "1/s", "better": "higher",
            "ours": rate.round(), "met": true, "note": format!("{:.0} % of Rust", 100.0 * rate / native)}))
    }
}

fn hello() -> Call {
    Call::new("hello", r#"{"name":"Ada"}"#)
}
