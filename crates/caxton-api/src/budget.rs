//! Budgets: their caps, what is used of them, and what work has cost.

use crate::schema;
use caxton_types::{AgentName, BudgetScope, Caps, ConversationId, Day, Money, Quantity, Spend, unit::Period};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// An amount of US dollars.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"micros": 1234, "text": "$0.001234"}))]
pub struct MoneyView {
    /// In millionths of a dollar.
    pub micros: u64,
    /// As people write it.
    pub text: String,
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self { micros: money.as_micros(), text: money.to_string() }
    }
}

/// What was used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SpendView {
    /// Tokens, read and written together.
    pub tokens: u64,
    /// Money.
    pub money: MoneyView,
    /// Calls of tools.
    pub tool_calls: u64,
    /// Calls of models and tools together.
    pub steps: u64,
    /// Time at work in microseconds, waits not counted.
    pub wall_us: u64,
}

impl From<Spend> for SpendView {
    fn from(spend: Spend) -> Self {
        let Spend { tokens, money, tool_calls, steps, wall_us } = spend;
        Self { tokens, money: money.into(), tool_calls, steps, wall_us }
    }
}

/// The most of each quantity; what is absent has no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"tokens": 500_000, "money_micros": 5_000_000}))]
pub struct CapsView {
    /// Tokens, read and written together.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::whole::maybe")]
    #[schema(maximum = 1_000_000_000_000_000_u64)]
    pub tokens: Option<u64>,
    /// Money in millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::whole::maybe")]
    #[schema(maximum = 1_000_000_000_000_000_u64)]
    pub money_micros: Option<u64>,
    /// Calls of tools.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::whole::maybe")]
    #[schema(maximum = 1_000_000_000_000_000_u64)]
    pub tool_calls: Option<u64>,
    /// Calls of models and tools together.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::whole::maybe")]
    #[schema(maximum = 1_000_000_000_000_000_u64)]
    pub steps: Option<u64>,
    /// Time at work in microseconds, waits not counted.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::whole::maybe")]
    #[schema(maximum = 1_000_000_000_000_000_u64)]
    pub wall_us: Option<u64>,
}

impl CapsView {
    /// The largest cap.
    pub const MAX: u64 = 1_000_000_000_000_000;

    /// The cap of one quantity, in its smallest unit.
    pub const fn get(&self, what: Quantity) -> Option<u64> {
        match what {
            Quantity::Tokens => self.tokens,
            Quantity::Money => self.money_micros,
            Quantity::ToolCalls => self.tool_calls,
            Quantity::Steps => self.steps,
            Quantity::WallTime => self.wall_us,
        }
    }

    /// What is left of each bounded quantity after this was used.
    #[must_use]
    pub fn left(&self, used: &Spend) -> Self {
        let left = |what: Quantity| self.get(what).map(|cap| cap.saturating_sub(what.of(used)));
        Self {
            tokens: left(Quantity::Tokens),
            money_micros: left(Quantity::Money),
            tool_calls: left(Quantity::ToolCalls),
            steps: left(Quantity::Steps),
            wall_us: left(Quantity::WallTime),
        }
    }
}

impl From<Caps> for CapsView {
    fn from(caps: Caps) -> Self {
        Self {
            tokens: caps.tokens,
            money_micros: caps.get(Quantity::Money),
            tool_calls: caps.tool_calls,
            steps: caps.steps,
            wall_us: caps.get(Quantity::WallTime),
        }
    }
}

impl From<CapsView> for Caps {
    fn from(view: CapsView) -> Self {
        Self {
            tokens: view.tokens,
            money: view.money_micros.map(Money::from_micros),
            tool_calls: view.tool_calls,
            steps: view.steps,
            wall_time: view.wall_us.map(|micros| Period::new(Duration::from_micros(micros))),
        }
    }
}

/// What a budget stands at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingView {
    /// What was used.
    pub spent: SpendView,
    /// What is kept for work under way.
    pub reserved: SpendView,
    /// What is left of what is bounded.
    pub left: CapsView,
    /// Whether a provider reported more than was kept: nothing goes on before the cap is raised.
    pub overran: bool,
}

/// One budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetView {
    /// Whose budget it is.
    #[schema(value_type = schema::BudgetScope)]
    pub scope: BudgetScope,
    /// Its caps; an agent's own among them where one is named.
    pub caps: CapsView,
    /// What it stands at, where it is about one thing: the workspace, and the named agent and conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub standing: Option<StandingView>,
}

/// The budgets of a workspace today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetReport {
    /// The day, in UTC.
    #[schema(value_type = schema::Day)]
    pub day: Day,
    /// The agent that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::AgentName, nullable = false)]
    pub agent: Option<AgentName>,
    /// The conversation that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::ConversationId, nullable = false)]
    pub conversation: Option<ConversationId>,
    /// Its budgets, the narrowest first.
    pub budgets: Vec<BudgetView>,
}

/// What the turns of an agent cost that ended on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostRow {
    /// The day, in UTC.
    #[schema(value_type = schema::Day)]
    pub day: Day,
    /// The agent.
    #[schema(value_type = schema::AgentName)]
    pub agent: AgentName,
    /// What they used.
    pub spent: SpendView,
}

/// What the agents of a workspace cost, day by day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostReport {
    /// The first day, in UTC.
    #[schema(value_type = schema::Day)]
    pub from: Day,
    /// The last day.
    #[schema(value_type = schema::Day)]
    pub to: Day,
    /// Each day and agent that used anything, in that order.
    pub rows: Vec<CostRow>,
    /// All of them together.
    pub total: SpendView,
}
