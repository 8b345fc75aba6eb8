//! Accounts over a real journal: what they allow, what they find there, and what they leave.

use super::*;
use caxton_llm::{ApiKey, Models, Options as ModelOptions, ProviderKind, ProviderOptions};
use caxton_store::{Batch, Options, Store, ids};
use caxton_types::{
    AgentBudget, ChatMessage, Code, Fact, Failure, Metering, ModelReply, ModelRequest, ModelSettings, Money, NewEvent, Payload, Price,
    Spend, StepId, StopReason, TokenUsage, TurnEnd, WorkspaceName, unit::Period,
};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};

struct World {
    budgets: Budgets,
    workspace: Workspace,
    conversation: ConversationId,
    _store: Store,
    _dir: tempfile::TempDir,
}

fn world(caps: &BudgetCaps) -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Options::new(dir.path())).unwrap();
    let workspace = store.workspace(&WorkspaceName::default()).unwrap();
    World { budgets: Budgets::new(*caps), workspace, conversation: ids::conversation(), _store: store, _dir: dir }
}

fn agent(name: &str, budget: AgentBudget) -> Arc<AgentSpec> {
    let mut spec: AgentSpec =
        serde_json::from_value(json!({ "name": name, "display_name": name, "version": "1.0.0", "prompts": { "system": "Be brief." } }))
            .unwrap();
    spec.budget = budget;
    Arc::new(spec)
}

fn worker() -> Arc<AgentSpec> {
    agent("worker", AgentBudget::default())
}

fn tokens(tokens: u64) -> Caps {
    Caps { tokens: Some(tokens), ..Caps::NONE }
}

fn calls(tool_calls: u64) -> Caps {
    Caps { tool_calls: Some(tool_calls), ..Caps::NONE }
}

fn by_conversation(conversation: Caps) -> BudgetCaps {
    BudgetCaps { conversation, ..BudgetCaps::default() }
}

impl World {
    fn account(&self, agent: &Arc<AgentSpec>) -> Account {
        self.budgets.account(&self.workspace, agent, self.conversation, ids::turn())
    }

    fn event(&self, turn: TurnId, step: Option<StepId>, fact: Fact) -> NewEvent {
        NewEvent {
            caller: caxton_types::Caller::local(WorkspaceName::default()).actor(),
            trace: ids::trace(),
            conversation: Some(self.conversation),
            agent: Some("worker".parse().unwrap()),
            turn: Some(turn),
            step,
            fact,
        }
    }

    /// A turn in the journal whose steps used so much; ended where a total is given.
    async fn record(&self, turn: TurnId, steps: &[Spend], total: Option<Spend>) {
        let spec = caxton_types::Digest::of(b"spec");
        let began = Fact::TurnBegan { message: ids::message(), revision: 1, spec, pinned: None, origin: None };
        let mut events = vec![self.event(turn, None, began)];
        for (step, spent) in (0..).map(StepId).zip(steps) {
            let outcome = Payload::Inline(json!({}));
            let ended = Fact::StepEnded { effect: "call".into(), outcome, metering: Metering::default(), spent: Some(*spent) };
            events.push(self.event(turn, Some(step), ended));
        }
        if total.is_some() {
            let (end, usage) = (TurnEnd::Completed, TokenUsage::default());
            events.push(self.event(turn, None, Fact::TurnEnded { end, reply: None, usage, spent: total, wall_us: 1 }));
        }
        self.workspace.commit(Batch::of(events)).await.unwrap();
    }

    async fn spent(&self) -> Spend {
        let standings = self.budgets.standings(&self.workspace, None, Some(self.conversation)).await.unwrap();
        standings.iter().find(|line| line.scope == BudgetScope::Conversation).unwrap().standing.spent
    }
}

fn models() -> Models {
    let provider = |name: &str| ProviderOptions {
        api_key: Some(ApiKey::new("k")),
        ..ProviderOptions::new(name, ProviderKind::OpenAi { base_url: None }, "tailored")
    };
    let price = Price { input: Money::from_micros(1_000_000), output: Money::from_micros(2_000_000) };
    let prices = BTreeMap::from([("priced".to_owned(), price)]);
    Models::new(ModelOptions { providers: vec![provider("priced"), provider("unpriced")], prices, ..ModelOptions::default() }).unwrap()
}

fn question(model: &str) -> ModelRequest {
    let settings = ModelSettings {
        model: model.into(),
        system: "Be brief.".into(),
        request: "6*7?".into(),
        tools: Arc::from([]),
        attachments: vec![],
        memories: vec![],
        output_schema: None,
        max_tokens: 100,
        temperature: None,
    };
    ModelRequest { settings: Arc::new(settings), dialogue: Arc::new(vec![ChatMessage::User { text: "6*7?".into() }]), sent_before: 0 }
}

fn answer(provider: &str, usage: TokenUsage) -> ModelReply {
    ModelReply {
        text: "42".into(),
        tool_calls: vec![],
        stop: StopReason::End,
        usage,
        provider: provider.into(),
        model: "tailored".into(),
        failovers: vec![],
    }
}

