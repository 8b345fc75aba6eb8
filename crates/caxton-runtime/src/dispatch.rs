//! Who may run now: one turn per agent and conversation, so many in all, the rest waits in order. Pure.

use caxton_exchange::Delivery;
use caxton_types::{AgentName, ConversationId, WorkspaceName};
use std::collections::{HashMap, VecDeque};

/// Turns of one lane follow each other.
pub(crate) type Lane = (WorkspaceName, AgentName, ConversationId);

pub(crate) fn lane(delivery: &Delivery) -> Lane {
    (delivery.workspace.name().clone(), delivery.agent.clone(), delivery.message.conversation)
}

/// The waiting deliveries; bounded by the places that each of them holds in the exchange.
pub(crate) struct Lanes<D = Delivery> {
    /// Lanes with an open turn (or one that is ready), and what waits behind it.
    waiting: HashMap<Lane, VecDeque<D>>,
    /// Deliveries whose lane is theirs, waiting for a free slot.
    ready: VecDeque<D>,
    running: usize,
    running_max: usize,
}

impl Lanes<Delivery> {
    pub(crate) fn arrived(&mut self, delivery: Delivery) -> Vec<Delivery> {
        self.add(lane(&delivery), delivery)
    }
}

impl<D> Lanes<D> {
    pub(crate) fn new(running_max: usize) -> Self {
        Self { waiting: HashMap::new(), ready: VecDeque::new(), running: 0, running_max: running_max.max(1) }
    }

    /// Takes a delivery; returns what is to be started now.
    pub(crate) fn add(&mut self, lane: Lane, delivery: D) -> Vec<D> {
        if let Some(behind) = self.waiting.get_mut(&lane) {
            behind.push_back(delivery);
        } else {
            self.waiting.insert(lane, VecDeque::new());
            self.ready.push_back(delivery);
        }
        self.start()
    }

    /// A turn of this lane has ended; returns what is to be started now.
    pub(crate) fn ended(&mut self, lane: &Lane) -> Vec<D> {
        self.running = self.running.saturating_sub(1);
        match self.waiting.get_mut(lane).map(VecDeque::pop_front) {
            Some(Some(next)) => self.ready.push_back(next),
            Some(None) => {
                self.waiting.remove(lane);
            }
            None => {}
        }
        self.start()
    }

    fn start(&mut self) -> Vec<D> {
        let free = self.running_max.saturating_sub(self.running).min(self.ready.len());
        self.running += free;
        self.ready.drain(..free).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn key(lane: u8) -> Lane {
        let conversation = ConversationId::from_uuid(uuid::Uuid::from_u128(lane.into()));
        (WorkspaceName::default(), "sum".parse().unwrap(), conversation)
    }

    proptest! {
        #[test]
        fn order_is_kept_lanes_never_overlap_and_nothing_is_lost(
            arrivals in prop::collection::vec(0u8..5, 0..60),
            choices in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
            running_max in 1usize..4,
        ) {
            let mut lanes = Lanes::new(running_max);
            let mut running: BTreeMap<u8, usize> = BTreeMap::new();
            let mut started: Vec<(u8, usize)> = vec![];
            let mut choices = choices.into_iter();
            let mut begin = |running: &mut BTreeMap<u8, usize>, ready: Vec<(u8, usize)>| {
                for (lane, at) in ready {
                    assert_eq!(running.insert(lane, at), None, "a lane runs one at a time");
                    started.push((lane, at));
                }
                assert!(running.len() <= running_max);
            };
            for (at, lane) in arrivals.iter().copied().enumerate() {
                begin(&mut running, lanes.add(key(lane), (lane, at)));
                if let Some(choice) = choices.next() && !running.is_empty() {
                    let lane = *choice.get(&running.keys().copied().collect::<Vec<_>>());
                    running.remove(&lane);
                    begin(&mut running, lanes.ended(&key(lane)));
                }
            }
            while let Some((lane, _)) = running.pop_first() {
                begin(&mut running, lanes.ended(&key(lane)));
            }
            prop_assert_eq!(started.iter().map(|(_, at)| *at).collect::<BTreeSet<_>>(), (0..arrivals.len()).collect::<BTreeSet<_>>());
            for lane in 0..5 {
                prop_assert!(started.iter().filter(|(of, _)| *of == lane).map(|(_, at)| at).is_sorted());
            }
            prop_assert!(lanes.waiting.is_empty() && lanes.running == 0, "idle lanes cost nothing");
        }
    }
}
