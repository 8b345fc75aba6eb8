//! Ceilings: how much of each quantity may be used, and for what.

use super::Spend;
use crate::{Money, unit::Period};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// The most that may be used; what is not given has no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Tokens, read and written together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// Calls of tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<u64>,
    /// Steps: calls of models and tools together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Wall time, waits not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_time: Option<Period>,
}

/// What a cap bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Tokens.
    Tokens,
    /// Money.
    Money,
    /// Calls of tools.
    ToolCalls,
    /// Steps.
    Steps,
    /// Wall time.
    WallTime,
}

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// The turn that one message begins.
    Message,
    /// A conversation with all agents that take part in it.
    Conversation,
    /// An agent on one day (UTC).
    AgentDay,
    /// A workspace on one day (UTC).
    WorkspaceDay,
}

/// Text that names nothing of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no {kind} of a budget (known: {known})")]
pub struct InvalidBudgetWord {
    given: String,
    kind: &'static str,
    known: String,
}

fn word<T: Copy>(given: &str, kind: &'static str, all: &[T], name: fn(T) -> &'static str) -> Result<T, InvalidBudgetWord> {
    let wanted = given.trim().to_ascii_lowercase().replace('-', "_");
    all.iter().copied().find(|known| name(*known) == wanted).ok_or_else(|| InvalidBudgetWord {
        given: given.chars().take(80).collect(),
        kind,
        known: all.iter().map(|known| name(*known)).collect::<Vec<_>>().join(", "),
    })
}

impl Quantity {
    /// Every quantity, in the order in which people read them.
    pub const ALL: [Self; 5] = [Self::Tokens, Self::Money, Self::ToolCalls, Self::Steps, Self::WallTime];

    /// Its key in configuration and agents' files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Money => "money",
            Self::ToolCalls => "tool_calls",
            Self::Steps => "steps",
            Self::WallTime => "wall_time",
        }
    }

    /// How much of it was used, in its smallest unit.
    pub const fn of(self, spend: &Spend) -> u64 {
        match self {
            Self::Tokens => spend.tokens,
            Self::Money => spend.money.as_micros(),
            Self::ToolCalls => spend.tool_calls,
            Self::Steps => spend.steps,
            Self::WallTime => spend.wall_us,
        }
    }

    /// Whether somebody outside says how much it was. Time is measured here: a deadline that is met a moment late betrays no one.
    pub(super) const fn is_reported(self) -> bool {
        !matches!(self, Self::WallTime)
    }

    /// So much of it in words, without its name where a unit says it.
    pub fn show(self, amount: u64) -> String {
        match self {
            Self::Tokens | Self::ToolCalls | Self::Steps => amount.to_string(),
            Self::Money => Money::from_micros(amount).to_string(),
            Self::WallTime => Period::new(Duration::from_micros(amount)).to_string(),
        }
    }

    /// So much of it with its name: `1 step`, `4300 tokens`, `$0.02`.
    pub fn say(self, amount: u64) -> String {
        let noun = if amount == 1 { self.noun().trim_end_matches('s') } else { self.noun() };
        format!("{}{noun}", self.show(amount))
    }

    /// What stands behind an amount in a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Tokens => " tokens",
            Self::Money => "",
            Self::ToolCalls => " tool calls",
            Self::Steps => " steps",
            Self::WallTime => " of wall time",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Quantity {
    type Err = InvalidBudgetWord;

    fn from_str(text: &str) -> Result<Self, InvalidBudgetWord> {
        word(text, "quantity", &Self::ALL, Self::as_str)
    }
}

impl BudgetScope {
    /// Every scope, the narrowest first.
    pub const ALL: [Self; 4] = [Self::Message, Self::Conversation, Self::AgentDay, Self::WorkspaceDay];

