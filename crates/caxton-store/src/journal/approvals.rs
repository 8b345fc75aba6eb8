//! How a decision that a person is asked for stands: the same for a journal on disk and one in memory.

use crate::{ApprovalState, Error};
use caxton_types::{ApprovalId, Decision, Fact, NewEvent, StepId, Timestamp, TurnId};

/// How an approval stands, and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) turn: TurnId,
    pub(crate) step: StepId,
    pub(crate) state: Stand,
}

#[derive(Debug, Clone)]
pub(crate) enum Stand {
    Open,
    Decided(Decision),
    Withdrawn,
}

impl Stand {
    pub(crate) fn parts(self) -> (ApprovalState, Option<Decision>) {
        match self {
            Self::Open => (ApprovalState::Open, None),
            Self::Decided(decision) => (ApprovalState::Decided, Some(decision)),
            Self::Withdrawn => (ApprovalState::Withdrawn, None),
        }
    }
}

/// Refuses what an event says of an approval that is not there or not open any more, or asks for a second time.
/// `before` finds how it stands before the batch, and `earlier` are the events of the batch before this one.
pub(crate) fn check<E: From<Error>>(
    event: &NewEvent,
    earlier: &[NewEvent],
    at: Timestamp,
    before: impl FnOnce(ApprovalId) -> Result<Option<Standing>, E>,
) -> Result<(), E> {
    let (approval, asks) = match &event.fact {
        Fact::ApprovalAsked { approval, .. } => (*approval, true),
        Fact::ApprovalDelegated { approval, .. } | Fact::ApprovalDecided { approval, .. } => (*approval, false),
        _ => return Ok(()),
    };
    let standing = earlier.iter().fold(before(approval)?, |standing, event| after(standing, event, approval, at));
    match standing.map(|standing| standing.state) {
        None if asks => Ok(()),
        Some(_) if asks => Err(Error::ApprovalAsked { approval }.into()),
        None => Err(Error::ApprovalUnknown { approval }.into()),
        Some(Stand::Open) => Ok(()),
        Some(Stand::Decided(decision)) => Err(Error::ApprovalClosed { approval, decision: Some(Box::new(decision)) }.into()),
        Some(Stand::Withdrawn) => Err(Error::ApprovalClosed { approval, decision: None }.into()),
    }
}

/// How the approval stands after the event.
fn after(standing: Option<Standing>, event: &NewEvent, approval: ApprovalId, at: Timestamp) -> Option<Standing> {
    let Some(mut standing) = standing else {
        return match (&event.fact, event.turn, event.step) {
            (Fact::ApprovalAsked { approval: asked, .. }, Some(turn), Some(step)) if *asked == approval => {
                Some(Standing { turn, step, state: Stand::Open })
            }
            _ => None,
        };
    };
    if matches!(standing.state, Stand::Open) {
        match &event.fact {
            Fact::ApprovalDecided { approval: decided, .. } if *decided == approval => {
                standing.state = decision(event, at).map_or(Stand::Withdrawn, Stand::Decided);
            }
            fact if withdraws(fact, event.turn, event.step, standing.turn, standing.step) => standing.state = Stand::Withdrawn,
            _ => {}
        }
    }
    Some(standing)
}

/// Whether the fact leaves nothing to decide for a step.
fn withdraws(fact: &Fact, turn: Option<TurnId>, step: Option<StepId>, of: TurnId, at: StepId) -> bool {
    match fact {
        Fact::TurnEnded { .. } => turn == Some(of),
        Fact::StepStarted { .. } | Fact::StepEnded { .. } => turn == Some(of) && step == Some(at),
        _ => false,
    }
}

/// The decision that an event of that kind tells of.
pub(crate) fn decision(event: &NewEvent, at: Timestamp) -> Option<Decision> {
    let Fact::ApprovalDecided { ruling, reason, .. } = &event.fact else { return None };
    Some(Decision { ruling: ruling.clone(), by: event.caller.who.clone(), reason: reason.clone(), at })
}
