//! The stages of a long task: each says its name and its time, and how to run it alone when it fails.
use crate::say;
use anyhow::{Context, Result};
use std::time::Instant;

/// The stages that have ended, for the table at the end.
#[derive(Default)]
pub(crate) struct Stages {
    ended: Vec<(&'static str, f64)>,
}

impl Stages {
    /// Runs one stage; `alone` is the command that repeats it.
    pub(crate) fn run<T>(&mut self, name: &'static str, alone: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        say::problem(&format!("==> {name}"));
        let begun = Instant::now();
        let outcome = work();
        let seconds = begun.elapsed().as_secs_f64();
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        say::problem(&format!("<== {name}: {verdict} in {seconds:.1} s"));
        self.ended.push((name, seconds));
        outcome.with_context(|| format!("stage `{name}` failed; run it alone with `{alone}`"))
    }

    /// One line with every stage's time.
    pub(crate) fn summary(&self) -> String {
        let total: f64 = self.ended.iter().map(|(_, seconds)| seconds).sum();
        let each: Vec<String> = self.ended.iter().map(|(name, seconds)| format!("{name} {seconds:.1} s")).collect();
        format!("stages: {} (together {total:.1} s)", each.join(", "))
    }
}
