//! Guests that take time: the processor's, or that of those who wait for them.

use std::time::Duration;

use caxton_types::unit::ByteSize;

use crate::{
    Error, Outcome,
    attack::{Attack, Side, attacks},
    guest::{self, Guest},
    stage::Stage,
};

pub(super) const ATTACKS: &[Attack] = attacks! {
    "endless-loop" by Cpu: "computes for as long as it is let" => endless_loop;
    "loop-in-start" by Cpu: "computes before it is even asked, while it is loaded" => loop_in_start;
    "host-call-flood" by Cpu: "asks the host for the time, more than a million times" => host_call_flood;
    "clock-sleep" by Time: "sleeps, to hold its place" => clock_sleep;
    "deep-recursion" by Stack: "calls itself until the stack is used up" => deep_recursion;
};

const BRIEF: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(30);

/// Longer than [`BRIEF`] on any processor, and not very long on a slow one.
const TURNS: u64 = 400_000_000;

fn counting(turns: u64) -> String {
    format!(
        "(func $count (local $left i64) (local.set $left (i64.const {turns}))
            (loop (br_if 0 (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0)))))"
    )
}

async fn endless_loop(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let fields = format!("{} {}", counting(TURNS), guest::call("(call $count) (call $done)"));
    let guest = guest::build("endless-loop", &Guest { fields: &fields, ..Guest::default() })?;
    Ok(stage.attempt(guest, "{}").limited(|limits| limits.cpu = side.pick(BRIEF, LONG)).run().await)
}

/// Loading has limits of its own, the sandbox's.
async fn loop_in_start(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let fields = format!("{} (start $count) {}", counting(TURNS), guest::ECHO);
    let guest = guest::build("loop-in-start", &Guest { fields: &fields, ..Guest::default() })?;
    let sandbox = stage.widened_by(side, "loop-in-start", |options| options.limits.cpu = LONG)?;
    Ok(stage.attempt_in(&sandbox, guest, "ok").run().await)
}

async fn host_call_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    Ok(stage.attempt(guest::host()?, "c").limited(|limits| limits.cpu = side.pick(BRIEF / 2, LONG)).run().await)
}

async fn clock_sleep(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    Ok(stage.attempt(guest::host()?, "s").limited(|limits| limits.wall = side.pick(BRIEF, LONG)).run().await)
}

async fn deep_recursion(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let fields = format!(
        "(func $deep (param i32) (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))))) {}",
        guest::call("(call $deep (i32.const 50000)) (call $done)")
    );
    let guest = guest::build("deep-recursion", &Guest { fields: &fields, ..Guest::default() })?;
    let sandbox = stage.widened_by(side, "deep-recursion", |options| options.stack = ByteSize::mib(8))?;
    Ok(stage.attempt_in(&sandbox, guest, "{}").run().await)
}
