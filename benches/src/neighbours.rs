//! What honest callers of a tool notice of the hostile ones beside them.

use serde_json::json;

use crate::{Failure, Rows, measure::runtime};

/// The ratio of two quantiles is of little use if each is of one run.
const RUNS: usize = 5;

pub(crate) fn run(rows: &Rows) -> Result<(), Failure> {
    let runtime = runtime()?;
    let mut runs = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let folder = tempfile::tempdir()?;
        let report = runtime.block_on(caxton_selftest::sandbox(folder.path(), |_| {}))?;
        if !report.passed {
            return Err("the selftest of the sandbox does not pass".into());
        }
        runs.push(report.neighbours);
    }
    let median = |of: fn(&caxton_selftest::Neighbourhood) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let (alone, beside) = (median(|run| run.alone_p99_ms), median(|run| run.p99_ms));
    let ratio = (median(|run| run.p99_ms / run.alone_p99_ms) * 100.0).round() / 100.0;
    let note = format!("99 of 100 calls: {beside:.3} ms beside attacks, {alone:.3} ms alone; of {RUNS} runs");
    rows.print(&json!({"id": "sandbox.neighbours_p99", "what": "calls of an honest tool while hostile ones run, against none (99 of 100)", "unit": "x",
        "better": "lower", "ours": ratio, "goal": 1.2, "met": ratio <= 1.2, "note": note}))
}
