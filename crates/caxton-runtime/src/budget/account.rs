//! What one turn keeps, uses and gives back.

use super::{Budgets, Entered, journal, keys, price, refusal};
use caxton_llm::Models;
use caxton_store::Workspace;
use caxton_types::{AgentSpec, BudgetCaps, BudgetKey, Caps, ConversationId, Day, Failure, ModelRequest, Spend, TurnId};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

/// How often opening is begun again because accounts were dropped meanwhile.
const TRIES_MAX: usize = 8;

/// The budgets that one turn works under. Dropped, it gives back what it still keeps.
#[derive(Debug)]
pub struct Account {
    budgets: Budgets,
    workspace: WorkspaceHandle,
    agent: Arc<AgentSpec>,
    conversation: ConversationId,
    turn: TurnId,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the turn has used.
    total: Spend,
    /// What is kept for it.
    held: Spend,
    /// Its accounts, once it had to do with the ledger.
    keys: Option<(Day, Arc<[BudgetKey; 4]>)>,
}

/// More was reported than was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overrun {
    /// What was kept.
    pub reserved: Spend,
    /// What is reported.
    pub reported: Spend,
}

struct WorkspaceHandle(Workspace);

impl std::fmt::Debug for WorkspaceHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.name())
    }
}

type Accounts = [(BudgetKey, Caps); 4];

impl Account {
    pub(super) fn new(budgets: Budgets, workspace: Workspace, agent: Arc<AgentSpec>, conversation: ConversationId, turn: TurnId) -> Self {
        Self { budgets, workspace: WorkspaceHandle(workspace), agent, conversation, turn, state: Mutex::default() }
    }

    /// Whether anything that the turn does is bounded by a budget.
    pub fn is_capped(&self) -> bool {
        self.budgets.caps_of(&self.agent).is_some()
    }

    /// The turn goes on that used so much before the server stopped or it was suspended; its end is not in the journal yet.
    pub fn resume(&self, spent_so_far: Spend) {
        let mut state = self.state.lock();
        state.total = spent_so_far;
        if !self.budgets.is_idle() {
            let mut ledger = self.budgets.ledger();
            let keys = self.keys(&mut state, &mut ledger);
            ledger.join(self.turn, keys.iter(), spent_so_far);
        }
    }

    /// What the turn has used: what its end is settled at.
    pub fn spent(&self) -> Spend {
        self.state.lock().total
    }

    /// What a call of a tool costs.
    pub const TOOL_CALL: Spend = Spend { tool_calls: 1, steps: 1, ..Spend::ZERO };

    /// Keeps what a call of a tool costs.
    pub async fn reserve_tool(&self) -> Result<Spend, Failure> {
        self.reserve(|_| Ok(Self::TOOL_CALL)).await
    }

    /// Keeps what a call of a model may cost at most, whoever of its chain answers.
    pub async fn reserve_model(&self, request: &ModelRequest, models: &Models) -> Result<Spend, Failure> {
        self.reserve(|caps| price::at_most(request, models, caps)).await
    }

    /// Keeps what a step may cost at most, in all budgets or in none. Nothing is kept, and `want` is not asked, where nothing is bounded.
    async fn reserve(&self, want: impl FnOnce(&BudgetCaps) -> Result<Spend, Failure>) -> Result<Spend, Failure> {
        let Some(caps) = self.budgets.caps_of(&self.agent) else { return Ok(Spend::ZERO) };
        let want = want(&caps)?;
        self.open(&caps).await.map_err(|fault| Failure::of(&fault))?;
        let mut state = self.state.lock();
        let mut ledger = self.budgets.ledger();
        let accounts = self.accounts(&mut state, &mut ledger, &caps);
        ledger.reserve(self.turn, &accounts, want).map_err(|exceeded| refusal::of(&exceeded, &self.agent))?;
        state.held = state.held.saturating_add(want);
        Ok(want)
    }

    /// Keeps wall time, at most so much, and says how much: the time that the turn may take from now on.
    pub async fn begin_wall(&self, most: Duration) -> Result<Duration, Failure> {
        let Some(caps) = self.budgets.caps_of(&self.agent) else { return Ok(most) };
        self.open(&caps).await.map_err(|fault| Failure::of(&fault))?;
        let mut state = self.state.lock();
        let mut ledger = self.budgets.ledger();
        let accounts = self.accounts(&mut state, &mut ledger, &caps);
        let Some(left) = ledger.wall_left_us(&accounts) else { return Ok(most) };
        // Where nothing is left, asking for the least there is makes the ledger say which budget it is.
        let want = Spend { wall_us: micros(most).min(left).max(1), ..Spend::ZERO };
        ledger.reserve(self.turn, &accounts, want).map_err(|exceeded| refusal::of(&exceeded, &self.agent))?;
        state.held = state.held.saturating_add(want);
        Ok(Duration::from_micros(want.wall_us))
    }

