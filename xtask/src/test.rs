//! `cargo xtask test`: prepares what the tests need, then runs every one of them.
use crate::{
    guest::{self, Guests},
    peers::Peers,
    process::{self, Watched},
    repo::{GUEST, GUESTS, Repo},
    say,
    stage::Stages,
    target::Target,
};
use anyhow::{Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

mod closing;

/// Which tests are wanted.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    /// Those whose names contain one of these; all where there is none.
    filter: &'a [String],
    /// Those of guests with large toolchains too.
    all_guests: bool,
}

pub(crate) fn run(repo: &Repo, filter: &[String], all_guests: bool) -> Result<()> {
    let target = Target::take(repo)?;
    let mut stages = Stages::default();
    let closing = stages_of(repo, &target, &mut stages, &Wanted { filter, all_guests })?;
    say::line(&stages.summary());
    say::line(&closing);
    Ok(())
}

/// Runs the stages of the tests and returns the test runner's closing line.
pub(crate) fn stages_of(repo: &Repo, target: &Target, stages: &mut Stages, wanted: &Wanted<'_>) -> Result<String> {
    let Wanted { filter, all_guests } = *wanted;
    let peers = stages.run("test peers", "cargo xtask test", || Peers::prepare(repo, target))?;
    let binary = stages.run("build", "cargo build --workspace --bins --tests", || build(repo, target))?;
    let guests = stages.run("guests", "cargo xtask test", || Guests::prepare(repo, target, all_guests, || Ok(binary.clone())))?;
    let nextest = process::has_cargo_tool("nextest", repo.root());
    let prepared = |command: &mut Command| {
        command.env("CAXTON_BIN", &binary).env("CAXTON_SCHEMATHESIS", &peers.schemathesis).env("CAXTON_AIMOCK", &peers.aimock);
        command.env("CAXTON_GUESTS", guests.folder()).env_remove("CAXTON_GUESTS_ALL");
        if all_guests {
            command.env("CAXTON_GUESTS_ALL", "1");
        }
        command.env("CAXTON_MCP_PEERS", &peers.mcp).env("CAXTON_MCP_PYTHON", &peers.mcp_python);
        command.env("CAXTON_MCP_SERVERS", &peers.mcp_servers).env("CAXTON_FASTMCP", &peers.fastmcp);
    };
    let closing = stages.run("tests", "cargo xtask test", || {
        let mut tests = target.cargo(repo);
        prepared(&mut tests);
        if nextest { with_nextest(&mut tests, filter) } else { with_cargo(&mut tests, filter) }
    })?;
    if filter.is_empty() {
        if nextest {
            stages.run("doc tests", "cargo test --doc --workspace", || {
                process::run(target.cargo(repo).args(["test", "--doc", "--workspace", "--quiet"]))
            })?;
        }
        if repo.has(GUEST) {
            committed_guest(repo, target, stages, &binary)?;
        }
    }
    Ok(closing)
}

fn committed_guest(repo: &Repo, target: &Target, stages: &mut Stages, caxton: &Path) -> Result<()> {
    for manifest in GUESTS.iter().filter(|manifest| repo.has(manifest)) {
        let alone = format!("cargo test --manifest-path {manifest}");
        stages.run("guest tests", &alone, || process::run(target.cargo(repo).args(["test", "--quiet", "--manifest-path", manifest])))?;
    }
    stages.run("guest rebuild", "cargo xtask guest --check", || guest::committed(repo, target, caxton, true))
}

/// Builds the tests and, with the same features, the server's binary.
fn build(repo: &Repo, target: &Target) -> Result<PathBuf> {
    process::run(target.cargo(repo).args(["build", "--workspace", "--bins", "--tests"]))?;
    target.built_caxton()
}

fn with_nextest(tests: &mut Command, filter: &[String]) -> Result<String> {
    tests.args(["nextest", "run", "--workspace", "--no-fail-fast"]).args(filter);
    let ended = process::run_watched(tests, closing::is_nextest)?;
    verdict(&ended, ended.lines.last().cloned())
}

fn with_cargo(tests: &mut Command, filter: &[String]) -> Result<String> {
    tests.args(["test", "--workspace", "--no-fail-fast"]);
    if !filter.is_empty() {
        tests.arg("--").args(filter);
    }
    let ended = process::run_watched(tests, closing::is_cargo)?;
    let closing = closing::add_up(&ended.lines);
    if closing.as_ref().is_some_and(|closing| closing.contains(" 0 passed; 0 failed;")) {
        bail!("no test ran: no name contains {}", filter.join(" or "));
    }
    verdict(&ended, closing)
}

fn verdict(ended: &Watched, closing: Option<String>) -> Result<String> {
    match closing {
        Some(closing) if ended.success => Ok(closing),
        Some(closing) => bail!("tests failed\n{closing}"),
        None => bail!("the test runner ended without its closing line"),
    }
}
