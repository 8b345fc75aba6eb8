//! Puts away what has been idle for too long: code of components, and instances that wait for a call. Looks for swap besides.

use std::{
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tracing::debug;

use crate::{Error, Sandbox, component::Loaded, sandbox::Shared, swap::may_swap};

/// How often it looks; what is idle stays that much longer.
const PERIOD: Duration = Duration::from_secs(5);

/// What was put away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PutAway {
    /// Components whose code was.
    pub components: usize,
    /// Instances that had waited for a call.
    pub instances: usize,
}

/// Ends the keeper's thread when the sandbox is gone.
#[derive(Default)]
pub(crate) struct Keeper(Arc<Stop>);

#[derive(Default)]
struct Stop {
    is_stopped: Mutex<bool>,
    wake: Condvar,
}

impl Keeper {
    /// Looks after a sandbox for as long as that is there.
    pub(crate) fn start(&self, shared: Weak<Shared>) -> Result<(), Error> {
        let stop = Arc::clone(&self.0);
        let look = move || {
            loop {
                {
                    let mut is_stopped = stop.is_stopped.lock();
                    if !*is_stopped {
                        stop.wake.wait_for(&mut is_stopped, PERIOD);
                    }
                    if *is_stopped {
                        return;
                    }
                }
                let Some(shared) = shared.upgrade() else { return };
                shared.put_away(Instant::now());
                shared.look_for_swap(may_swap());
            }
        };
        let thread = thread::Builder::new().name("sandbox-idle".to_owned()).spawn(look);
        thread.map(drop).map_err(|error| Error::Engine(format!("no thread for what is idle: {error}")))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        *self.0.is_stopped.lock() = true;
        self.0.wake.notify_one();
    }
}

impl Shared {
    pub(crate) fn put_away(&self, now: Instant) -> PutAway {
        let instances = self.warm.sweep(now);
        let loaded: Vec<Arc<Loaded>> = {
            let mut loaded = self.loaded.lock();
            loaded.retain(|component| component.strong_count() > 0);
            loaded.iter().filter_map(Weak::upgrade).collect()
        };
        let (mut components, idle_min) = (0, self.options.code_idle_max);
        for component in loaded {
            // Code can come back only from where it is kept.
            let is_kept = || self.cache.as_ref().is_some_and(|cache| cache.has(component.resident.origin().key));
            if component.resident.put_away(idle_min, is_kept) {
                components += 1;
                debug!(component = component.name(), "code is put away");
            }
        }
        metrics::counter!("caxton_sandbox_put_away_total", "what" => "code").increment(components as u64);
        metrics::counter!("caxton_sandbox_put_away_total", "what" => "instance").increment(instances as u64);
        PutAway { components, instances }
    }
}

impl Sandbox {
    /// Puts away at once what has been idle for too long; a thread does so from time to time.
    pub fn put_away(&self) -> PutAway {
        self.0.put_away(Instant::now())
    }
}
