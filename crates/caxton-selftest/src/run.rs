//! The course of a selftest.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    Attacked, Error, Guard, Kind, Outcome, Report, Run,
    attack::{Attack, Side, Twin},
    attacks,
    neighbours::{Neighbours, Phase},
    report::millis,
    stage::{Stage, Tried},
};

/// Calls of each neighbour before each attack: for comparison, under what else goes on at that time on the machine.
const CALLS_ALONE: u64 = 6;
/// No attack goes on for longer, whatever becomes of its guard.
const RUN_MAX: Duration = Duration::from_mins(1);

/// How far a selftest is.
#[derive(Debug)]
pub enum Progress<'a> {
    /// An attack begins, the `number`th `of` so many.
    Begins { name: &'static str, number: usize, of: usize },
    /// One has ended.
    Ended(&'a Attacked),
}

/// Runs every attack against a sandbox, twice each, in an empty folder for the purpose. Needs a runtime of several threads.
pub async fn sandbox(folder: &Path, mut watch: impl FnMut(Progress<'_>)) -> Result<Report, Error> {
    let begun = Instant::now();
    let stage = Stage::new(folder).await?;
    let mut neighbours = Neighbours::start(&stage.sandbox).await?;
    if !neighbours.calls(CALLS_ALONE).await {
        return Err(Error::Neighbours);
    }
    let all: Vec<(Kind, &Attack)> = attacks::all().collect();
    let mut attacked = Vec::with_capacity(all.len());
    for (index, (kind, attack)) in all.iter().enumerate() {
        watch(Progress::Begins { name: attack.name, number: index + 1, of: all.len() });
        let one = run(&stage, &mut neighbours, *kind, attack).await?;
        watch(Progress::Ended(&one));
        attacked.push(one);
    }
    let neighbours = neighbours.end().await;
    let passed = neighbours.wrong == 0 && attacked.iter().all(|one| one.passed);
    Ok(Report { passed, attacks: attacked, neighbours, took_ms: millis(begun.elapsed()) })
}

async fn run(stage: &Stage, neighbours: &mut Neighbours, kind: Kind, attack: &Attack) -> Result<Attacked, Error> {
    neighbours.enter(Phase::Alone);
    let lively = neighbours.calls(CALLS_ALONE).await;
    let (calls, errors) = neighbours.count();
    let before = stage.canary.before();
    neighbours.enter(Phase::Beside);
    let (guarded, tried) = act(stage, attack, Side::Guarded).await;
    neighbours.enter(Phase::Between);
    // Whoever it would have harmed has called since.
    let lively = lively && neighbours.calls(2).await;
    let guarded = guarded?;
    let canaries = stage.canary.after(&before, guarded.outcome.told()).await;
    let (calls_after, errors_after) = neighbours.count();
    let neighbour_errors = errors_after.saturating_sub(errors);
    let (twin_run, tried_by_twin) = act(stage, attack, Side::Twin).await;
    let twin_run = twin_run?;
    stage.canary.restore().map_err(|source| Error::Host { what: "restore the canary", source })?;
    let mut faults = faults(attack.guard, &guarded.outcome, &twin_run.outcome);
    faults.extend(mislabelled(attack.twin, tried == tried_by_twin).map(str::to_owned));
    faults.extend(canaries.faults());
    faults.extend((neighbour_errors > 0).then(|| format!("{neighbour_errors} calls of neighbours went wrong")));
    faults.extend((!lively).then(|| "a neighbour stands still".to_owned()));
    Ok(Attacked {
        name: attack.name,
        kind,
        what: attack.what,
        guard: attack.guard,
        passed: faults.is_empty(),
        guarded,
        twin: attack.twin,
        twin_run,
        canaries,
        neighbour_calls: calls_after.saturating_sub(calls),
        neighbour_errors,
        faults,
    })
}

/// One run, and what was tried in it.
async fn act(stage: &Stage, attack: &Attack, side: Side) -> (Result<Run, Error>, BTreeSet<Tried>) {
    let begun = Instant::now();
    let outcome = tokio::time::timeout(RUN_MAX, (attack.act)(stage, side)).await;
    let outcome = outcome.unwrap_or_else(|_| Ok(Outcome::odd("nothing at all, for a minute")));
    (outcome.map(|outcome| Run { outcome, took_ms: millis(begun.elapsed()) }), stage.take_tried())
}

/// Whether its twin is what it is called.
fn mislabelled(twin: Twin, is_same: bool) -> Option<&'static str> {
    match (twin, is_same) {
        (Twin::Widened, true) | (Twin::Control, false) => None,
        (Twin::Widened, false) => Some("its twin is another guest or has other arguments, and not its guard alone is widened"),
        (Twin::Control, true) => Some("its twin is the same guest with the same arguments, and no control"),
    }
}

/// What is wrong with how the two runs went.
fn faults(expected: Guard, guarded: &Outcome, twin: &Outcome) -> Vec<String> {
    let mut faults = Vec::new();
    match guarded {
        Outcome::Succeeded { told } => faults.push(format!("nothing stopped it: {told}")),
        Outcome::Stopped { guard, told, .. } if *guard != expected => {
            faults.push(format!("stopped by the {guard} and not by the {expected}: {told}"));
        }
        Outcome::Stopped { .. } => {}
    }
    if let Outcome::Stopped { told, .. } = twin {
        faults.push(format!("its twin is stopped too: {told}"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_both_runs() {
        let stopped = || Outcome::foiled(Guard::Time, "too long");
        let won = || Outcome::succeeded("ok");
        assert!(faults(Guard::Time, &stopped(), &won()).is_empty());
        assert_eq!(faults(Guard::Time, &won(), &won()), ["nothing stopped it: ok"]);
        assert_eq!(faults(Guard::Memory, &stopped(), &won()), ["stopped by the time limit and not by the memory limit: too long"]);
        assert_eq!(faults(Guard::Time, &stopped(), &stopped()), ["its twin is stopped too: too long"]);
    }
    #[test]
    fn a_twin_is_what_it_is_called() {
        assert!(mislabelled(Twin::Widened, true).is_none() && mislabelled(Twin::Control, false).is_none());
        assert!(mislabelled(Twin::Widened, false).is_some() && mislabelled(Twin::Control, true).is_some());
    }
}
