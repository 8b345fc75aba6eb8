//! What a stop left open goes on at the next start.

use crate::{Error, Runtime, dispatch::Resume, past::Past};
use caxton_store::{Batch, Workspace, ids};
use caxton_types::{Address, Caller, Fact, Failure, Message, MessageId, NewEvent, Party, Performative, Route, StepId, TokenUsage, TurnEnd};
use std::sync::Arc;

/// What was found at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Turns that had begun and go on.
    pub resumed: usize,
    /// Messages that wait for their turn again.
    pub queued: usize,
}

impl Runtime {
    /// Takes up every open turn from where its record ends, then hands the queued messages over again: they wait behind the open turns.
    pub async fn recover(&self, workspace: &Workspace) -> Result<Recovered, Error> {
        self.watch(workspace);
        let open = workspace.open_turns().await?;
        let resumed = open.len();
        for turn in open {
            self.wake(
                Resume { workspace: workspace.clone(), turn: turn.turn, agent: turn.agent, conversation: turn.conversation, opens: true },
                None,
            );
        }
        let queued = self.exchange().redeliver(workspace).await?;
        Ok(Recovered { resumed, queued })
    }
}

/// Ends a turn that cannot go on, with a `failure` to whoever asked.
pub(crate) async fn interrupt(runtime: &Runtime, workspace: &Workspace, past: &Past, why: &Failure) -> Result<(), Error> {
    let actor = Caller::system(workspace.name().clone()).actor();
    let asked = workspace.message(past.message).await?.map(|stored| stored.message);
    let trace = asked.as_ref().map_or_else(ids::trace, |message| message.trace.child(ids::span()));
    let event = |fact| NewEvent {
        caller: actor.clone(),
        trace,
        conversation: Some(past.conversation),
        agent: Some(past.agent.clone()),
        turn: Some(past.turn),
        step: None,
        fact,
    };
    let failure = Failure { reason: format!("interrupted: {}", why.reason), ..why.clone() };
    let reply = asked.as_ref().map(|asked| {
        Arc::new(Message {
            // Not the id of any step: the turn never asked for this reply.
            id: MessageId::derive(past.turn, StepId(u32::MAX)),
            performative: Performative::Failure,
            sender: Party::Agent(past.agent.clone()),
            receiver: Address::from(asked.sender.clone()),
            content: failure.content(),
            conversation: past.conversation,
            reply_with: None,
            in_reply_to: Some(asked.reply_key()),
            ontology: None,
            language: None,
            protocol: asked.protocol.clone(),
            attachments: vec![],
            trace,
            sent_at: caxton_store::now(),
        })
    });
    let wall_us = u64::try_from(past.active.as_micros()).unwrap_or(u64::MAX);
    let reply_id = reply.as_ref().map(|reply| reply.id);
    let (usage, spent) = (TokenUsage::default(), (!past.spent.is_zero()).then_some(past.spent));
    let mut batch = Batch::of(vec![event(Fact::TurnEnded { end: TurnEnd::Interrupted, reply: reply_id, usage, spent, wall_us })]);
    if let Some(reply) = &reply {
        let message = Box::new(Message::clone(reply));
        batch.events.push(event(Fact::MessageAccepted { message, to: None, route: Route::Reply, dedup: None }));
    }
    workspace.commit(batch).await?;
    if let (Some(asked), Some(reply)) = (&asked, &reply) {
        runtime.answered(workspace, asked, reply).await;
    }
    Ok(())
}
