//! The live driver of one turn: performs what the step function asks for, journals it, feeds it back.

mod effects;
mod recorder;

use crate::{Error, Runtime, Turn, advance};
use caxton_exchange::{Delivery, Prepared};
use caxton_store::AgentRow;
use caxton_types::{Begin, Code, Effect, Failure, Fault as _, Input, Outcome, Reply, StepId};
use effects::{Performed, World};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use recorder::Recorder;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};
use tracing::{Instrument as _, debug, info_span};

/// Takes a delivered message from its queue to its answer.
pub(crate) async fn drive(runtime: &Runtime, delivery: Delivery) -> Result<(), Error> {
    let span = info_span!(
        "message_process",
        agent_id = %delivery.agent,
        message_id = %delivery.message.id,
        performative = %delivery.message.performative,
        conversation_id = %delivery.message.conversation,
        trace_id = %delivery.message.trace.trace_id(),
    );
    async {
        match runtime.gather(&delivery).await {
            Ok(Some((agent, begin))) => Driver::new(runtime, delivery, agent, begin).run().await,
            Ok(None) => {
                let reason = format!("agent `{}` was removed before it could answer", delivery.agent);
                let hint = Some("deploy the agent again, then send the message again".into());
                Recorder::dead_letter(runtime, &delivery, Failure { code: Code::NotFound, reason, hint }).await
            }
            Err(fault) => Recorder::dead_letter(runtime, &delivery, Failure::of(&fault)).await,
        }
    }
    .instrument(span)
    .await
}

struct Driver<'r> {
    runtime: &'r Runtime,
    recorder: Recorder,
    world: Arc<World>,
    turn: Turn,
    inputs: VecDeque<Input>,
    /// Follow-up messages that go out with the next commit.
    prepared: Vec<Prepared>,
    /// Steps outside the server that are under way.
    under_way: BTreeMap<StepId, &'static str>,
    began: Instant,
}

impl<'r> Driver<'r> {
    fn new(runtime: &'r Runtime, mut delivery: Delivery, agent: AgentRow, begin: Begin) -> Self {
        // The turn owns the message from its first commit on; its places are free for others.
        let places = delivery.places.take();
        let deadline = Instant::now() + agent.spec.limits.wall_time.get();
        let world = Arc::new(World::new(runtime, &delivery, &begin, deadline));
        let recorder = Recorder::begin(delivery, &agent, &begin, places);
        let inputs = VecDeque::from([Input::Begin(Box::new(begin))]);
        Self {
            runtime,
            recorder,
            world,
            turn: Turn::default(),
            inputs,
            prepared: vec![],
            under_way: BTreeMap::new(),
            began: Instant::now(),
        }
    }

    async fn run(mut self) -> Result<(), Error> {
        let mut performing = FuturesUnordered::new();
        let deadline = tokio::time::sleep_until(self.world.deadline.into());
        tokio::pin!(deadline);
        loop {
            let mut outside = Vec::new();
            while let Some(input) = self.inputs.pop_front() {
                for (step, effect) in advance(&mut self.turn, input) {
                    self.recorder.intend(step, &effect);
                    match effect {
                        Effect::Finish(reply) => return self.finish(step, *reply).await,
                        effect => outside.extend(self.perform_inside(step, effect).await?.map(|effect| (step, effect))),
                    }
                }
            }
            if !outside.is_empty() {
                self.commit().await?;
            }
            for (step, effect) in outside {
                self.under_way.insert(step, effect.intent().kind());
                performing.push(effects::perform(Arc::clone(&self.world), step, effect));
            }
            if performing.is_empty() {
                // The step function always wants something until it finishes; were it not so, the turn would hang.
                self.abandon(Failure::new(Code::Internal, "the turn waits for nothing"));
                continue;
            }
            tokio::select! {
                Some(performed) = performing.next() => self.performed(performed),
                () = &mut deadline => {
                    performing.clear();
                    let limit = self.recorder.agent().spec.limits.wall_time;
                    self.abandon(Failure::new(Code::Deadline, format!("the turn's time of {limit} ran out")));
                }
            }
        }
    }

    /// Does what needs nobody outside the server, at once; its record goes into the same batch. Gives back what does.
    async fn perform_inside(&mut self, step: StepId, effect: Effect) -> Result<Option<Effect>, Error> {
        let began = Instant::now();
        let outcome = match effect {
            Effect::Recall(recall) => match caxton_memory::recall(self.recorder.workspace(), &recall).await {
                Ok(found) => Outcome::Recalled { found },
                Err(fault) => Outcome::Failed(Failure::of(&fault)),
            },
            Effect::Remember(observation) => {
                self.recorder.remember(step, observation);
                Outcome::Remembered
            }
            Effect::Send(message) => self.send(*message).await?,
            outside @ (Effect::Ask(_) | Effect::Call(_) | Effect::Finish(_)) => return Ok(Some(outside)),
        };
        self.performed(Performed::inside(step, outcome, began));
        Ok(None)
    }

    /// Puts a follow-up message into this step's batch, so that both are recorded or neither is.
    async fn send(&mut self, message: caxton_types::Message) -> Result<Outcome, Error> {
        let exchange = self.runtime.exchange();
        let workspace = self.recorder.workspace().clone();
        if !exchange.has_room(&workspace, message.conversation).await? {
            return Ok(Outcome::Failed(Failure::new(Code::Exhausted, "the conversation has reached its most messages")));
        }
        let id = message.id;
        match exchange.prepare(&workspace, message, None) {
            Ok(prepared) => {
                self.recorder.send(&prepared);
                self.prepared.push(prepared);
                Ok(Outcome::Sent { message: id })
            }
            Err(fault) => {
                debug!(error = %fault, code = %fault.code(), "follow-up message was not taken");
                Ok(Outcome::Failed(Failure::of(&fault)))
            }
        }
    }

    fn performed(&mut self, performed: Performed) {
        self.under_way.remove(&performed.step);
        self.recorder.ended(&performed);
        self.inputs.push_back(Input::Ended(performed.step, performed.outcome));
    }

    /// Ends the steps under way as failed and calls the turn off.
    fn abandon(&mut self, failure: Failure) {
        for (step, effect) in std::mem::take(&mut self.under_way) {
            self.recorder.ended(&Performed::failed(step, effect, failure.clone(), self.began));
        }
        self.inputs.push_back(Input::Cancelled(failure));
    }

    async fn commit(&mut self) -> Result<(), Error> {
        self.recorder.commit().await?;
        let workspace = self.recorder.workspace();
        for prepared in self.prepared.drain(..) {
            self.runtime.exchange().deliver(workspace, prepared);
        }
        Ok(())
    }

    async fn finish(mut self, step: StepId, reply: Reply) -> Result<(), Error> {
        let end = reply.end;
        let reply = self.recorder.finish(step, reply, self.began.elapsed());
        self.commit().await?;
        self.runtime.exchange().answered(self.recorder.question(), &reply);
        let took = self.began.elapsed();
        metrics::counter!("caxton_turns_total", "end" => end.as_str()).increment(1);
        metrics::histogram!("caxton_turn_duration_seconds", "end" => end.as_str()).record(took.as_secs_f64());
        debug!(end = end.as_str(), took_us = took.as_micros(), "turn ended");
        Ok(())
    }
}
