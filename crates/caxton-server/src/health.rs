//! Probes of the parts of the server: each does a little of what the part is for.

use crate::{App, life::Phase, services};
use caxton_api::{ComponentHealth, Health, HealthStatus};
use caxton_store::Batch;
use caxton_tools::{RemoteState, RemoteStatus};
use caxton_types::BreakerState;
use std::{collections::BTreeMap, time::Duration};

/// A part that has not answered by then counts as down.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How the server and each of its parts are.
pub(crate) async fn check(app: &App) -> Health {
    let (store, journal, sandbox) = tokio::join!(within(store(app)), within(journal(app)), within(sandbox(app)));
    let components = [
        ("server", server(app)),
        ("store", store),
        ("journal", journal),
        ("sandbox", sandbox),
        ("models", models(app)),
        ("tools", tools(app)),
    ];
    let components = BTreeMap::from(components.map(|(name, component)| (name.to_owned(), component)));
    let status = components.values().map(|component| component.status).max().unwrap_or(HealthStatus::Ok);
    Health { status, version: env!("CARGO_PKG_VERSION").to_owned(), components }
}

/// The first part that is down, with what was seen.
pub(crate) fn down(health: &Health) -> Option<(&str, &str)> {
    let mut components = health.components.iter();
    components
        .find(|(_, component)| component.status == HealthStatus::Down)
        .map(|(name, component)| (name.as_str(), component.detail.as_str()))
}

async fn within(probe: impl Future<Output = ComponentHealth>) -> ComponentHealth {
    let late = |_| component(HealthStatus::Down, format!("no answer within {} s", PROBE_TIMEOUT.as_secs()));
    tokio::time::timeout(PROBE_TIMEOUT, probe).await.unwrap_or_else(late)
}

fn component(status: HealthStatus, detail: impl Into<String>) -> ComponentHealth {
    ComponentHealth { status, detail: detail.into(), figures: BTreeMap::new() }
}

fn server(app: &App) -> ComponentHealth {
    let (status, detail) = match app.life.phase() {
        Phase::Recovering => (HealthStatus::Degraded, "recovering"),
        Phase::Ready => (HealthStatus::Ok, "ready"),
        Phase::Stopping => (HealthStatus::Degraded, "stopping"),
    };
    // Whoever looks at a data directory sees by it whether this server has it.
    let figures = BTreeMap::from([("pid".to_owned(), u64::from(std::process::id()))]);
    ComponentHealth { figures, ..component(status, detail) }
}

/// Reads.
async fn store(app: &App) -> ComponentHealth {
    match app.store.system().first_kept().await {
        Ok(_) => component(HealthStatus::Ok, format!("reads from {}", app.store.data_dir().display())),
        Err(error) => component(HealthStatus::Down, error.to_string()),
    }
}

/// Goes the whole way through the writer, with nothing to write.
async fn journal(app: &App) -> ComponentHealth {
    match app.store.system().commit(Batch::default()).await {
        Ok(receipt) => component(HealthStatus::Ok, format!("writes, {} events in `_system`", receipt.last)),
        Err(error) => component(HealthStatus::Down, error.to_string()),
    }
}

/// Calls of tools need a place to lay their files out.
async fn sandbox(app: &App) -> ComponentHealth {
    let [scratch, _] = services::sandbox_dirs(&app.config.current().config);
    match tokio::fs::metadata(&scratch).await {
        Ok(found) if found.is_dir() && !found.permissions().readonly() => pool(app).await,
        Ok(_) => component(HealthStatus::Degraded, format!("{} cannot be written", scratch.display())),
        Err(error) => component(HealthStatus::Degraded, format!("{}: {error}", scratch.display())),
    }
}

