//! A real component behind the door.

use crate::support::Bench;
use caxton_tools::{Attachment, Grant, Limits, Options, Reuse};
use caxton_types::{Code, Fault as _, WorkspaceName};
use serde_json::json;
use std::{path::Path, sync::Arc, time::Duration};

async fn bench(attachments: bool) -> Bench {
    let wasm = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tools/csv-stats/tool.wasm")).unwrap();
    let bench = Bench::new(Options::default());
    let server = bench
        .tools
        .load("csv-stats", wasm.into(), Grant { limits: Limits::default(), attachments, permissions: Arc::default(), reuse: None })
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
    assert!(called.metering.memory_peak.unwrap() > 0 && called.metering.wall_us > 0);
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
    let server = bench.tools.load("csv-stats", wasm.into(), grant).await.unwrap();
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

#[tokio::test]
async fn a_turn_without_time_gets_no_result() {
    let bench = bench(true).await;
    let allowed = bench.tools.available(&WorkspaceName::default());
    let arguments = json!({"file": "table.csv", "operation": "count"});
    let error = bench.call_as(&allowed, "csv-stats__stats", arguments, &[table(&bench)], Duration::ZERO).await.unwrap_err();
    assert_eq!(error.code(), Code::Deadline, "{error}");
}
