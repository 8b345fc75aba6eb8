//! `caxton test`: the cases of a workspace, run without a server.
//!
//! A case drives the step function of turns itself (`caxton_runtime::rehearse`) and boots no server: a cassette needs each outcome at its
//! step and a script each question in its order, which a server in between would only blur; and a case takes milliseconds.

mod calls;
mod files;
mod judge;
mod junit;
mod play;
mod report;
mod stage;
#[cfg(test)]
mod tests;
pub(crate) mod tools;

use self::{
    play::Player,
    report::{Report, Verdict},
    stage::{Stage, Task},
};
use crate::{
    args::Test,
    error::{Error, Result},
    place::{self, Place},
    session::Session,
};
use caxton_config::{Diagnostics, suite::Suite};
use caxton_types::{Code, Fault as _};
use futures_util::{StreamExt as _, stream};
use std::{fs, sync::Arc, time::Instant};
use tokio_util::task::TaskTracker;

pub(crate) async fn run(args: &Test, session: &Session) -> Result<()> {
    let began = Instant::now();
    let console = session.console();
    let (place, paths) = files::find(args.path.as_deref(), session.here())?;
    let suites = read(&place, &paths)?;
    let sources = place.files()?;
    let workspace = place::load(&sources)?;
    let tasks = stage::tasks(&place, &workspace, suites, args.record).map_err(|problems| wrong(&problems))?;
    let tasks = chosen(tasks, args)?;
    let stage = Stage::new(&workspace, &sources, args.record.then(|| session.configuration(Vec::new())).transpose()?).await?;
    let player = Arc::new(Player::new(stage, args.record));
    let jobs = args.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, Into::into);
    let mut report = Report::new(console);
    let threads = TaskTracker::new();
    let mut verdicts = stream::iter(tasks).map(|task| play(&threads, Arc::clone(&player), task)).buffered(jobs);
    while let Some(verdict) = verdicts.next().await {
        report.add(verdict?)?;
    }
    if let Some(file) = &args.junit {
        let xml = junit::write(report.verdicts(), began.elapsed());
        fs::write(session.here().join(file), xml).map_err(|error| Error::io(format_args!("write `{}`", file.display()), &error))?;
    }
    report.end(began.elapsed())
}

/// One case, on a thread of its own where there is one.
async fn play(threads: &TaskTracker, player: Arc<Player>, task: Task) -> Result<Verdict> {
    let defect = |error: tokio::task::JoinError| Error::new(Code::Internal, format!("a case could not be run to its end: {error}"));
    threads.spawn(async move { player.play(&task).await }).await.map_err(defect)
}

fn read(place: &Place, paths: &[String]) -> Result<Vec<Suite>> {
    let mut problems = Diagnostics::new();
    let mut suites = Vec::new();
    for path in paths {
        let text = fs::read_to_string(place.root().join(path)).map_err(|error| Error::io(format_args!("read `{path}`"), &error))?;
        match caxton_config::suite::parse(&text, path) {
            Ok(suite) => suites.push(suite),
            Err(wrong) => problems.extend(wrong),
        }
    }
    problems.or(suites).map_err(|problems| wrong(&problems))
}

/// Files of tests that cannot be used: exit code 2.
fn wrong(problems: &Diagnostics) -> Error {
    Error::new(problems.code(), problems.to_string()).hint("mend the file; docs/testing.md tells how one is written")
}

/// The cases that the flags ask for.
fn chosen(tasks: Vec<Task>, args: &Test) -> Result<Vec<Task>> {
    let suites: Vec<String> = tasks.iter().map(|task| task.suite.to_string()).collect();
    let of_suite = |task: &Task| args.suite.as_ref().is_none_or(|suite| *task.suite == **suite);
    let fits =
        |task: &Task| args.filter.as_ref().is_none_or(|text| task.case.name.contains(text.as_str()) || task.file.contains(text.as_str()));
    let chosen: Vec<Task> = tasks.into_iter().filter(|task| of_suite(task) && fits(task)).collect();
    if chosen.is_empty() {
        let mut names = suites;
        names.sort();
        names.dedup();
        return Err(
            Error::invalid("no case fits `--suite` and `--filter`").hint(format!("the suites of this workspace: {}", names.join(", ")))
        );
    }
    Ok(chosen)
}