#[tokio::test]
async fn where_nothing_is_bounded_nothing_is_kept() {
    let world = world(&BudgetCaps::default());
    let account = world.account(&worker());
    assert!(!account.is_capped());
    assert_eq!(account.reserve_tool().await, Ok(Spend::ZERO));
    assert_eq!(account.reserve_model(&question("unpriced"), &models()).await, Ok(Spend::ZERO));
    assert_eq!(account.begin_wall(Duration::from_secs(9)).await, Ok(Duration::from_secs(9)));
    assert_eq!(account.settle(Spend::ZERO, Account::TOOL_CALL), None);
    account.end_wall(Duration::from_micros(5));
    assert_eq!(account.spent(), Spend { wall_us: 5, ..Account::TOOL_CALL });
    assert!(world.budgets.ledger().is_empty());
}

#[tokio::test]
async fn a_refusal_names_the_budget_its_figures_and_the_way_on() {
    let world = world(&BudgetCaps { conversation: calls(3), agent_day: calls(2), ..BudgetCaps::default() });
    let own = agent("worker", AgentBudget { message: calls(1), ..AgentBudget::default() });
    let (one, two) = (world.account(&own), world.account(&worker()));
    one.reserve_tool().await.unwrap();
    assert_eq!(
        one.reserve_tool().await,
        Err(Failure {
            code: Code::Exhausted,
            reason: "the budget of this message does not allow it: 1 of 1 tool calls are used or kept for work under way, and this needs up to 1".into(),
            hint: Some("raise `tool_calls` under `[budget.message]` in the file of agent `worker`, then deploy".into()),
        })
    );
    two.reserve_tool().await.unwrap();
    let refused = two.reserve_tool().await.unwrap_err();
    assert_eq!(refused.hint.unwrap(), "raise the cap: `caxton budget set agent_day tool_calls 3`; or go on tomorrow (UTC)");
    world.budgets.set(by_conversation(calls(3)));
    two.reserve_tool().await.unwrap();
    let refused = two.reserve_tool().await.unwrap_err();
    assert_eq!(refused.hint.unwrap(), "raise the cap: `caxton budget set conversation tool_calls 4`; or begin a new conversation");
}

#[tokio::test]
async fn agents_of_one_conversation_share_its_budget_and_give_back_what_they_keep() {
    let world = world(&by_conversation(calls(2)));
    let (parent, child) = (world.account(&worker()), world.account(&agent("helper-two", AgentBudget::default())));
    let kept = parent.reserve_tool().await.unwrap();
    child.reserve_tool().await.unwrap();
    parent.reserve_tool().await.unwrap_err();
    drop(child);
    let given_back = parent.reserve_tool().await.unwrap();
    parent.give_back(given_back);
    assert_eq!(parent.settle(kept, Account::TOOL_CALL), None);
    let total = parent.spent();
    assert_eq!(total, Account::TOOL_CALL);
    parent.close(total);
    assert_eq!(world.spent().await, Account::TOOL_CALL);
    let next = world.account(&worker());
    next.reserve_tool().await.unwrap();
    next.reserve_tool().await.unwrap_err();
}

