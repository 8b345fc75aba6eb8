//! What stays in memory: live instances, and tool servers that nobody calls.

use std::{hint::black_box, path::Path, time::Duration};

use caxton_sandbox::{Call, Limits, Options, Reuse, Sandbox};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{Failure, Rows, measure::resident_kib};

const LIVE: u32 = 10_000;
const REGISTERED: u32 = 1_000;
const GOAL_KIB: f64 = 64.0;

/// Instances that have answered once and wait for their next call.
pub(crate) fn live(rows: &Rows, runtime: &Runtime, folder: &Path, echo: &[u8]) -> Result<(), Failure> {
    let mut options = Options::new(folder.join("live"));
    (options.slots, options.waiting_instances_max) = (LIVE, LIVE);
    let sandbox = Sandbox::new(options)?;
    let component = runtime.block_on(sandbox.load("echo", echo.to_vec()))?;
    let before = resident_kib()?;
    let reuse = Reuse { instances: LIVE, ..Reuse::default() };
    let live = runtime.block_on(component.start(LIVE, Limits::default(), reuse))?;
    let each = kib_each(before, live)?;
    black_box(runtime.block_on(component.call(Call { reuse: Some(reuse), ..Call::new("echo", "{}") }))?);
    rows.print(&json!({"id": "sandbox.live", "what": "memory of one of 10,000 live instances, each has answered once", "unit": "KiB",
        "better": "lower", "ours": each, "goal": GOAL_KIB, "met": each <= GOAL_KIB && live == LIVE as usize,
        "note": format!("{live} were live")}))
}

/// Tool servers that are loaded, and whose code has been put away.
pub(crate) fn registered(rows: &Rows, runtime: &Runtime, folder: &Path, wasm: &[u8]) -> Result<(), Failure> {
    let mut options = Options::new(folder.join("registered"));
    options.compiled_dir = Some(folder.join("compiled-registered"));
    options.code_idle_max = Duration::ZERO;
    let sandbox = Sandbox::new(options)?;
    let load = |number: u32| runtime.block_on(sandbox.load(&format!("csv-{number}"), wasm.to_vec()));
    // What the first one leaves behind is not of the others: caches, buffers, the heap's own.
    let first = load(0)?;
    sandbox.put_away();
    let before = resident_kib()?;
    let mut all = vec![first];
    for number in 1..=REGISTERED {
        all.push(load(number)?);
        sandbox.put_away();
    }
    let away = all.iter().filter(|component| !component.is_resident()).count();
    let each = kib_each(before, REGISTERED as usize)?;
    rows.print(&json!({"id": "sandbox.registered", "what": "memory of one of 1,000 registered tool servers that nobody calls (csv-stats)",
        "unit": "KiB", "better": "lower", "ours": each, "goal": GOAL_KIB, "met": each <= GOAL_KIB, "note": format!("code of {away} is put away")}))
}

#[expect(clippy::cast_precision_loss, reason = "kibibytes of a bench")]
fn kib_each(before: u64, count: usize) -> Result<f64, Failure> {
    let each = resident_kib()?.saturating_sub(before) as f64 / count.max(1) as f64;
    Ok((each * 10.0).round() / 10.0)
}
