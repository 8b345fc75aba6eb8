//! Results as they come, failures at the end.

use super::stage::Task;
use crate::{
    console::{BAD, Console, FAINT, GOOD, STRONG},
    error::{Error, Result},
};
use caxton_config::suite::ToolCase;
use caxton_types::Code;
use serde::Serialize;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// What came of one case.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) file: Arc<str>,
    pub(super) line: u32,
    pub(super) suite: Arc<str>,
    pub(super) name: Box<str>,
    pub(super) passed: bool,
    pub(super) took_ms: f64,
    /// Everything that is not as expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) misses: Vec<String>,
}

impl Verdict {
    /// What came of a case of a tool.
    pub(super) fn of_tool(file: &Arc<str>, server: &Arc<str>, case: &ToolCase, misses: Vec<String>, took: Duration) -> Self {
        let (file, suite, name) = (Arc::clone(file), Arc::clone(server), case.name.clone());
        Self { file, line: case.line, suite, name, passed: misses.is_empty(), took_ms: millis(took), misses }
    }

    pub(super) fn new(task: &Task, misses: Vec<String>, took: Duration) -> Self {
        let took_ms = millis(took);
        let (file, suite, name) = (Arc::clone(&task.file), Arc::clone(&task.suite), task.case.name.clone());
        Self { file, line: task.case.line, suite, name, passed: misses.is_empty(), took_ms, misses }
    }
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

/// Tells what came of cases.
pub(super) struct Report<'c> {
    console: &'c Console,
    verdicts: Vec<Verdict>,
}

impl<'c> Report<'c> {
    pub(super) const fn new(console: &'c Console) -> Self {
        Self { console, verdicts: Vec::new() }
    }

    pub(super) fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// One line, under a heading where a new file begins.
    pub(super) fn add(&mut self, verdict: Verdict) -> Result<()> {
        let painter = self.console.painter();
        if !self.console.json {
            if self.verdicts.last().is_none_or(|last| last.file != verdict.file) {
                self.console.line(painter.paint(STRONG, &verdict.file))?;
            }
            let sign = if verdict.passed { painter.paint(GOOD, "✓") } else { painter.paint(BAD, "✗") };
            let took = painter.paint(FAINT, format_args!("{:.0} ms", verdict.took_ms));
            self.console.line(format_args!("  {sign} {} {took}", verdict.name))?;
        }
        self.verdicts.push(verdict);
        Ok(())
    }

    /// The failures, then the sum; an error where there is a failure.
    pub(super) fn end(self, took: Duration) -> Result<()> {
        let failed = self.verdicts.iter().filter(|verdict| !verdict.passed).count();
        let passed = self.verdicts.len() - failed;
        let outcome = if failed == 0 { Ok(()) } else { Err(Error::BadNews(Code::Internal)) };
        if self.console.json {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            self.console.value(&json!({"passed": passed, "failed": failed, "took_ms": took_ms, "cases": self.verdicts}))?;
            return outcome;
        }
        let painter = self.console.painter();
        for verdict in self.verdicts.iter().filter(|verdict| !verdict.passed) {
            let place = painter.paint(FAINT, format_args!("{}:{}", verdict.file, verdict.line));
            self.console.line(format_args!("\n{} {} {place}", painter.paint(BAD, "✗"), painter.paint(STRONG, &verdict.name)))?;
            for line in verdict.misses.iter().flat_map(|miss| miss.lines()) {
                self.console.line(format_args!("    {line}"))?;
            }
        }
        let cases = if self.verdicts.len() == 1 { "1 case".to_owned() } else { format!("{} cases", self.verdicts.len()) };
        let passed = painter.paint(GOOD, format_args!("{passed} passed"));
        let failed = if failed == 0 { "0 failed".to_owned() } else { painter.paint(BAD, format_args!("{failed} failed")) };
        self.console.line(format_args!("\n{cases}: {passed}, {failed} ({} ms)", took.as_millis()))?;
        outcome
    }
}
