//! What was found, and how it is told.

use crate::{
    console::{BAD, CARE, Console, FAINT, GOOD},
    error::{Error, Result},
};
use caxton_types::Code;
use serde::Serialize;
use serde_json::json;

/// How it is, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// Neither good nor bad.
    Info,
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warn,
    /// Something does not work, or is not safe.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    check: &'static str,
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) detail: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub(super) todo: Option<String>,
}

impl Finding {
    pub(super) fn new(check: &'static str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { check, verdict, detail: detail.into(), todo: None }
    }

    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, detail)
    }

    pub(super) fn info(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Info, detail)
    }

    pub(super) fn warn(check: &'static str, detail: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { todo: Some(todo.into()), ..Self::new(check, Verdict::Warn, detail) }
    }

    pub(super) fn fail(check: &'static str, detail: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { todo: Some(todo.into()), ..Self::new(check, Verdict::Fail, detail) }
    }
}

/// Tells all of it; the result is the exit code.
pub(super) fn tell(findings: &[Finding], console: &Console) -> Result<()> {
    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok).max(Verdict::Ok);
    if console.json {
        console.value(&json!({"verdict": worst, "checks": findings}))?;
    } else {
        let painter = console.painter();
        let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
        for Finding { check, verdict, detail, todo } in findings {
            let mark = match verdict {
                Verdict::Info => painter.paint(FAINT, "info"),
                Verdict::Ok => painter.paint(GOOD, "ok  "),
                Verdict::Warn => painter.paint(CARE, "warn"),
                Verdict::Fail => painter.paint(BAD, "fail"),
            };
            let indent = format!("\n      {:width$}  ", "");
            console.line(format_args!("{mark}  {check:<width$}  {}", detail.replace('\n', &indent)))?;
            if let Some(todo) = todo {
                console.line(format_args!("      {:width$}  do: {}", "", todo.replace('\n', &indent)))?;
            }
        }
        let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        let (warnings, failures) = (count(Verdict::Warn), count(Verdict::Fail));
        console.line(format_args!("{} checks: {failures} failed, {warnings} with a warning", findings.len()))?;
    }
    if worst == Verdict::Fail { Err(Error::BadNews(Code::Internal)) } else { Ok(()) }
}

/// So many bytes, for people.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
pub(super) fn amount(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_by_people() {
        assert_eq!(
            [0, 1023, 1024, 1_500_000, 3 << 30, 5 << 40].map(amount),
            ["0 bytes", "1023 bytes", "1.0 KiB", "1.4 MiB", "3.0 GiB", "5.0 TiB"]
        );
    }

    #[test]
    fn the_worst_counts() {
        assert!([Verdict::Info, Verdict::Ok, Verdict::Warn, Verdict::Fail].is_sorted());
    }
}
