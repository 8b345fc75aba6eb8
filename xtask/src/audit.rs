//! Known vulnerabilities among our dependencies. Not part of `ci`: the answer changes without a change of ours.
use crate::{deny, process, repo::Repo};
use anyhow::Result;

/// cargo-deny is not installed, or too old. The process then exits with 2, so that a script can tell it from a finding.
#[derive(Debug)]
pub(crate) struct Missing;

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the audit needs cargo-deny 0.16 or later\nhint: install it with `cargo install --locked cargo-deny`, then run `cargo xtask audit` again",
        )
    }
}

impl std::error::Error for Missing {}

pub(crate) fn run(repo: &Repo) -> Result<()> {
    let mut deny = deny::installed(repo).ok_or(Missing)?;
    process::run(deny.args(["--workspace", "check", "advisories"]))
}