    /// The turn ends or waits; it has worked for so long since [`Account::begin_wall`].
    pub fn end_wall(&self, used: Duration) {
        let held = Spend { wall_us: self.state.lock().held.wall_us, ..Spend::ZERO };
        self.settle(held, Spend { wall_us: micros(used), ..Spend::ZERO });
    }

    /// A step has ended that so much was kept for, and used so much. Tells where that was more, once for each account.
    pub fn settle(&self, reserved: Spend, spent: Spend) -> Option<Overrun> {
        let mut state = self.state.lock();
        state.total = state.total.saturating_add(spent);
        state.held = state.held.saturating_sub(reserved);
        if self.budgets.is_idle() {
            return None;
        }
        let caps = self.budgets.caps_of(&self.agent).unwrap_or_default();
        let mut ledger = self.budgets.ledger();
        let accounts = self.accounts(&mut state, &mut ledger, &caps);
        let overran = ledger.settle(self.turn, &accounts, reserved, spent);
        // Accounts that others opened since learn of this turn.
        ledger.join(self.turn, accounts.iter().map(|(key, _)| key), state.total);
        overran.then_some(Overrun { reserved, reported: spent })
    }

    /// A step did not happen.
    pub fn give_back(&self, reserved: Spend) {
        if !reserved.is_zero() {
            self.settle(reserved, Spend::ZERO);
        }
    }

    /// The turn is over and its end is in the journal, with this total.
    pub fn close(&self, total: Spend) {
        let mut state = self.state.lock();
        state.held = Spend::ZERO;
        if !self.budgets.is_idle() {
            let mut ledger = self.budgets.ledger();
            let keys = self.keys(&mut state, &mut ledger);
            ledger.close(self.turn, keys.iter(), total);
        }
        state.keys = None;
    }

    /// Makes sure that every account with a ceiling is open.
    async fn open(&self, caps: &BudgetCaps) -> Result<(), caxton_store::Error> {
        for _ in 0..TRIES_MAX {
            let (missing, generation) = {
                let mut state = self.state.lock();
                let mut ledger = self.budgets.ledger();
                let accounts = self.accounts(&mut state, &mut ledger, caps);
                ledger.join(self.turn, accounts.iter().map(|(key, _)| key), state.total);
                let missing = accounts.into_iter().filter(|(key, caps)| !caps.is_none() && !ledger.knows(key));
                (missing.map(|(key, _)| key).collect::<Vec<_>>(), ledger.generation())
            };
            if missing.is_empty() {
                return Ok(());
            }
            let mut seeds = Vec::with_capacity(missing.len());
            for key in missing {
                let seed = journal::read(&self.workspace.0, &key).await?;
                seeds.push((key, seed));
            }
            let state = self.state.lock();
            let mut ledger = self.budgets.ledger();
            // What was read may be older than an account that came and went since.
            if ledger.generation() == generation {
                for (key, seed) in seeds {
                    ledger.seed(self.turn, state.total, key, seed.ended, seed.open);
                }
            }
        }
        Ok(())
    }

    fn accounts(&self, state: &mut State, ledger: &mut Entered<'_>, caps: &BudgetCaps) -> Accounts {
        let keys = self.keys(state, ledger);
        std::array::from_fn(|at| {
            let key = keys.get(at).cloned().unwrap_or(BudgetKey::Message(self.turn));
            let caps = caps.get(key.scope());
            (key, caps)
        })
    }

    /// The turn's accounts of today. At midnight it goes over to those of the new day, where its end will be counted too.
    fn keys(&self, state: &mut State, ledger: &mut Entered<'_>) -> Arc<[BudgetKey; 4]> {
        let today = Day::of(caxton_store::now());
        match &state.keys {
            Some((day, keys)) if *day == today => Arc::clone(keys),
            known => {
                let keys = Arc::new(keys(&self.workspace.0, &self.agent.name, self.conversation, self.turn, today));
                if let Some((_, before)) = known {
                    let yesterday = before.iter().filter(|key| !keys.contains(key));
                    ledger.close(self.turn, yesterday, Spend::ZERO);
                    let fresh: Vec<_> = keys.iter().filter(|key| !before.contains(key)).map(|key| (key.clone(), Caps::NONE)).collect();
                    ledger.join(self.turn, fresh.iter().map(|(key, _)| key), state.total);
                    // Without a ceiling nothing is refused.
                    let _ = ledger.reserve(self.turn, &fresh, state.held);
                }
                state.keys = Some((today, Arc::clone(&keys)));
                keys
            }
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some((_, keys)) = &self.state.get_mut().keys {
            self.budgets.ledger().leave(self.turn, keys.iter());
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
