//! What a stop left open is brought to an end at the next start.

use crate::{Error, Runtime};
use caxton_store::{Batch, OpenTurn, Workspace, ids};
use caxton_types::{
    Address, Caller, Code, Fact, Failure, Message, MessageId, NewEvent, Party, Performative, Route, StepId, TokenUsage, TurnEnd,
};
use std::sync::Arc;

/// What was found at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Turns that had begun and are ended as interrupted.
    pub interrupted: usize,
    /// Messages that wait for their turn again.
    pub queued: usize,
}

impl Runtime {
    /// Ends the turns that a stop interrupted, each with a `failure` to its sender, and hands the queued messages over again.
    pub async fn recover(&self, workspace: &Workspace) -> Result<Recovered, Error> {
        let open = workspace.open_turns().await?;
        for turn in &open {
            interrupt(self, workspace, turn).await?;
        }
        let queued = self.exchange().redeliver(workspace).await?;
        Ok(Recovered { interrupted: open.len(), queued })
    }
}

async fn interrupt(runtime: &Runtime, workspace: &Workspace, open: &OpenTurn) -> Result<(), Error> {
    let actor = Caller::system(workspace.name().clone()).actor();
    let asked = workspace.message(open.message).await?.map(|stored| stored.message);
    let trace = asked.as_ref().map_or_else(ids::trace, |message| message.trace.child(ids::span()));
    let now = caxton_store::now();
    let event = |fact| NewEvent {
        caller: actor.clone(),
        trace,
        conversation: Some(open.conversation),
        agent: Some(open.agent.clone()),
        turn: Some(open.turn),
        step: None,
        fact,
    };
    let interrupted = Failure {
        code: Code::Unavailable,
        reason: "interrupted: the server stopped while the agent was working on this message".into(),
        hint: Some("send the message again".into()),
    };
    let reply = asked.map(|asked| {
        Arc::new(Message {
            // Not the id of any step: the turn never asked for this reply.
            id: MessageId::derive(open.turn, StepId(u32::MAX)),
            performative: Performative::Failure,
            sender: Party::Agent(open.agent.clone()),
            receiver: Address::from(asked.sender.clone()),
            content: interrupted.content(),
            conversation: open.conversation,
            reply_with: None,
            in_reply_to: Some(asked.reply_key()),
            ontology: None,
            language: None,
            protocol: asked.protocol.clone(),
            attachments: vec![],
            trace,
            sent_at: now,
        })
    });
    let wall_us = u64::try_from(now.since(open.at).as_micros()).unwrap_or(u64::MAX);
    let ended = Fact::TurnEnded {
        end: TurnEnd::Interrupted,
        reply: reply.as_ref().map(|reply| reply.id),
        usage: TokenUsage::default(),
        spent: None,
        wall_us,
    };
    let mut batch = Batch::of(vec![event(ended)]);
    if let Some(reply) = &reply {
        let message = Box::new(Message::clone(reply));
        batch.events.push(event(Fact::MessageAccepted { message, to: None, route: Route::Reply, dedup: None }));
    }
    workspace.commit(batch).await?;
    if let Some(reply) = &reply {
        runtime.exchange().answered(open.message, reply);
    }
    Ok(())
}
