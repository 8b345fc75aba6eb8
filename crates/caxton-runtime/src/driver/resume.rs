//! A turn goes on after a stop or a wait: its record is fed to the step function, then every open step is taken up by its policy.

use super::{
    Driven, Driver, Open, Stage,
    effects::Performed,
    recorder::Recorder,
    waits::{Decided, On, Waiting, unknown},
};
use crate::{
    Error, Runtime,
    begin::Cast,
    past::{Past, Progress, Stage as Stands},
    recover::interrupt,
    retrace::{Retraced, retrace},
};
use caxton_store::Workspace;
use caxton_types::{
    ApprovalKind, Begin, Code, Effect, Execution, Fact, Failure, Outcome, StepId, ToolCall, ToolDefinition, WaitOn, unit::Period,
};
use std::{sync::Arc, time::Instant};

/// How often a step is begun in all: one that stops the server each time must not do so for ever.
const ATTEMPTS_MAX: u16 = 5;
/// How long a decision about a second call may take.
const REPEAT_WITHIN: Period = Period::from_secs(86_400);

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
    let mut driver = Driver::new(runtime, workspace, recorder, cast, &begin, past.active);
    driver.turn = turn;
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
            Effect::Call(call) => self.take_up_call_again(step, call, progress),
            Effect::Ask(_) => self.start_again(step, effect, &progress),
            // It is recorded together with its outcome; were it not, doing it again would be the same doing.
            inside => self.perform_inside(step, inside).await?,
        }
        Ok(())
    }

    fn take_up_call_again(&mut self, step: StepId, call: ToolCall, progress: Progress) {
        let Progress { attempts, stage, at, .. } = progress.clone();
        let waiting = |on, due| Open { effect: "call", stage: Stage::Waiting(Waiting { on, due, since: at }) };
        match stage {
            Stands::Waiting { on, due } => {
                let on = match on {
                    WaitOn::Reply(message) => On::Reply(message),
                    WaitOn::Time => On::Time,
                };
                self.open.insert(step, waiting(on, due));
            }
            Stands::Asked { approval, kind, subject, due } => {
                self.open.insert(step, waiting(On::Approval { approval, kind, subject, call, attempts }, due));
            }
            Stands::Decided { approval, kind, subject, ruling, by, reason } => {
                self.open.insert(step, waiting(On::Approval { approval, kind, subject, call, attempts }, at));
                self.decided(step, Decided { ruling, by, reason });
            }
            Stands::Begun => {
                let execution = self.world.definition(&call).map_or(Execution::AtMostOnce, ToolDefinition::execution);
                match execution {
                    Execution::Idempotent => self.start_again(step, Effect::Call(call), &progress),
                    Execution::AtMostOnce => self.is_unknown(step, &progress),
                    Execution::AskHuman => self.ask_person(step, call, ApprovalKind::Repeat, attempts, REPEAT_WITHIN),
                }
            }
        }
    }

    fn start_again(&mut self, step: StepId, effect: Effect, progress: &Progress) {
        if progress.attempts >= ATTEMPTS_MAX {
            let reason = format!("the server stopped {ATTEMPTS_MAX} times during this step; it is not begun again");
            let outcome = Outcome::Failed(Failure::new(Code::Unavailable, reason));
            self.performed(Performed::ended(step, effect.kind(), outcome, Instant::now()));
            return;
        }
        let attempt = progress.attempts.saturating_add(1);
        self.recorder.push(Some(step), Fact::StepStarted { attempt, lost: progress.reserved, reserved: None });
        self.start(step, effect);
    }

    fn is_unknown(&mut self, step: StepId, progress: &Progress) {
        let performed = Performed::ended(step, "call", Outcome::Unknown(unknown("")), Instant::now());
        self.performed(Performed { spent: progress.reserved, ..performed });
    }
}
