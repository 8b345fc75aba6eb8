//! `cargo xtask bench [PREFIX]`: runs our benches, shows their headline table and writes `target/bench/report.json`.
//!
//! All benches are one program, `caxton-bench`; each has a process of its own, gets the prefix as its argument and prints one JSON row a line.
use crate::{guest::Guests, peers, process, repo::Repo, say, target::Target};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

mod row;
mod table;
#[cfg(test)]
mod tests;

use row::Row;

/// The first word of an id, and the bench that measures it.
const BENCHES: [(&str, &str); 9] = [
    ("turns", "turns"),
    ("journal", "journal"),
    ("sandbox", "sandbox"),
    ("sandbox", "neighbours"),
    ("tools", "tools"),
    ("tools", "languages"),
    ("mcp", "mcp"),
    ("exchange", "registry"),
    ("server", "server"),
];

pub(crate) fn run(repo: &Repo, prefix: Option<&str>) -> Result<()> {
    let prefix = prefix.unwrap_or_default();
    let benches = benches_for(prefix)?;
    let target = Target::take(repo)?;
    let programs = build(repo, &target, benches.contains(&"server"))?;
    let program = programs.get("caxton-bench").context("the build left no `caxton-bench`")?;
    let mut rows = Vec::new();
    for bench in benches {
        say::problem(&format!("==> {bench}"));
        let mut command = process::command(program, repo.root());
        command.args([bench, prefix]);
        if let Some(caxton) = programs.get("caxton") {
            command.env("CAXTON_BINARY", caxton);
        }
        give_peers(repo, &target, bench, prefix, &mut command)?;
        let output = process::stdout(&mut command)?;
        rows.extend(rows_of(&output, prefix).with_context(|| format!("bench `{bench}`"))?);
    }
    report(repo, &rows, prefix)
}

/// Builds the benches, and the binary where one of them starts it; at once, so that what they share is compiled once.
fn build(repo: &Repo, target: &Target, with_binary: bool) -> Result<BTreeMap<String, PathBuf>> {
    let mut cargo = target.cargo(repo);
    cargo.args(["build", "--release", "--message-format", "json-render-diagnostics", "--package", "caxton-bench", "--bin", "caxton-bench"]);
    if with_binary {
        cargo.args(["--package", "caxton", "--bin", "caxton"]);
    }
    programs_of(&process::stdout(&mut cargo)?)
}

/// Where cargo says that each program is.
fn programs_of(messages: &str) -> Result<BTreeMap<String, PathBuf>> {
    #[derive(Deserialize)]
    struct Message {
        target: Option<Built>,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Built {
        name: String,
    }
    let mut programs = BTreeMap::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Message = serde_json::from_str(line).with_context(|| format!("not a message of cargo: {line}"))?;
        if let (Some(built), Some(program)) = (message.target, message.executable) {
            programs.insert(built.name, program);
        }
    }
    Ok(programs)
}

/// Tells a bench where the programs are that it is measured against, and the guests that it measures.
fn give_peers(repo: &Repo, target: &Target, bench: &str, prefix: &str, command: &mut Command) -> Result<()> {
    match bench {
        "tools" if wants(prefix, &["tools.call_fresh_c", "tools.call_warm_c"]) => {
            let guests = Guests::prepare(repo, target, false, || target.caxton(repo))?;
            command.env("CAXTON_GUESTS", guests.folder());
        }
        "languages" if wants(prefix, &["tools.compile_", "tools.cold_", "tools.memory_", "tools.first_call_", "tools.calls_"]) => {
            // With Go, where its toolchain can be had.
            let prepare = |all| Guests::prepare(repo, target, all, || target.caxton(repo));
            let guests = prepare(true).or_else(|error| {
                say::problem(&format!("not every language is measured: {error:#}"));
                prepare(false)
            })?;
            command.env("CAXTON_GUESTS", guests.folder());
        }
        "turns" if wants(prefix, &["turns.langgraph"]) => {
            give("CAXTON_LANGGRAPH", peers::langgraph(repo, target), "`turns.langgraph_*`", command);
        }
        "mcp" => give("CAXTON_MCP_PYTHON", peers::mcp_python(repo, target), "the peer of `mcp.*`", command),
        _ => {}
    }
    Ok(())
}

/// Whether a row can be wanted whose id begins with one of these.
fn wants(prefix: &str, ids: &[&str]) -> bool {
    ids.iter().any(|id| id.starts_with(prefix) || prefix.starts_with(id))
}

fn give(variable: &str, python: Result<PathBuf>, what: &str, command: &mut Command) {
    match python {
        Ok(python) => drop(command.env(variable, python)),
        Err(error) => say::problem(&format!("{what} is not measured: {error:#}")),
    }
}

fn report(repo: &Repo, rows: &[Row], prefix: &str) -> Result<()> {
    ensure!(!rows.is_empty(), "no row's id starts with `{prefix}`");
    let mut ids = BTreeSet::new();
    if let Some(twice) = rows.iter().find(|row| !ids.insert(&row.id)) {
        bail!("two rows have the id `{}`", twice.id);
    }
    say::line(&table::of(rows));
    let missed = rows.iter().filter(|row| !row.met).count();
    let folder = repo.path("target/bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("report.json");
    fs::write(&path, serde_json::to_string_pretty(rows)? + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    say::line(&format!("rows: {}, goals missed: {missed}; written to {}", rows.len(), path.display()));
    Ok(())
}

/// The benches that can print rows that start with `prefix`.
fn benches_for(prefix: &str) -> Result<Vec<&'static str>> {
    let area = prefix.split('.').next().unwrap_or_default();
    let whole = prefix.contains('.');
    let fits = |name: &str| if whole { name == area } else { name.starts_with(area) };
    let benches: Vec<_> = BENCHES.iter().filter(|(name, _)| fits(name)).map(|(_, bench)| *bench).collect();
    if benches.is_empty() {
        let nearest = BENCHES.iter().min_by_key(|(name, _)| distance(area, name)).map_or("", |(name, _)| name);
        let mut all: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        all.dedup();
        bail!("no bench is called `{prefix}`: did you mean `{nearest}`? There are {}", all.join(", "));
    }
    Ok(benches)
}

/// The rows among a bench's output whose ids start with `prefix`; other lines pass through.
fn rows_of(output: &str, prefix: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for line in output.lines() {
        if line.starts_with('{') {
            let row = row::parse(line)?;
            rows.extend(row.id.starts_with(prefix).then_some(row));
        } else if !line.trim().is_empty() {
            say::problem(line);
        }
    }
    Ok(rows)
}

/// How many letters must change to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((b, above), diagonal) in other.chars().zip(row.iter().skip(1)).zip(&row) {
            let beside = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(a != b)).min(above + 1).min(beside + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
