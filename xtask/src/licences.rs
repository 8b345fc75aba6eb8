//! Licences, sources and bans of every dependency, by the rules of `deny.toml`.
//!
//! cargo-deny does it where it is installed; elsewhere the same file is checked against `cargo metadata`.
use crate::{
    deny, process,
    repo::{GUESTS, Repo},
    say,
};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

mod expression;
#[cfg(test)]
mod tests;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn run(repo: &Repo) -> Result<()> {
    let rules: Rules = toml::from_str(&repo.read("deny.toml")?).context("cannot read deny.toml")?;
    // Guests have lockfiles of their own, and a component of them is part of what we ship.
    for manifest in ["Cargo.toml"].into_iter().chain(GUESTS).filter(|manifest| repo.has(manifest)) {
        match deny::installed(repo) {
            Some(mut deny) => {
                deny.args(["--manifest-path", manifest, "--workspace", "check", "--config"]).arg(repo.path("deny.toml"));
                process::run(deny.args(["licenses", "bans", "sources"]))?;
            }
            None => check_manifest(repo, &rules, manifest)?,
        }
    }
    Ok(())
}

fn check_manifest(repo: &Repo, rules: &Rules, manifest: &str) -> Result<()> {
    let mut cargo = process::cargo(repo.root());
    let metadata = process::stdout(cargo.args(["metadata", "--locked", "--format-version", "1", "--manifest-path", manifest]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cannot read cargo's metadata")?;
    let findings = check(rules, &metadata, repo.root());
    for finding in &findings {
        say::line(finding);
    }
    if !findings.is_empty() {
        bail!("{} breaches of the rules of deny.toml among the dependencies of {manifest}", findings.len());
    }
    say::line(&format!("licences: the {} packages of {manifest} are within the rules of deny.toml", metadata.packages.len()));
    Ok(())
}

/// The part of `deny.toml` that needs no advisory database.
#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// The part of `cargo metadata` that the rules look at.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    req: String,
    path: Option<String>,
}

/// What is wrong with these packages; ours are the members of the workspace and whatever else stands in the repository at `root`.
fn check(rules: &Rules, metadata: &Metadata, root: &Path) -> Vec<String> {
    metadata
        .packages
        .iter()
        .flat_map(|package| {
            let stands_here = package.source.is_none() && package.manifest_path.starts_with(root);
            let ours = stands_here || metadata.workspace_members.contains(&package.id);
            check_package(rules, package, ours)
        })
        .collect()
}

fn check_package(rules: &Rules, package: &Package, ours: bool) -> Vec<String> {
    let Package { name, version, .. } = package;
    let mut findings = Vec::new();
    match &package.license {
        None => findings.push(format!("{name} {version}: names no licence — replace it, or ask its author")),
        Some(licence) if !expression::is_met(licence, &rules.licenses.allow) => findings.push(format!(
            "{name} {version}: licence `{licence}` is not met by the list in deny.toml — replace the crate, or add the licence after reading it"
        )),
        Some(_) => {}
    }
    if !ours && package.source.as_deref() != Some(CRATES_IO) {
        let source = package.source.as_deref().unwrap_or("a path");
        findings.push(format!("{name} {version}: comes from {source} — only crates.io is allowed"));
    }
    if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == *name) {
        findings.push(format!("{name} {version}: banned — {} (`cargo tree -i {name}` shows who wants it)", ban.reason));
    }
    if ours {
        let wild = package.dependencies.iter().filter(|dependency| dependency.req == "*" && dependency.path.is_none());
        findings.extend(wild.map(|dependency| format!("{name}: takes any version of {} — name one", dependency.name)));
    }
    findings
}
