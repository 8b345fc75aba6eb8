//! Writes a turn into the journal: collects facts and commits them batch by batch.

use super::effects::Performed;
use crate::{Error, Runtime, begin::Cast, overheard::Overheard};
use caxton_exchange::{Delivery, Places, Prepared};
use caxton_store::{Batch, Workspace, ids, payload_of};
use caxton_types::{
    Actor, Address, Caller, Effect, Fact, Failure, Message, MessageId, NewEvent, Observation, Outcome, Party, Performative, Pinned, Reply,
    Route, Spend, StepId, TokenUsage, TraceContext, TurnEnd, TurnId,
};
use std::{sync::Arc, time::Duration};

pub(super) struct Recorder {
    workspace: Workspace,
    question: Arc<Message>,
    cast: Arc<Cast>,
    turn: TurnId,
    actor: Actor,
    trace: TraceContext,
    batch: Batch,
    places: Option<Places>,
}

impl Recorder {
    /// The first batch takes the message out of its queue: from then on the turn owns it.
    pub(super) fn begin(mut delivery: Delivery, cast: Arc<Cast>, turn: TurnId, pinned: Pinned) -> Self {
        // Its places are free for others with the first commit.
        let places = delivery.places.take();
        let mut recorder = Self { places, ..Self::resume(delivery.workspace, delivery.message, cast, turn) };
        recorder.batch.dequeue.push(recorder.question.id);
        recorder.batch.blobs.push((recorder.cast.tools_digest, recorder.cast.tools_json.clone()));
        let (message, revision, spec) = (recorder.question.id, recorder.cast.revision, recorder.cast.spec_digest);
        recorder.push(None, Fact::TurnBegan { message, revision, spec, pinned: Some(pinned), origin: None });
        recorder
    }

    /// Goes on recording an open turn.
    pub(super) fn resume(workspace: Workspace, question: Arc<Message>, cast: Arc<Cast>, turn: TurnId) -> Self {
        Self {
            actor: Caller::agent(&cast.name, workspace.name().clone()).actor(),
            trace: question.trace.child(ids::span()),
            workspace,
            question,
            cast,
            turn,
            batch: Batch::default(),
            places: None,
        }
    }

    pub(super) fn turn(&self) -> TurnId {
        self.turn
    }

    /// The message that the turn answers.
    pub(super) fn question(&self) -> &Message {
        &self.question
    }

    pub(super) fn push(&mut self, step: Option<StepId>, fact: Fact) {
        let event = self.event(step, fact);
        self.batch.events.push(event);
    }

    /// A fact of this turn.
    pub(super) fn event(&self, step: Option<StepId>, fact: Fact) -> NewEvent {
        NewEvent {
            caller: self.actor.clone(),
            trace: self.trace,
            conversation: Some(self.question.conversation),
            agent: Some(self.cast.name.clone()),
            turn: Some(self.turn),
            step,
            fact,
        }
    }

    pub(super) fn intend(&mut self, step: StepId, effect: &Effect, reserved: Option<Spend>) {
        let intent = effect.intent();
        let payload = payload_of(&intent, &mut self.batch.blobs);
        self.push(Some(step), Fact::StepIntended { effect: intent.kind().into(), intent: payload, reserved });
    }

    pub(super) fn cancelled(&mut self, failure: &Failure) {
        self.push(None, Fact::TurnCancelled { failure: failure.clone() });
    }

    /// What else happened during a step.
    pub(super) fn overheard(&mut self, step: StepId, overheard: Overheard) {
        for fact in overheard.into_facts(&mut self.batch.blobs) {
            self.push(Some(step), fact);
        }
    }

    pub(super) fn ended(&mut self, performed: &mut Performed) {
        self.overheard(performed.step, std::mem::take(&mut performed.overheard));
        if let (Some(tool), Outcome::Failed(failure)) = (&performed.refused, &performed.outcome) {
            let (action, resource, reason) = ("call_tool".into(), tool.clone(), failure.reason.as_str().into());
            self.push(Some(performed.step), Fact::AccessDecided { action, resource, allowed: false, reason });
        }
        let outcome = payload_of(&performed.outcome, &mut self.batch.blobs);
        self.push(
            Some(performed.step),
            Fact::StepEnded { effect: performed.effect.into(), outcome, metering: performed.metering, spent: performed.spent },
        );
    }

    pub(super) fn remember(&mut self, step: StepId, observation: Observation) {
        self.push(Some(step), Fact::ObservationStored { observation });
    }

    pub(super) fn send(&mut self, prepared: &Prepared) {
        prepared.record(self.actor.clone(), &mut self.batch);
    }

    /// Ends the turn: its end and its reply are one batch.
    pub(super) fn finish(&mut self, step: StepId, reply: Reply, spent: Option<Spend>, took: Duration) -> Arc<Message> {
        let message = Arc::new(answer(&self.question, &self.cast.name, MessageId::derive(self.turn, step), &reply, self.trace));
        let wall_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.push(None, Fact::TurnEnded { end: reply.end, reply: Some(message.id), usage: reply.usage, spent, wall_us });
        let accepted = Fact::MessageAccepted { message: Box::new(Message::clone(&message)), to: None, route: Route::Reply, dedup: None };
        self.push(Some(step), accepted);
        message
    }

    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        if self.batch.events.is_empty() {
            return Ok(());
        }
        self.workspace.commit(std::mem::take(&mut self.batch)).await?;
        self.places = None;
        Ok(())
    }

    /// A message that no turn can take is set aside, and its sender is told.
    pub(super) async fn dead_letter(runtime: &Runtime, delivery: &Delivery, failure: Failure) -> Result<(), Error> {
        let question = &delivery.message;
        let content = failure.content();
        let reply =
            Reply { performative: Performative::Failure, content, end: TurnEnd::Failed, usage: TokenUsage::default(), files: vec![] };
        let trace = question.trace.child(ids::span());
        let message = Arc::new(answer(question, &delivery.agent, ids::message(), &reply, trace));
        let event = |fact| NewEvent {
            caller: Caller::system(delivery.workspace.name().clone()).actor(),
            trace,
            conversation: Some(question.conversation),
            agent: Some(delivery.agent.clone()),
            turn: None,
            step: None,
            fact,
        };
        let accepted = Fact::MessageAccepted { message: Box::new(Message::clone(&message)), to: None, route: Route::Reply, dedup: None };
        let events = vec![event(Fact::MessageDeadLettered { message: question.id, failure }), event(accepted)];
        delivery.workspace.commit(Batch { dequeue: vec![question.id], ..Batch::of(events) }).await?;
        runtime.answered(&delivery.workspace, question, &message).await;
        Ok(())
    }
}

fn answer(question: &Message, agent: &caxton_types::AgentName, id: MessageId, reply: &Reply, trace: TraceContext) -> Message {
    Message {
        id,
        performative: reply.performative,
        sender: Party::Agent(agent.clone()),
        receiver: Address::from(question.sender.clone()),
        content: reply.content.clone(),
        conversation: question.conversation,
        reply_with: None,
        in_reply_to: Some(question.reply_key()),
        ontology: question.ontology.clone(),
        language: question.language.clone(),
        protocol: question.protocol.clone(),
        attachments: reply.files.clone(),
        trace,
        sent_at: caxton_store::now(),
    }
}