#[tokio::test]
async fn a_model_call_is_kept_at_its_bound_and_settled_at_its_price() {
    let caps = Caps { tokens: Some(10_000), money: Some(Money::from_micros(500)), ..Caps::NONE };
    let world = world(&BudgetCaps { workspace_day: caps, ..BudgetCaps::default() });
    let (account, models, question) = (world.account(&worker()), models(), question("priced"));
    let bound = models.estimate(&question);
    let kept = account.reserve_model(&question, &models).await.unwrap();
    let expected = Money::from_micros(bound.input + 2 * bound.output);
    assert_eq!(kept, Spend { tokens: bound.total(), money: expected, steps: 1, ..Spend::ZERO });
    let reply = answer("priced", TokenUsage { input: 20, output: 5 });
    let spent = spent_on(&reply, &models);
    assert_eq!(spent, Spend { tokens: 25, money: Money::from_micros(30), steps: 1, ..Spend::ZERO });
    assert_eq!(account.settle(kept, spent), None);
    let kept = account.reserve_model(&question, &models).await.unwrap();
    let refused = account.reserve_model(&question, &models).await.unwrap_err();
    assert!(refused.reason.contains("$0.00"), "{}", refused.reason);
    assert!(refused.hint.unwrap().starts_with("raise the cap: `caxton budget set workspace_day money 0.000"));
    account.give_back(kept);
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_only_where_money_is_bounded() {
    let world = world(&by_conversation(tokens(10_000)));
    let (account, models) = (world.account(&worker()), models());
    let kept = account.reserve_model(&question("unpriced"), &models).await.unwrap();
    assert!(kept.money.is_zero() && kept.tokens > 0);
    world.budgets.set(by_conversation(Caps { money: Some(Money::from_micros(1)), ..Caps::NONE }));
    let refused = account.reserve_model(&question("unpriced"), &models).await.unwrap_err();
    assert!(refused.reason.contains("price"), "{}", refused.reason);
}

#[tokio::test]
async fn more_than_was_kept_is_one_overrun_and_the_end_of_calls() {
    let world = world(&by_conversation(tokens(10_000)));
    let (account, other, models) = (world.account(&worker()), world.account(&worker()), models());
    let kept = account.reserve_model(&question("priced"), &models).await.unwrap();
    let also = other.reserve_model(&question("priced"), &models).await.unwrap();
    let reported = Spend { tokens: kept.tokens + 1, ..kept };
    assert_eq!(account.settle(kept, reported), Some(Overrun { reserved: kept, reported }));
    assert_eq!(other.settle(also, Spend { tokens: also.tokens + 1, ..also }), None, "once for each account");
    for account in [&account, &other, &world.account(&worker())] {
        let refused = account.reserve_model(&question("priced"), &models).await.unwrap_err();
        assert!(refused.reason.contains("more was used than was kept"), "{}", refused.reason);
    }
    world.budgets.set(by_conversation(tokens(10_001)));
    other.reserve_model(&question("priced"), &models).await.unwrap();
}

#[tokio::test]
async fn a_new_server_finds_in_the_journal_what_was_used_and_what_open_turns_used() {
    let world = world(&by_conversation(tokens(1000)));
    let used = |tokens| Spend { tokens, ..Spend::ZERO };
    let suspended = ids::turn();
    world.record(ids::turn(), &[used(100)], Some(used(100))).await;
    world.record(suspended, &[used(30), used(20)], None).await;
    assert_eq!(world.spent().await, used(150));
    let fresh = world.account(&worker());
    let kept = fresh.reserve_model(&question("priced"), &models()).await.unwrap();
    assert_eq!(world.spent().await, used(150));
    fresh.give_back(kept);

    let resumed = world.budgets.account(&world.workspace, &worker(), world.conversation, suspended);
    resumed.resume(used(50));
    assert_eq!(world.spent().await, used(150), "an open turn counts once");
    resumed.settle(Spend::ZERO, used(7));
    assert_eq!((resumed.spent(), world.spent().await), (used(57), used(157)));
    resumed.close(used(57));
    assert_eq!(world.spent().await, used(157));
}

#[tokio::test]
async fn an_agent_bounds_the_conversation_for_itself_and_others_count() {
    let world = world(&BudgetCaps::default());
    let strict = agent("strict", AgentBudget { conversation: calls(2), ..AgentBudget::default() });
    let (free, bound) = (world.account(&worker()), world.account(&strict));
    bound.reserve_tool().await.unwrap();
    assert_eq!(free.reserve_tool().await, Ok(Spend::ZERO));
    free.settle(Spend::ZERO, Account::TOOL_CALL);
    bound.reserve_tool().await.unwrap_err();
    let total = free.spent();
    free.close(total);
    bound.reserve_tool().await.unwrap_err();
}

#[tokio::test]
async fn wall_time_is_kept_for_a_turn_and_counted_when_it_ends() {
    let cap = Caps { wall_time: Some(Period::from_secs(10)), ..Caps::NONE };
    let world = world(&BudgetCaps { workspace_day: cap, ..BudgetCaps::default() });
    let (one, two) = (world.account(&worker()), world.account(&worker()));
    let seconds = Duration::from_secs;
    assert_eq!(one.begin_wall(seconds(6)).await, Ok(seconds(6)));
    assert_eq!(two.begin_wall(seconds(6)).await, Ok(seconds(4)));
    one.end_wall(seconds(1));
    two.end_wall(seconds(1));
    assert_eq!(one.begin_wall(seconds(60)).await, Ok(seconds(8)));
    let refused = two.begin_wall(seconds(1)).await.unwrap_err();
    assert!(refused.reason.contains("10s of 10s of wall time"), "{}", refused.reason);
    two.reserve_tool().await.unwrap();
}

#[tokio::test]
async fn many_turns_at_once_never_keep_more_than_there_is() {
    let world = Arc::new(world(&BudgetCaps { workspace_day: calls(50), agent_day: calls(45), ..by_conversation(calls(40)) }));
    let agents = [worker(), agent("second", AgentBudget::default())];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (world, agent) = (Arc::clone(&world), Arc::clone(&agents[number % 2]));
        tasks.spawn(async move {
            let account = world.account(&agent);
            let mut made = 0;
            for _ in 0..3 {
                if let Ok(kept) = account.reserve_tool().await {
                    tokio::task::yield_now().await;
                    assert_eq!(account.settle(kept, Account::TOOL_CALL), None);
                    made += 1;
                }
            }
            let total = account.spent();
            account.close(total);
            made
        });
    }
    let made: u64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(made, 40);
    assert_eq!(world.spent().await.tool_calls, 40);
    for line in world.budgets.standings(&world.workspace, Some(&agents[0]), Some(world.conversation)).await.unwrap() {
        assert_eq!(line.standing.reserved, Spend::ZERO, "{:?}", line.scope);
    }
}
