//! Budgets, seen from outside: what is capped does not happen, and what happened is counted.

use anyhow::Result;
use caxton_api::{CapsView, ReplyView, SendMessage};
use caxton_testkit::{Caxton, agent, script, server};
use caxton_types::{BudgetScope, Performative, TurnEnd};
use serde_json::{Value, json};

/// The same conversation goes on.
async fn again(caxton: &Caxton, reply: &ReplyView, text: &str) -> Result<ReplyView> {
    let message = SendMessage { conversation_id: Some(reply.conversation), ..SendMessage::request("agent:sum".parse()?, text.into()) };
    caxton.send(message).await
}

fn small(name: &str, lines: &str) -> (String, String) {
    agent(name, &format!("[model]\nmax_tokens = 100\n{lines}"))
}

async fn count(caxton: &Caxton, reply: &ReplyView, kind: &str) -> Result<usize> {
    Ok(caxton.events(reply.conversation).await?.iter().filter(|event| event.fact["type"] == kind).count())
}

#[tokio::test]
async fn a_turn_whose_budget_is_used_up_ends_with_the_reason_and_the_way_on() -> Result<()> {
    let model = script().calls("http_client__request", json!({"url": "https://example.com"})).always("never said");
    let caxton = server().model(&model).set("budgets.message.steps=2").agent(small("sum", "")).start().await?;
    let reply = caxton.request("sum", "fetch it").await?;
    assert_eq!((reply.performative, reply.end), (Performative::Failure, Some(TurnEnd::BudgetExhausted)));
    assert_eq!(reply.content["code"], "exhausted");
    let reason = "the budget of this message does not allow it: 2 of 2 steps are used or kept for work under way, and this needs up to 1";
    assert_eq!(reply.content["reason"], reason);
    assert_eq!(reply.content["hint"], "raise the cap: `caxton budget set message steps 3`");
    assert_eq!(model.asked().len(), 1);
    caxton.stop().await
}

#[tokio::test]
async fn replies_budgets_and_reports_tell_what_work_cost() -> Result<()> {
    let model = script().always("42");
    let prices = ["llm.prices.script.input=$1.00", "llm.prices.script.output=$2.00"];
    let server = server().model(&model).set(prices[0]).set(prices[1]).set("budgets.workspace_day.money=$1.00");
    let caxton = server.agent(small("sum", "")).agent(small("idle", "")).start().await?;
    let reply = caxton.request("sum", "6*7?").await?;
    let cost = reply.cost.clone().unwrap();
    assert_eq!((cost.micros, cost.text.as_str()), (20, "$0.00002"), "10 tokens read, 5 written");
    again(&caxton, &reply, "and again?").await?;

    let report = caxton.client.budgets(Some("sum"), Some(reply.conversation)).await?;
    let spent: Vec<_> = report.budgets.iter().map(|budget| budget.standing.as_ref().map(|standing| standing.spent.money.micros)).collect();
    assert_eq!(spent, [None, Some(40), Some(40), Some(40)]);
    let day = report.budgets[3].standing.as_ref().unwrap();
    assert_eq!(
        (day.left.money_micros, &day.reserved),
        (Some(999_960), &caxton_api::SpendView { money: day.reserved.money.clone(), ..Default::default() })
    );

    let costs = caxton.client.costs(1, None).await?;
    let rows: Vec<_> =
        costs.rows.iter().map(|row| (row.agent.as_str(), row.spent.tokens, row.spent.money.micros, row.spent.steps)).collect();
    assert_eq!(rows, [("sum", 30, 40, 2)]);
    assert!(caxton.client.costs(1, Some("idle")).await?.rows.is_empty());
    caxton.stop().await
}

