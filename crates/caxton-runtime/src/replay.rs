//! A turn run again from its record with nobody outside: it must do the same, or the first difference is named.

use crate::{
    Divergence, Entry, Error, JournalHash, Runtime, begin,
    diff::{Difference, differences},
    past::Past,
    retrace::retrace_seen,
};
use caxton_store::Workspace;
use caxton_types::{AgentName, Begin, ConversationId, Digest, Intent, StepId, TurnEnd, TurnId, TurnOrigin};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the journal holds of a turn, whole: enough to run it again anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// What it began with.
    pub begin: Begin,
    /// What happened, in its order.
    pub entries: Vec<Entry>,
    /// How it ended; nothing while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<TurnEnd>,
    /// The turn whose past it shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<TurnOrigin>,
}

/// What came of running a turn again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The turn.
    pub turn: TurnId,
    /// Whose it is.
    pub agent: AgentName,
    /// The conversation that it belongs to.
    pub conversation: ConversationId,
    /// How it ended; nothing while it is open.
    pub end: Option<TurnEnd>,
    /// How many steps the record has.
    pub steps: usize,
    /// The journal hash of the record.
    pub recorded: Digest,
    /// The journal hash of what the turn asked for this time; shorter where it went another way.
    pub replayed: Digest,
    /// Where it first did something else.
    pub mismatch: Option<Mismatch>,
}

/// The first step that differs, with what comes nearest to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// The step.
    pub step: StepId,
    /// What the record says of it.
    pub recorded: Option<Intent>,
    /// What the turn asks for now.
    pub asked: Option<Intent>,
    /// The step of the record whose intent comes nearest to what is asked for now.
    pub nearest: Option<StepId>,
    /// What differs between that intent and this.
    pub differences: Vec<Difference>,
}

impl Recording {
    /// Runs it again. Nothing outside is asked; no I/O is done at all.
    pub fn replay(&self) -> Replayed {
        let recorded = JournalHash::of(&self.entries);
        let mut replayed = JournalHash::default();
        let retraced = retrace_seen(self.begin.clone(), self.entries.iter().cloned(), |step, effect| {
            replayed.intended(step, &effect.intent());
        });
        for entry in &self.entries {
            if let Entry::Ended(step, outcome) = entry {
                replayed.ended(*step, outcome);
            }
        }
        let mismatch = match retraced {
            Ok(retraced) => {
                // What an open turn asks for next is no part of its record.
                for (step, _) in &retraced.next {
                    replayed.forget(*step);
                }
                None
            }
            Err(divergence) => Some(self.mismatch(*divergence)),
        };
        Replayed {
            turn: self.begin.turn,
            agent: self.begin.agent.name.clone(),
            conversation: self.begin.message.conversation,
            end: self.end,
            steps: recorded.steps(),
            recorded: recorded.finish(),
            replayed: replayed.finish(),
            mismatch,
        }
    }

    fn mismatch(&self, Divergence { step, recorded, asked }: Divergence) -> Mismatch {
        let now = asked.as_ref().map(value);
        let intents = self.entries.iter().filter_map(|entry| match entry {
            Entry::Intended(step, intent) => Some((*step, intent)),
            Entry::Ended(..) | Entry::Cancelled(_) => None,
        });
        let nearest = now.as_ref().and_then(|now| {
            intents
                .map(|(at, intent)| (at, differences(&value(intent), now)))
                // Of equally near ones the one at the same place.
                .min_by_key(|(at, differences)| (differences.len(), at.0.abs_diff(step.0)))
        });
        let (nearest, differences) = nearest.map_or((None, vec![]), |(at, differences)| (Some(at), differences));
        Mismatch { step, recorded, asked, nearest, differences }
    }
}

fn value(intent: &Intent) -> Value {
    serde_json::to_value(intent).unwrap_or_default()
}

impl Runtime {
    /// What the journal holds of a turn, whole.
    pub async fn recording(&self, workspace: &Workspace, turn: TurnId) -> Result<Recording, Error> {
        let past = self.past(workspace, turn).await?;
        let (begin, _) = begin::restore(self, workspace, &past).await?;
        let Past { entries, end, origin, .. } = past;
        Ok(Recording { begin, entries, end, origin })
    }

    /// Runs a turn again from its record, with nobody outside.
    pub async fn replay(&self, workspace: &Workspace, turn: TurnId) -> Result<Replayed, Error> {
        Ok(self.recording(workspace, turn).await?.replay())
    }
}
