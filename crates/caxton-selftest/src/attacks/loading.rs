//! Components that are hostile before they are ever called.

use std::fmt::Write as _;

use bytes::Bytes;
use caxton_sandbox::Profile;
use caxton_types::unit::ByteSize;

use crate::{
    Error, Outcome,
    attack::{Attack, Side, attacks},
    guest::{self, Guest, Imports},
    stage::Stage,
};

pub(super) const ATTACKS: &[Attack] = attacks! {
    "malformed-component" by Validation (control): "is cut off in the middle" => malformed;
    "oversized-component" by ComponentSize: "keeps the compiler busy with thousands of functions" => oversized;
    "compile-bomb" by Complexity: "hands a thousand values on at every branch, which costs the compiler far more than its size" => compile_bomb;
    "refused-proposal" by Profile: "uses a proposal that the profile refuses" => refused_proposal;
    "threads" by Profile (control): "uses atomic instructions, which are for threads and shared memory" => threads;
    "unknown-import" by Imports (control): "imports messages, to send them in another agent's name" => unknown_import;
    "interface-spoofing" by Imports (control): "imports an interface of WASI with functions of its own liking" => interface_spoofing;
    "tool-spoofing" by Validation (control): "exports the interface of tools, of another shape" => tool_spoofing;
    "panic-in-start" by Trap (control): "crashes while it is loaded" => panic_in_start;
};

/// Its control is all there.
async fn malformed(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let whole = guest::build("malformed-component", &Guest::default())?;
    let wasm: Bytes = side.pick(whole.slice(..whole.len() / 2), whole);
    Ok(stage.attempt(wasm, "ok").run().await)
}

async fn oversized(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let mut fields = guest::ECHO.to_owned();
    for function in 0..2000 {
        let _ = write!(fields, "(func (param i64) (result i64) (local.get 0)");
        for step in 0..20 {
            let _ = write!(fields, "(i64.const {}) (i64.xor) (i64.const {step}) (i64.rotl)", function * 7919 + step);
        }
        fields.push(')');
    }
    let guest = guest::build("oversized-component", &Guest { fields: &fields, ..Guest::default() })?;
    let sandbox = stage.widened_by(side, "oversized-component", |options| options.component_size_max = ByteSize::mib(4))?;
    Ok(stage.attempt_in(&sandbox, guest, "ok").run().await)
}

/// A table of branches hands a thousand values on to each of its targets. With twenty-five times the targets, which is still a small
/// component, compiling it takes what no machine should give; this one can be compiled where the guard is widened.
async fn compile_bomb(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    const VALUES: usize = 1000;
    const TARGETS: u32 = 20;
    let (types, drops) = ("i64 ".repeat(VALUES), "drop ".repeat(VALUES));
    let values = "(i64.extend_i32_u (local.get 0)) ".repeat(VALUES);
    let table: Vec<String> = (1..=TARGETS).map(|target| target.to_string()).collect();
    let branch = format!("(if (local.get 0) (then {values} (br_table {} (local.get 0)))) {values}", table.join(" "));
    let blocks = (0..TARGETS).fold(branch, |inner, _| format!("(block (result {types}) {inner})"));
    let fields = format!("(func (param i32) {blocks} {drops}) {}", guest::ECHO);
    let guest = guest::build("compile-bomb", &Guest { fields: &fields, ..Guest::default() })?;
    let sandbox = stage.widened_by(side, "compile-bomb", |options| options.wide_values_max = 100_000)?;
    Ok(stage.attempt_in(&sandbox, guest, "ok").run().await)
}

async fn refused_proposal(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let guest = guest::calling("refused-proposal", "(drop (v128.const i64x2 1 2)) (call $done)")?;
    let profile = side.pick(Profile::Strict, Profile::Default);
    let own = stage.own("refused-proposal", |options| options.profile = profile)?;
    Ok(stage.attempt_in(&own, guest, "{}").run().await)
}

/// No profile accepts them; its control stores without.
async fn threads(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let store = side.pick("(i32.atomic.store (i32.const 512) (i32.const 1))", "(i32.store (i32.const 512) (i32.const 1))");
    let guest = guest::calling("threads", &format!("{store} (call $done)"))?;
    Ok(stage.attempt(guest, "{}").run().await)
}

/// There is no such interface to be granted; its control does without.
async fn unknown_import(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let wit = "interface messages { send: func(sender: string, to: string, content: string); }";
    let import = r#"(import "caxton:tool/messages@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32)))"#;
    let send = "(call $send (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))";
    let hostile = format!("{import} {}", guest::call(&format!("{send} (call $done)")));
    let (fields, imports) = side.pick((hostile, Some(Imports { wit, names: &["messages"] })), (guest::call("(call $done)"), None));
    let guest = guest::build("unknown-import", &Guest { fields: &fields, imports, ..Guest::default() })?;
    Ok(stage.attempt(guest, "{}").run().await)
}

/// Its control imports the interface as it is.
async fn interface_spoofing(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let own = "package wasi:random@0.2.6 { interface random { get-random-bytes: func(file: string) -> u64; } }";
    let honest = "package wasi:random@0.2.6 { interface random { get-random-u64: func() -> u64; } }";
    let own_import = r#"(import "wasi:random/random@0.2.6" "get-random-bytes" (func $ask (param i32 i32) (result i64)))"#;
    let honest_import = r#"(import "wasi:random/random@0.2.6" "get-random-u64" (func $ask (result i64)))"#;
    let (wit, import, ask) =
        side.pick((own, own_import, "(call $ask (i32.const 0) (i32.const 0))"), (honest, honest_import, "(call $ask)"));
    let fields = format!("{import} {}", guest::call(&format!("(drop {ask}) (call $done)")));
    let imports = Some(Imports { wit, names: &["wasi:random/random@0.2.6"] });
    let guest = guest::build("interface-spoofing", &Guest { fields: &fields, imports, ..Guest::default() })?;
    Ok(stage.attempt(guest, "{}").run().await)
}

/// Its control exports the interface as it is.
async fn tool_spoofing(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let wasm = match side {
        Side::Twin => guest::build("tool-spoofing", &Guest::default())?,
        Side::Guarded => {
            let wit = "package caxton:tool@0.1.0; interface tools { call-tool: func() -> u32; } world spoof { export tools; }";
            let module = r#"(module (func (export "caxton:tool/tools@0.1.0#call-tool") (result i32) (i32.const 0)))"#;
            guest::component("tool-spoofing", module, wit, "spoof")?
        }
    };
    Ok(stage.attempt(wasm, "ok").run().await)
}

/// Its control starts as well, and does not crash.
async fn panic_in_start(stage: &Stage, side: Side) -> Result<Outcome, Error> {
    let fields = format!("(func $begin {}) (start $begin) {}", side.pick("(unreachable)", ""), guest::ECHO);
    let guest = guest::build("panic-in-start", &Guest { fields: &fields, ..Guest::default() })?;
    Ok(stage.attempt(guest, "ok").run().await)
}
