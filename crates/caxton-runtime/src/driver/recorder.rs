//! Writes a turn into the journal: collects facts and commits them batch by batch.

use super::effects::Performed;
use crate::{Error, Runtime};
use caxton_exchange::{Delivery, Places, Prepared};
use caxton_store::{AgentRow, Batch, Workspace, ids, payload_of};
use caxton_types::{
    Actor, Address, Begin, Caller, Effect, Fact, Failure, Message, MessageId, NewEvent, Observation, Party, Performative, Reply, Route,
    StepId, TokenUsage, TraceContext, TurnEnd, TurnId,
};
use std::{sync::Arc, time::Duration};

pub(super) struct Recorder {
    workspace: Workspace,
    question: Arc<Message>,
    agent: AgentRow,
    turn: TurnId,
    actor: Actor,
    trace: TraceContext,
    batch: Batch,
    places: Option<Places>,
}

impl Recorder {
    /// The first batch takes the message out of its queue: from then on the turn owns it.
    pub(super) fn begin(delivery: Delivery, agent: &AgentRow, begin: &Begin, places: Option<Places>) -> Self {
        let workspace = delivery.workspace;
        let mut recorder = Self {
            actor: Caller::agent(&agent.name, workspace.name().clone()).actor(),
            trace: delivery.message.trace.child(ids::span()),
            workspace,
            question: delivery.message,
            agent: agent.clone(),
            turn: begin.turn,
            batch: Batch::default(),
            places,
        };
        recorder.batch.dequeue.push(recorder.question.id);
        recorder.push(
            None,
            Fact::TurnBegan {
                message: recorder.question.id,
                revision: agent.revision,
                spec: agent.spec_digest,
                pinned: None,
                origin: None,
            },
        );
        recorder
    }

    pub(super) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    pub(super) fn agent(&self) -> &AgentRow {
        &self.agent
    }

    /// The message that the turn answers.
    pub(super) fn question(&self) -> MessageId {
        self.question.id
    }

    fn push(&mut self, step: Option<StepId>, fact: Fact) {
        self.batch.events.push(NewEvent {
            caller: self.actor.clone(),
            trace: self.trace,
            conversation: Some(self.question.conversation),
            agent: Some(self.agent.name.clone()),
            turn: Some(self.turn),
            step,
            fact,
        });
    }

    pub(super) fn intend(&mut self, step: StepId, effect: &Effect) {
        let intent = effect.intent();
        let payload = payload_of(&intent, &mut self.batch.blobs);
        self.push(Some(step), Fact::StepIntended { effect: intent.kind().into(), intent: payload, reserved: None });
    }

    pub(super) fn ended(&mut self, performed: &Performed) {
        if let Some(tool) = &performed.refused {
            self.push(
                Some(performed.step),
                Fact::AccessDecided {
                    action: "call_tool".into(),
                    resource: tool.clone(),
                    allowed: false,
                    reason: "it is not in the agent's tools".into(),
                },
            );
        }
        let outcome = payload_of(&performed.outcome, &mut self.batch.blobs);
        self.push(
            Some(performed.step),
            Fact::StepEnded { effect: performed.effect.into(), outcome, metering: performed.metering, spent: None },
        );
    }

    pub(super) fn remember(&mut self, step: StepId, observation: Observation) {
        self.push(Some(step), Fact::ObservationStored { observation });
    }

    pub(super) fn send(&mut self, prepared: &Prepared) {
        prepared.record(self.actor.clone(), &mut self.batch);
    }

    /// Ends the turn: its end and its reply are one batch.
    pub(super) fn finish(&mut self, step: StepId, reply: Reply, took: Duration) -> Arc<Message> {
        let message = Arc::new(answer(&self.question, &self.agent.name, MessageId::derive(self.turn, step), &reply, self.trace));
        let wall_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.push(None, Fact::TurnEnded { end: reply.end, reply: Some(message.id), usage: reply.usage, spent: None, wall_us });
        let accepted = Fact::MessageAccepted { message: Box::new(Message::clone(&message)), to: None, route: Route::Reply, dedup: None };
        self.push(Some(step), accepted);
        message
    }

    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        self.workspace.commit(std::mem::take(&mut self.batch)).await?;
        self.places = None;
        Ok(())
    }

    /// A message that no turn can take is set aside, and its sender is told.
    pub(super) async fn dead_letter(runtime: &Runtime, delivery: &Delivery, failure: Failure) -> Result<(), Error> {
        let question = &delivery.message;
        let content = failure.content();
        let reply = Reply { performative: Performative::Failure, content, end: TurnEnd::Failed, usage: TokenUsage::default() };
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
        runtime.exchange().answered(question.id, &message);
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
        attachments: vec![],
        trace,
        sent_at: caxton_store::now(),
    }
}
