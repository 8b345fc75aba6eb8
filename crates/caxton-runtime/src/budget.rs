//! Budgets of running turns: what a step may cost is kept before it begins, and settled when it has ended.
//!
//! Where nothing is bounded, nothing is asked: no shared lock, no reading, no estimate.

mod account;
mod journal;
mod price;
mod refusal;
#[cfg(test)]
mod tests;

pub use self::{
    account::{Account, Overrun},
    price::spent_on,
};

use caxton_store::Workspace;
use caxton_types::{AgentName, AgentSpec, BudgetCaps, BudgetKey, BudgetScope, Caps, ConversationId, Day, Ledger, Standing, TurnId};
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// The most accounts that are kept although nobody uses them.
const ACCOUNTS_MAX: usize = 16_384;

/// All budgets of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Budgets(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ledger: Mutex<Ledger>,
    /// How many accounts the ledger has, to be asked without its lock.
    accounts: AtomicUsize,
    caps: RwLock<BudgetCaps>,
    capped: AtomicBool,
}

/// What one budget stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetStanding {
    /// Whose budget.
    pub scope: BudgetScope,
    /// Its ceilings, the agent's own among them.
    pub caps: Caps,
    /// What is used and kept.
    pub standing: Standing,
}

impl Default for Budgets {
    fn default() -> Self {
        Self::new(BudgetCaps::default())
    }
}

impl Budgets {
    /// Budgets under these ceilings.
    pub fn new(caps: BudgetCaps) -> Self {
        let budgets = Self(Arc::new(Inner {
            ledger: Mutex::new(Ledger::new(ACCOUNTS_MAX)),
            accounts: AtomicUsize::new(0),
            caps: RwLock::default(),
            capped: AtomicBool::new(false),
        }));
        budgets.set(caps);
        budgets
    }

    /// Changes the ceilings; turns that run are under them from their next step on.
    pub fn set(&self, caps: BudgetCaps) {
        let mut current = self.0.caps.write();
        *current = caps;
        self.0.capped.store(!caps.is_none(), Ordering::Release);
    }

    /// The ceilings that the server sets for everyone.
    pub fn caps(&self) -> BudgetCaps {
        *self.0.caps.read()
    }

    /// The budgets that a turn works under. Nothing is read or locked before it wants something that is bounded.
    pub fn account(&self, workspace: &Workspace, agent: &Arc<AgentSpec>, conversation: ConversationId, turn: TurnId) -> Account {
        Account::new(self.clone(), workspace.clone(), Arc::clone(agent), conversation, turn)
    }

    /// What the budgets of a workspace stand at today: its own, and those of an agent and a conversation.
    pub async fn standings(
        &self,
        workspace: &Workspace,
        agent: Option<&AgentSpec>,
        conversation: Option<ConversationId>,
    ) -> Result<Vec<BudgetStanding>, caxton_store::Error> {
        let (name, day) = (workspace.name(), Day::of(caxton_store::now()));
        let caps = agent.map_or_else(|| self.caps(), |agent| self.caps().with(&agent.budget));
        let mut keys = vec![BudgetKey::WorkspaceDay(name.clone(), day)];
        keys.extend(agent.map(|agent| BudgetKey::AgentDay(name.clone(), agent.name.clone(), day)));
        keys.extend(conversation.map(|conversation| BudgetKey::Conversation(name.clone(), conversation)));
        let mut all = Vec::with_capacity(keys.len());
        for key in keys {
            let known = self.ledger().standing(&key);
            let standing = match known {
                Some(standing) => standing,
                None => journal::read(workspace, &key).await?.standing(),
            };
            all.push(BudgetStanding { scope: key.scope(), caps: caps.get(key.scope()), standing });
        }
        Ok(all)
    }

    /// The ceilings of an agent's work; nothing where none applies.
    fn caps_of(&self, agent: &AgentSpec) -> Option<BudgetCaps> {
        let own = &agent.budget;
        if !self.0.capped.load(Ordering::Acquire) && own.is_none() {
            return None;
        }
        Some(self.caps().with(own)).filter(|caps| !caps.is_none())
    }

    /// Whether any turn of this server is bounded.
    fn is_idle(&self) -> bool {
        self.0.accounts.load(Ordering::Acquire) == 0
    }

    fn ledger(&self) -> Entered<'_> {
        Entered { ledger: self.0.ledger.lock(), accounts: &self.0.accounts }
    }
}

/// The ledger while it is locked; tells how many accounts there are when it is left.
struct Entered<'b> {
    ledger: MutexGuard<'b, Ledger>,
    accounts: &'b AtomicUsize,
}

impl std::ops::Deref for Entered<'_> {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

impl std::ops::DerefMut for Entered<'_> {
    fn deref_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.accounts.store(self.ledger.len(), Ordering::Release);
    }
}

/// The accounts of a turn, the narrowest first.
fn keys(workspace: &Workspace, agent: &AgentName, conversation: ConversationId, turn: TurnId, day: Day) -> [BudgetKey; 4] {
    let name = workspace.name();
    [
        BudgetKey::Message(turn),
        BudgetKey::Conversation(name.clone(), conversation),
        BudgetKey::AgentDay(name.clone(), agent.clone(), day),
        BudgetKey::WorkspaceDay(name.clone(), day),
    ]
}
