//! Calls beside the floor, turn about in one loop, so that both meet the same noise.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use caxton_sandbox::{Call, Component, Reuse};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{CALLS, Failure, WARM_UP, floor::Bare, micros, quantiles, row};

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

/// A fresh instance for each call; returns what all but one of a hundred stay below.
pub(crate) fn fresh(runtime: &Runtime, guest: &Guest<'_>) -> Result<Duration, Failure> {
    let (mut ours, mut floor) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
    runtime.block_on(async {
        for round in 0..WARM_UP + CALLS {
            let begun = Instant::now();
            black_box(guest.ours(None).await);
            let called = begun.elapsed();
            let begun = Instant::now();
            black_box(guest.bare.call(guest.tool, guest.arguments).await?);
            if round >= WARM_UP {
                ours.push(called);
                floor.push(begun.elapsed());
            }
        }
        Ok::<_, Failure>(())
    })?;
    let ((p50, p99), (floor, _)) = (quantiles(ours), quantiles(floor));
    let id = format!("sandbox.call_fresh{}", guest.id);
    let what = format!("{}: call in a fresh instance", guest.what);
    row(&json!({"id": id, "what": what, "unit": "us", "better": "lower", "ours": micros(p50), "p99": micros(p99),
        "floor": micros(floor), "floor_name": "bare wasmtime with empty WASI: store, instantiate, call, drop",
        "goal": 2.0 * micros(floor), "met": p50 <= 2 * floor}))?;
    Ok(p99)
}

/// One instance for all calls.
pub(crate) fn warm(runtime: &Runtime, guest: &Guest<'_>) -> Result<(), Failure> {
    let (mut ours, mut floor) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
    let reuse = Some(Reuse { calls: u32::MAX, ..Reuse::default() });
    runtime.block_on(async {
        let mut bare = guest.bare.warm().await?;
        for round in 0..WARM_UP + CALLS {
            let begun = Instant::now();
            black_box(guest.ours(reuse).await);
            let called = begun.elapsed();
            let begun = Instant::now();
            black_box(bare.call(guest.tool, guest.arguments).await?);
            if round >= WARM_UP {
                ours.push(called);
                floor.push(begun.elapsed());
            }
        }
        Ok::<_, Failure>(())
    })?;
    let ((p50, p99), (floor, _)) = (quantiles(ours), quantiles(floor));
    let id = format!("sandbox.call_warm{}", guest.id);
    let what = format!("{}: call in an instance that is there", guest.what);
    row(&json!({"id": id, "what": what, "unit": "us", "better": "lower", "ours": micros(p50), "p99": micros(p99),
        "floor": micros(floor), "floor_name": "bare wasmtime: call of a live instance", "goal": 2.0 * micros(floor), "met": p50 <= 2 * floor}))
}
