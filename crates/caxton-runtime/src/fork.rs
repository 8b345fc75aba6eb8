//! A turn that shares the past of another and goes its own way from some step on: a fork, or a second try.

use crate::{
    Divergence, Entry, Error, Runtime, Turn, advance,
    begin::{self, Cast},
    dispatch::Resume,
    past::Past,
};
use caxton_store::{Batch, Workspace, ids, payload_of};
use caxton_types::{
    Action, AgentSpec, Begin, Caller, ConversationId, Digest, Effect, Fact, Input, Intent, Message, MessageId, Metering, NewEvent, Outcome,
    Party, Pinned, Route, StepId, TurnEnd, TurnId, TurnOrigin, canonical_json,
};
use std::{collections::BTreeMap, sync::Arc};

/// How a fork differs from the turn whose past it shares.
#[derive(Debug, Clone, Default)]
pub struct Fork {
    /// The first step that is not shared; where nothing is said, the first that a change concerns.
    pub at: Option<StepId>,
    /// Another model.
    pub model: Option<Box<str>>,
    /// Another system prompt.
    pub prompt: Option<caxton_types::Template>,
    /// Other outcomes of shared steps.
    pub outcomes: BTreeMap<StepId, Outcome>,
}

/// What a fork comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Forked {
    /// The new turn.
    pub turn: TurnId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The message that it answers.
    pub message: MessageId,
    /// The first step that is not shared.
    pub at: StepId,
    /// How many steps are shared.
    pub shared: usize,
    /// What it does first on its own.
    pub next: Vec<(StepId, Intent)>,
}

/// A shared past: its facts, and what comes next.
struct Shared {
    events: Vec<(StepId, Fact)>,
    steps: usize,
    next: Vec<(StepId, Effect)>,
}

impl Runtime {
    /// Begins a new conversation that shares a turn's past up to a step and goes live from there; with `dry_run` only tells what it would do.
    pub async fn fork(&self, caller: &Caller, workspace: &Workspace, turn: TurnId, fork: Fork, dry_run: bool) -> Result<Forked, Error> {
        caller.require(Action::Send).map_err(caxton_exchange::Error::from)?;
        let past = self.past(workspace, turn).await?;
        let (begin, cast) = begin::restore(self, workspace, &past).await?;
        let at = fork.at.or_else(|| first_change(&past, &fork)).ok_or(Error::ForkNowhere { turn })?;
        let mut spec = AgentSpec::clone(&begin.agent);
        if let Some(model) = fork.model {
            spec.model.name = model;
        }
        if let Some(prompt) = fork.prompt {
            spec.prompts.system = prompt;
        }
        let message = Message {
            id: ids::message(),
            conversation: ids::conversation(),
            sender: Party::Client(caller.who.clone()),
            trace: ids::trace(),
            sent_at: caxton_store::now(),
            reply_with: None,
            in_reply_to: None,
            ..Message::clone(&begin.message)
        };
        let begin = Begin { turn: ids::turn(), agent: Arc::new(spec), message: Arc::new(message), ..begin };
        if let Some(unknown) = fork.outcomes.keys().find(|step| !has_ended(&past, **step)) {
            return Err(Error::StepUnknown { turn, step: *unknown });
        }
        let mut batch = Batch::default();
        let shared = share(&begin, &past, at, &fork.outcomes, &mut batch)?;
        let open = [
            Fact::ConversationOpened { protocol: begin.message.protocol.clone().unwrap_or_else(|| "request-reply".into()) },
            Fact::MessageAccepted {
                message: Box::new(Message::clone(&begin.message)),
                to: Some(begin.agent.name.clone()),
                route: Route::Direct,
                dedup: None,
            },
        ];
        let forked = told(&begin, at, &shared);
        if !dry_run {
            self.begin_shared(caller, workspace, &past, &begin, &cast, (open.into(), shared), at, batch).await?;
        }
        Ok(forked)
    }

