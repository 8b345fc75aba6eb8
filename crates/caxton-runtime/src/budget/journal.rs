//! What the journal says was used.

use caxton_store::{Error, EventQuery, SpendQuery, TurnQuery, TurnState, Workspace};
use caxton_types::{BudgetKey, Event, Fact, Seq, Spend, Standing, TurnId};
use std::{borrow::Cow, collections::HashSet};

/// How often reading begins again because a turn ended meanwhile.
const TRIES_MAX: usize = 4;

/// What an account begins with.
#[derive(Debug, Default)]
pub(super) struct Seed {
    /// The sum of turns that have ended.
    pub(super) ended: Spend,
    /// What each open one has used so far.
    pub(super) open: Vec<(TurnId, Spend)>,
}

impl Seed {
    pub(super) fn standing(&self) -> Standing {
        let spent = self.open.iter().fold(self.ended, |sum, (_, so_far)| sum.saturating_add(*so_far));
        Standing { spent, ..Standing::default() }
    }
}

/// Reads what an account begins with. A turn is either ended or open in it, never both.
pub(super) async fn read(workspace: &Workspace, key: &BudgetKey) -> Result<Seed, Error> {
    if matches!(key, BudgetKey::Message(_)) {
        return Ok(Seed::default());
    }
    let mut open = open_turns(workspace, key).await?;
    let mut ended = ended(workspace, key).await?;
    for _ in 0..TRIES_MAX {
        let now = open_turns(workspace, key).await?;
        let still: HashSet<_> = now.iter().copied().collect();
        let all_still_open = open.iter().all(|turn| still.contains(turn));
        open = now;
        if all_still_open {
            break;
        }
        ended = self::ended(workspace, key).await?;
    }
    let mut parts = Vec::with_capacity(open.len());
    for turn in open {
        parts.push((turn, so_far(workspace, turn).await?));
    }
    Ok(Seed { ended, open: parts })
}

async fn open_turns(workspace: &Workspace, key: &BudgetKey) -> Result<Vec<TurnId>, Error> {
    if let BudgetKey::Conversation(_, conversation) = key {
        let query = TurnQuery {
            state: Some(TurnState::Open),
            conversation: Some(*conversation),
            limit: TurnQuery::LIMIT_MAX,
            ..TurnQuery::default()
        };
        return Ok(workspace.turns(query).await?.into_iter().map(|row| row.turn).collect());
    }
    let mut open = workspace.open_turns().await?;
    if let BudgetKey::AgentDay(_, agent, _) = key {
        open.retain(|turn| turn.agent == *agent);
    }
    Ok(open.into_iter().map(|open| open.turn).collect())
}

/// What turns used that have ended: on the day of their end.
async fn ended(workspace: &Workspace, key: &BudgetKey) -> Result<Spend, Error> {
    let query = match key {
        BudgetKey::Message(_) => return Ok(Spend::ZERO),
        BudgetKey::Conversation(_, conversation) => SpendQuery::Conversation(*conversation),
        BudgetKey::AgentDay(_, agent, day) => SpendQuery::Agent(agent.clone(), Some(*day)),
        BudgetKey::WorkspaceDay(_, day) => SpendQuery::Workspace(Some(*day)),
    };
    workspace.spent(query).await
}

/// What the steps of an open turn used, and what was lost with a stop.
async fn so_far(workspace: &Workspace, turn: TurnId) -> Result<Spend, Error> {
    let kinds = vec![Cow::Borrowed("step_ended"), Cow::Borrowed("step_started")];
    let (mut total, mut after) = (Spend::ZERO, Seq(0));
    loop {
        let query = EventQuery { after, turn: Some(turn), kinds: kinds.clone(), ..EventQuery::default() };
        let events = workspace.events(query).await?;
        let Some(last) = events.last() else { return Ok(total) };
        after = last.seq;
        let spent = |event: &Event| match event.new.fact {
            Fact::StepEnded { spent, .. } => spent,
            Fact::StepStarted { lost, .. } => lost,
            _ => None,
        };
        total = events.iter().filter_map(spent).fold(total, Spend::saturating_add);
    }
}
