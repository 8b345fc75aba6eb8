//! The configuration while the server runs: what may change, changes here, and the journal of `_system` keeps it.

use crate::{edge::Fail, routes::diagnostics, telemetry::LogLevel};
use caxton_config::server::{Change, Loaded, keys};
use caxton_runtime::Budgets;
use caxton_store::{Batch, EventQuery, Workspace, ids};
use caxton_types::{Action, Caller, Code, Fact, NewEvent, TraceContext};
use parking_lot::RwLock;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// The configuration that counts now. Cheap to clone.
#[derive(Clone)]
pub struct LiveConfig(Arc<Inner>);

struct Inner {
    loaded: RwLock<Arc<Loaded>>,
    log_level: LogLevel,
    budgets: Budgets,
    system: Workspace,
    /// One change at a time, so that `old` is what was there.
    change: tokio::sync::Mutex<()>,
}

impl LiveConfig {
    /// What was loaded, with the changes that the journal holds on top: they rank above files and below the environment and flags.
    pub(crate) async fn open(
        mut loaded: Loaded,
        log_level: LogLevel,
        budgets: Budgets,
        system: Workspace,
    ) -> Result<Self, caxton_store::Error> {
        for (key, value) in changed(&system).await? {
            match loaded.set(&key, &value) {
                Ok(change) => loaded = change.loaded,
                Err(problems) => tracing::warn!(key, reason = %problems, "a change of the configuration does not count any more"),
            }
        }
        let (loaded, change) = (RwLock::new(Arc::new(loaded)), tokio::sync::Mutex::default());
        let live = Self(Arc::new(Inner { loaded, log_level, budgets, system, change }));
        live.take_effect();
        Ok(live)
    }

    /// The configuration that counts now.
    pub fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.0.loaded.read())
    }

    /// Changes one value: see [`Self::set_all`].
    pub(crate) async fn set(&self, caller: &Caller, trace: TraceContext, key: &str, value: Value) -> Result<Change, Fail> {
        let changes = self.set_all(caller, trace, &[(key, value)]).await?;
        changes.into_iter().next().ok_or_else(|| Fail::new(Code::Internal, "the configuration is as it was"))
    }

    /// Changes values: all are checked, recorded in one batch, then in effect; or none is.
    pub(crate) async fn set_all(&self, caller: &Caller, trace: TraceContext, values: &[(&str, Value)]) -> Result<Vec<Change>, Fail> {
        caller.require(Action::Configure)?;
        let _one_at_a_time = self.0.change.lock().await;
        let mut loaded = self.current();
        let mut changes = Vec::with_capacity(values.len());
        for (key, value) in values {
            let change = changed_to(&loaded, key, value)?;
            loaded = Arc::new(change.loaded.clone());
            changes.push(change);
        }
        crate::telemetry::check(&loaded.config.logging.level)?;
        let trace = trace.child(ids::span());
        let event = |change: &Change| NewEvent {
            caller: caller.actor(),
            trace,
            conversation: None,
            agent: None,
            turn: None,
            step: None,
            fact: Fact::ConfigChanged { key: change.key.clone(), old: change.old.clone(), new: change.new.clone() },
        };
        if changes.is_empty() {
            return Ok(changes);
        }
        self.0.system.commit(Batch::of(changes.iter().map(event).collect())).await?;
        *self.0.loaded.write() = loaded;
        self.take_effect();
        for change in &changes {
            tracing::info!(key = %change.key, "configuration changed");
        }
        Ok(changes)
    }

    fn take_effect(&self) {
        let current = self.current();
        self.0.budgets.set(current.config.budgets);
        if let Err(error) = self.0.log_level.set(&current.config.logging.level) {
            tracing::error!(%error, "the log level stays as it was");
        }
    }
}

/// The configuration with another value of this key.
fn changed_to(current: &Loaded, key: &str, value: &Value) -> Result<Change, Fail> {
    current.get(Some(key)).map_err(|unknown| diagnostics("the configuration has no such key", &unknown.into()).because(Code::NotFound))?;
    let is_live = keys().any(|known| known.path == key && known.live);
    current.set(key, value).map_err(|problems| {
        let refused = diagnostics("the configuration cannot be changed so", &problems);
        if is_live { refused } else { refused.because(Code::Conflict) }
    })
}

/// The last change of each key.
async fn changed(system: &Workspace) -> Result<BTreeMap<String, Value>, caxton_store::Error> {
    let (mut values, mut after) = (BTreeMap::new(), caxton_types::Seq(0));
    loop {
        let query = EventQuery { after, kinds: vec!["config_changed".into()], limit: EventQuery::LIMIT_MAX, ..EventQuery::default() };
        let events = system.events(query).await?;
        let Some(last) = events.last() else { return Ok(values) };
        after = last.seq;
        for event in events {
            if let Fact::ConfigChanged { key, new, .. } = event.new.fact {
                values.insert(key.into(), new);
            }
        }
    }
}
