//! Calls beside the floor, turn about in one loop, so that both meet the same noise.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use caxton_sandbox::{Call, Component, Reuse};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    Failure, Rows,
    floor::Bare,
    measure::{CALLS, WARM_UP, micros, quantiles},
};

/// What is called, and how it is called in the rows.
pub(crate) struct Guest<'g> {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) component: &'g Component,
    pub(crate) bare: &'g Bare,
    pub(crate) tool: &'static str,
    pub(crate) arguments: &'static str,
}

impl Guest<'_> {
    async fn ours(&self, reuse: Option<Reuse>) -> usize {
        let call = Call { reuse, ..Call::new(self.tool, self.arguments) };
        match self.component.call(call).await {
            Ok(outcome) => outcome.result_json.len(),
            Err(error) => error.to_string().len(),
        }
    }
}

/// Ours and the floor by turns, so often that quantiles are steady: half of ours and all but one of a hundred stay below, half of the floor.
async fn by_turns<O, F>(ours: impl AsyncFn() -> O, mut floor: impl AsyncFnMut() -> Result<F, Failure>) -> Result<[Duration; 3], Failure> {
    let (mut called, mut bare) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
    for round in 0..WARM_UP + CALLS {
        let begun = Instant::now();
        black_box(ours().await);
        let took = begun.elapsed();
        let begun = Instant::now();
        black_box(floor().await?);
        if round >= WARM_UP {
            called.push(took);
            bare.push(begun.elapsed());
        }
    }
    let ((p50, p99), (floor, _)) = (quantiles(called), quantiles(bare));
    Ok([p50, p99, floor])
}

fn tell(rows: &Rows, id: &str, what: &str, [p50, p99, floor]: [Duration; 3], floor_name: &str) -> Result<(), Failure> {
    rows.print(&json!({"id": id, "what": what, "unit": "us", "better": "lower", "ours": micros(p50), "p99": micros(p99),
        "floor": micros(floor), "floor_name": floor_name, "goal": 2.0 * micros(floor), "met": p50 <= 2 * floor}))
}

/// A fresh instance for each call; returns what all but one of a hundred stay below.
pub(crate) fn fresh(rows: &Rows, runtime: &Runtime, guest: &Guest<'_>) -> Result<Duration, Failure> {
    let times = by_turns(async || guest.ours(None).await, async || guest.bare.call(guest.tool, guest.arguments).await);
    let times = runtime.block_on(times)?;
    let (id, what) = (format!("sandbox.call_fresh{}", guest.id), format!("{}: call in a fresh instance", guest.what));
    tell(rows, &id, &what, times, "bare wasmtime with empty WASI: store, instantiate, call, drop")?;
    let [_, p99, _] = times;
    Ok(p99)
}

/// One instance for all calls.
pub(crate) fn warm(rows: &Rows, runtime: &Runtime, guest: &Guest<'_>) -> Result<(), Failure> {
    let reuse = Some(Reuse { calls: u32::MAX, ..Reuse::default() });
    let times = runtime.block_on(async {
        let mut bare = guest.bare.warm().await?;
        by_turns(async || guest.ours(reuse).await, async || bare.call(guest.tool, guest.arguments).await).await
    })?;
    let (id, what) = (format!("sandbox.call_warm{}", guest.id), format!("{}: call in an instance that is there", guest.what));
    tell(rows, &id, &what, times, "bare wasmtime: call of a live instance")
}
