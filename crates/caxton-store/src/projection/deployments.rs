//! Deployed agents and files, as the last deployment left them, and the list of deployments.

use super::Specs;
use crate::{
    AgentEntry, DeploymentRow, Error, EventQuery, FileCounts, FileRow,
    sqlite::{self, count, seq_at, text_at, time_at, unreadable, uuid_at},
};
use caxton_types::{
    Actor, AgentName, AgentRevision, Capability, DeployedFile, DeploymentId, Digest, Event, Fact, FileChange, GitState, ToolRef,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    path::Path,
};

/// Applies a deployment: agents and files that it does not list are gone.
pub(super) fn apply(conn: &Connection, path: &Path, event: &Event, specs: Specs<'_>) -> Result<(), Error> {
    let Fact::Deployed { deployment, version, git, files, agents, took_ms } = &event.new.fact else { return Ok(()) };
    let failed = Error::sqlite(path);
    apply_agents(conn, path, event, agents, specs)?;
    let counts = apply_files(conn, files, *version).map_err(&failed)?;
    let json = |error: serde_json::Error| Error::corrupt(path, &error);
    let caller = serde_json::to_string(&event.new.caller).map_err(json)?;
    let git = git.as_ref().map(serde_json::to_string).transpose().map_err(json)?;
    let sql = "INSERT INTO deployment (seq, id, version, at, caller, git, added, modified, unchanged, removed, agents, took_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let row = params![
        sqlite::seq(event.seq),
        deployment.as_uuid().into_bytes(),
        version,
        event.at.as_micros(),
        caller,
        git,
        counts.added,
        counts.modified,
        counts.unchanged,
        counts.removed,
        u32::try_from(agents.len()).unwrap_or(u32::MAX),
        took_ms.cast_signed(),
    ];
    conn.execute(sql, row).map(drop).map_err(&failed)
}

/// What listings show of a spec.
#[derive(Serialize, Deserialize)]
struct Listing<'t> {
    #[serde(borrow)]
    display_name: Cow<'t, str>,
    #[serde(borrow)]
    version: Cow<'t, str>,
    #[serde(default)]
    description: Option<Box<str>>,
    #[serde(default)]
    capabilities: Vec<Capability>,
    #[serde(default)]
    tools: Vec<ToolRef>,
}

