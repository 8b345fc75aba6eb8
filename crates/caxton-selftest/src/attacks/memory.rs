//! Guests that take memory, their own or the host's.

use caxton_types::unit::ByteSize;

use crate::{
    Error, Outcome,
    attack::{Attack, Side, attacks},
    guest::{self, Guest},
    stage::Stage,
};

pub(super) const ATTACKS: &[Attack] = attacks! {
    "memory-bomb" by Memory: "grows its memory and fills it" => memory_bomb;
    "table-bomb" by TableEntries: "grows a table instead of its memory" => table_bomb;
    "huge-result" by Result: "answers with three megabytes" => huge_result;
    "huge-log" by Printed: "prints two megabytes" => huge_log;
    "huge-host-call" by HostCall: "hands the host eight megabytes at once" => huge_host_call;
    "handle-flood" by HandleCount: "has the host make two thousand streams and drops none" => handle_flood;
};

async fn memory_bomb(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    // 24 MiB, a byte written to each page.
    let bomb = "(local $more i32) (local $at i32)
        (local.set $more (i32.const 24))
        (loop
            (if (i32.eq (local.tee $at (memory.grow (i32.const 16))) (i32.const -1)) (then (unreachable)))
            (memory.fill (i32.shl (local.get $at) (i32.const 16)) (i32.const 90) (i32.const 1048576))
            (br_if 0 (local.tee $more (i32.sub (local.get $more) (i32.const 1)))))
        (call $done)";
    let guest = guest::calling("memory-bomb", bomb)?;
    let limit = side.pick(ByteSize::mib(8), ByteSize::mib(32));
    Ok(stage.attempt(guest, "{}").limited(|limits| limits.memory = limit).run().await)
}

async fn table_bomb(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let bomb = "(local $more i32)
        (local.set $more (i32.const 30))
        (loop
            (if (i32.eq (table.grow $table (ref.null func) (i32.const 5000)) (i32.const -1)) (then (unreachable)))
            (br_if 0 (local.tee $more (i32.sub (local.get $more) (i32.const 1)))))
        (call $done)";
    let fields = format!("(table $table 1 funcref) {}", guest::call(bomb));
    let guest = guest::build("table-bomb", &Guest { fields: &fields, ..Guest::default() })?;
    let sandbox = stage.widened_by(side, "table-bomb", |options| options.table_entries_max = 200_000)?;
    Ok(stage.attempt_in(&sandbox, guest, "{}").run().await)
}

async fn huge_result(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    const LEN: usize = 3 << 20;
    let fields = guest::call(&format!("(call $text (i32.const 65536) (i32.const {LEN}))"));
    let guest = guest::build("huge-result", &Guest { fields: &fields, pages: 64, ..Guest::default() })?;
    let limit = side.pick(ByteSize::mib(1), ByteSize::mib(4));
    Ok(stage.attempt(guest, "{}").limited(|limits| limits.output = limit).gains_len(LEN).run().await)
}

async fn huge_log(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let limit = side.pick(ByteSize::mib(1), ByteSize::mib(4));
    Ok(stage.attempt(guest::files()?, "p").limited(|limits| limits.printed = limit).run().await)
}

async fn huge_host_call(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let limit = side.pick(ByteSize::mib(4), ByteSize::mib(32));
    let attempt = stage.attempt(guest::host()?, "w");
    Ok(attempt.limited(|limits| (limits.host_call, limits.printed) = (limit, ByteSize::mib(32))).run().await)
}

async fn handle_flood(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let sandbox = stage.widened_by(side, "handle-flood", |options| options.handles_max = 4000)?;
    Ok(stage.attempt_in(&sandbox, guest::host()?, "h").run().await)
}
