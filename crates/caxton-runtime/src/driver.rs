//! The live driver of one turn: performs what the step function asks for, journals it, feeds it back.

mod effects;
mod elicit;
mod recorder;
mod resume;
mod waits;

use crate::{
    Account, Error, Overrun, Runtime, Turn, advance,
    begin::{self, Cast},
    dispatch::Resume,
    live::Bell,
    past::Past,
    spent_on,
};
use caxton_exchange::{Delivery, Prepared};
use caxton_store::Workspace;
use caxton_tools::Paused;
use caxton_types::{Begin, Code, Effect, Fact, Failure, Fault as _, Input, Message, Outcome, Reply, Spend, StepId, unit::Period};
use effects::{Performed, World};
use elicit::Questions;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use recorder::Recorder;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::{Instrument as _, Span, debug, info_span};
use waits::Waiting;

/// Nothing is not written down.
fn kept(spend: Spend) -> Option<Spend> {
    (!spend.is_zero()).then_some(spend)
}

/// How driving a turn came to a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driven {
    /// The turn has ended.
    Ended,
    /// Every step that is left waits for something; nothing of the turn is in memory any more.
    Suspended,
}

fn span(workspace: &Workspace, agent: &caxton_types::AgentName, message: &Message) -> Span {
    info_span!(
        "message_process",
        workspace = %workspace.name(),
        agent_id = %agent,
        message_id = %message.id,
        performative = %message.performative,
        conversation_id = %message.conversation,
        trace_id = %message.trace.trace_id(),
    )
}

/// Takes a delivered message from its queue to its answer, or to where its turn waits.
pub(crate) async fn drive(runtime: &Runtime, delivery: Delivery) -> Result<Driven, Error> {
    let span = span(&delivery.workspace, &delivery.agent, &delivery.message);
    async {
        match runtime.gather(&delivery).await {
            Ok(Some((cast, begin, pinned))) => {
                let workspace = delivery.workspace.clone();
                let recorder = Recorder::begin(delivery, Arc::clone(&cast), begin.turn, pinned);
                let (mut driver, refused) = Driver::new(runtime, workspace, recorder, cast, &begin, None).await;
                driver.inputs.push_back(Input::Begin(Box::new(begin)));
                if let Some(failure) = refused {
                    driver.recorder.cancelled(&failure);
                    driver.inputs.push_back(Input::Cancelled(failure));
                }
                driver.run().await
            }
            Ok(None) => {
                let reason = format!("agent `{}` was removed before it could answer", delivery.agent);
                let hint = Some("deploy the agent again, then send the message again".into());
                Recorder::dead_letter(runtime, &delivery, Failure { code: Code::NotFound, reason, hint }).await?;
                Ok(Driven::Ended)
            }
            Err(fault) => {
                Recorder::dead_letter(runtime, &delivery, Failure::of(&fault)).await?;
                Ok(Driven::Ended)
            }
        }
    }
    .instrument(span)
    .await
}

/// Goes on with an open turn from where its record ends.
pub(crate) async fn resume(runtime: &Runtime, open: &Resume) -> Result<Driven, Error> {
    let Some(past) = Past::read(&open.workspace, open.turn).await? else { return Ok(Driven::Ended) };
    if past.end.is_some() {
        return Ok(Driven::Ended);
    }
    match begin::restore(runtime, &open.workspace, &past).await {
        Ok((begin, cast)) => {
            let span = span(&open.workspace, &open.agent, &begin.message);
            resume::resume(runtime, open.workspace.clone(), past, begin, cast).instrument(span).await
        }
        Err(error @ Error::Store(_)) => Err(error),
        Err(error) => {
            crate::recover::interrupt(runtime, &open.workspace, &past, &Failure::of(&error)).await?;
            Ok(Driven::Ended)
        }
    }
}