fn apply_agents(conn: &Connection, path: &Path, event: &Event, agents: &[AgentRevision], specs: Specs<'_>) -> Result<(), Error> {
    let failed = Error::sqlite(path);
    let names: HashSet<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    remove_others(conn, "agent", "name", &names).map_err(&failed)?;
    let known = revisions(conn).map_err(&failed)?;
    let mut insert = conn
        .prepare("INSERT OR REPLACE INTO agent (name, revision, digest, listing, seq, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .map_err(&failed)?;
    let corrupt = |error: serde_json::Error| Error::corrupt(path, &error);
    for agent in agents {
        if known.get(agent.name.as_str()) == Some(&(agent.revision, agent.spec)) {
            continue;
        }
        let spec = specs(&agent.spec)?;
        let listing: Listing<'_> = serde_json::from_slice(&spec).map_err(corrupt)?;
        let listing = serde_json::to_string(&listing).map_err(corrupt)?;
        let row =
            params![agent.name.as_str(), agent.revision, agent.spec.as_bytes(), listing, sqlite::seq(event.seq), event.at.as_micros()];
        insert.execute(row).map_err(&failed)?;
    }
    Ok(())
}

/// What is deployed before: asked once, not once an agent.
fn revisions(conn: &Connection) -> rusqlite::Result<HashMap<String, (u32, Digest)>> {
    let row_of = |row: &Row<'_>| Ok((row.get(0)?, (row.get(1)?, Digest::from_bytes(row.get(2)?))));
    conn.prepare("SELECT name, revision, digest FROM agent")?.query_map([], row_of)?.collect()
}

fn apply_files(conn: &Connection, files: &[DeployedFile], version: u32) -> rusqlite::Result<FileCounts> {
    let mut counts = FileCounts::default();
    let paths: HashSet<&str> = files.iter().filter(|file| file.change != FileChange::Removed).map(|file| &*file.path).collect();
    remove_others(conn, "file", "path", &paths)?;
    let mut upsert = conn.prepare(
        "INSERT INTO file (path, digest, size, version) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (path) DO UPDATE
         SET version = CASE WHEN digest = excluded.digest THEN version ELSE excluded.version END, digest = excluded.digest, size = excluded.size",
    )?;
    for file in files {
        match file.change {
            FileChange::Added => counts.added += 1,
            FileChange::Modified => counts.modified += 1,
            FileChange::Unchanged => counts.unchanged += 1,
            FileChange::Removed => {
                counts.removed += 1;
                continue;
            }
        }
        upsert.execute(params![file.path, file.digest.as_bytes(), file.size.cast_signed(), version])?;
    }
    Ok(counts)
}

fn remove_others(conn: &Connection, table: &'static str, key: &'static str, kept: &HashSet<&str>) -> rusqlite::Result<()> {
    let present: Vec<String> =
        conn.prepare(&format!("SELECT {key} FROM {table}"))?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut delete = conn.prepare(&format!("DELETE FROM {table} WHERE {key} = ?1"))?;
    for gone in present.iter().filter(|name| !kept.contains(name.as_str())) {
        delete.execute([gone])?;
    }
    Ok(())
}

const AGENT: &str = "SELECT name, revision, digest, listing, seq, at FROM agent";

pub(crate) fn agents(conn: &Connection) -> rusqlite::Result<Vec<AgentEntry>> {
    conn.prepare_cached(&format!("{AGENT} ORDER BY name"))?.query_map([], agent_of)?.collect()
}

pub(crate) fn agent(conn: &Connection, name: &AgentName) -> rusqlite::Result<Option<AgentEntry>> {
    conn.prepare_cached(&format!("{AGENT} WHERE name = ?1"))?.query_row([name.as_str()], agent_of).optional()
}

fn agent_of(row: &Row<'_>) -> rusqlite::Result<AgentEntry> {
    let listing: Listing<'_> = serde_json::from_str(row.get_ref(3)?.as_str()?).map_err(|error| unreadable(3, error))?;
    Ok(AgentEntry {
        name: text_at(row, 0)?,
        revision: row.get(1)?,
        spec_digest: Digest::from_bytes(row.get(2)?),
        display_name: listing.display_name.into(),
        version: listing.version.into(),
        description: listing.description,
        capabilities: listing.capabilities,
        tools: listing.tools,
        seq: seq_at(row, 4)?,
        at: time_at(row, 5)?,
    })
}

pub(crate) fn files(conn: &Connection) -> rusqlite::Result<Vec<FileRow>> {
    let file_of = |row: &Row<'_>| {
        Ok(FileRow { path: row.get(0)?, digest: Digest::from_bytes(row.get(1)?), size: count(row, 2)?, version: row.get(3)? })
    };
    conn.prepare_cached("SELECT path, digest, size, version FROM file ORDER BY path")?.query_map([], file_of)?.collect()
}

pub(crate) fn deployments(conn: &Connection, limit: u32) -> rusqlite::Result<Vec<DeploymentRow>> {
    let sql = "SELECT id, version, seq, at, caller, git, added, modified, unchanged, removed, agents, took_ms
        FROM deployment ORDER BY seq DESC LIMIT ?1";
    conn.prepare_cached(sql)?.query_map([limit.min(EventQuery::LIMIT_MAX)], deployment_of)?.collect()
}

fn deployment_of(row: &Row<'_>) -> rusqlite::Result<DeploymentRow> {
    let caller: Actor = serde_json::from_str(row.get_ref(4)?.as_str()?).map_err(|error| unreadable(4, error))?;
    let git: Option<GitState> = match row.get_ref(5)?.as_str_or_null()? {
        Some(text) => serde_json::from_str(text).map_err(|error| unreadable(5, error))?,
        None => None,
    };
    Ok(DeploymentRow {
        deployment: DeploymentId::from_uuid(uuid_at(row, 0)?),
        version: row.get(1)?,
        seq: seq_at(row, 2)?,
        at: time_at(row, 3)?,
        caller,
        git,
        files: FileCounts { added: row.get(6)?, modified: row.get(7)?, unchanged: row.get(8)?, removed: row.get(9)? },
        agents: row.get(10)?,
        took_ms: count(row, 11)?,
    })
}
