//! Dependencies run one way: a crate uses only crates to its left, and engines never know each other.
use super::Finding;
use crate::repo::Repo;
use anyhow::{Context, Result};
use toml::{Table, Value};

const TESTKIT: &str = "caxton-testkit";
const NO_LAYER: &str = "give it a place in the table of xtask/src/tidy/layers.rs and in ARCHITECTURE.md";

/// The house from left to right. Members of an `Apart` layer never use each other; in a `Row` each may use those before it.
const HOUSE: &[Layer] = &[
    Layer { name: "domain", kind: Kind::Row, crates: &["caxton-types", "caxton-config"] },
    Layer { name: "wire", kind: Kind::Apart, crates: &["caxton-api"] },
    Layer {
        name: "engine",
        kind: Kind::Apart,
        crates: &["caxton-store", "caxton-embed", "caxton-sandbox", "caxton-mcp", "caxton-llm", "caxton-messaging", "caxton-cluster"],
    },
    Layer {
        name: "service",
        kind: Kind::Row,
        crates: &["caxton-exchange", "caxton-memory", "caxton-tools", "caxton-selftest", "caxton-runtime", "caxton-deploy"],
    },
    Layer { name: "edge", kind: Kind::Apart, crates: &["caxton-server", "caxton-client"] },
    Layer { name: "command line", kind: Kind::Apart, crates: &["caxton-cli"] },
    Layer { name: "test kit", kind: Kind::Apart, crates: &[TESTKIT] },
    Layer { name: "binary", kind: Kind::Apart, crates: &["caxton"] },
];

struct Layer {
    name: &'static str,
    kind: Kind,
    crates: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Row,
    Apart,
}

/// Where a crate stands: the layer's index and its own within the layer.
struct Place {
    layer: usize,
    seat: usize,
    kind: Kind,
    name: &'static str,
}

pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for name in repo.crates()? {
        let path = format!("crates/{name}/Cargo.toml");
        let text = repo.read(&path)?;
        let Some(place) = place_of(&name) else {
            findings.push(Finding::new(path, 1, format!("`{name}` has no layer"), NO_LAYER));
            continue;
        };
        for dependency in dependencies(&text).with_context(|| format!("cannot parse {path}"))? {
            if let Some((what, why)) = breach(&name, &place, &dependency) {
                findings.push(Finding::new(&path, line_of(&text, &dependency.key), what, why));
            }
        }
    }
    if repo.has("xtask/Cargo.toml") {
        let path = "xtask/Cargo.toml";
        let text = repo.read(path)?;
        for dependency in dependencies(&text)?.iter().filter(|dependency| is_ours(&dependency.package)) {
            let what = format!("xtask uses `{}`", dependency.package);
            findings.push(Finding::new(
                path,
                line_of(&text, &dependency.key),
                what,
                "xtask is compiled first and alone: move the check into a test of that crate",
            ));
        }
    }
    Ok(findings)
}

fn breach(name: &str, place: &Place, dependency: &Dependency) -> Option<(String, &'static str)> {
    let package = dependency.package.as_str();
    if !is_ours(package) {
        return None;
    }
    if package == TESTKIT {
        return (name != "caxton" || dependency.kind != "dev-dependencies").then(|| {
            (
                format!("`{name}` uses `{TESTKIT}` in [{}]", dependency.kind),
                "the test kit is a dev-dependency of crates/caxton alone: the end-to-end tests live there",
            )
        });
    }
    let Some(other) = place_of(package) else {
        return Some((format!("`{name}` uses `{package}`, which has no layer"), NO_LAYER));
    };
    if other.layer < place.layer || (other.layer == place.layer && place.kind == Kind::Row && other.seat < place.seat) {
        return None;
    }
    let why = if other.layer == place.layer && place.kind == Kind::Apart {
        "two of one layer never know each other: let a crate to their right join them"
    } else {
        "dependencies run from right to left only: move the shared part left, or the caller right"
    };
    Some((format!("`{name}` ({}) uses `{package}` ({})", place.name, other.name), why))
}

fn is_ours(package: &str) -> bool {
    package == "caxton" || package.starts_with("caxton-")
}

fn place_of(name: &str) -> Option<Place> {
    HOUSE.iter().enumerate().find_map(|(layer, row)| {
        let seat = row.crates.iter().position(|member| *member == name)?;
        Some(Place { layer, seat, kind: row.kind, name: row.name })
    })
}

struct Dependency {
    /// The name in the manifest.
    key: String,
    /// The package's own name.
    package: String,
    /// The table it stands in.
    kind: &'static str,
}

fn dependencies(manifest: &str) -> Result<Vec<Dependency>> {
    let manifest: Table = toml::from_str(manifest)?;
    let mut found = dependencies_in(&manifest);
    if let Some(Value::Table(targets)) = manifest.get("target") {
        for target in targets.values().filter_map(Value::as_table) {
            found.extend(dependencies_in(target));
        }
    }
    Ok(found)
}

fn dependencies_in(table: &Table) -> Vec<Dependency> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|kind| Some((kind, table.get(kind)?.as_table()?)))
        .flat_map(|(kind, entries)| {
            entries.iter().map(move |(key, value)| {
                let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
                Dependency { key: key.clone(), package: package.to_owned(), kind }
            })
        })
        .collect()
}

/// The line where a dependency's entry begins, below the first table of dependencies.
fn line_of(manifest: &str, key: &str) -> usize {
    let begins = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            || line.trim() == format!("[dependencies.{key}]")
    };
    let tables = manifest.lines().position(|line| line.trim_start().starts_with('[') && line.contains("dependencies"));
    let from = tables.unwrap_or(0);
    manifest.lines().enumerate().skip(from).find(|(_, line)| begins(line)).map_or(1, |(index, _)| index + 1)
}
