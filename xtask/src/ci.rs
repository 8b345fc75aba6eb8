//! `cargo xtask ci`: what a change must pass. One profile (`dev`), one feature set, so that stages share what they build.
use crate::{
    licences, process,
    repo::{GUESTS, Repo},
    say,
    stage::Stages,
    target::Target,
    test, tidy,
};
use anyhow::{Context as _, Result};
use std::process::Command;

/// A stage that is one cargo command; what one types to repeat it is what runs.
struct CargoStage {
    name: &'static str,
    words: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
}

const FMT: CargoStage = CargoStage { name: "fmt", words: &["fmt", "--all", "--check"], env: None };
const CLIPPY: CargoStage =
    CargoStage { name: "clippy", words: &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"], env: None };
const DOC: CargoStage =
    CargoStage { name: "doc", words: &["doc", "--locked", "--workspace", "--no-deps"], env: Some(("RUSTDOCFLAGS", "-D warnings")) };

const GUEST_FMT: [&str; 2] = ["fmt", "--check"];
const GUEST_CLIPPY: [&str; 6] = ["clippy", "--locked", "--all-targets", "--", "-D", "warnings"];

pub(crate) fn run(repo: &Repo) -> Result<()> {
    let target = Target::take(repo)?;
    let mut stages = Stages::default();
    // Cheap first, so that a slip is known in seconds.
    FMT.run(repo, &target, &mut stages)?;
    in_guests(repo, &target, &mut stages, "guest fmt", &GUEST_FMT)?;
    stages.run("tidy", "cargo xtask tidy", || tidy::run(repo))?;
    stages.run("licences", "cargo xtask licences", || licences::run(repo))?;
    CLIPPY.run(repo, &target, &mut stages)?;
    in_guests(repo, &target, &mut stages, "guest clippy", &GUEST_CLIPPY)?;
    DOC.run(repo, &target, &mut stages)?;
    let closing = test::stages_of(repo, &target, &mut stages, &test::Wanted::default())?;
    say::line(&stages.summary());
    say::line(&closing);
    Ok(())
}

/// The same command for each guest in Rust.
fn in_guests(repo: &Repo, target: &Target, stages: &mut Stages, name: &'static str, words: &[&str]) -> Result<()> {
    let (verb, rest) = words.split_first().context("a command has a verb")?;
    for manifest in GUESTS.iter().filter(|manifest| repo.has(manifest)) {
        let alone = format!("cargo {verb} --manifest-path {manifest} {}", rest.join(" "));
        stages.run(name, &alone, || process::run(target.cargo(repo).args([verb, "--manifest-path", manifest]).args(rest)))?;
    }
    Ok(())
}

impl CargoStage {
    fn run(&self, repo: &Repo, target: &Target, stages: &mut Stages) -> Result<()> {
        stages.run(self.name, &self.alone(), || process::run(&mut self.command(target.cargo(repo))))
    }

    fn command(&self, mut cargo: Command) -> Command {
        cargo.args(self.words);
        if let Some((name, value)) = self.env {
            cargo.env(name, value);
        }
        cargo
    }

    fn alone(&self) -> String {
        let env = self.env.map_or_else(String::new, |(name, value)| format!("{name}=\"{value}\" "));
        format!("{env}cargo {}", self.words.join(" "))
    }
}