/// How full the sandbox is, and what it has compiled.
async fn pool(app: &App) -> ComponentHealth {
    let sandbox = app.tools.sandbox().clone();
    let (pool, code) = (sandbox.pool(), sandbox.code());
    let cache = tokio::task::spawn_blocking(move || sandbox.cache()).await.ok().and_then(Result::ok).flatten();
    let (taken, slots, most) = (pool.slots_taken, pool.slots, pool.slots_taken_max);
    let number = |number: usize| number as u64;
    let mut figures = vec![
        ("slots", u64::from(slots)),
        ("slots_wanted", pool.slots_wanted.into()),
        ("slots_taken", taken.into()),
        ("slots_taken_max", most.into()),
        ("waiting_instances", number(pool.waiting_instances)),
        ("waiting_calls", number(pool.waiting_calls)),
        ("kept_bytes", pool.kept.get()),
        ("pagemap_scan", pool.pagemap_scan.into()),
        ("components", number(code.components)),
        ("components_in_memory", number(code.resident)),
        ("compiling", number(code.compiling)),
        ("waiting_to_compile", number(code.waiting)),
    ];
    if let Some(cache) = cache {
        figures.extend([("cache_entries", number(cache.entries)), ("cache_bytes", cache.bytes), ("cache_bytes_max", cache.bytes_max)]);
    }
    let figures = figures.into_iter().map(|(name, number)| (name.to_owned(), number)).collect();
    if !pool.is_clean {
        let detail = "takes no calls: swap was turned on, and memory cannot be cleared any more; restart Caxton";
        return ComponentHealth { figures, ..component(HealthStatus::Down, detail.to_owned()) };
    }
    let (status, fewer) = if slots < pool.slots_wanted {
        (HealthStatus::Degraded, format!(", fewer than the {} that were asked for", pool.slots_wanted))
    } else {
        (HealthStatus::Ok, String::new())
    };
    let detail = format!("takes calls: {taken} of {slots} slots taken, {most} at most so far{fewer}");
    ComponentHealth { figures, ..component(status, detail) }
}

fn models(app: &App) -> ComponentHealth {
    let providers: Vec<_> = app.models.providers().into_iter().map(|provider| format!("{} ({})", provider.name, provider.kind)).collect();
    component(HealthStatus::Ok, providers.join(", "))
}

/// The most MCP servers whose troubles are told.
const TROUBLES_MAX: usize = 5;

fn tools(app: &App) -> ComponentHealth {
    let (built_in, remotes) = (app.tools.built_in().len(), app.tools.remotes());
    if remotes.is_empty() {
        return component(HealthStatus::Ok, format!("{built_in} built in"));
    }
    let up = remotes.iter().filter(|remote| matches!(remote.state, RemoteState::Up(_))).count();
    let mut detail = format!("{built_in} built in, {up} of {} MCP servers there", remotes.len());
    let troubles: Vec<String> = remotes.iter().filter_map(trouble).collect();
    troubles.iter().take(TROUBLES_MAX).for_each(|trouble| detail.extend(["; ", trouble]));
    let untold = troubles.len().saturating_sub(TROUBLES_MAX);
    detail.extend((untold > 0).then(|| format!("; and {untold} more")));
    let status = if troubles.is_empty() { HealthStatus::Ok } else { HealthStatus::Degraded };
    let figures = [("mcp_servers", remotes.len()), ("mcp_servers_up", up)];
    let figures = figures.into_iter().map(|(name, number)| (name.to_owned(), number as u64)).collect();
    ComponentHealth { figures, ..component(status, detail) }
}

/// What is wrong with an MCP server; one that was never asked yet is not.
fn trouble(remote: &RemoteStatus) -> Option<String> {
    let RemoteStatus { name, state, breaker, .. } = remote;
    match (state, breaker) {
        (RemoteState::Down { reason }, _) => Some(format!("`{name}` is not there: {reason}")),
        (RemoteState::Connecting, _) | (RemoteState::Up(_), BreakerState::Closed) => None,
        (RemoteState::Up(_), BreakerState::Open | BreakerState::HalfOpen) => Some(format!("`{name}`: calls to it failed too often")),
    }
}
