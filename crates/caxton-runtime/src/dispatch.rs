//! Who may run now: one turn per agent and conversation, so many in all, the rest waits in order. Pure.

use caxton_exchange::Delivery;
use caxton_store::Workspace;
use caxton_types::{AgentName, ConversationId, TurnId, WorkspaceName};
use std::collections::{HashMap, VecDeque};

/// Turns of one lane follow each other.
pub(crate) type Lane = (WorkspaceName, AgentName, ConversationId);

/// What a lane is given to do.
pub(crate) enum Work {
    /// A message begins a turn.
    Begin(Delivery),
    /// An open turn goes on.
    Resume(Box<Resume>),
}

/// An open turn that may go on.
pub(crate) struct Resume {
    pub(crate) workspace: Workspace,
    pub(crate) turn: TurnId,
    pub(crate) agent: AgentName,
    pub(crate) conversation: ConversationId,
    /// Whether nothing of it was driven yet since the server started: it takes its place behind what is there.
    pub(crate) opens: bool,
}

impl Work {
    pub(crate) fn lane(&self) -> Lane {
        match self {
            Self::Begin(delivery) => (delivery.workspace.name().clone(), delivery.agent.clone(), delivery.message.conversation),
            Self::Resume(resume) => (resume.workspace.name().clone(), resume.agent.clone(), resume.conversation),
        }
    }
}

/// The waiting work; bounded by the places that each delivery holds in the exchange, and by the open turns.
pub(crate) struct Lanes<W = Work> {
    /// Lanes with an open turn (or one that is ready), and what waits behind it.
    known: HashMap<Lane, State<W>>,
    /// Work whose lane is its own, waiting for a free slot.
    ready: VecDeque<(Lane, W)>,
    running: usize,
    running_max: usize,
}

struct State<W> {
    phase: Phase<W>,
    behind: VecDeque<W>,
}

enum Phase<W> {
    /// Its turn waits for something outside and holds no slot.
    Suspended,
    /// Its work waits for a slot.
    Ready,
    /// Its turn is driven; whether it is to be taken up again when it is suspended.
    Running { again: Option<W> },
}

impl<W> Lanes<W> {
    pub(crate) fn new(running_max: usize) -> Self {
        Self { known: HashMap::new(), ready: VecDeque::new(), running: 0, running_max: running_max.max(1) }
    }

    /// Takes work that begins something; returns what is to be started now.
    pub(crate) fn add(&mut self, lane: Lane, work: W) -> Vec<(Lane, W)> {
        if let Some(state) = self.known.get_mut(&lane) {
            state.behind.push_back(work);
        } else {
            self.known.insert(lane.clone(), State { phase: Phase::Ready, behind: VecDeque::new() });
            self.ready.push_back((lane, work));
        }
        self.start()
    }

    /// Something came for the open turn of this lane; returns what is to be started now.
    pub(crate) fn resume(&mut self, lane: Lane, work: W) -> Vec<(Lane, W)> {
        let state = self.known.entry(lane.clone()).or_insert_with(|| State { phase: Phase::Suspended, behind: VecDeque::new() });
        match &mut state.phase {
            Phase::Suspended => {
                state.phase = Phase::Ready;
                self.ready.push_back((lane, work));
            }
            // It has not looked yet.
            Phase::Ready => {}
            Phase::Running { again } => *again = Some(work),
        }
        self.start()
    }

    /// The turn of this lane waits for something outside; returns what is to be started now.
    pub(crate) fn suspended(&mut self, lane: Lane) -> Vec<(Lane, W)> {
        self.running = self.running.saturating_sub(1);
        if let Some(state) = self.known.get_mut(&lane) {
            match std::mem::replace(&mut state.phase, Phase::Suspended) {
                Phase::Running { again: Some(work) } => {
                    state.phase = Phase::Ready;
                    self.ready.push_back((lane, work));
                }
                Phase::Running { again: None } | Phase::Suspended | Phase::Ready => {}
            }
        }
        self.start()
    }

