//! The configuration while the server runs: what may change, changes here, and the journal of `_system` keeps it.

use crate::{edge::Fail, routes::diagnostics, telemetry::LogLevel};
use caxton_config::server::{Change, KEYS, Loaded};
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

    /// Changes one value: checked, recorded, then in effect.
    pub(crate) async fn set(&self, caller: &Caller, trace: TraceContext, key: &str, value: &Value) -> Result<Change, Fail> {
        caller.require(Action::Configure)?;
        let _one_at_a_time = self.0.change.lock().await;
        let current = self.current();
        current
            .get(Some(key))
            .map_err(|unknown| diagnostics("the configuration has no such key", &unknown.into()).because(Code::NotFound))?;
        let is_live = KEYS.iter().any(|known| known.path == key && known.live);
        let change = current.set(key, value).map_err(|problems| {
            let refused = diagnostics("the configuration cannot be changed so", &problems);
            if is_live { refused } else { refused.because(Code::Conflict) }
        })?;
        crate::telemetry::check(&change.loaded.config.logging.level)?;
        let fact = Fact::ConfigChanged { key: change.key.clone(), old: change.old.clone(), new: change.new.clone() };
        let event = NewEvent {
            caller: caller.actor(),
            trace: trace.child(ids::span()),
            conversation: None,
            agent: None,
            turn: None,
            step: None,
            fact,
        };
        self.0.system.commit(Batch::of(vec![event])).await?;
        *self.0.loaded.write() = Arc::new(change.loaded.clone());
        self.take_effect();
        tracing::info!(key, "configuration changed");
        Ok(change)
    }

    fn take_effect(&self) {
        let current = self.current();
        self.0.budgets.set(current.config.budgets);
        if let Err(error) = self.0.log_level.set(&current.config.logging.level) {
            tracing::error!(%error, "the log level stays as it was");
        }
    }
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
