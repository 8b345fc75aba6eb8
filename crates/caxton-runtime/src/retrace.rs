//! A turn run again from what the journal holds of it: the same step function, fed with recorded outcomes.
//!
//! Resuming, replaying and forking are this one walk; what differs is what happens where the record ends.

use crate::{Turn, advance};
use caxton_types::{Begin, Digest, Effect, Failure, Input, Intent, Outcome, StepId, canonical_json};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// One thing that the journal holds of a turn, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A step was about to happen.
    Intended(StepId, Intent),
    /// A step had happened.
    Ended(StepId, Outcome),
    /// The turn was called off.
    Cancelled(Failure),
}

/// Where a turn stands after its record.
#[derive(Debug)]
pub struct Retraced {
    /// Its state.
    pub turn: Turn,
    /// The steps that were begun and have no outcome.
    pub open: BTreeMap<StepId, Effect>,
    /// What it asks for next; nothing of it is recorded.
    pub next: Vec<(StepId, Effect)>,
}

/// The first place where a turn, run again, does something else than the journal says.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("step {step} differs from the record")]
pub struct Divergence {
    /// The step.
    pub step: StepId,
    /// What the journal says; nothing where it holds no intent for what ended.
    pub recorded: Option<Intent>,
    /// What the turn asks for now at this step; nothing where it asks for no such step.
    pub asked: Option<Intent>,
}

/// Feeds a turn its record. Each recorded intent must be what the turn asks for at that step.
pub fn retrace(begin: Begin, entries: impl IntoIterator<Item = Entry>) -> Result<Retraced, Box<Divergence>> {
    retrace_seen(begin, entries, |_, _| {})
}

/// As [`retrace`], and shows every effect that the turn asks for.
pub(crate) fn retrace_seen(
    begin: Begin,
    entries: impl IntoIterator<Item = Entry>,
    mut seen: impl FnMut(StepId, &Effect),
) -> Result<Retraced, Box<Divergence>> {
    let mut turn = Turn::default();
    let mut wanted: BTreeMap<StepId, Effect> = BTreeMap::new();
    let mut open: BTreeMap<StepId, Effect> = BTreeMap::new();
    let mut feed = |turn: &mut Turn, wanted: &mut BTreeMap<StepId, Effect>, input| {
        for (step, effect) in advance(turn, input) {
            seen(step, &effect);
            wanted.insert(step, effect);
        }
    };
    feed(&mut turn, &mut wanted, Input::Begin(Box::new(begin)));
    for entry in entries {
        match entry {
            Entry::Intended(step, recorded) => {
                let effect = match wanted.remove(&step) {
                    Some(effect) if effect.is(&recorded) => effect,
                    other => {
                        let asked = other.map(|effect| effect.intent());
                        return Err(Box::new(Divergence { step, recorded: Some(recorded), asked }));
                    }
                };
                open.insert(step, effect);
            }
            Entry::Ended(step, outcome) => {
                if open.remove(&step).is_none() {
                    let asked = wanted.get(&step).map(Effect::intent);
                    return Err(Box::new(Divergence { step, recorded: None, asked }));
                }
                feed(&mut turn, &mut wanted, Input::Ended(step, outcome));
            }
            Entry::Cancelled(failure) => feed(&mut turn, &mut wanted, Input::Cancelled(failure)),
        }
    }
    Ok(Retraced { turn, open, next: wanted.into_iter().collect() })
}

/// The journal hash of a turn: SHA-256 over its steps in order, each as its id, its canonical intent and the digest of its outcome.
/// Place, time and trace are no part of it.
#[derive(Debug, Default)]
pub struct JournalHash {
    steps: BTreeMap<StepId, (String, Option<Digest>)>,
}

impl JournalHash {
    /// What the record says.
    pub fn of(entries: &[Entry]) -> Self {
        let mut hash = Self::default();
        for entry in entries {
            match entry {
                Entry::Intended(step, intent) => hash.intended(*step, intent),
                Entry::Ended(step, outcome) => hash.ended(*step, outcome),
                Entry::Cancelled(_) => {}
            }
        }
        hash
    }

    /// Adds a step.
    pub fn intended(&mut self, step: StepId, intent: &Intent) {
        self.steps.insert(step, (canonical(intent), None));
    }

    /// Adds what came of a step.
    pub fn ended(&mut self, step: StepId, outcome: &Outcome) {
        if let Some((_, digest)) = self.steps.get_mut(&step) {
            *digest = Some(Digest::of(canonical(outcome).as_bytes()));
        }
    }

    /// Leaves a step out.
    pub(crate) fn forget(&mut self, step: StepId) {
        self.steps.remove(&step);
    }

    /// The steps so far.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The hash.
    pub fn finish(&self) -> Digest {
        let mut hasher = Sha256::new();
        for (step, (intent, outcome)) in &self.steps {
            hasher.update(step.0.to_be_bytes());
            hasher.update((intent.len() as u64).to_be_bytes());
            hasher.update(intent);
            hasher.update(outcome.as_ref().map_or(&[][..], |digest| digest.as_bytes()));
        }
        Digest::from_bytes(hasher.finalize().into())
    }
}

/// The words of the journal are all expressible in JSON.
fn canonical(value: &impl Serialize) -> String {
    serde_json::to_value(value).map_or_else(|error| error.to_string(), |value| canonical_json(&value))
}