    /// The turn of this lane has ended; returns what is to be started now.
    pub(crate) fn ended(&mut self, lane: Lane) -> Vec<(Lane, W)> {
        self.running = self.running.saturating_sub(1);
        match self.known.get_mut(&lane).map(|state| (state.behind.pop_front(), state)) {
            Some((Some(next), state)) => {
                state.phase = Phase::Ready;
                self.ready.push_back((lane, next));
            }
            Some((None, _)) => {
                self.known.remove(&lane);
            }
            None => {}
        }
        self.start()
    }

    fn start(&mut self) -> Vec<(Lane, W)> {
        let free = self.running_max.saturating_sub(self.running).min(self.ready.len());
        self.running += free;
        let started: Vec<_> = self.ready.drain(..free).collect();
        for (lane, _) in &started {
            if let Some(state) = self.known.get_mut(lane) {
                state.phase = Phase::Running { again: None };
            }
        }
        started
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
            choices in prop::collection::vec((any::<prop::sample::Index>(), 0u8..4), 0..80),
            running_max in 1usize..4,
        ) {
            let mut lanes = Lanes::new(running_max);
            // The work of a lane that is driven, and of one that is suspended.
            let (mut running, mut asleep): (BTreeMap<u8, usize>, BTreeMap<u8, usize>) = Default::default();
            let mut started: Vec<(u8, usize)> = vec![];
            let mut choices = choices.into_iter();
            let mut begin = |running: &mut BTreeMap<u8, usize>, asleep: &mut BTreeMap<u8, usize>, ready: Vec<(Lane, (u8, usize))>| {
                for (_, (lane, at)) in ready {
                    assert_eq!(running.insert(lane, at), None, "a lane runs one at a time");
                    if asleep.remove(&lane) != Some(at) {
                        assert!(!asleep.contains_key(&lane), "an open turn keeps its lane");
                        started.push((lane, at));
                    }
                }
                assert!(running.len() <= running_max);
            };
            for (at, lane) in arrivals.iter().copied().enumerate() {
                begin(&mut running, &mut asleep, lanes.add(key(lane), (lane, at)));
                let Some((choice, what)) = choices.next() else { continue };
                if what == 3 && !asleep.is_empty() {
                    let lane = *choice.get(&asleep.keys().copied().collect::<Vec<_>>());
                    let work = (lane, asleep[&lane]);
                    begin(&mut running, &mut asleep, lanes.resume(key(lane), work));
                    begin(&mut running, &mut asleep, lanes.resume(key(lane), work));
                } else if !running.is_empty() {
                    let lane = *choice.get(&running.keys().copied().collect::<Vec<_>>());
                    let at = running.remove(&lane).unwrap();
                    let ready = if what == 0 {
                        lanes.ended(key(lane))
                    } else {
                        asleep.insert(lane, at);
                        lanes.suspended(key(lane))
                    };
                    begin(&mut running, &mut asleep, ready);
                }
            }
            while !(running.is_empty() && asleep.is_empty()) {
                if let Some((lane, _)) = running.pop_first() {
                    begin(&mut running, &mut asleep, lanes.ended(key(lane)));
                } else if let Some((&lane, &at)) = asleep.first_key_value() {
                    begin(&mut running, &mut asleep, lanes.resume(key(lane), (lane, at)));
                }
            }
            prop_assert_eq!(started.iter().map(|(_, at)| *at).collect::<BTreeSet<_>>(), (0..arrivals.len()).collect::<BTreeSet<_>>());
            for lane in 0..5 {
                prop_assert!(started.iter().filter(|(of, _)| *of == lane).map(|(_, at)| at).is_sorted());
            }
            prop_assert!(lanes.known.is_empty() && lanes.running == 0, "idle lanes cost nothing");
        }
    }
}
