//! The accounts behind budgets: what was used, and what is kept for work that is under way.

#[cfg(test)]
mod tests;

use super::{BudgetScope, Caps, Quantity, Spend};
use crate::{AgentName, ConversationId, Day, TurnId, WorkspaceName};
use std::collections::{BTreeMap, HashMap};

/// One account of a [`Ledger`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BudgetKey {
    /// The turn that one message began.
    Message(TurnId),
    /// A conversation of a workspace.
    Conversation(WorkspaceName, ConversationId),
    /// An agent of a workspace on one day.
    AgentDay(WorkspaceName, AgentName, Day),
    /// A workspace on one day.
    WorkspaceDay(WorkspaceName, Day),
}

impl BudgetKey {
    /// What kind of account it is.
    pub const fn scope(&self) -> BudgetScope {
        match self {
            Self::Message(_) => BudgetScope::Message,
            Self::Conversation(..) => BudgetScope::Conversation,
            Self::AgentDay(..) => BudgetScope::AgentDay,
            Self::WorkspaceDay(..) => BudgetScope::WorkspaceDay,
        }
    }
}

/// A reservation that a budget does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the budget of {} does not allow it: {}", .scope.noun(), self.figures())]
pub struct Exceeded {
    /// Whose budget.
    pub scope: BudgetScope,
    /// Which quantity.
    pub what: Quantity,
    /// The most of it.
    pub cap: u64,
    /// What is used, or kept for work under way.
    pub used: u64,
    /// What was asked for.
    pub wanted: u64,
    /// Whether more was reported before than was kept: nothing goes on until the cap is raised.
    pub overran: bool,
}

impl Exceeded {
    fn figures(&self) -> String {
        let Self { what, cap, used, wanted, .. } = *self;
        let (cap, used, wanted, noun) = (what.show(cap), what.show(used), what.show(wanted), what.noun());
        if self.overran {
            return format!("more was used than was kept for it ({used} of {cap}{noun} are used)");
        }
        format!("{used} of {cap}{noun} are used or kept for work under way, and this needs up to {wanted}")
    }
}

/// What an account stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// What was used.
    pub spent: Spend,
    /// What is kept for work under way.
    pub reserved: Spend,
    /// Whether more was reported than was kept.
    pub overran: bool,
}

/// All accounts that are in use; those that are not can be read from the journal again.
///
/// Invariant: what is used and reserved together stays within every cap, as long as reports stay within their reservations.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: HashMap<BudgetKey, Account>,
    accounts_max: usize,
    /// So many accounts are looked through for those that can go.
    sweep_at: usize,
    /// Counts how often accounts were dropped.
    drops: u64,
}

#[derive(Debug, Default)]
struct Account {
    /// Of everything in it.
    spent: Spend,
    reserved: Spend,
    parts: BTreeMap<TurnId, Part>,
    /// The caps under which more was reported than reserved.
    overran: Option<Caps>,
}

/// What an open turn has in an account.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    spent: Spend,
    reserved: Spend,
    /// Whether the turn is driven now; the journal knows what one used that is not.
    driven: bool,
}

impl Account {
    fn is_idle(&self) -> bool {
        self.parts.values().all(|part| !part.driven)
    }

    fn used(&self) -> Spend {
        self.spent.saturating_add(self.reserved)
    }

    fn check(&self, key: &BudgetKey, caps: &Caps, want: &Spend) -> Result<(), Exceeded> {
        let overran = self.overran.is_some_and(|before| !caps.is_raised_from(&before));
        let used = self.used();
        for (what, cap) in caps.iter() {
            let (used, wanted) = (what.of(&used), what.of(want));
            // What is not wanted is not refused, even where it is used up.
            if overran || (wanted > 0 && used.checked_add(wanted).is_none_or(|sum| sum > cap)) {
                return Err(Exceeded { scope: key.scope(), what, cap, used, wanted, overran });
            }
        }
        Ok(())
    }

    /// Sets what an open turn has used so far.
    fn note(&mut self, turn: TurnId, so_far: Spend) -> &mut Part {
        let part = self.parts.entry(turn).or_default();
        self.spent = self.spent.saturating_sub(part.spent).saturating_add(so_far);
        part.spent = so_far;
        part
    }
}

impl Ledger {
    /// A ledger that drops accounts nobody uses as soon as it has more than this.
    pub fn new(accounts_max: usize) -> Self {
        Self { accounts_max, sweep_at: accounts_max, ..Self::default() }
    }

    /// How many accounts it has.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Whether it has this account.
    pub fn knows(&self, key: &BudgetKey) -> bool {
        self.accounts.contains_key(key)
    }

    /// Changes whenever accounts are dropped: what was read of the journal before may be too old by then.
    pub const fn generation(&self) -> u64 {
        self.drops
    }

    /// Opens an account for a turn with what the journal says: the sum of ended turns, and what each open one has used so far.
    ///
    /// An account that is there already stays as it is: it knows better. Other accounts that nobody uses may go for it, so a turn joins
    /// those that are there first.
    pub fn seed(&mut self, turn: TurnId, so_far: Spend, key: BudgetKey, ended: Spend, open: impl IntoIterator<Item = (TurnId, Spend)>) {
        if !self.knows(&key) {
            self.make_room();
            let account = self.accounts.entry(key.clone()).or_default();
            account.spent = ended;
            for (turn, so_far) in open {
                account.note(turn, so_far);
            }
        }
        self.join(turn, [&key], so_far);
    }

