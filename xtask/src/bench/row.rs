//! One measured figure, as a bench prints it and the report keeps it.
use super::BENCHES;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// A headline figure with what it is held against, all in `unit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// `area.name`, for example `journal.batches_full_64`.
    pub(super) id: String,
    pub(super) what: String,
    pub(super) unit: String,
    pub(super) better: Better,
    pub(super) ours: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p99: Option<f64>,
    /// The bare mechanism below us, which we cannot beat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) floor: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) floor_name: Option<String>,
    /// Somebody else's product that does the same work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peer: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peer_name: Option<String>,
    /// What was promised before anything was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) goal: Option<f64>,
    /// Whether `ours` reaches `goal`; true where there is none.
    pub(super) met: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) durability: Option<Durability>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Better {
    Lower,
    Higher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Durability {
    Full,
    Normal,
    Memory,
}

/// Reads a row and checks that its parts agree.
pub(super) fn parse(line: &str) -> Result<Row> {
    let row: Row = serde_json::from_str(line).with_context(|| format!("not a row: {line}"))?;
    check(&row).with_context(|| format!("row `{}`", row.id))?;
    Ok(row)
}

fn check(row: &Row) -> Result<()> {
    let (area, name) = row.id.split_once('.').unwrap_or_default();
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    ensure!(
        BENCHES.iter().any(|(known, _)| *known == area) && !name.is_empty() && name.chars().all(letters),
        "an id is `area.name` in lower case, with one of the known areas"
    );
    ensure!(!row.what.trim().is_empty() && !row.unit.trim().is_empty(), "`what` and `unit` say what was measured");
    let figures = [Some(row.ours), row.p99, row.floor, row.peer, row.seed, row.goal];
    ensure!(figures.into_iter().flatten().all(|figure| figure >= 0.0), "a figure is not below zero");
    ensure!(row.floor.is_some() == row.floor_name.is_some(), "`floor` and `floor_name` come together");
    ensure!(row.peer.is_some() == row.peer_name.is_some(), "`peer` and `peer_name` come together");
    let met = row.goal.is_none_or(|goal| match row.better {
        Better::Lower => row.ours <= goal,
        Better::Higher => row.ours >= goal,
    });
    ensure!(row.met == met, "`met` says {} but the figures say {met}", row.met);
    Ok(())
}
