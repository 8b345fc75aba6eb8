//! Probes of the parts of the server: each does a little of what the part is for.

use crate::{App, life::Phase, services};
use caxton_api::{ComponentHealth, Health, HealthStatus};
use caxton_store::Batch;
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
    ComponentHealth { status, detail: detail.into() }
}

fn server(app: &App) -> ComponentHealth {
    match app.life.phase() {
        Phase::Recovering => component(HealthStatus::Degraded, "recovering"),
        Phase::Ready => component(HealthStatus::Ok, "ready"),
        Phase::Stopping => component(HealthStatus::Degraded, "stopping"),
    }
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
        Ok(found) if found.is_dir() && !found.permissions().readonly() => component(HealthStatus::Ok, "takes calls"),
        Ok(_) => component(HealthStatus::Degraded, format!("{} cannot be written", scratch.display())),
        Err(error) => component(HealthStatus::Degraded, format!("{}: {error}", scratch.display())),
    }
}

fn models(app: &App) -> ComponentHealth {
    let providers: Vec<_> = app.models.providers().into_iter().map(|provider| format!("{} ({})", provider.name, provider.kind)).collect();
    component(HealthStatus::Ok, providers.join(", "))
}

fn tools(app: &App) -> ComponentHealth {
    component(HealthStatus::Ok, format!("{} built in", app.tools.built_in().len()))
}
