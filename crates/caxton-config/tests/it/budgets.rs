//! Caps: of everybody, of one agent, and while the server runs.

use crate::world::world;
use caxton_config::agent;
use caxton_types::{AgentBudget, BudgetCaps, Caps, Money, unit::Period};
use serde_json::json;

#[test]
fn caps_are_read_with_their_units_and_change_live() {
    let file = "budgets:\n  message: {tokens: 5000, money: 0.25, tool_calls: 0, steps: 9, wall_time: 90s}\n  workspace_day: {money: $5, tokens: none}\n";
    let loaded = world().file("caxton.yaml", file).loaded();
    let message = Caps {
        tokens: Some(5000),
        money: Some(Money::from_micros(250_000)),
        tool_calls: Some(0),
        steps: Some(9),
        wall_time: Some(Period::from_secs(90)),
    };
    let workspace_day = Caps { money: Some(Money::from_micros(5_000_000)), ..Caps::NONE };
    assert_eq!(loaded.config.budgets, BudgetCaps { message, workspace_day, ..BudgetCaps::default() });

    let change = loaded.set("budgets.message.tokens", &json!("none")).unwrap();
    assert_eq!((change.old, change.new), (json!(5000), json!("none")));
    assert_eq!(change.loaded.config.budgets.message, Caps { tokens: None, ..message });
    let change = loaded.set("budgets.conversation.money", &json!("1.50")).unwrap();
    assert_eq!(change.loaded.config.budgets.conversation.money, Some(Money::from_micros(1_500_000)));
    assert!(loaded.set("budgets.message.tokens", &json!("many")).is_err());
    assert!(world().loaded().config.budgets.is_none());
}

#[test]
fn an_agent_bounds_its_own_work_in_both_dialects() {
    let budget = "[budget.message]\nmoney = \"$0.10\"\n[budget.day]\nwall_time = \"1h\"\ntokens = 100\n";
    let expected = AgentBudget {
        message: Caps { money: Some(Money::from_micros(100_000)), ..Caps::NONE },
        day: Caps { wall_time: Some(Period::from_secs(3600)), tokens: Some(100), ..Caps::NONE },
        ..AgentBudget::default()
    };
    for head in ["name = \"Spender\"\nsystem_prompt = \"Spend.\"\n", "[agent]\nid = \"spender\"\n[prompts]\nsystem = \"Spend.\"\n"] {
        let parsed = agent::parse(&format!("{head}{budget}"), "agent.toml").unwrap();
        assert_eq!(parsed.spec.budget, expected, "{head}");
    }
}
