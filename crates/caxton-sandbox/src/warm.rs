//! Instances that outlive their call, for tools that ask for it.
//!
//! An instance is used again only for the component that it is of, as it was loaded: with the same grants, for the same
//! workspace; and only under the same limits. What a call leaves in it, the next call finds. One that trapped, exceeded
//! a limit, failed or was called off is gone.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;

use crate::{
    Limits,
    account::Account,
    entry::{Entry, Live},
    host::Host,
};

/// How instances of a component are used for more than one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reuse {
    /// How many wait for a call at most.
    pub instances: u32,
    /// How many calls one takes before it is thrown away.
    pub calls: u32,
    /// How long one waits before it is thrown away.
    pub idle: Duration,
    /// So many stay however long they wait.
    pub kept: u32,
}

impl Default for Reuse {
    fn default() -> Self {
        Self { instances: 4, calls: 1000, idle: Duration::from_mins(1), kept: 0 }
    }
}

/// An instance and all that it was made of; in a box, as it goes from call to call.
pub(crate) struct Instance {
    pub(crate) store: Store<Host>,
    /// Nothing until it is asked for the first time.
    pub(crate) live: Option<Live>,
    pub(crate) entry: Arc<Entry>,
    /// The store's, beside it to be read while the guest has the store.
    pub(crate) account: Arc<Account>,
    /// Calls so far.
    pub(crate) calls: u32,
    /// Freed last: the next one needs what this one used. It is kept while the instance waits.
    _slot: OwnedSemaphorePermit,
}

impl Instance {
    pub(crate) fn new(store: Store<Host>, entry: Arc<Entry>, account: Arc<Account>, slot: OwnedSemaphorePermit) -> Self {
        Self { store, live: None, entry, account, calls: 0, _slot: slot }
    }
}

/// An instance that waits for its next call.
struct Idle {
    instance: Box<Instance>,
    since: Instant,
    until: Option<Instant>,
    kept: u32,
}

/// The instances that wait.
pub(crate) struct Warm {
    waiting: Mutex<Waiting>,
    total_max: usize,
}

#[derive(Default)]
struct Waiting {
    /// By the component that they are of, in the order in which they began to wait. A list stays for a while when its last
    /// instance is taken: that one comes back.
    of: BTreeMap<u64, Vec<Idle>>,
    total: usize,
}

impl Warm {
    pub(crate) fn new(total_max: u32) -> Self {
        Self { waiting: Mutex::default(), total_max: total_max as usize }
    }

    /// The instance that was used last: what it touches is still in the caches.
    pub(crate) fn take(&self, component: u64, limits: &Limits) -> Option<Box<Instance>> {
        let mut waiting = self.waiting.lock();
        let own = waiting.of.get_mut(&component)?;
        let at = own.iter().rposition(|one| same_limits(one.instance.account.limits(), limits))?;
        let Idle { instance, .. } = own.remove(at);
        waiting.total = waiting.total.saturating_sub(1);
        Some(instance)
    }

    /// Keeps an instance for the next call, if there is room; otherwise it is gone.
    pub(crate) fn give(&self, component: u64, instance: Box<Instance>, reuse: Reuse, since: Instant) {
        let idle = Idle { instance, since, until: since.checked_add(reuse.idle), kept: reuse.kept };
        let mut waiting = self.waiting.lock();
        let Waiting { of, total } = &mut *waiting;
        let own = of.entry(component).or_default();
        if idle.instance.calls < reuse.calls && own.len() < reuse.instances as usize && *total < self.total_max {
            own.push(idle);
            *total += 1;
        } else {
            // Throwing an instance away takes a while.
            drop(waiting);
            drop(idle);
        }
    }

    /// Throws the one away that has waited longest; whether there was one.
    pub(crate) fn drop_oldest(&self) -> bool {
        let mut waiting = self.waiting.lock();
        let lists = waiting.of.values_mut().filter(|idle| !idle.is_empty());
        let oldest = lists.min_by_key(|idle| idle.first().map(|one| one.since)).map(|idle| idle.remove(0));
        waiting.total = waiting.total.saturating_sub(usize::from(oldest.is_some()));
        drop(waiting);
        oldest.is_some()
    }

    /// Throws those away that have waited too long; how many they were.
    pub(crate) fn sweep(&self, now: Instant) -> usize {
        let mut late = Vec::new();
        {
            let mut waiting = self.waiting.lock();
            for idle in waiting.of.values_mut() {
                let mut left = idle.len();
                late.extend(idle.extract_if(.., |one| {
                    let goes = one.until.is_some_and(|until| until <= now) && left > one.kept as usize;
                    left -= usize::from(goes);
                    goes
                }));
            }
            waiting.of.retain(|_, idle| !idle.is_empty());
            waiting.total = waiting.total.saturating_sub(late.len());
        }
        late.len()
    }

    /// Throws all of a component away.
    pub(crate) fn forget(&self, component: u64) {
        let gone = {
            let mut waiting = self.waiting.lock();
            let gone = waiting.of.remove(&component).unwrap_or_default();
            waiting.total = waiting.total.saturating_sub(gone.len());
            gone
        };
        drop(gone);
    }

    /// How many of a component wait.
    pub(crate) fn count(&self, component: u64) -> usize {
        self.waiting.lock().of.get(&component).map_or(0, Vec::len)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().total
    }
}

/// What an instance was made with; the time that a call has is the call's alone.
fn same_limits(one: &Limits, other: &Limits) -> bool {
    Limits { wall: other.wall, cpu: other.cpu, ..*one } == *other
}
