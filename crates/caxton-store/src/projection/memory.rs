//! What agents remember, and who may recall it.
//!
//! The same tables stand in the projection of a workspace and, for what every workspace shares, in the global database. The scope is part of
//! every query here, so nobody reads what is not theirs whatever they ask.

use crate::{EntityRow, EventQuery, MemoryQuery, ObservationFilter, ObservationRow, sqlite};
use caxton_types::{AgentName, Digest, Event, Observation, Recollection, Scope, WorkspaceName};
use rusqlite::{Connection, Row, ToSql, params, types::Type};
use std::collections::HashMap;

/// The most words that one search looks for.
const TERMS_MAX: usize = 64;

/// Remembers one observation.
pub(super) fn apply(conn: &Connection, workspace: &WorkspaceName, event: &Event, observation: &Observation) -> rusqlite::Result<()> {
    let owner = if observation.scope == Scope::Agent { observation.agent.as_str() } else { "" };
    let kind = observation.scope.as_str();
    let at = event.at.as_micros();
    conn.prepare_cached("INSERT OR IGNORE INTO scope (kind, owner) VALUES (?1, ?2)")?.execute([kind, owner])?;
    let uid = Digest::of(format!("{kind}\0{owner}\0{}", observation.entity).as_bytes());
    let uid = uid.as_bytes().split_at(16).0;
    let entity: i64 = conn
        .prepare_cached(
            "INSERT INTO entity (uid, scope_id, name, kind, created, updated)
             VALUES (?1, (SELECT id FROM scope WHERE kind = ?2 AND owner = ?3), ?4, ?5, ?6, ?6)
             ON CONFLICT (uid) DO UPDATE SET updated = excluded.updated RETURNING id",
        )?
        .query_row(params![uid, kind, owner, observation.entity, observation.kind, at], |row| row.get(0))?;
    conn.prepare_cached("INSERT INTO observation (entity_id, text, agent, workspace, seq, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![entity, observation.text, observation.agent.as_str(), workspace.as_str(), sqlite::seq(event.seq), at])
        .map(drop)
}

/// Forgets what came from a workspace.
pub(super) fn forget(conn: &mut Connection, workspace: &WorkspaceName) -> rusqlite::Result<()> {
    let transaction = conn.transaction()?;
    transaction.execute("DELETE FROM observation WHERE workspace = ?1", [workspace.as_str()])?;
    transaction.execute("DELETE FROM applied WHERE workspace = ?1", [workspace.as_str()])?;
    transaction.commit()
}

/// The observations that match best, of the scopes that the asking agent may see, best first.
pub(crate) fn search(conn: &Connection, query: &MemoryQuery) -> rusqlite::Result<Vec<Recollection>> {
    let Some(terms) = any_of(&query.terms) else { return Ok(Vec::new()) };
    // In the global database there are no other scopes than the global one.
    let sql = "SELECT e.name, o.text, bm25(fts), s.kind, o.created
        FROM fts JOIN observation o ON o.id = fts.rowid JOIN entity e ON e.id = o.entity_id JOIN scope s ON s.id = e.scope_id
        WHERE fts MATCH ?1 AND ((s.kind = 'agent' AND s.owner = ?2 AND ?6) OR (s.kind = 'workspace' AND ?3) OR (s.kind = 'global' AND ?4))
        ORDER BY bm25(fts), o.id DESC LIMIT ?5";
    let limit = query.limit.min(EventQuery::LIMIT_MAX);
    let looks = |scope| query.scopes.contains(&scope);
    let agent = query.agent.as_ref().map(AgentName::as_str);
    let (in_agent, in_workspace, in_global) = (agent.is_some() && looks(Scope::Agent), looks(Scope::Workspace), looks(Scope::Global));
    let values = params![terms, agent.unwrap_or_default(), in_workspace, in_global, limit, in_agent];
    conn.prepare_cached(sql)?.query_map(values, recollection_of)?.collect()
}

fn recollection_of(row: &Row<'_>) -> rusqlite::Result<Recollection> {
    #[expect(clippy::cast_possible_truncation, reason = "a score needs no more digits")]
    let lexical = -row.get::<_, f64>(2)? as f32;
    Ok(Recollection { entity: row.get(0)?, text: row.get(1)?, lexical, scope: scope_at(row, 3)?, at: sqlite::time_at(row, 4)? })
}

fn scope_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Scope> {
    match row.get_ref(column)?.as_str()? {
        "agent" => Ok(Scope::Agent),
        "workspace" => Ok(Scope::Workspace),
        "global" => Ok(Scope::Global),
        _ => Err(rusqlite::Error::InvalidColumnType(column, "kind".into(), Type::Text)),
    }
}

/// Joins what two databases found, best first.
pub(crate) fn merge(mut found: Vec<Recollection>, more: Vec<Recollection>, limit: u32) -> Vec<Recollection> {
    found.extend(more);
    found.sort_by(|a, b| b.lexical.total_cmp(&a.lexical));
    found.truncate(limit as usize);
    found
}

/// A query for any of these words: each is a quoted string, so no word of a user is an operator. None where nothing is left to look for.
fn any_of(terms: &[String]) -> Option<String> {
    let quoted: Vec<String> = terms.iter().filter(|term| has_word(term)).take(TERMS_MAX).map(|term| quote(term)).collect();
    (!quoted.is_empty()).then(|| quoted.join(" OR "))
}

/// Whether the tokenizer finds anything in it.
fn has_word(term: &str) -> bool {
    term.chars().any(char::is_alphanumeric)
}

fn quote(term: &str) -> String {
    // SQLite ends a text at a NUL.
    format!("\"{}\"", term.replace('\0', " ").replace('"', "\"\""))
}

/// Tokenizes words as the text index does.
pub(crate) struct Tokenizer(Connection);

impl Tokenizer {
    pub(crate) fn new() -> rusqlite::Result<Self> {
        let conn = Connection::open_in_memory()?;
        conn.execute_batch(
            "CREATE VIRTUAL TABLE word USING fts5 (text, tokenize = 'porter unicode61 remove_diacritics 2');
             CREATE VIRTUAL TABLE token USING fts5vocab (word, instance);",
        )?;
        Ok(Self(conn))
    }

    /// The tokens of each word, under the place of the word.
    fn tokens(&self, terms: &[String]) -> rusqlite::Result<Vec<(u64, String)>> {
        let transaction = self.0.unchecked_transaction()?;
        let mut insert = transaction.prepare_cached("INSERT INTO word (rowid, text) VALUES (?1, ?2)")?;
        for (term, rowid) in terms.iter().zip(1i64..) {
            insert.execute(params![rowid, term.replace('\0', " ")])?;
        }
        let tokens = transaction
            .prepare_cached("SELECT doc, term FROM token ORDER BY doc, offset")?
            .query_map([], |row| Ok((sqlite::count(row, 0)?.saturating_sub(1), row.get(1)?)))?
            .collect();
        // Dropping the transaction undoes it: the next words find an empty table.
        tokens
    }
}

/// In how many observations each word occurs; of a word that is several tokens, the rarest counts.
pub(crate) fn term_counts(conn: &Connection, tokenizer: &Tokenizer, terms: &[String]) -> rusqlite::Result<Vec<u64>> {
    let mut counts: HashMap<u64, u64> = HashMap::new();
    let mut documents = conn.prepare_cached("SELECT coalesce(sum(doc), 0) FROM fts_term WHERE term = ?1")?;
    for (place, token) in tokenizer.tokens(terms)? {
        let found = documents.query_row([token], |row| sqlite::count(row, 0))?;
        counts.entry(place).and_modify(|rarest| *rarest = found.min(*rarest)).or_insert(found);
    }
    Ok((0..terms.len() as u64).map(|place| counts.get(&place).copied().unwrap_or(0)).collect())
}

/// Lists observations for inspection, newest first.
pub(crate) fn observations(conn: &Connection, filter: &ObservationFilter) -> rusqlite::Result<Vec<ObservationRow>> {
    let limit = if filter.limit == 0 { 100 } else { filter.limit.min(EventQuery::LIMIT_MAX) };
    let scope = filter.scope.map(Scope::as_str);
    let agent = filter.agent.as_ref().map(AsRef::<str>::as_ref);
    let values: [&dyn ToSql; 4] = [&scope, &agent, &limit, &filter.entity];
    let sql = "SELECT e.name, e.kind, o.text, s.kind, o.agent, o.created
        FROM observation o JOIN entity e ON e.id = o.entity_id JOIN scope s ON s.id = e.scope_id
        WHERE (?1 IS NULL OR s.kind = ?1) AND (?2 IS NULL OR o.agent = ?2) AND (?4 IS NULL OR e.name = ?4)
        ORDER BY o.id DESC LIMIT ?3";
    let row_of = |row: &Row<'_>| {
        Ok(ObservationRow {
            entity: row.get(0)?,
            kind: row.get(1)?,
            text: row.get(2)?,
            scope: scope_at(row, 3)?,
            agent: sqlite::text_at(row, 4)?,
            at: sqlite::time_at(row, 5)?,
        })
    };
    conn.prepare_cached(sql)?.query_map(values, row_of)?.collect()
}

/// Lists what something was observed about, in order of the names.
pub(crate) fn entities(conn: &Connection, scope: Scope, begin: &str, after: Option<&str>, limit: u32) -> rusqlite::Result<Vec<EntityRow>> {
    let sql = "SELECT e.name, e.kind, count(*) FROM entity e
        JOIN scope s ON s.id = e.scope_id AND s.kind = ?1 JOIN observation o ON o.entity_id = e.id
        WHERE substr(e.name, 1, length(?2)) = ?2 AND (?3 IS NULL OR e.name > ?3)
        GROUP BY e.id ORDER BY e.name LIMIT ?4";
    let row_of = |row: &Row<'_>| Ok(EntityRow { name: row.get(0)?, kind: row.get(1)?, observations: sqlite::count(row, 2)? });
    let values = params![scope.as_str(), begin, after, limit.min(EventQuery::LIMIT_MAX)];
    conn.prepare_cached(sql)?.query_map(values, row_of)?.collect()
}