struct Driver<'r> {
    runtime: &'r Runtime,
    workspace: Workspace,
    recorder: Recorder,
    cast: Arc<Cast>,
    world: Arc<World>,
    turn: Turn,
    inputs: VecDeque<Input>,
    /// Effects that are performed outside after the next commit.
    outside: Vec<(StepId, Effect)>,
    /// Follow-up messages that go out with the next commit.
    prepared: Vec<Prepared>,
    /// Steps that have begun and not ended.
    open: BTreeMap<StepId, Open>,
    /// What servers ask people in the middle of calls.
    questions: Questions,
    /// There while its time stands still.
    paused: Option<Paused>,
    bell: Arc<Bell>,
    began: Instant,
    /// How long the turn was at work before.
    active_before: Duration,
    /// What bounds what it may use.
    account: Arc<Account>,
    /// The time that a budget leaves it, where that is less than its own limit.
    wall_left: Option<Duration>,
}

/// A step that has begun and not ended.
struct Open {
    effect: &'static str,
    stage: Stage,
    /// What its budgets keep for it.
    reserved: Spend,
}

enum Stage {
    /// It is being performed.
    Running,
    /// It waits.
    Waiting(Waiting),
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        self.runtime.live().gone(self.recorder.turn());
    }
}

impl<'r> Driver<'r> {
    /// A driver, and why its budget leaves it no time at all.
    async fn new(
        runtime: &'r Runtime,
        workspace: Workspace,
        recorder: Recorder,
        cast: Arc<Cast>,
        begin: &Begin,
        past: Option<&Past>,
    ) -> (Self, Option<Failure>) {
        let active_before = past.map_or(Duration::ZERO, |past| past.active);
        let account = Arc::new(runtime.budgets().account(&workspace, &cast.spec, begin.message.conversation, begin.turn));
        if let Some(past) = past {
            let wall_us = u64::try_from(active_before.as_micros()).unwrap_or(u64::MAX);
            account.resume(Spend { wall_us, ..past.spent });
        }
        let most = cast.spec.limits.wall_time.get().saturating_sub(active_before);
        let (left, refused) = match account.begin_wall(most).await {
            Ok(left) => (left, None),
            Err(failure) => (Duration::ZERO, Some(failure)),
        };
        let (put, questions) = Questions::new();
        let called = past.map_or(0, |past| past.spent.tool_calls);
        let driver = Self {
            world: Arc::new(World::new(runtime, &workspace, begin, left, put, Arc::clone(&account), called)),
            account,
            wall_left: (left < most).then_some(left),
            runtime,
            bell: runtime.live().enter(begin.turn),
            workspace,
            recorder,
            cast,
            turn: Turn::default(),
            inputs: VecDeque::new(),
            outside: vec![],
            prepared: vec![],
            open: BTreeMap::new(),
            questions,
            paused: None,
            began: Instant::now(),
            active_before,
        };
        (driver, refused)
    }

    async fn run(mut self) -> Result<Driven, Error> {
        let mut performing = FuturesUnordered::new();
        let world = Arc::clone(&self.world);
        let deadline = world.patience.over();
        tokio::pin!(deadline);
        loop {
            while let Some(input) = self.inputs.pop_front() {
                for (step, effect) in advance(&mut self.turn, input) {
                    match effect {
                        Effect::Finish(reply) => {
                            self.recorder.intend(step, &Effect::Finish(reply.clone()), None);
                            return self.finish(step, *reply).await;
                        }
                        effect => self.take_up(step, effect).await?,
                    }
                }
            }
            // An outcome that came while other steps go on is kept at once: a stop now must not lose it.
            if !self.outside.is_empty() || !self.open.is_empty() {
                self.commit().await?;
            }
            self.keep_time();
            for (step, effect) in self.outside.drain(..) {
                performing.push(effects::perform(Arc::clone(&self.world), step, effect));
            }
            if performing.is_empty() {
                if self.look().await? {
                    continue;
                }
                if self.open.is_empty() {
                    // The step function always wants something until it finishes; were it not so, the turn would hang.
                    self.call_off(Failure::new(Code::Internal, "the turn waits for nothing"));
                    continue;
                }
                if self.runtime.live().leave(self.recorder.turn()) {
                    self.account.end_wall(self.at_work());
                    debug!(steps = self.open.len(), "turn waits");
                    self.runtime.waits_changed(&self.workspace);
                    return Ok(Driven::Suspended);
                }
                continue;
            }
            tokio::select! {
                // A model call ends at the same moment; the turn's own word on it comes first.
                biased;
                () = &mut deadline => self.time_is_over(),
                Some(performed) = performing.next() => self.performed(performed),
                news = self.questions.next() => self.hear(news).await?,
                () = self.bell.rung() => { self.look().await?; }
                // Its calls are begun again at the next start, where their tools' policies allow it.
                () = self.runtime.stopping().cancelled(), if self.paused.is_some() => return Ok(Driven::Suspended),
            }
            if self.turn_is_called_off() {
                performing.clear();
            }
        }
    }