#[tokio::test]
async fn a_cap_that_is_set_while_the_server_runs_holds_from_the_next_step_on() -> Result<()> {
    let model = script().always("42");
    let caxton = server().model(&model).agent(small("sum", "")).start().await?;
    let first = caxton.request("sum", "6*7?").await?;
    assert_eq!(again(&caxton, &first, "sure?").await?.end, Some(TurnEnd::Completed));
    let steps = |steps| CapsView { steps: Some(steps), ..CapsView::default() };
    caxton.client.set_budget(BudgetScope::Conversation, &steps(2)).await?;
    assert_eq!(again(&caxton, &first, "really?").await?.end, Some(TurnEnd::BudgetExhausted), "what was used before counts");
    assert_eq!(caxton.request("sum", "6*7?").await?.end, Some(TurnEnd::Completed), "another conversation has its own");
    caxton.client.set_budget(BudgetScope::Conversation, &steps(3)).await?;
    assert_eq!(again(&caxton, &first, "please?").await?.end, Some(TurnEnd::Completed));
    caxton.stop().await
}

#[tokio::test]
async fn a_day_goes_on_after_a_restart() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let model = script().always("42");
    let start = || server().model(&model).data_dir(dir.path()).agent(small("sum", "[budget.day]\nsteps = 2")).start();
    let caxton = start().await?;
    assert_eq!(caxton.request("sum", "6*7?").await?.end, Some(TurnEnd::Completed));
    caxton.stop().await?;
    let caxton = start().await?;
    assert_eq!(caxton.request("sum", "6*7?").await?.end, Some(TurnEnd::Completed));
    let refused = caxton.request("sum", "6*7?").await?;
    assert_eq!(refused.end, Some(TurnEnd::BudgetExhausted));
    let hint = "raise `steps` under `[budget.day]` in the file of agent `sum`, then deploy; or go on tomorrow (UTC)";
    assert_eq!(refused.content["hint"], hint);
    caxton.stop().await
}

#[tokio::test]
async fn agents_that_work_for_each_other_share_the_conversations_budget() -> Result<()> {
    let ask = json!({"to": "helper", "text": "What is 6 times 7?"});
    let model = script().calls("agents__ask", ask).says("It is 42.").always("The helper says 42.");
    let asking = small("sum", "").1.replace("version", "tools = [\"agents/ask\"]\nversion");
    let server = server().model(&model).set("budgets.conversation.steps=3");
    let caxton = server.agent(("sum".into(), asking)).agent(small("helper", "")).start().await?;
    let reply = caxton.request("sum", "6*7?").await?;
    assert_eq!(reply.end, Some(TurnEnd::BudgetExhausted), "{}", reply.content);
    assert_eq!(reply.content["partial"], "It is 42.", "what was found until then goes out with the reason");
    assert_eq!(model.asked().len(), 2);
    caxton.stop().await
}

#[tokio::test]
async fn a_provider_that_reports_too_much_is_asked_no_more() -> Result<()> {
    let model = script().always("42").reports(900_000, 900_000);
    let caxton = server().model(&model).agent(small("sum", "")).start().await?;
    let tokens = |tokens| CapsView { tokens: Some(tokens), ..CapsView::default() };
    caxton.client.set_budget(BudgetScope::WorkspaceDay, &tokens(100_000_000)).await?;
    let reply = caxton.request("sum", "6*7?").await?;
    assert_eq!((reply.end, reply.content.clone()), (Some(TurnEnd::Completed), Value::from("42")));
    assert_eq!(count(&caxton, &reply, "budget_overrun").await?, 1);
    let refused = caxton.request("sum", "6*7?").await?;
    assert_eq!(refused.end, Some(TurnEnd::BudgetExhausted));
    assert!(refused.content["reason"].as_str().unwrap().contains("more was used than was kept"), "{}", refused.content);
    assert_eq!((count(&caxton, &refused, "budget_overrun").await?, model.asked().len()), (0, 1));
    let report = caxton.client.budgets(None, None).await?;
    assert!(report.budgets[3].standing.as_ref().unwrap().overran);
    caxton.client.set_budget(BudgetScope::WorkspaceDay, &tokens(100_000_001)).await?;
    assert_eq!(caxton.request("sum", "6*7?").await?.end, Some(TurnEnd::Completed));
    caxton.stop().await
}
