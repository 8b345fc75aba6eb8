//! `caxton selftest …`: what is trusted on every machine, tried on this one.

use crate::{
    console::{BAD, Console, GOOD},
    error::{Error, Result},
    table::Table,
};
use caxton_selftest::{Attacked, Outcome, Progress, Report, Twin};
use caxton_types::Code;

/// What is shown of an error; JSON has all of it.
const TOLD_LEN_MAX: usize = 72;

/// Hostile guests in the sandbox.
pub(crate) async fn sandbox(console: &Console) -> Result<()> {
    let folder = tempfile::tempdir().map_err(|error| Error::io("make a folder for temporary files", &error))?;
    let report = {
        let busy = console.busy("setting up");
        let watch = |progress: Progress<'_>| match progress {
            Progress::Begins { name, number, of } => busy.tell(format!("{number}/{of} {name}")),
            Progress::Ended(_) => {}
        };
        caxton_selftest::sandbox(folder.path(), watch).await?
    };
    if console.json {
        console.value(&report)?;
    } else {
        tell(&report, console)?;
    }
    if report.passed { Ok(()) } else { Err(Error::BadNews(Code::Internal)) }
}

fn tell(report: &Report, console: &Console) -> Result<()> {
    let mut table = Table::new(["", "ATTACK", "STOPPED BY", "CODE", "TIME", "TWIN", "ERROR"]);
    for attacked in &report.attacks {
        table.row(row(attacked));
    }
    table.print(console)?;
    let painter = console.painter();
    for attacked in report.attacks.iter().filter(|attacked| !attacked.passed) {
        console.line(format_args!("\n{} {}: it {}", painter.paint(BAD, "✗"), attacked.name, attacked.what))?;
        for fault in &attacked.faults {
            console.line(format_args!("  {fault}"))?;
        }
    }
    for error in &report.neighbours.errors {
        console.line(format_args!("{} a neighbour's call: {error}", painter.paint(BAD, "✗")))?;
    }
    console.line("")?;
    let (style, sign) = if report.passed { (GOOD, "✓") } else { (BAD, "✗") };
    console.line(format_args!("{} {}", painter.paint(style, sign), summary(report)))
}

fn row(attacked: &Attacked) -> [String; 7] {
    let sign = if attacked.passed { "✓" } else { "✗" };
    let (guard, code) = match &attacked.guarded.outcome {
        Outcome::Stopped { guard, code, .. } => (guard.to_string(), code.as_str()),
        Outcome::Succeeded { .. } => ("nothing".to_owned(), "-"),
    };
    let twin = match attacked.twin {
        Twin::Widened => "guard widened",
        Twin::Control => "control",
    };
    let twin = match &attacked.twin_run.outcome {
        Outcome::Succeeded { .. } => format!("{twin}: succeeds, {:.0} ms", attacked.twin_run.took_ms),
        Outcome::Stopped { .. } => format!("{twin}: stopped too"),
    };
    let time = format!("{:.0} ms", attacked.guarded.took_ms);
    let told = shortened(attacked.guarded.outcome.told());
    [sign.to_owned(), attacked.name.to_owned(), guard, code.to_owned(), time, twin, told]
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= TOLD_LEN_MAX {
        return text.to_owned();
    }
    text.chars().take(TOLD_LEN_MAX - 1).chain(['…']).collect()
}

fn summary(report: &Report) -> String {
    let (all, neighbours) = (report.attacks.len(), &report.neighbours);
    let passed = report.attacks.iter().filter(|attacked| attacked.passed).count();
    let verdict = if passed == all {
        let widened = report.attacks.iter().filter(|attacked| attacked.twin == Twin::Widened).count();
        format!(
            "all {all} attacks were stopped by their guards; {widened} succeed with the guard widened, {} have a control",
            all - widened
        )
    } else {
        format!("{} of {all} attacks were not stopped as they must be", all - passed)
    };
    format!(
        "{verdict}; {} of {} calls of their neighbours went wrong (99 of 100 took {:.2} ms, {:.2} ms alone); {:.1} s",
        neighbours.wrong,
        neighbours.calls,
        neighbours.p99_ms,
        neighbours.alone_p99_ms,
        report.took_ms / 1e3
    )
}
