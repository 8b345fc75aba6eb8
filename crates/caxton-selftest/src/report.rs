//! What came of it all.

use std::time::Duration;

use serde::Serialize;

use crate::{Guard, Kind, Outcome, Twin};

/// What came of a selftest.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every attack was stopped by its guard and harmed nobody.
    pub passed: bool,
    /// Every attack with both its runs.
    pub attacks: Vec<Attacked>,
    /// How those fared who called an honest tool meanwhile.
    pub neighbours: Neighbourhood,
    /// How long it took.
    pub took_ms: f64,
}

/// What came of one attack.
#[derive(Debug, Serialize)]
pub struct Attacked {
    /// Its name.
    pub name: &'static str,
    /// What it is aimed at.
    pub kind: Kind,
    /// What it tries.
    pub what: &'static str,
    /// The guard that is to stop it.
    pub guard: Guard,
    /// The verdict: whether `faults` is empty.
    pub passed: bool,
    /// The run as a server would run it.
    pub guarded: Run,
    /// What its second run is.
    pub twin: Twin,
    /// That run.
    pub twin_run: Run,
    /// Whether what it may not touch is untouched after the guarded run.
    pub canaries: Canaries,
    /// Calls of the neighbours meanwhile.
    pub neighbour_calls: u64,
    /// Of those, with an error or a wrong answer.
    pub neighbour_errors: u64,
    /// Everything that is not as it is to be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// One run of an attack.
#[derive(Debug, Serialize)]
pub struct Run {
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How long it took, loading included.
    pub took_ms: f64,
}

/// What no attack may touch; each is whether all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a canary of its own")]
pub struct Canaries {
    /// The file beside the granted directories is as it was.
    pub file: bool,
    /// Nobody connected to the server on the loopback network.
    pub listener: bool,
    /// The word in that file, in the server's answers and in the variable did not come out.
    pub word: bool,
    /// The process has no more files open than before.
    pub open_files: bool,
    /// The process has not grown beyond its bound.
    pub memory: bool,
}

impl Canaries {
    /// What is not well.
    pub(crate) fn faults(self) -> impl Iterator<Item = String> {
        let Self { file, listener, word, open_files, memory } = self;
        let all = [
            (file, "the canary file was changed"),
            (listener, "the canary server was connected to"),
            (word, "the canary's word came out"),
            (open_files, "files stayed open"),
            (memory, "the process grew too much"),
        ];
        all.into_iter().filter(|(well, _)| !well).map(|(_, what)| what.to_owned())
    }
}

/// How the neighbours fared.
#[derive(Debug, Serialize)]
pub struct Neighbourhood {
    /// How many called at once.
    pub callers: usize,
    /// Their calls.
    pub calls: u64,
    /// Of those, with an error or a wrong answer.
    pub wrong: u64,
    /// The first few of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Half of the calls took no longer, while nothing hostile ran.
    pub alone_p50_ms: f64,
    /// 99 of 100 took no longer, while nothing hostile ran.
    pub alone_p99_ms: f64,
    /// Half of the calls took no longer, while guarded attacks ran.
    pub p50_ms: f64,
    /// 99 of 100 took no longer, while guarded attacks ran.
    pub p99_ms: f64,
}

/// Milliseconds to the microsecond.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
