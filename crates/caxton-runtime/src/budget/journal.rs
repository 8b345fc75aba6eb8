//! What the journal says was used.

use caxton_store::{Error, EventQuery, OpenTurn, Workspace};
use caxton_types::{BudgetKey, Event, Fact, Seq, Spend, Standing, TurnId};
use std::borrow::Cow;

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
        let all_still_open = open.iter().all(|turn| now.iter().any(|still| still.turn == turn.turn));
        open = now;
        if all_still_open {
            break;
        }
        ended = self::ended(workspace, key).await?;
    }
    let mut parts = Vec::with_capacity(open.len());
    for OpenTurn { turn, .. } in open {
        parts.push((turn, so_far(workspace, turn).await?));
    }
    Ok(Seed { ended, open: parts })
}

async fn open_turns(workspace: &Workspace, key: &BudgetKey) -> Result<Vec<OpenTurn>, Error> {
    let mut open = workspace.open_turns().await?;
    open.retain(|turn| match key {
        BudgetKey::Message(of) => turn.turn == *of,
        BudgetKey::Conversation(_, conversation) => turn.conversation == *conversation,
        BudgetKey::AgentDay(_, agent, _) => turn.agent == *agent,
        BudgetKey::WorkspaceDay(..) => true,
    });
    Ok(open)
}

/// What turns used that have ended: on the day of their end.
async fn ended(workspace: &Workspace, key: &BudgetKey) -> Result<Spend, Error> {
    let query = EventQuery { kinds: vec![Cow::Borrowed("turn_ended")], ..EventQuery::default() };
    let query = match key {
        BudgetKey::Message(turn) => EventQuery { turn: Some(*turn), ..query },
        BudgetKey::Conversation(_, conversation) => EventQuery { conversation: Some(*conversation), ..query },
        BudgetKey::AgentDay(_, agent, day) => EventQuery { agent: Some(agent.clone()), since: Some(day.start()), ..query },
        BudgetKey::WorkspaceDay(_, day) => EventQuery { since: Some(day.start()), ..query },
    };
    sum(workspace, query, |event| match &event.new.fact {
        Fact::TurnEnded { spent, .. } => *spent,
        _ => None,
    })
    .await
}

/// What the steps of an open turn used, and what was lost with a stop.
async fn so_far(workspace: &Workspace, turn: TurnId) -> Result<Spend, Error> {
    let kinds = vec![Cow::Borrowed("step_ended"), Cow::Borrowed("step_started")];
    sum(workspace, EventQuery { turn: Some(turn), kinds, ..EventQuery::default() }, |event| match &event.new.fact {
        Fact::StepEnded { spent, .. } => *spent,
        Fact::StepStarted { lost, .. } => *lost,
        _ => None,
    })
    .await
}

async fn sum(workspace: &Workspace, query: EventQuery, spent: impl Fn(&Event) -> Option<Spend>) -> Result<Spend, Error> {
    let (mut total, mut after) = (Spend::ZERO, Seq(0));
    loop {
        let events = workspace.events(EventQuery { after, limit: EventQuery::LIMIT_MAX, ..query.clone() }).await?;
        total = events.iter().filter_map(&spent).fold(total, Spend::saturating_add);
        match events.last() {
            Some(last) => after = last.seq,
            None => return Ok(total),
        }
    }
}
