//! What work costs, and how much of it a budget allows.

mod caps;
mod ledger;

pub use self::{
    caps::{AgentBudget, BudgetCaps, BudgetScope, Caps, InvalidBudgetWord, Quantity},
    ledger::{BudgetKey, Exceeded, Ledger, Standing},
};

use crate::Money;
use serde::{Deserialize, Serialize};

/// What a step or a turn used, or may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Spend {
    /// Tokens, read and written together.
    #[serde(skip_serializing_if = "is_zero")]
    pub tokens: u64,
    /// Money.
    #[serde(skip_serializing_if = "Money::is_zero")]
    pub money: Money,
    /// Calls of tools.
    #[serde(skip_serializing_if = "is_zero")]
    pub tool_calls: u64,
    /// Steps.
    #[serde(skip_serializing_if = "is_zero")]
    pub steps: u64,
    /// Wall time in microseconds, waits not counted.
    #[serde(skip_serializing_if = "is_zero")]
    pub wall_us: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Spend {
    /// Nothing.
    pub const ZERO: Self = Self { tokens: 0, money: Money::ZERO, tool_calls: 0, steps: 0, wall_us: 0 };

    /// Whether nothing is used.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Both together.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            money: self.money.plus(other.money),
            tool_calls: self.tool_calls.saturating_add(other.tool_calls),
            steps: self.steps.saturating_add(other.steps),
            wall_us: self.wall_us.saturating_add(other.wall_us),
        }
    }

    /// What is left of it.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            money: self.money.minus(other.money),
            tool_calls: self.tool_calls.saturating_sub(other.tool_calls),
            steps: self.steps.saturating_sub(other.steps),
            wall_us: self.wall_us.saturating_sub(other.wall_us),
        }
    }
}