    /// How long it is driven, without the time in which it only waited for people.
    fn at_work(&self) -> Duration {
        self.began.elapsed().saturating_sub(self.world.patience.still())
    }

    fn time_is_over(&mut self) {
        let limit = self.cast.spec.limits.wall_time;
        self.call_off(match self.wall_left {
            None => Failure::new(Code::Deadline, format!("the turn's time of {limit} ran out")),
            Some(left) => Failure {
                code: Code::Exhausted,
                reason: format!("the wall time that its budget left ({}) ran out", Period::new(left)),
                hint: Some("`caxton budget show` tells which budget".into()),
            },
        });
    }

    fn turn_is_called_off(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input, Input::Cancelled(_)))
    }

    /// Takes what the step function asks for: records that it will be done, and does what needs nobody outside at once.
    async fn take_up(&mut self, step: StepId, effect: Effect) -> Result<(), Error> {
        match effect {
            Effect::Call(call) => self.take_up_call(step, call).await,
            Effect::Ask(request) => {
                let reserved = self.account.reserve_model(&request, self.runtime.models()).await;
                self.intend_and_start(step, Effect::Ask(request), reserved);
                Ok(())
            }
            inside => {
                self.recorder.intend(step, &inside, None);
                self.perform_inside(step, inside).await
            }
        }
    }

    /// Records that an effect outside begins, and begins it; or that no budget allows it.
    fn intend_and_start(&mut self, step: StepId, effect: Effect, reserved: Result<Spend, Failure>) {
        match reserved {
            Ok(reserved) => {
                self.recorder.intend(step, &effect, kept(reserved));
                self.start(step, effect, reserved);
            }
            Err(failure) => {
                self.recorder.intend(step, &effect, None);
                self.performed(Performed::ended(step, effect.kind(), Outcome::OverBudget(failure), Instant::now()));
            }
        }
    }

    /// Performs an effect outside after the next commit.
    fn start(&mut self, step: StepId, effect: Effect, reserved: Spend) {
        self.open.insert(step, Open { effect: effect.kind(), stage: Stage::Running, reserved });
        self.outside.push((step, effect));
    }

    /// Does what needs nobody outside the server; its record goes into the same batch.
    async fn perform_inside(&mut self, step: StepId, effect: Effect) -> Result<(), Error> {
        let began = Instant::now();
        let kind = effect.kind();
        let outcome = match effect {
            Effect::Recall(recall) => match caxton_memory::recall(&self.workspace, &recall).await {
                Ok(found) => Outcome::Recalled { found },
                Err(fault) => Outcome::Failed(Failure::of(&fault)),
            },
            Effect::Remember(observation) => {
                self.recorder.remember(step, observation);
                Outcome::Remembered
            }
            Effect::Send(message) => self.send(*message).await?.map_or_else(Outcome::Failed, |message| Outcome::Sent { message }),
            Effect::Ask(_) | Effect::Call(_) | Effect::Finish(_) => {
                Outcome::Failed(Failure::new(Code::Internal, "an effect of the outside was performed inside"))
            }
        };
        self.performed(Performed::ended(step, kind, outcome, began));
        Ok(())
    }

    /// Puts a message into this step's batch, so that both are recorded or neither is.
    async fn send(&mut self, message: Message) -> Result<Result<caxton_types::MessageId, Failure>, Error> {
        let exchange = self.runtime.exchange();
        if !exchange.has_room(&self.workspace, message.conversation).await? {
            return Ok(Err(Failure::new(Code::Exhausted, "the conversation has reached its most messages")));
        }
        let id = message.id;
        match exchange.prepare(&self.workspace, message, None) {
            Ok(prepared) => {
                self.recorder.send(&prepared);
                self.prepared.push(prepared);
                Ok(Ok(id))
            }
            Err(fault) => {
                debug!(error = %fault, code = %fault.code(), "message of a turn was not taken");
                Ok(Err(Failure::of(&fault)))
            }
        }
    }

    fn performed(&mut self, mut performed: Performed) {
        if let Some((effect, failovers)) = performed.proposed.take() {
            self.recorder.overheard(performed.step, performed.overheard);
            return self.ask_to_fail_over(performed.step, effect, failovers);
        }
        self.questions.forget(performed.step);
        let reserved = self.open.remove(&performed.step).map_or(Spend::ZERO, |open| open.reserved);
        self.settle(&mut performed, reserved);
        self.recorder.ended(&mut performed);
        self.inputs.push_back(Input::Ended(performed.step, performed.outcome));
    }

    /// Gives up the steps under way and calls the turn off.
    fn call_off(&mut self, failure: Failure) {
        self.recorder.cancelled(&failure);
        self.give_up(failure);
    }

    fn give_up(&mut self, failure: Failure) {
        self.outside.clear();
        for (step, open) in std::mem::take(&mut self.open) {
            self.questions.forget(step);
            // What a step used that was cut off is not known; it is taken at its most.
            let _ = self.account.settle(open.reserved, open.reserved);
            let ended = Performed::ended(step, open.effect, Outcome::Failed(failure.clone()), self.began);
            self.recorder.ended(&mut Performed { spent: kept(open.reserved), ..ended });
        }
        self.inputs.clear();
        self.inputs.push_back(Input::Cancelled(failure));
    }

    /// Settles what was kept for a step at what it used.
    fn settle(&mut self, performed: &mut Performed, reserved: Spend) {
        let spent = match (&performed.outcome, performed.effect) {
            // A provider that does not say what it used is taken at its most.
            (Outcome::Answered(reply), _) if reply.usage.total() == 0 && reserved.tokens > 0 => reserved,
            (Outcome::Answered(reply), _) => spent_on(reply, self.runtime.models()),
            (Outcome::OverBudget(_), _) => Spend::ZERO,
            (Outcome::Unknown(_), _) => reserved,
            (_, "ask") => Spend { steps: 1, ..Spend::ZERO },
            (_, "call") => Account::TOOL_CALL,
            _ => return,
        };
        // What its tool called is settled already.
        let inner = performed.inner_spent;
        if let Some(Overrun { reserved, reported }) = self.account.settle(reserved, spent) {
            self.recorder.push(Some(performed.step), Fact::BudgetOverrun { reserved, reported });
        }
        performed.spent = kept(spent.saturating_add(inner));
    }

    async fn commit(&mut self) -> Result<(), Error> {
        self.recorder.commit().await?;
        for prepared in self.prepared.drain(..) {
            self.runtime.exchange().deliver(&self.workspace, prepared);
        }
        if std::mem::take(&mut self.questions.is_news) {
            self.runtime.waits_changed(&self.workspace);
        }
        Ok(())
    }

    async fn finish(mut self, step: StepId, reply: Reply) -> Result<Driven, Error> {
        let end = reply.end;
        let at_work = self.at_work();
        let took = self.active_before + at_work;
        self.account.end_wall(at_work);
        let total = self.account.spent();
        let reply = self.recorder.finish(step, reply, kept(total), took);
        self.commit().await?;
        self.account.close(total);
        self.runtime.answered(&self.workspace, self.recorder.question(), &reply).await;
        metrics::counter!("caxton_turns_total", "end" => end.as_str()).increment(1);
        metrics::histogram!("caxton_turn_duration_seconds", "end" => end.as_str()).record(took.as_secs_f64());
        debug!(end = end.as_str(), took_us = took.as_micros(), "turn ended");
        Ok(Driven::Ended)
    }
}
