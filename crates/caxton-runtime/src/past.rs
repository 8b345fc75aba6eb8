//! A turn as the journal holds it, read back.

use crate::{Error, retrace::Entry};
use caxton_store::Workspace;
use caxton_types::{
    AgentName, ApprovalId, ApprovalKind, ConversationId, Digest, Event, Fact, Failover, Intent, MessageId, Outcome, Payload, Pinned,
    Ruling, Spend, StepId, Timestamp, TurnEnd, TurnId, TurnOrigin, WaitOn,
};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, time::Duration};

/// What the journal holds of one turn.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) turn: TurnId,
    pub(crate) agent: AgentName,
    pub(crate) conversation: ConversationId,
    /// The message that it answers.
    pub(crate) message: MessageId,
    pub(crate) revision: u32,
    pub(crate) spec: Digest,
    pub(crate) pinned: Option<Pinned>,
    pub(crate) origin: Option<TurnOrigin>,
    pub(crate) entries: Vec<Entry>,
    /// Where the steps stand that have not ended.
    pub(crate) open: BTreeMap<StepId, Progress>,
    /// How long it was at work: the time in which it only waited, or no server ran, is not counted.
    pub(crate) active: Duration,
    /// What its ended and lost steps are settled at.
    pub(crate) spent: Spend,
    pub(crate) end: Option<TurnEnd>,
    last_at: Timestamp,
}

/// Where a step stands that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// How often it was begun.
    pub(crate) attempts: u16,
    /// What its budgets keep for it.
    pub(crate) reserved: Option<Spend>,
    pub(crate) stage: Stage,
    /// The providers that failed in it, with the one proposed last.
    pub(crate) failovers: Vec<Failover>,
    /// How often its server asked a person something.
    pub(crate) questions: u16,
    /// The question that its server waits for, while the step is under way.
    pub(crate) asks: Option<ApprovalId>,
    /// The time of its intent.
    pub(crate) at: Timestamp,
}

/// What a step is waiting for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    /// Nothing: it was under way.
    Begun,
    /// A person's decision.
    Asked { approval: ApprovalId, kind: ApprovalKind, subject: Digest, due: Timestamp },
    /// Nothing more: the decision is there.
    Decided { approval: ApprovalId, kind: ApprovalKind, subject: Digest, ruling: Ruling, by: Box<str>, reason: Option<Box<str>> },
    /// The answer of another agent, or a moment.
    Waiting { on: WaitOn, due: Timestamp },
}

impl Past {
    /// Reads a turn; nothing where the journal does not hold its beginning.
    pub(crate) async fn read(workspace: &Workspace, turn: TurnId) -> Result<Option<Self>, Error> {
        let mut past: Option<Self> = None;
        for event in workspace.turn_events(turn).await? {
            match &mut past {
                None => past = Self::begun(turn, event),
                Some(past) => past.add(workspace, event).await?,
            }
        }
        Ok(past)
    }

    fn begun(turn: TurnId, event: Event) -> Option<Self> {
        let (agent, conversation) = (event.new.agent?, event.new.conversation?);
        let Fact::TurnBegan { message, revision, spec, pinned, origin } = event.new.fact else { return None };
        Some(Self {
            turn,
            agent,
            conversation,
            message,
            revision,
            spec,
            pinned,
            origin,
            entries: Vec::new(),
            open: BTreeMap::new(),
            active: Duration::ZERO,
            spent: Spend::ZERO,
            end: None,
            last_at: event.at,
        })
    }

    async fn add(&mut self, workspace: &Workspace, event: Event) -> Result<(), Error> {
        // No server ran between the last event before a stop and the first one after it.
        let resumed = match &event.new.fact {
            Fact::StepStarted { .. } | Fact::ApprovalAsked { kind: ApprovalKind::Repeat, .. } => true,
            Fact::StepEnded { outcome: Payload::Inline(outcome), .. } => outcome.get("outcome").is_some_and(|kind| kind == "unknown"),
            _ => false,
        };
        let at_work = self.open.is_empty() || self.open.values().any(|step| step.stage == Stage::Begun && step.asks.is_none());
        if at_work && !resumed {
            self.active += event.at.since(self.last_at);
        }
        self.last_at = event.at;
        let at = event.at;
        match (event.new.step, event.new.fact) {
            (Some(step), Fact::StepIntended { intent, reserved, .. }) => {
                self.entries.push(Entry::Intended(step, read::<Intent>(workspace, intent).await?));
                let (stage, failovers) = (Stage::Begun, vec![]);
                self.open.insert(step, Progress { attempts: 1, reserved, stage, failovers, questions: 0, asks: None, at });
            }
            (Some(step), Fact::StepEnded { outcome, spent, .. }) => {
                self.entries.push(Entry::Ended(step, read::<Outcome>(workspace, outcome).await?));
                self.open.remove(&step);
                self.spent = self.spent.saturating_add(spent.unwrap_or_default());
            }
            (Some(step), fact) => self.progressed(step, fact, at, &event.new.caller.who),
            (None, Fact::TurnCancelled { failure }) => self.entries.push(Entry::Cancelled(failure)),
            (None, Fact::TurnEnded { end, .. }) => self.end = Some(end),
            (None, _) => {}
        }
        Ok(())
    }

    fn progressed(&mut self, step: StepId, fact: Fact, at: Timestamp, who: &str) {
        let Some(progress) = self.open.get_mut(&step) else { return };
        match fact {
            Fact::StepStarted { attempt, lost, reserved } => {
                *progress = Progress { attempts: attempt, reserved, stage: Stage::Begun, asks: None, ..progress.clone() };
                self.spent = self.spent.saturating_add(lost.unwrap_or_default());
            }
            Fact::ModelFailedOver { from, to, code, reason } => {
                let (from, to, reason) = (from.into(), to.into(), reason.into());
                progress.failovers.push(Failover { from, to, code, reason });
            }
            // The step is under way: its policy says what happens to it after a stop.
            Fact::ApprovalAsked { approval, kind: ApprovalKind::Elicitation, .. } => {
                progress.questions = progress.questions.saturating_add(1);
                progress.asks = Some(approval);
            }
            Fact::ApprovalAsked { approval, kind, subject, within, .. } => {
                match kind {
                    ApprovalKind::Repeat | ApprovalKind::Elicitation => {}
                    ApprovalKind::Failover => progress.attempts = u16::try_from(progress.failovers.len()).unwrap_or(u16::MAX),
                    ApprovalKind::Call | ApprovalKind::Question => progress.attempts = 0,
                }
                progress.asks = None;
                progress.stage = Stage::Asked { approval, kind, subject, due: at.plus(within.get()) };
            }
            Fact::ApprovalDecided { approval, .. } if progress.asks == Some(approval) => progress.asks = None,
            Fact::ApprovalDecided { ruling, reason, approval } => {
                if let Stage::Asked { approval: asked, kind, subject, .. } = &progress.stage
                    && *asked == approval
                {
                    progress.stage = Stage::Decided { approval, kind: *kind, subject: *subject, ruling, by: who.into(), reason };
                }
            }
            Fact::WaitBegan { on, within } => {
                progress.attempts = 0;
                progress.stage = Stage::Waiting { on, due: at.plus(within.get()) };
            }
            _ => {}
        }
    }
}

async fn read<T: DeserializeOwned>(workspace: &Workspace, payload: Payload) -> Result<T, Error> {
    let value = match payload {
        Payload::Inline(value) => value,
        blob @ Payload::Blob { .. } => workspace.payload(&blob).await?,
    };
    serde_json::from_value(value).map_err(Error::Unreadable)
}
