//! The selftest as a whole, as a program that embeds it runs it.

use std::collections::BTreeSet;

use caxton_selftest::{Outcome, Progress, Twin, sandbox};

#[cfg(test)]
mod beside;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of the sandbox use all of it")]
#[path = "../../../caxton-sandbox/tests/it/guest.rs"]
mod guest;

/// Those whose guard nobody can widen: the engine's own, or without a setting.
const CONTROLS: [&str; 12] = [
    "pipe-stall",
    "proc-environ",
    "handle-forging",
    "pointer-beyond-memory",
    "trap-in-realloc",
    "realloc-beyond-memory",
    "malformed-component",
    "threads",
    "unknown-import",
    "interface-spoofing",
    "tool-spoofing",
    "panic-in-start",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attack_is_stopped_by_its_guard_and_by_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = (0, 0);
    let report = sandbox(folder.path(), |progress| match progress {
        Progress::Begins { number, of, .. } => {
            told.0 += 1;
            assert!(number == told.0 && of >= 25);
        }
        Progress::Ended(_) => told.1 += 1,
    })
    .await
    .unwrap();
    assert_eq!(told, (report.attacks.len(), report.attacks.len()));
    let faults: Vec<_> = report.attacks.iter().filter(|one| !one.passed).map(|one| (one.name, &one.faults)).collect();
    assert!(faults.is_empty() && report.neighbours.wrong == 0, "{faults:#?}\n{:#?}", report.neighbours);
    for one in &report.attacks {
        assert!(matches!(&one.guarded.outcome, Outcome::Stopped { guard, told, .. } if *guard == one.guard && !told.is_empty()), "{one:?}");
        assert!(matches!(one.twin_run.outcome, Outcome::Succeeded { .. }), "{one:?}");
        assert!(one.neighbour_calls > 0, "{one:?}");
    }
    // Each bound is told by its name and value.
    for (name, bound) in [
        ("handle-flood", "more than 1000 handles were held at once"),
        ("random-flood", "more than 64KiB of random bytes was asked for at once"),
    ] {
        let attack = report.attacks.iter().find(|one| one.name == name).unwrap();
        assert_eq!(attack.guarded.outcome.told(), bound);
    }
    // What is said of the others is that the same guest succeeds where only the guard is wider.
    let controls: Vec<&str> = report.attacks.iter().filter(|one| one.twin == Twin::Control).map(|one| one.name).collect();
    assert_eq!(controls, CONTROLS);
    assert!(report.attacks.len() - controls.len() >= 25);
    let names: BTreeSet<&str> = report.attacks.iter().map(|one| one.name).collect();
    assert_eq!(named_by_the_threat_model("Attacks: ").filter(|name| !names.contains(name)).collect::<Vec<_>>(), [""; 0]);
    let threats = include_str!("../../../caxton/tests/it/threats.rs");
    let tests: Vec<&str> = named_by_the_threat_model("Test: ").collect();
    assert!(tests.len() == 5 && tests.iter().all(|test| threats.contains(&format!("async fn {test}()"))), "{tests:?}");
    assert!(report.passed);
    // What it made is where it was told to make it.
    assert!(std::fs::read_to_string(folder.path().join("canary")).unwrap().starts_with("canary-"));
}

/// What the lines of docs/threat-model.md that begin so name.
fn named_by_the_threat_model(begin: &str) -> impl Iterator<Item = &'static str> {
    let lines = include_str!("../../../../docs/threat-model.md").lines().filter_map(move |line| line.strip_prefix(begin));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}
