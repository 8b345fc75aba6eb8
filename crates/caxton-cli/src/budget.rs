//! `caxton budget …`: caps, what is left of them, and what work has cost.

use crate::{
    args::BudgetCommand,
    console::{Console, FAINT},
    error::{Error, Result},
    session::{Session, explained},
    table::Table,
};
use caxton_api::{BudgetReport, BudgetView, CostReport, SpendView};
use caxton_types::{BudgetScope, Money, Quantity, unit::Period};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) async fn run(command: &BudgetCommand, session: &Session) -> Result<()> {
    match command {
        BudgetCommand::Show { agent, conversation, days } => {
            let client = session.client()?;
            let budgets = client.budgets(agent.as_deref(), *conversation).await.map_err(explained)?;
            let named = budgets.agent.as_ref().map(AsRef::as_ref);
            let costs = client.costs(*days, named).await.map_err(explained)?;
            show(&budgets, &costs, session.console())
        }
        BudgetCommand::Set { scope, key, value } => set(*scope, *key, value, session).await,
    }
}

async fn set(scope: BudgetScope, what: Quantity, text: &str, session: &Session) -> Result<()> {
    let value = read(what, text)?;
    let change = session.client()?.set_config(&format!("budgets.{scope}.{what}"), value).await.map_err(explained)?;
    let console = session.console();
    if console.json {
        return console.value(&change);
    }
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    console.line(format_args!("{}: {} → {}", change.key, shown(&change.old), shown(&change.new)))
}

/// The cap as the configuration takes it; a wrong one is told before anything is sent.
fn read(what: Quantity, text: &str) -> Result<Value> {
    let text = text.trim();
    if text == "none" {
        return Ok(text.into());
    }
    let wrong = |error: String| Error::invalid(error).hint(format!("as in `caxton budget set message {what} {}`", example(what)));
    match what {
        Quantity::Tokens | Quantity::ToolCalls | Quantity::Steps => {
            let number: u64 = text.parse().map_err(|_| wrong(format!("`{text}` is not a whole number, and not `none`")))?;
            Ok(number.into())
        }
        Quantity::Money => {
            let money: Money = text.parse().map_err(|error| wrong(format!("{error}")))?;
            Ok(money.to_string().into())
        }
        Quantity::WallTime => {
            let period: Period = text.parse().map_err(|error| wrong(format!("{error}")))?;
            Ok(period.to_string().into())
        }
    }
}

const fn example(what: Quantity) -> &'static str {
    match what {
        Quantity::Tokens => "50000",
        Quantity::Money => "0.50",
        Quantity::ToolCalls => "20",
        Quantity::Steps => "40",
        Quantity::WallTime => "1m",
    }
}

fn show(budgets: &BudgetReport, costs: &CostReport, console: &Console) -> Result<()> {
    if console.json {
        return console.value(&json!({"budgets": budgets, "costs": costs}));
    }
    let mut table = Table::new(["BUDGET", "OF", "CAP", "USED", "KEPT", "LEFT"]);
    let mut any = false;
    for budget in &budgets.budgets {
        for what in Quantity::ALL.into_iter().filter(|what| budget.caps.get(*what).is_some()) {
            any = true;
            table.row(row(budget, what));
        }
    }
    if any {
        table.print(console)?;
        let stopped = budgets.budgets.iter().filter(|budget| budget.standing.as_ref().is_some_and(|standing| standing.overran));
        for budget in stopped {
            console.warn(format_args!(
                "a provider reported more than was kept for it: `{}` allows nothing until its cap is raised",
                budget.scope
            ));
        }
    } else {
        console.note("nothing is capped; `caxton budget set conversation tokens 500000` sets a cap");
    }
    if costs.rows.is_empty() {
        return console.line(format_args!("No agent has used anything from {} to {}.", costs.from, costs.to));
    }
    if any {
        console.line("")?;
    }
    let mut table = Table::new(["DAY", "AGENT", "TOKENS", "COST", "TOOL CALLS", "STEPS", "TIME"]);
    for row in &costs.rows {
        table.row(spent(row.day.to_string(), row.agent.to_string(), &row.spent));
    }
    table.print(console)?;
    let total = spent("total".to_owned(), String::new(), &costs.total);
    console.line(console.painter().paint(FAINT, format_args!("{} tokens, {} in all", total[2], total[3])))
}

fn row(budget: &BudgetView, what: Quantity) -> [String; 6] {
    let figure = |amount: Option<u64>| amount.map_or_else(|| "–".to_owned(), |amount| what.show(amount));
    let standing = budget.standing.as_ref();
    [
        budget.scope.to_string(),
        what.to_string(),
        figure(budget.caps.get(what)),
        figure(standing.map(|standing| amount(&standing.spent, what))),
        figure(standing.map(|standing| amount(&standing.reserved, what))),
        figure(standing.and_then(|standing| standing.left.get(what))),
    ]
}

const fn amount(spent: &SpendView, what: Quantity) -> u64 {
    match what {
        Quantity::Tokens => spent.tokens,
        Quantity::Money => spent.money.micros,
        Quantity::ToolCalls => spent.tool_calls,
        Quantity::Steps => spent.steps,
        Quantity::WallTime => spent.wall_us,
    }
}

fn spent(day: String, agent: String, spent: &SpendView) -> [String; 7] {
    let time = Period::new(Duration::from_millis(spent.wall_us / 1000));
    let SpendView { tokens, money, tool_calls, steps, wall_us: _ } = spent;
    [day, agent, tokens.to_string(), money.text.clone(), tool_calls.to_string(), steps.to_string(), time.to_string()]
}
