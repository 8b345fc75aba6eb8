//! A budget's refusal in words: which one, how far it is used, and what to do.

use caxton_types::{AgentSpec, BudgetScope, Code, Exceeded, Failure, Quantity};

pub(super) fn of(exceeded: &Exceeded, agent: &AgentSpec) -> Failure {
    Failure { code: Code::Exhausted, reason: exceeded.to_string(), hint: Some(hint(exceeded, agent)) }
}

fn hint(exceeded: &Exceeded, agent: &AgentSpec) -> String {
    let Exceeded { scope, what, cap, .. } = *exceeded;
    let raise = if agent.budget.get(scope).get(what) == Some(cap) {
        let table = match scope {
            BudgetScope::Message => "message",
            BudgetScope::Conversation => "conversation",
            BudgetScope::AgentDay | BudgetScope::WorkspaceDay => "day",
        };
        format!("raise `{what}` under `[budget.{table}]` in the file of agent `{}`, then deploy", agent.name)
    } else {
        format!("raise the cap: `caxton budget set {scope} {what} {}`", enough(exceeded))
    };
    match scope {
        BudgetScope::Message => raise,
        BudgetScope::Conversation => format!("{raise}; or begin a new conversation"),
        BudgetScope::AgentDay | BudgetScope::WorkspaceDay => format!("{raise}; or go on tomorrow (UTC)"),
    }
}

/// A cap under which the same would be allowed.
fn enough(exceeded: &Exceeded) -> String {
    let Exceeded { what, cap, used, wanted, .. } = *exceeded;
    let least = used.saturating_add(wanted).max(cap.saturating_add(1));
    match what {
        // A shell would read `$5` as something else.
        Quantity::Money => what.show(least).trim_start_matches('$').to_owned(),
        Quantity::Tokens | Quantity::ToolCalls | Quantity::Steps | Quantity::WallTime => what.show(least),
    }
}
