//! `cargo xtask tidy`: the rules of the house that no compiler knows.
//!
//! Every rule is a module with one `check`; all findings are listed, so that one run shows the whole work.
use crate::{repo::Repo, say};
use anyhow::{Result, bail};
use std::{fmt, path::PathBuf};

mod code;
mod crates;
mod docs;
mod layers;
mod sources;
#[cfg(test)]
mod tests;

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: PathBuf,
    line: usize,
    what: String,
    why: &'static str,
}

impl Finding {
    fn new(path: impl Into<PathBuf>, line: usize, what: impl Into<String>, why: &'static str) -> Self {
        Self { path: path.into(), line, what: what.into(), why }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} — {}", self.path.display(), self.line, self.what, self.why)
    }
}

pub(crate) fn run(repo: &Repo) -> Result<()> {
    let findings = check(repo)?;
    for finding in &findings {
        say::line(&finding.to_string());
    }
    if !findings.is_empty() {
        bail!("tidy found {} breaches of the house's rules", findings.len());
    }
    say::line("tidy: the house is in order");
    Ok(())
}

fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = layers::check(repo)?;
    findings.extend(sources::check(repo)?);
    findings.extend(crates::check(repo)?);
    findings.extend(docs::check(repo)?);
    findings.sort();
    findings.dedup();
    Ok(findings)
}
