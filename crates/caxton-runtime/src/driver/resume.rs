//! A turn goes on after a stop or a wait: its record is fed to the step function, then every open step is taken up by its policy.

use super::{
    Driven, Driver, Open, Stage,
    effects::Performed,
    kept,
    recorder::Recorder,
    waits::{Asked, Decided, On, Waiting, unknown},
};
use crate::{
    Account, Error, Runtime,
    begin::Cast,
    past::{Past, Progress, Stage as Stands},
    recover::interrupt,
    retrace::{Retraced, retrace},
};
use caxton_store::Workspace;
use caxton_tools::Tools;
use caxton_types::{ApprovalKind, Begin, Code, Effect, Execution, Fact, Failure, Outcome, Spend, StepId, WaitOn};
use std::{collections::BTreeMap, sync::Arc, time::Instant};

/// How often a step is begun in all: one that stops the server each time must not do so for ever.
const ATTEMPTS_MAX: u16 = 5;

pub(super) async fn resume(
    runtime: &Runtime,
    workspace: Workspace,
    mut past: Past,
    begin: Begin,
    cast: Arc<Cast>,
) -> Result<Driven, Error> {
    let retraced = match retrace(begin.clone(), std::mem::take(&mut past.entries)) {
        Ok(retraced) => retraced,
        Err(source) => {
            let failure = Failure::of(&Error::Diverged { turn: past.turn, source });
            interrupt(runtime, &workspace, &past, &failure).await?;
            return Ok(Driven::Ended);
        }
    };
    let Retraced { turn, open, next } = retraced;
    let recorder = Recorder::resume(workspace.clone(), Arc::clone(&begin.message), Arc::clone(&cast), past.turn);
    let (mut driver, refused) = Driver::new(runtime, workspace, recorder, cast, &begin, Some(&past)).await;
    driver.turn = turn;
    if let Some(failure) = refused {
        driver.call_off(failure);
        return driver.run().await;
    }
    // A turn that was called off has given up its open steps.
    let open = if driver.turn.is_over() { BTreeMap::new() } else { open };
    for (step, effect) in open {
        if let Some(progress) = past.open.remove(&step) {
            driver.take_up_again(step, effect, progress).await?;
        }
    }
    for (step, effect) in next {
        match effect {
            Effect::Finish(reply) => {
                driver.recorder.intend(step, &Effect::Finish(reply.clone()), None);
                return driver.finish(step, *reply).await;
            }
            effect => driver.take_up(step, effect).await?,
        }
    }
    driver.run().await
}

impl Driver<'_> {
    /// Goes on with a step that was begun and has no outcome.
    async fn take_up_again(&mut self, step: StepId, effect: Effect, progress: Progress) -> Result<(), Error> {
        match effect {
            Effect::Call(_) | Effect::Ask(_) => self.take_up_outside_again(step, effect, progress).await,
            // It is recorded together with its outcome; were it not, doing it again would be the same doing.
            inside => self.perform_inside(step, inside).await?,
        }
        Ok(())
    }

    async fn take_up_outside_again(&mut self, step: StepId, effect: Effect, progress: Progress) {
        let Progress { attempts, stage, at, failovers, .. } = progress.clone();
        let kind_of_effect = effect.kind();
        self.questions.resume(step, progress.questions);
        let waiting =
            |on, due| Open { effect: kind_of_effect, stage: Stage::Waiting(Waiting { on, due, since: at }), reserved: Spend::ZERO };
        match stage {
            Stands::Waiting { on, due } => {
                let on = match on {
                    WaitOn::Reply(message) => On::Reply(message),
                    WaitOn::Time => On::Time,
                };
                self.open.insert(step, waiting(on, due));
            }
            Stands::Asked { approval, kind, subject, due } => {
                self.open.insert(
                    step,
                    waiting(On::Approval { approval, subject, asked: Box::new(Asked { kind, effect, attempts, failovers }) }, due),
                );
            }
            Stands::Decided { approval, kind, subject, ruling, by, reason } => {
                self.open.insert(
                    step,
                    waiting(On::Approval { approval, subject, asked: Box::new(Asked { kind, effect, attempts, failovers }) }, at),
                );
                self.decided(step, Decided { ruling, by, reason }).await;
            }
            Stands::Begun => {
                // Whoever answered in the chain, it is a question again; the providers that a person agreed to leave stay left.
                let Effect::Call(call) = effect else {
                    self.world.agree(step, failovers);
                    return self.start_again(step, effect, &progress).await;
                };
                let definition = self.world.definition(&call);
                let execution = definition.map_or(Execution::AtMostOnce, |tool| Tools::handling(tool, &call.arguments).execution);
                match execution {
                    Execution::Idempotent => self.start_again(step, Effect::Call(call), &progress).await,
                    Execution::AtMostOnce => self.is_unknown(step, &progress),
                    Execution::AskHuman => {
                        let within = self.runtime.approval_within();
                        self.ask_person(step, Asked { attempts, ..Asked::about(ApprovalKind::Repeat, call) }, within);
                    }
                }
            }
        }
    }

    async fn start_again(&mut self, step: StepId, effect: Effect, progress: &Progress) {
        if progress.attempts >= ATTEMPTS_MAX {
            let reason = format!("the server stopped {ATTEMPTS_MAX} times during this step; it is not begun again");
            let outcome = Outcome::Failed(Failure::new(Code::Unavailable, reason));
            self.performed(Performed::ended(step, effect.kind(), outcome, Instant::now()));
            return;
        }
        let attempt = progress.attempts.saturating_add(1);
        // What the lost attempt used is not known; it is taken at its most.
        if let Some(lost) = progress.reserved {
            let _ = self.account.settle(Spend::ZERO, lost);
        }
        match self.reserve(&effect).await {
            Ok(reserved) => {
                self.recorder.push(Some(step), Fact::StepStarted { attempt, lost: progress.reserved, reserved: kept(reserved) });
                self.start(step, effect, reserved);
            }
            Err(failure) => self.performed(Performed::ended(step, effect.kind(), Outcome::OverBudget(failure), Instant::now())),
        }
    }

    fn is_unknown(&mut self, step: StepId, progress: &Progress) {
        let reserved = progress.reserved.unwrap_or(Account::TOOL_CALL);
        self.open.insert(step, Open { effect: "call", stage: Stage::Running, reserved });
        self.performed(Performed::ended(step, "call", Outcome::Unknown(unknown("")), Instant::now()));
    }
}