    /// Its key below `budgets` of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Conversation => "conversation",
            Self::AgentDay => "agent_day",
            Self::WorkspaceDay => "workspace_day",
        }
    }

    /// As a sentence names it: "the budget of …".
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Message => "this message",
            Self::Conversation => "this conversation",
            Self::AgentDay => "this agent for today",
            Self::WorkspaceDay => "this workspace for today",
        }
    }
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BudgetScope {
    type Err = InvalidBudgetWord;

    /// In any spelling: `agent-day` and `agent_day`.
    fn from_str(text: &str) -> Result<Self, InvalidBudgetWord> {
        word(text, "scope", &Self::ALL, Self::as_str)
    }
}

impl Caps {
    /// No bound at all.
    pub const NONE: Self = Self { tokens: None, money: None, tool_calls: None, steps: None, wall_time: None };

    /// Whether it bounds nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// The bound of one quantity, in its smallest unit.
    pub fn get(&self, what: Quantity) -> Option<u64> {
        match what {
            Quantity::Tokens => self.tokens,
            Quantity::Money => self.money.map(Money::as_micros),
            Quantity::ToolCalls => self.tool_calls,
            Quantity::Steps => self.steps,
            Quantity::WallTime => self.wall_time.map(|time| u64::try_from(time.get().as_micros()).unwrap_or(u64::MAX)),
        }
    }

    /// What is bounded, with the bounds.
    pub fn iter(&self) -> impl Iterator<Item = (Quantity, u64)> + '_ {
        Quantity::ALL.into_iter().filter_map(|what| self.get(what).map(|cap| (what, cap)))
    }

    /// The stricter bound of both for each quantity.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Self {
            tokens: least(self.tokens, other.tokens),
            money: least(self.money, other.money),
            tool_calls: least(self.tool_calls, other.tool_calls),
            steps: least(self.steps, other.steps),
            wall_time: least(self.wall_time, other.wall_time),
        }
    }

    /// Whether it allows more of anything than `before` did.
    pub fn is_raised_from(&self, before: &Self) -> bool {
        before.iter().any(|(what, cap)| self.get(what).is_none_or(|now| now > cap))
    }
}

/// The ceilings that a server sets for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetCaps {
    /// For each message.
    #[serde(skip_serializing_if = "Caps::is_none")]
    pub message: Caps,
    /// For each conversation.
    #[serde(skip_serializing_if = "Caps::is_none")]
    pub conversation: Caps,
    /// For each agent and day.
    #[serde(skip_serializing_if = "Caps::is_none")]
    pub agent_day: Caps,
    /// For each workspace and day.
    #[serde(skip_serializing_if = "Caps::is_none")]
    pub workspace_day: Caps,
}

impl BudgetCaps {
    /// Whether nothing is bounded.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The ceilings of one scope.
    pub const fn get(&self, scope: BudgetScope) -> Caps {
        match scope {
            BudgetScope::Message => self.message,
            BudgetScope::Conversation => self.conversation,
            BudgetScope::AgentDay => self.agent_day,
            BudgetScope::WorkspaceDay => self.workspace_day,
        }
    }

    /// With what an agent sets for itself, which can only be stricter.
    #[must_use]
    pub fn with(&self, agent: &AgentBudget) -> Self {
        Self {
            message: self.message.stricter(agent.message),
            conversation: self.conversation.stricter(agent.conversation),
            agent_day: self.agent_day.stricter(agent.day),
            workspace_day: self.workspace_day,
        }
    }
}

/// The ceilings that an agent sets for its own work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentBudget {
    /// For each message that it works on.
    #[serde(skip_serializing_if = "Caps::is_none")]
    pub message: Caps,
    /// For the whole conversation, as far as this agent goes on with it.
    #[serde(skip_serializing_if = "Caps::is_none")]
    pub conversation: Caps,
    /// For each day.
    #[serde(skip_serializing_if = "Caps::is_none")]
    pub day: Caps,
}

impl AgentBudget {
    /// Whether nothing is bounded.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The ceilings of one scope.
    pub const fn get(&self, scope: BudgetScope) -> Caps {
        match scope {
            BudgetScope::Message => self.message,
            BudgetScope::Conversation => self.conversation,
            BudgetScope::AgentDay => self.day,
            BudgetScope::WorkspaceDay => Caps::NONE,
        }
    }
}
