//! The selftest as a whole, as a program that embeds it runs it.

use caxton_selftest::{Outcome, Progress, sandbox};

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
        assert!(matches!(one.widened.outcome, Outcome::Succeeded { .. }), "{one:?}");
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
    assert!(report.passed);
    // What it made is where it was told to make it.
    assert!(std::fs::read_to_string(folder.path().join("canary")).unwrap().starts_with("canary-"));
}
