//! What every crate says about itself.
use super::Finding;
use crate::repo::Repo;
use anyhow::Result;
use toml::{Table, Value};

/// Their public items are read by people who do not read their code.
const DOCUMENTED: [&str; 3] = ["caxton-types", "caxton-api", "caxton-client"];

pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let map = if repo.has("ARCHITECTURE.md") { Some(repo.read("ARCHITECTURE.md")?) } else { None };
    if map.is_none() {
        findings.push(Finding::new("ARCHITECTURE.md", 1, "is missing", "it maps the crates, the data flow and the invariants"));
    }
    for name in repo.crates()? {
        let manifest = format!("crates/{name}/Cargo.toml");
        if ["util", "utils", "helper", "helpers"].iter().any(|end| name == *end || name.ends_with(&format!("-{end}"))) {
            findings.push(Finding::new(&manifest, 1, format!("crate `{name}`"), "name it after what it does"));
        }
        if !has_workspace_lints(&repo.read(&manifest)?)? {
            findings.push(Finding::new(&manifest, 1, "no `[lints] workspace = true`", "without it none of the house's lints apply"));
        }
        if let Some(map) = &map
            && !names(map, &name)
        {
            findings.push(Finding::new(
                "ARCHITECTURE.md",
                1,
                format!("does not name `{name}`"),
                "say in its code map what the crate is for",
            ));
        }
        let head = format!("crates/{name}/src/lib.rs");
        if repo.has(&head) {
            check_head(&name, &head, &repo.read(&head)?, &mut findings);
        }
    }
    Ok(findings)
}

fn check_head(name: &str, path: &str, source: &str, findings: &mut Vec<Finding>) {
    let head: Vec<&str> = source.lines().take_while(|line| line.starts_with("//!")).collect();
    if head.is_empty() {
        findings.push(Finding::new(path, 1, "no `//!` at its head", "say what the crate is for, and its invariant"));
    } else if !head.iter().any(|line| line.contains("Invariant")) {
        findings.push(Finding::new(path, 1, "its head names no `Invariant`", "say what the crate guarantees whatever happens"));
    }
    if DOCUMENTED.contains(&name) && !source.lines().any(|line| line.trim() == "#![warn(missing_docs)]") {
        findings.push(Finding::new(path, 1, "no `#![warn(missing_docs)]`", "its public items are read by people who do not read its code"));
    }
}

fn has_workspace_lints(manifest: &str) -> Result<bool> {
    let manifest: Table = toml::from_str(manifest)?;
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
    Ok(lints == Some(true))
}

/// Whether `name` stands in the text, not only as the start of a longer name.
fn names(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
