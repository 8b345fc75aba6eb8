//! A real component behind the door.

use crate::{guest::tool, support::Bench};
use caxton_tools::{Attachment, Error, Grant, Limits, Options, Reuse};
use caxton_types::{Code, Fault as _, WorkspaceName, unit::ByteSize};
use serde_json::json;
use std::{path::Path, sync::Arc, time::Duration};

async fn bench(attachments: bool) -> Bench {
    let wasm = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tools/csv-stats/tool.wasm")).unwrap();
    let bench = Bench::new(Options::default());
    let server = bench
        .tools
        .load("csv-stats", wasm, Grant { limits: Limits::default(), attachments, permissions: Arc::default(), reuse: None })
        .await
        .unwrap();
    bench.tools.install(&WorkspaceName::default(), vec![server]);
    bench
}

fn table(bench: &Bench) -> Attachment {
    let path = bench.dir.path().join("table.csv");
    std::fs::write(&path, "city,people\nOslo,7\nBergen,3\n").unwrap();
    Attachment::file("table.csv", path)
}

#[tokio::test]
async fn a_component_reads_the_attachment_and_is_metered() {
    let bench = bench(true).await;
    let arguments = json!({"file": "table.csv", "operation": "sum", "column": "people"});
    let called = bench.call("csv-stats__stats", arguments, &[table(&bench)]).await.unwrap();
    assert!(called.result.text.contains("10"), "{}", called.result.text);
    assert!(called.metering.memory_peak.unwrap() > 0 && called.metering.wall_us > 0 && called.metering.result > Some(100));
}

#[tokio::test]
async fn a_component_without_the_grant_sees_no_attachment() {
    let bench = bench(false).await;
    let arguments = json!({"file": "table.csv", "operation": "count"});
    assert!(bench.call("csv-stats__stats", arguments, &[table(&bench)]).await.is_err());
}

#[tokio::test]
async fn instances_of_a_pool_wait_from_the_start() {
    let wasm = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tools/csv-stats/tool.wasm")).unwrap();
    let bench = Bench::new(Options::default());
    let reuse = Some(Reuse { kept: 2, ..Reuse::default() });
    let grant = Grant { limits: Limits::default(), attachments: false, permissions: Arc::default(), reuse };
    let server = bench.tools.load("csv-stats", wasm, grant).await.unwrap();
    assert_eq!(bench.tools.sandbox().pool().waiting_instances, 2);
    bench.tools.install(&WorkspaceName::default(), vec![server]);
    assert_eq!(bench.tools.sandbox().pool().waiting_instances, 2);
    bench.tools.install(&WorkspaceName::default(), vec![]);
    assert_eq!(bench.tools.sandbox().pool().waiting_instances, 0, "the code stays for turns under way, its instances do not");
}

#[tokio::test]
async fn arguments_are_checked_before_the_component_sees_them() {
    let bench = bench(true).await;
    let error = bench.call("csv-stats__stats", json!({"file": "table.csv", "operation": "guess"}), &[table(&bench)]).await.unwrap_err();
    assert_eq!(error.code(), Code::Invalid, "{error}");
}

/// A bench with one tool, `guest/echo`, that does this, and a sandbox of one slot.
async fn doing(body: &str, limits: Limits) -> Bench {
    let bench = Bench::in_sandbox(Options::default(), |options| {
        (options.slots, options.waiting_max, options.agent_slots_max) = (1, 0, Some(4));
    });
    let grant = Grant { limits, attachments: false, permissions: Arc::default(), reuse: None };
    let server = bench.tools.load("guest", tool(body), grant).await.unwrap();
    bench.tools.install(&WorkspaceName::default(), vec![server]);
    bench
}

const LOOP: &str = "(loop (br 0)) (unreachable)";

fn told(error: &Error) -> (Code, String, String) {
    (error.code(), error.to_string(), error.hint().unwrap_or_default())
}

#[tokio::test]
async fn what_the_sandbox_says_arrives_with_its_code_and_its_hint() {
    let check = async |body: &str, limits: Limits, code: Code, text: &str, hint: &str| {
        let bench = doing(body, limits).await;
        let error = bench.call("guest__echo", json!({}), &[]).await.unwrap_err();
        assert_eq!(told(&error), (code, format!("`guest/echo` failed: {text}"), hint.to_owned()));
    };
    let bomb = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let memory = "raise `memory` under `[limits]` in the tool's tool.toml, or `tools.sandbox.memory`";
    let few = Limits { memory: ByteSize::mib(8), ..Limits::default() };
    check(bomb, few, Code::Exhausted, "the memory limit of 8MiB is exceeded", memory).await;
    let cpu = Limits { cpu: Duration::from_millis(20), ..Limits::default() };
    let raise = "raise `cpu` under `[limits]` in the tool's tool.toml, or `tools.sandbox.cpu`";
    check(LOOP, cpu, Code::Deadline, "the limit of 20 ms of processor time is exceeded", raise).await;
    let wall = Limits { wall: Duration::from_millis(20), ..Limits::default() };
    let raise = "raise `timeout` under `[limits]` in the tool's tool.toml, or `tools.sandbox.timeout`";
    check(LOOP, wall, Code::Deadline, "the time limit of 20 ms is exceeded", raise).await;
    let crash = "the tool crashed: wasm trap: wasm `unreachable` instruction executed";
    let log = "what the tool printed is in the server's log with `observability.logging.level = \"info,caxton_sandbox=debug\"`";
    check("(unreachable)", Limits::default(), Code::Unavailable, crash, log).await;

    let bench = doing(LOOP, Limits::default()).await;
    let error = tokio::select! {
        biased;
        _ = bench.call("guest__echo", json!({}), &[]) => panic!("it never ends"),
        refused = bench.call("guest__echo", json!({}), &[]) => refused.unwrap_err(),
    };
    let full = "`guest/echo` failed: all 1 slots are taken and 0 calls wait".to_owned();
    assert_eq!(told(&error), (Code::Exhausted, full, "try again later, or raise `tools.sandbox.instances`".to_owned()));
}

#[tokio::test]
async fn a_call_that_the_turns_clock_ends_tells_what_it_took() {
    let bench = doing(LOOP, Limits::default()).await;
    let (error, spent) = bench.call_failing("guest__echo", json!({}), Duration::from_millis(50)).await;
    let text = "`guest/echo` was ended: the turn had 50 ms left, which are over".to_owned();
    assert_eq!(told(&error), (Code::Deadline, text, "raise `wall_time` under `[limits]` in the agent's file, then deploy".to_owned()));
    assert!(spent.cpu_us > Some(0) && spent.memory_peak > Some(0) && spent.wall_us >= 50_000, "{spent:?}");
}

#[tokio::test]
async fn a_turn_without_time_gets_no_result() {
    let bench = bench(true).await;
    let allowed = bench.tools.available(&WorkspaceName::default());
    let arguments = json!({"file": "table.csv", "operation": "count"});
    let error = bench.call_as(&allowed, "csv-stats__stats", arguments, &[table(&bench)], Duration::ZERO).await.unwrap_err();
    assert_eq!(error.code(), Code::Deadline, "{error}");
}
