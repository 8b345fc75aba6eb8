//! Known vulnerabilities among our dependencies. Not part of `ci`: the answer changes without a change of ours.
use crate::{process, repo::Repo};
use anyhow::Result;

/// cargo-deny is not installed. The process then exits with 2, so that a script can tell it from a finding.
#[derive(Debug)]
pub(crate) struct Missing;

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the audit needs cargo-deny\nhint: install it with `cargo install --locked cargo-deny`, then run `cargo xtask audit` again",
        )
    }
}

impl std::error::Error for Missing {}

pub(crate) fn run(repo: &Repo) -> Result<()> {
    if !process::has_cargo_tool("deny", repo.root()) {
        return Err(Missing.into());
    }
    process::run(process::cargo(repo.root()).args(["deny", "--workspace", "check", "advisories"]))
}
