//! How much of the sandbox one agent's calls may have at once, so that no agent keeps the others waiting, nor whoever calls tools without one.

use std::{collections::HashMap, sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{Caller, Error, slots::Queue};

/// So many agents are kept in mind, and beside them those that have a call under way.
const AGENTS_KEPT: usize = 256;

pub(crate) struct Shares {
    /// In slots.
    each: u32,
    waiting_max: usize,
    wait_max: Duration,
    of: Mutex<HashMap<Caller, Arc<Share>, RandomState>>,
}

/// What one agent has; its calls hold it, those that wait included.
struct Share {
    free: Semaphore,
    waiting: Queue,
}

/// A part of a share, for as long as a call lasts. Given back by hand: a permit that owns its semaphore would be one more count of
/// references for each call. Nothing waits between taking it and this.
pub(crate) struct Taken {
    slots: u32,
    share: Arc<Share>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.share.free.add_permits(self.slots as usize);
    }
}

impl Shares {
    pub(crate) fn new(each: u32, waiting_max: usize, wait_max: Duration) -> Self {
        Self { each: each.max(1), waiting_max, wait_max, of: Mutex::default() }
    }

    /// Waits like one who waits for a slot; those of other agents are not held up.
    /// One that may not wait gets what is free or nothing.
    pub(crate) async fn take(&self, caller: &Caller, slots: u32, at_once: bool) -> Result<Taken, Error> {
        let (share, slots) = (self.of(caller), slots.min(self.each));
        let exhausted = || Error::ShareTaken { caller: caller.clone(), slots: self.each };
        if let Ok(free) = share.free.try_acquire_many(slots) {
            free.forget();
        } else if at_once || share.waiting.len() >= self.waiting_max {
            return Err(exhausted());
        } else {
            let _waiting = share.waiting.enter();
            // Apart: whoever need not wait has nothing of its size.
            let free = Box::pin(tokio::time::timeout(self.wait_max, share.free.acquire_many(slots))).await.map_err(|_| exhausted())?;
            free.map_err(|_| Error::Stopping)?.forget();
        }
        Ok(Taken { slots, share })
    }

    fn of(&self, caller: &Caller) -> Arc<Share> {
        let mut of = self.of.lock();
        if let Some(share) = of.get(caller) {
            return Arc::clone(share);
        }
        if of.len() >= AGENTS_KEPT {
            of.retain(|_, share| Arc::strong_count(share) > 1);
        }
        let share = Arc::new(Share { free: Semaphore::new(self.each as usize), waiting: Queue::default() });
        of.insert(caller.clone(), Arc::clone(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(number: usize) -> Caller {
        Caller { workspace: "shop".parse().unwrap(), agent: Some(format!("agent-{number}").parse().unwrap()) }
    }

    #[tokio::test(start_paused = true)]
    async fn each_has_its_share_and_waits_for_its_own_only() {
        let shares = Shares::new(2, 1, Duration::from_secs(1));
        let (one, other) = (caller(1), caller(2));
        let first = shares.take(&one, 1, false).await.unwrap();
        let second = shares.take(&one, 1, false).await.unwrap();
        assert!(shares.take(&other, 9, false).await.is_ok(), "more than a share is a whole one");
        let waits = shares.take(&one, 1, false);
        tokio::pin!(waits);
        assert!(futures(&mut waits).await.is_none());
        let refused = shares.take(&one, 1, false).await.err().unwrap();
        assert_eq!(refused.to_string(), "agent `agent-1` has calls in all 2 slots of the sandbox that one agent may have at once");
        drop(first);
        let third = waits.await.unwrap();
        assert!(shares.take(&one, 1, false).await.is_err(), "after a second of waiting");
        drop((second, third));
        assert!(shares.take(&one, 2, false).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_waits_no_longer_keeps_nothing() {
        let shares = Shares::new(2, 1, Duration::from_secs(1));
        let (one, first) = (caller(1), shares.take(&caller(1), 1, false).await.unwrap());
        {
            // It has one of its two already.
            let waits = shares.take(&one, 2, false);
            tokio::pin!(waits);
            assert!(futures(&mut waits).await.is_none());
        }
        assert!(shares.take(&one, 2, true).await.is_err(), "it takes what is free or nothing");
        let second = shares.take(&one, 1, true).await.unwrap();
        drop((first, second));
        assert!(shares.take(&one, 2, true).await.is_ok());
    }

    /// What it comes to at once.
    async fn futures<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn those_without_calls_are_forgotten() {
        let shares = Shares::new(1, 0, Duration::ZERO);
        let kept = shares.take(&caller(0), 1, false).await.unwrap();
        for number in 1..3 * AGENTS_KEPT {
            shares.take(&caller(number), 1, false).await.unwrap();
        }
        assert!(shares.of.lock().len() <= AGENTS_KEPT);
        assert!(shares.take(&caller(0), 1, false).await.is_err());
        drop(kept);
        assert!(shares.take(&caller(0), 1, false).await.is_ok());
    }
}
