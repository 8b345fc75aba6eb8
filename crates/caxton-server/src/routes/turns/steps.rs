//! What the journal holds of a turn, put together for whoever looks at it.

use caxton_api::{ActorView, OriginView, StepApproval, StepState, StepView, TurnDetail, TurnFailure, TurnState, TurnSummary, WaitView};
use caxton_store::TurnRow;
use caxton_types::{ApprovalId, ApprovalKind, Decision, Event, Fact, Failure, Outcome, Payload, StepId, Timestamp, TurnEnd, WaitOn};
use std::collections::BTreeMap;

pub(super) fn summary(row: &TurnRow) -> TurnSummary {
    TurnSummary {
        id: row.turn,
        agent: row.agent.clone(),
        conversation: row.conversation,
        message: row.message,
        state: match row.state() {
            caxton_store::TurnState::Open => TurnState::Open,
            caxton_store::TurnState::Ended => TurnState::Ended,
        },
        end: row.ended.as_ref().map(|ended| ended.end),
        reply: row.ended.as_ref().and_then(|ended| ended.reply),
        began_at: row.at,
        ended_at: row.ended.as_ref().map(|ended| ended.at),
        steps: row.steps,
        origin: row.origin.map(|origin| OriginView { turn: origin.turn, at: origin.at.0 }),
    }
}

/// The turn with its steps; nothing where the journal does not hold its beginning any more.
pub(super) fn detail(row: &TurnRow, events: impl Iterator<Item = Event>) -> Option<TurnDetail> {
    let (mut detail, mut steps) = (None, Steps::default());
    for event in events {
        match (&mut detail, event.new.fact) {
            (None, Fact::TurnBegan { revision, .. }) => {
                let by = ActorView::from(event.new.caller);
                let turn = summary(row);
                detail = Some(TurnDetail { turn, revision, by, steps: vec![], failure: None, usage: None, spent: None, wall_us: None });
            }
            (None, _) => {}
            (Some(detail), Fact::TurnCancelled { failure }) => detail.failure = Some(failed(None, failure)),
            (Some(detail), Fact::TurnEnded { end, usage, spent, wall_us, .. }) => {
                (detail.usage, detail.spent, detail.wall_us) = (Some(usage.into()), spent.map(Into::into), Some(wall_us));
                if !matches!(end, TurnEnd::Completed | TurnEnd::Refused) && detail.failure.is_none() {
                    detail.failure = steps.failure.take().or_else(|| steps.said());
                }
            }
            (Some(_), fact) => {
                if let Some(step) = event.new.step {
                    steps.tell(step, event.at, &event.new.caller.who, fact);
                }
            }
        }
    }
    let mut detail = detail?;
    detail.steps = steps.all.into_values().collect();
    Some(detail)
}

fn failed(step: Option<StepId>, failure: Failure) -> TurnFailure {
    TurnFailure { step: step.map(|step| step.0), code: failure.code, reason: failure.reason }
}

#[derive(Default)]
struct Steps {
    all: BTreeMap<StepId, StepView>,
    /// Of the step that failed last, where the turn could not go on behind it.
    failure: Option<TurnFailure>,
}

impl Steps {
    /// The reason that the turn gave at its end, such as a bound that it reached.
    fn said(&self) -> Option<TurnFailure> {
        let finish = self.all.values().rev().find(|step| step.effect == "finish")?;
        let failure = serde_json::from_value(finish.intent.get("inline")?.get("content")?.clone()).ok()?;
        Some(failed(None, failure))
    }
}

impl Steps {
    fn tell(&mut self, step: StepId, at: Timestamp, who: &str, fact: Fact) {
        if let Fact::StepIntended { effect, intent, .. } = fact {
            let view = StepView {
                step: step.0,
                effect: effect.into(),
                state: StepState::Running,
                began_at: at,
                ended_at: None,
                attempts: 1,
                waits: None,
                approvals: Vec::new(),
                intent: serde_json::to_value(intent).unwrap_or_default(),
                outcome: None,
                wall_us: None,
                spent: None,
            };
            self.all.insert(step, view);
            return;
        }
        let Some(view) = self.all.get_mut(&step) else { return };
        match fact {
            Fact::StepStarted { attempt, .. } => {
                view.attempts = attempt.into();
                (view.state, view.waits) = (StepState::Running, None);
            }
            Fact::WaitBegan { on, within } => {
                let until = at.plus(within.get());
                let waits = match on {
                    WaitOn::Reply(message) => WaitView::Reply { message, until },
                    WaitOn::Time => WaitView::Time { until },
                };
                (view.state, view.waits) = (StepState::Waiting, Some(waits));
            }
            Fact::ApprovalAsked { approval, kind, within, .. } => {
                if kind == ApprovalKind::Call {
                    view.attempts = 0;
                }
                let until = at.plus(within.get());
                (view.state, view.waits) = (StepState::Waiting, Some(WaitView::Approval { approval, until }));
                view.approvals.push(StepApproval { id: approval, kind, decision: None });
            }
            Fact::ApprovalDecided { approval, ruling, reason } => {
                decide(view, approval, Decision { ruling, by: who.into(), reason, at });
            }
            Fact::StepEnded { outcome, metering, spent, .. } => {
                let (state, failure) = ended(&outcome);
                view.state = state;
                (view.waits, view.ended_at) = (None, Some(at));
                view.outcome = serde_json::to_value(outcome).ok();
                (view.wall_us, view.spent) = (Some(metering.wall_us), spent.map(Into::into));
                // What a tool could not do the model is told, and goes on.
                let is_last_word = view.effect == "ask" || state == StepState::OverBudget;
                if let Some(failure) = failure.filter(|_| is_last_word) {
                    self.failure = Some(failed(Some(step), failure));
                }
            }
            _ => {}
        }
    }
}

fn decide(view: &mut StepView, approval: ApprovalId, decision: Decision) {
    if let Some(asked) = view.approvals.iter_mut().find(|asked| asked.id == approval) {
        asked.decision = Some(decision.into());
        (view.state, view.waits) = (StepState::Running, None);
    }
}

/// Where a step with this outcome stands. A failure is short: what is too long to stand in place is none.
fn ended(outcome: &Payload) -> (StepState, Option<Failure>) {
    let Payload::Inline(value) = outcome else { return (StepState::Done, None) };
    match serde_json::from_value(value.clone()) {
        Ok(Outcome::Failed(failure)) => (StepState::Failed, Some(failure)),
        Ok(Outcome::Unknown(failure)) => (StepState::Unknown, Some(failure)),
        Ok(Outcome::OverBudget(failure)) => (StepState::OverBudget, Some(failure)),
        Ok(Outcome::Answered(_) | Outcome::Called(_) | Outcome::Recalled { .. } | Outcome::Remembered | Outcome::Sent { .. }) | Err(_) => {
            (StepState::Done, None)
        }
    }
}
