//! The repository's own tasks: `cargo xtask ci | test | tidy | bench | audit`.
//!
//! Compiled before anything else, so it depends on little and on no crate of ours.
mod audit;
mod bench;
mod ci;
mod deny;
mod guest;
mod licences;
mod peers;
mod process;
mod repo;
mod say;
mod stage;
mod target;
mod test;
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The repository's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs everything a change must pass: format, tidy, licences, clippy, docs, tests
    Ci,
    /// Prepares what the tests need and runs them all, or those whose name contains FILTER
    Test {
        /// Substrings of test names
        filter: Vec<String>,
        /// Also builds and tests the guests whose toolchains are large: Go
        #[arg(long)]
        all_guests: bool,
    },
    /// Checks what the compiler cannot: layers, sizes, names, docs
    Tidy,
    /// Checks licences, sources and bans of every dependency
    Licences,
    /// Runs the headline benches whose ids start with PREFIX and writes target/bench/report.json
    Bench {
        /// Start of a row's id, for example `journal` or `turns.overhead`
        prefix: Option<String>,
    },
    /// Looks every dependency up in the `RustSec` advisory database
    Audit,
    /// Builds the guests that tests and benches use, and says where they are
    Guests {
        /// Also those whose toolchains are large: Go
        #[arg(long)]
        all: bool,
    },
    /// Builds the committed component of `csv-stats` from source
    Guest {
        /// Compares with the committed component instead of replacing it
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match run(&Args::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::problem(&format!("error: {error:#}"));
            ExitCode::from(error.downcast_ref::<audit::Missing>().map_or(1, |_| 2))
        }
    }
}

fn run(task: &Task) -> anyhow::Result<()> {
    target::rebuild_when_foreign()?;
    let repo = repo::Repo::open()?;
    match task {
        Task::Ci => ci::run(&repo),
        Task::Test { filter, all_guests } => test::run(&repo, filter, *all_guests),
        Task::Tidy => tidy::run(&repo),
        Task::Licences => licences::run(&repo),
        Task::Bench { prefix } => bench::run(&repo, prefix.as_deref()),
        Task::Audit => audit::run(&repo),
        Task::Guests { all } => guest::build(&repo, *all),
        Task::Guest { check } => guest::run(&repo, *check),
    }
}