    /// A turn is driven from now on that has used so much before; accounts that are not open learn nothing.
    pub fn join<'k>(&mut self, turn: TurnId, keys: impl IntoIterator<Item = &'k BudgetKey>, so_far: Spend) {
        for key in keys {
            if let Some(account) = self.accounts.get_mut(key) {
                account.note(turn, so_far).driven = true;
            }
        }
    }

    /// Keeps so much in all accounts or in none. Each must be open, and the turn must have joined it.
    pub fn reserve(&mut self, turn: TurnId, from: &[(BudgetKey, Caps)], want: Spend) -> Result<(), Exceeded> {
        for (key, caps) in from {
            match self.accounts.get(key) {
                Some(account) => account.check(key, caps, &want)?,
                None => Account::default().check(key, caps, &want)?,
            }
        }
        for (key, _) in from {
            if let Some(account) = self.accounts.get_mut(key) {
                let part = account.parts.entry(turn).or_default();
                part.reserved = part.reserved.saturating_add(want);
                account.reserved = account.reserved.saturating_add(want);
            }
        }
        Ok(())
    }

    /// Gives a reservation back for what was really used. Whether some account learns for the first time that more was used than was
    /// kept; such an account allows nothing more until its caps are raised.
    pub fn settle(&mut self, turn: TurnId, of: &[(BudgetKey, Caps)], reserved: Spend, spent: Spend) -> bool {
        let mut overran = false;
        for (key, caps) in of {
            let Some(account) = self.accounts.get_mut(key) else { continue };
            let Some(part) = account.parts.get_mut(&turn) else { continue };
            let back = least(part.reserved, reserved);
            part.reserved = part.reserved.saturating_sub(back);
            part.spent = part.spent.saturating_add(spent);
            account.reserved = account.reserved.saturating_sub(back);
            account.spent = account.spent.saturating_add(spent);
            let over = !reserved.is_zero() && caps.iter().any(|(what, _)| what.is_reported() && what.of(&spent) > what.of(&reserved));
            let known = account.overran.is_some_and(|before| !caps.is_raised_from(&before));
            if over && !known {
                account.overran = Some(*caps);
                overran = true;
            }
        }
        overran
    }

    /// How much wall time is left in all of them; nothing where none bounds it.
    pub fn wall_left_us(&self, of: &[(BudgetKey, Caps)]) -> Option<u64> {
        let left = |(key, caps): &(BudgetKey, Caps)| {
            let used = self.accounts.get(key).map_or(0, |account| account.used().wall_us);
            caps.get(Quantity::WallTime).map(|cap| cap.saturating_sub(used))
        };
        of.iter().filter_map(left).min()
    }

    /// The turn is not driven any more, and not over: what it had reserved is free, what it used stays.
    pub fn leave<'k>(&mut self, turn: TurnId, keys: impl IntoIterator<Item = &'k BudgetKey>) {
        for key in keys {
            if let Some(account) = self.accounts.get_mut(key)
                && let Some(part) = account.parts.get_mut(&turn)
            {
                account.reserved = account.reserved.saturating_sub(std::mem::take(&mut part.reserved));
                part.driven = false;
            }
        }
    }

    /// The turn is over, and used so much in all. Its own account is closed.
    pub fn close<'k>(&mut self, turn: TurnId, keys: impl IntoIterator<Item = &'k BudgetKey>, total: Spend) {
        for key in keys {
            if matches!(key, BudgetKey::Message(_)) {
                self.accounts.remove(key);
            } else if let Some(account) = self.accounts.get_mut(key) {
                let reserved = account.note(turn, total).reserved;
                account.reserved = account.reserved.saturating_sub(reserved);
                account.parts.remove(&turn);
            }
        }
    }

    /// What an account stands at, where it is open.
    pub fn standing(&self, key: &BudgetKey) -> Option<Standing> {
        let account = self.accounts.get(key)?;
        Some(Standing { spent: account.spent, reserved: account.reserved, overran: account.overran.is_some() })
    }

    /// Accounts of driven turns stay; so do, as long as that is enough, those that overran, since the journal's sums do not tell.
    fn make_room(&mut self) {
        if self.accounts.len() < self.sweep_at {
            return;
        }
        self.drops += 1;
        self.accounts.retain(|_, account| !account.is_idle() || account.overran.is_some());
        if self.accounts.len() >= self.accounts_max {
            self.accounts.retain(|_, account| !account.is_idle());
        }
        // Where all of them are in use, looking through them for every new one would cost too much.
        self.sweep_at = self.accounts_max.max(self.accounts.len().saturating_mul(2));
    }
}

fn least(one: Spend, other: Spend) -> Spend {
    Spend {
        tokens: one.tokens.min(other.tokens),
        money: one.money.min(other.money),
        tool_calls: one.tool_calls.min(other.tool_calls),
        steps: one.steps.min(other.steps),
        wall_us: one.wall_us.min(other.wall_us),
    }
}
