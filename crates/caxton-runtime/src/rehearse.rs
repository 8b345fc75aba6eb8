//! A turn without a server: the same step function, with somebody who decides what comes of each effect.
//!
//! Nothing is journalled here; what happened is handed back as the same [`Recording`] that a journal gives.

use crate::{Entry, Recording, Turn, advance, begin};
use caxton_types::{Attachment, AttachmentView, Begin, Code, Effect, Failure, Input, Outcome, StepId};
use std::{path::Path, time::Instant};

/// Decides what comes of effects.
pub trait Performer: Sync {
    /// What comes of this one. The end of the turn is not asked for.
    fn perform(&self, step: StepId, effect: &Effect) -> impl Future<Output = Outcome> + Send;
}

/// Runs a turn to its end. Calls that a live turn makes at the same time are made one after the other, so that every run is alike.
pub async fn rehearse(begin: Begin, performer: &impl Performer) -> Recording {
    let limit = begin.agent.limits.wall_time;
    let deadline = tokio::time::Instant::from_std(Instant::now() + limit.get());
    let mut turn = Turn::default();
    let mut recording = Recording { begin: begin.clone(), entries: Vec::new(), end: None, origin: None };
    let mut wanted = advance(&mut turn, Input::Begin(Box::new(begin)));
    while !wanted.is_empty() {
        recording.entries.extend(wanted.iter().map(|(step, effect)| Entry::Intended(*step, effect.intent())));
        let mut next = Vec::new();
        for (step, effect) in wanted {
            if let Effect::Finish(reply) = &effect {
                recording.end = Some(reply.end);
                continue;
            }
            let outcome = tokio::time::timeout_at(deadline, performer.perform(step, &effect)).await;
            let Ok(outcome) = outcome else {
                let failure = Failure::new(Code::Deadline, format!("the turn's time of {limit} ran out"));
                recording.entries.push(Entry::Cancelled(failure.clone()));
                next = advance(&mut turn, Input::Cancelled(failure));
                break;
            };
            recording.entries.push(Entry::Ended(step, outcome.clone()));
            next.extend(advance(&mut turn, Input::Ended(step, outcome)));
        }
        wanted = next;
    }
    recording
}

/// What an agent is shown of a file that comes with a message.
pub fn view(attachment: &Attachment, file: &Path) -> AttachmentView {
    AttachmentView {
        name: attachment.name.clone(),
        media_type: attachment.media_type.clone(),
        size: attachment.size,
        digest: attachment.digest,
        head: begin::is_text(&attachment.media_type, &attachment.name).then(|| begin::head(file)).flatten(),
    }
}