    /// Tries an ended turn again for the same message: what it had achieved stays, what failed is done anew. A turn whose agent was deployed
    /// anew since then starts from the beginning.
    pub async fn retry(&self, caller: &Caller, workspace: &Workspace, turn: TurnId) -> Result<Forked, Error> {
        caller.require(Action::Send).map_err(caxton_exchange::Error::from)?;
        let past = self.past(workspace, turn).await?;
        match past.end {
            None => return Err(Error::TurnOpen(turn)),
            Some(TurnEnd::Completed) => return Err(Error::TurnEnded { turn, end: TurnEnd::Completed }),
            Some(_) => {}
        }
        let (begin, pinned) = begin::restore(self, workspace, &past).await?;
        let current = self.cast(workspace, &past.agent).await?;
        let (begin, cast, at) = match current {
            Some(cast) if cast.spec_digest != pinned.spec_digest || cast.tools_digest != pinned.tools_digest => {
                (Begin { agent: cast.spec.clone(), tools: cast.tools.clone(), ..begin }, cast, StepId(0))
            }
            _ => (begin, pinned, first_failure(&past)),
        };
        let begin = Begin { turn: ids::turn(), now: caxton_store::now(), ..begin };
        let mut batch = Batch::default();
        let shared = share(&begin, &past, at, &BTreeMap::new(), &mut batch)?;
        let tried = told(&begin, at, &shared);
        self.begin_shared(caller, workspace, &past, &begin, &cast, (vec![], shared), at, batch).await?;
        Ok(tried)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one batch, gathered by two callers")]
    async fn begin_shared(
        &self,
        caller: &Caller,
        workspace: &Workspace,
        past: &Past,
        begin: &Begin,
        cast: &Cast,
        (open, shared): (Vec<Fact>, Shared),
        at: StepId,
        mut batch: Batch,
    ) -> Result<(), Error> {
        let spec = serde_json::to_value(&*begin.agent).map_or_else(|_| "null".into(), |value| canonical_json(&value));
        let spec_digest = Digest::of(spec.as_bytes());
        batch.blobs.push((spec_digest, spec.into()));
        batch.blobs.push((cast.tools_digest, cast.tools_json.clone()));
        let history = past.pinned.as_ref().map(|pinned| pinned.history.clone()).unwrap_or_default();
        let first = Fact::TurnBegan {
            message: begin.message.id,
            revision: cast.revision,
            spec: spec_digest,
            pinned: Some(Pinned { tools: cast.tools_digest, history, now: begin.now }),
            origin: Some(TurnOrigin { turn: past.turn, at }),
        };
        let event = |turn, step, fact| NewEvent {
            caller: caller.actor(),
            trace: begin.message.trace,
            conversation: Some(begin.message.conversation),
            agent: Some(past.agent.clone()),
            turn,
            step,
            fact,
        };
        batch.events.extend(open.into_iter().map(|fact| event(None, None, fact)));
        batch.events.push(event(Some(begin.turn), None, first));
        batch.events.extend(shared.events.into_iter().map(|(step, fact)| event(Some(begin.turn), Some(step), fact)));
        workspace.commit(batch).await?;
        let (agent, conversation) = (past.agent.clone(), begin.message.conversation);
        self.wake(Resume { workspace: workspace.clone(), turn: begin.turn, agent, conversation, opens: true }, None);
        Ok(())
    }
}

fn told(begin: &Begin, at: StepId, shared: &Shared) -> Forked {
    Forked {
        turn: begin.turn,
        conversation: begin.message.conversation,
        message: begin.message.id,
        at,
        shared: shared.steps,
        next: shared.next.iter().map(|(step, effect)| (*step, effect.intent())).collect(),
    }
}

fn has_ended(past: &Past, step: StepId) -> bool {
    past.entries.iter().any(|entry| matches!(entry, Entry::Ended(ended, _) if *ended == step))
}

/// The first step that a change concerns: the first question to the model, or the one behind the last changed outcome.
fn first_change(past: &Past, fork: &Fork) -> Option<StepId> {
    let asks = past.entries.iter().find_map(|entry| match entry {
        Entry::Intended(step, Intent::Ask { .. }) => Some(*step),
        Entry::Intended(..) | Entry::Ended(..) | Entry::Cancelled(_) => None,
    });
    let asks = asks.filter(|_| fork.model.is_some() || fork.prompt.is_some());
    asks.or_else(|| fork.outcomes.keys().next_back().map(|step| StepId(step.0 + 1)))
}

/// The first step that ended badly in a way that ended the turn, or behind all others.
fn first_failure(past: &Past) -> StepId {
    let mut asks = std::collections::BTreeSet::new();
    for entry in &past.entries {
        match entry {
            Entry::Intended(step, Intent::Ask { .. }) => {
                asks.insert(*step);
            }
            Entry::Ended(step, Outcome::Failed(_) | Outcome::Unknown(_) | Outcome::OverBudget(_)) if asks.contains(step) => return *step,
            Entry::Intended(step, Intent::Finish(_)) => return *step,
            Entry::Intended(..) | Entry::Ended(..) | Entry::Cancelled(_) => {}
        }
    }
    StepId(u32::MAX)
}

/// Feeds a changed turn the outcomes of another one's steps below `at`. At each it must ask for an effect of the same kind.
fn share(begin: &Begin, past: &Past, at: StepId, changed: &BTreeMap<StepId, Outcome>, batch: &mut Batch) -> Result<Shared, Error> {
    let mut turn = Turn::default();
    let mut wanted: BTreeMap<StepId, Effect> = BTreeMap::new();
    let mut under_way: BTreeMap<StepId, (&'static str, Effect)> = BTreeMap::new();
    let mut events: Vec<(StepId, Fact)> = Vec::new();
    let mut steps = 0;
    wanted.extend(advance(&mut turn, Input::Begin(Box::new(begin.clone()))));
    for entry in &past.entries {
        match entry {
            Entry::Cancelled(_) => break,
            Entry::Intended(step, _) if *step >= at => {}
            Entry::Intended(step, recorded) => {
                let same = wanted.get(step).is_some_and(|effect| effect.kind() == recorded.kind());
                let Some(effect) = wanted.remove(step).filter(|_| same) else {
                    let divergence = Divergence { step: *step, recorded: Some(recorded.clone()), asked: None };
                    return Err(Error::Diverged { turn: past.turn, source: Box::new(divergence) });
                };
                under_way.insert(*step, (recorded.kind(), effect));
            }
            Entry::Ended(step, outcome) => {
                let Some((kind, effect)) = under_way.remove(step) else { continue };
                let outcome = changed.get(step).unwrap_or(outcome);
                let intent = payload_of(&effect.intent(), &mut batch.blobs);
                events.push((*step, Fact::StepIntended { effect: kind.into(), intent, reserved: None }));
                let outcome_payload = payload_of(outcome, &mut batch.blobs);
                let metering = Metering::default();
                events.push((*step, Fact::StepEnded { effect: kind.into(), outcome: outcome_payload, metering, spent: None }));
                steps += 1;
                wanted.extend(advance(&mut turn, Input::Ended(*step, outcome.clone())));
            }
        }
    }
    let open = under_way.into_iter().map(|(step, (_, effect))| (step, effect));
    let next = open.chain(wanted).collect();
    Ok(Shared { events, steps, next })
}
