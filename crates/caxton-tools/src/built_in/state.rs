//! The built-in `state`: values that agents keep by key, for themselves or for the whole workspace.
//!
//! They are in the workspace's own database and as durable as its journal, which has the calls that changed them. A call
//! that a stop interrupted is made again with its idempotency key, and what the first attempt wrote is not written twice.

mod definitions;

use super::{Answer, BuiltIn, Refusal, Traffic, define::arguments};
use crate::{CallContext, Error};
use async_trait::async_trait;
use caxton_store::{StateBounds, StateChange, StateOutcome, StateRow, StateWrite, Store, Workspace, now};
use caxton_types::{
    Code, Fault as _, Timestamp, ToolDefinition, WorkspaceName,
    unit::{ByteSize, Period},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

const SERVER: &str = "state";
const KEY_LEN_MAX: usize = 256;
const VALUE_LEN_MAX: ByteSize = ByteSize::new(256 << 10);
/// What one agent keeps, and what the workspace keeps for all.
const BOUNDS: StateBounds = StateBounds { keys_max: 10_000, bytes_max: 16 << 20 };
const LISTED: u32 = 100;
const LISTED_MAX: u32 = 1_000;
/// Of a list with values; further ones are for another call.
const LIST_LEN_MAX: usize = 256 << 10;
const TTL_MAX: Period = Period::from_secs(366 * 86_400);

/// Where the workspaces are, once that is known.
pub(crate) type Door = Arc<OnceLock<Store>>;

pub(crate) struct State {
    store: Door,
    definitions: [ToolDefinition; 5],
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scope {
    #[default]
    Agent,
    Workspace,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    key: String,
    value: Option<Value>,
    ttl: Option<String>,
    if_version: Option<u64>,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    limit: Option<u32>,
    #[serde(default)]
    values: bool,
}

impl State {
    pub(crate) fn new(store: Door) -> Result<Self, Error> {
        Ok(Self { store, definitions: definitions::all()? })
    }

    async fn perform(&self, tool: &str, own: Arguments, context: &CallContext<'_>) -> Result<Answer, Refusal> {
        let owner = owner(own.scope, context)?;
        let workspace = open(&self.store, context.workspace).await?;
        match tool {
            "get" | "exists" => {
                let row = workspace.state(&owner, &own.key).await.map_err(|error| of_store(&error))?;
                Ok(if tool == "get" { got(&own.key, row) } else { exists(&own.key, row.as_ref()) })
            }
            "list" => list(&workspace, &owner, &own).await,
            _ => {
                let change = change(tool, &own)?;
                let (key, call) = (own.key.as_str().into(), context.idempotency_key.into());
                let write = StateWrite { owner: owner.into(), key, call, change, if_version: own.if_version, bounds: BOUNDS };
                told(&own.key, workspace.write_state(write).await.map_err(|error| of_store(&error))?)
            }
        }
    }
}

#[async_trait]
impl BuiltIn for State {
    fn definitions(&self) -> Vec<ToolDefinition> {
        self.definitions.to_vec()
    }

    async fn call(&self, tool: &ToolDefinition, given: &Value, context: &CallContext<'_>, _: &Traffic) -> Result<Answer, Error> {
        let refused = |refusal| Error::Refused { tool: tool.id.clone(), refusal };
        let own: Arguments = arguments(given).map_err(refused)?;
        self.perform(tool.id.tool(), own, context).await.map_err(refused)
    }
}

/// Where a workspace keeps what it keeps.
pub(crate) async fn open(store: &Door, name: &WorkspaceName) -> Result<Workspace, Refusal> {
    let missing = || Refusal::new(Code::Unavailable, "nothing can be kept here").hint("a server that runs keeps it: `caxton serve`");
    let store = store.get().cloned().ok_or_else(missing)?;
    let name = name.clone();
    // Where it is not open yet, that reads files.
    let opened = tokio::task::spawn_blocking(move || store.workspace(&name)).await;
    opened.map_err(|_| missing())?.map_err(|error| of_store(&error))
}

pub(crate) fn of_store(error: &caxton_store::Error) -> Refusal {
    Refusal { code: error.code(), reason: error.to_string(), hint: error.hint() }
}

/// Whose it is. Names of agents hold no colon, so that none is the workspace's.
fn owner(scope: Scope, context: &CallContext<'_>) -> Result<String, Refusal> {
    match (scope, context.agent) {
        (Scope::Workspace, _) => Ok("workspace".into()),
        (Scope::Agent, Some(agent)) => Ok(format!("agent:{agent}")),
        (Scope::Agent, None) => Err(Refusal::invalid("no agent calls, so there is none to keep it for").hint("give `scope`: `workspace`")),
    }
}

fn change(tool: &str, own: &Arguments) -> Result<StateChange, Refusal> {
    if tool == "delete" {
        return Ok(StateChange::Delete);
    }
    let value = own.value.clone().unwrap_or(Value::Null);
    let len = value.to_string().len();
    if len as u64 > VALUE_LEN_MAX.get() {
        let reason = format!("the value has {len} bytes; at most {VALUE_LEN_MAX} are kept under a key");
        return Err(Refusal::too_large(reason).hint("keep parts of it under several keys, or put it into a file"));
    }
    let expires = own.ttl.as_deref().map(expires).transpose()?;
    Ok(StateChange::Put { value, expires })
}

fn expires(ttl: &str) -> Result<Timestamp, Refusal> {
    let wrong = |why: String| Refusal::invalid(format!("`ttl`: {why}")).hint("write it like `90s`, `15m`, `12h` or `30d`");
    let period: Period = ttl.parse().map_err(|error| wrong(format!("{error}")))?;
    if period.get().is_zero() || period > TTL_MAX {
        return Err(wrong(format!("expected more than 0s and at most {TTL_MAX}, found {period}")));
    }
    let micros = i64::try_from(period.get().as_micros()).unwrap_or(i64::MAX);
    Ok(Timestamp::from_micros(now().as_micros().saturating_add(micros)))
}

fn got(key: &str, row: Option<StateRow>) -> Answer {
    match row {
        Some(row) => {
            let text = row.value.as_str().map_or_else(|| row.value.to_string(), ToOwned::to_owned);
            Answer::new(text, json!({"found": true, "value": row.value, "version": row.version, "expires": row.expires}))
        }
        None => {
            Answer::new(format!("nothing is kept under `{key}`"), json!({"found": false, "value": null, "version": 0, "expires": null}))
        }
    }
}

fn exists(key: &str, row: Option<&StateRow>) -> Answer {
    let text = if row.is_some() { format!("something is kept under `{key}`") } else { format!("nothing is kept under `{key}`") };
    Answer::new(text, json!({"exists": row.is_some(), "version": row.map_or(0, |row| row.version)}))
}

async fn list(workspace: &Workspace, owner: &str, own: &Arguments) -> Result<Answer, Refusal> {
    let limit = own.limit.unwrap_or(LISTED).clamp(1, LISTED_MAX);
    let mut rows = workspace.states(owner, &own.prefix, &own.after, limit + 1).await.map_err(|error| of_store(&error))?;
    let mut is_cut = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let (mut entries, mut lines, mut len) = (Vec::new(), Vec::new(), 0);
    for row in rows {
        let value = if own.values { format!(": {}", row.value) } else { String::new() };
        len += row.key.len() + value.len();
        if len > LIST_LEN_MAX && !entries.is_empty() {
            is_cut = true;
            break;
        }
        lines.push(format!("{}{value}", row.key));
        let mut entry = json!({"key": row.key, "version": row.version, "expires": row.expires});
        if let (true, Some(entry)) = (own.values, entry.as_object_mut()) {
            entry.insert("value".into(), row.value);
        }
        entries.push(entry);
    }
    let next = entries.last().filter(|_| is_cut).and_then(|entry| entry.get("key").cloned());
    if let Some(next) = &next {
        lines.push(format!("… go on with `after`: {next}"));
    }
    let text = if lines.is_empty() { format!("nothing is kept under keys that begin with `{}`", own.prefix) } else { lines.join("\n") };
    Ok(Answer::new(text, json!({"entries": entries, "next": next})))
}

fn told(key: &str, outcome: StateOutcome) -> Result<Answer, Refusal> {
    match outcome {
        StateOutcome::Kept { version, is_new } => {
            Ok(Answer::new(format!("`{key}` is kept"), json!({"version": version, "created": is_new})))
        }
        StateOutcome::Removed(removed) => {
            let text = if removed { format!("`{key}` was removed") } else { format!("nothing is kept under `{key}`") };
            Ok(Answer::new(text, json!({"removed": removed})))
        }
        StateOutcome::Conflict { version: 0 } => {
            Err(Refusal::new(Code::Conflict, format!("nothing is kept under `{key}`")).hint("`if_version`: 0 makes it where nothing is"))
        }
        StateOutcome::Conflict { version } => {
            Err(Refusal::new(Code::Conflict, format!("`{key}` was changed meanwhile: it is at version {version}"))
                .hint("get it again, and decide by what it is now"))
        }
        StateOutcome::Full { keys, bytes } => {
            let reason = format!(
                "{keys} keys with {} are kept here, of at most {} with {}",
                ByteSize::new(bytes),
                BOUNDS.keys_max,
                ByteSize::new(BOUNDS.bytes_max)
            );
            Err(Refusal::new(Code::Exhausted, reason).hint("delete what is not needed, or give a `ttl` to what may go"))
        }
    }
}
