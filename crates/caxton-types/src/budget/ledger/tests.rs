use super::*;
use crate::{Money, unit::Period};
use proptest::{prelude::*, sample::Index};
use std::time::Duration;
use uuid::Uuid;

fn turn(number: u128) -> TurnId {
    TurnId::from_uuid(Uuid::from_u128(number))
}

fn conversation(number: u128) -> ConversationId {
    ConversationId::from_uuid(Uuid::from_u128(number))
}

fn tokens(tokens: u64) -> Spend {
    Spend { tokens, ..Spend::ZERO }
}

fn capped(tokens: u64) -> Caps {
    Caps { tokens: Some(tokens), ..Caps::NONE }
}

/// A ledger with one account that turns 1 and 2 have joined.
fn one(cap: u64) -> (Ledger, [(BudgetKey, Caps); 1]) {
    let key = BudgetKey::Conversation(WorkspaceName::default(), conversation(1));
    let mut ledger = Ledger::new(10);
    ledger.seed(turn(1), Spend::ZERO, key.clone(), tokens(100), []);
    ledger.join(turn(2), [&key], Spend::ZERO);
    (ledger, [(key, capped(cap))])
}

#[test]
fn a_reservation_holds_until_it_is_settled() {
    let (mut ledger, of) = one(1000);
    ledger.reserve(turn(1), &of, tokens(600)).unwrap();
    let refused = ledger.reserve(turn(2), &of, tokens(600)).unwrap_err();
    let expected = Exceeded { scope: BudgetScope::Conversation, what: Quantity::Tokens, cap: 1000, used: 700, wanted: 600, overran: false };
    assert_eq!(refused, expected);
    assert_eq!(
        refused.to_string(),
        "the budget of this conversation does not allow it: 700 of 1000 tokens are used or kept for work under way, and this needs up to 600"
    );
    assert!(!ledger.settle(turn(1), &of, tokens(600), tokens(200)));
    ledger.reserve(turn(2), &of, tokens(600)).unwrap();
    let standing = Standing { spent: tokens(300), reserved: tokens(600), overran: false };
    assert_eq!(ledger.standing(&of[0].0), Some(standing));
}

#[test]
fn what_is_not_wanted_is_not_refused() {
    let (mut ledger, of) = one(100);
    ledger.reserve(turn(1), &of, Spend { tool_calls: 1, steps: 1, ..Spend::ZERO }).unwrap();
    assert!(ledger.reserve(turn(1), &of, tokens(1)).is_err());
}

#[test]
fn nothing_is_kept_where_one_of_several_refuses() {
    let (mut ledger, of) = one(1000);
    let day = BudgetKey::WorkspaceDay(WorkspaceName::default(), Day(1));
    ledger.seed(turn(1), Spend::ZERO, day.clone(), tokens(95), []);
    let both = [of[0].clone(), (day.clone(), capped(100))];
    assert_eq!(ledger.reserve(turn(1), &both, tokens(6)).unwrap_err().scope, BudgetScope::WorkspaceDay);
    assert_eq!(ledger.standing(&of[0].0).unwrap().reserved, Spend::ZERO);
    ledger.reserve(turn(1), &both, tokens(5)).unwrap();
}

#[test]
fn an_overrun_stops_the_account_until_its_cap_is_raised() {
    let (mut ledger, of) = one(1000);
    ledger.reserve(turn(1), &of, tokens(10)).unwrap();
    ledger.reserve(turn(2), &of, tokens(10)).unwrap();
    assert!(ledger.settle(turn(1), &of, tokens(10), tokens(11)));
    assert!(!ledger.settle(turn(2), &of, tokens(10), tokens(11)), "the account overran already");
    let refused = ledger.reserve(turn(2), &of, tokens(1)).unwrap_err();
    assert!(refused.overran);
    assert_eq!(
        refused.to_string(),
        "the budget of this conversation does not allow it: more was used than was kept for it (122 of 1000 tokens are used)"
    );
    let raised = [(of[0].0.clone(), capped(1001))];
    ledger.reserve(turn(2), &raised, tokens(1)).unwrap();
    assert!(ledger.settle(turn(2), &raised, tokens(1), tokens(2)), "under the new cap it is news again");
}

#[test]
fn time_that_is_a_moment_late_is_no_overrun() {
    let (mut ledger, of) = one(1000);
    let caps = Caps { wall_time: Some(Period::new(Duration::from_micros(500))), ..Caps::NONE };
    let of = [(of[0].0.clone(), caps)];
    assert_eq!(ledger.wall_left_us(&of), Some(500));
    let wall = |wall_us| Spend { wall_us, ..Spend::ZERO };
    ledger.reserve(turn(1), &of, wall(400)).unwrap();
    assert_eq!(ledger.wall_left_us(&of), Some(100));
    assert!(!ledger.settle(turn(1), &of, wall(400), wall(450)));
    assert_eq!(ledger.wall_left_us(&of), Some(50));
}

#[test]
fn an_open_turn_counts_once_wherever_it_is_read_from() {
    let (_, of) = one(1000);
    let keys = [&of[0].0];
    let mut ledger = Ledger::new(10);
    ledger.seed(turn(3), Spend::ZERO, of[0].0.clone(), tokens(100), [(turn(1), tokens(30)), (turn(2), tokens(7))]);
    let spent = |ledger: &Ledger| ledger.standing(&of[0].0).unwrap().spent.tokens;
    assert_eq!(spent(&ledger), 137);
    ledger.join(turn(1), keys, tokens(40));
    assert_eq!(spent(&ledger), 147, "the turn itself knows better");
    ledger.reserve(turn(1), &of, tokens(50)).unwrap();
    ledger.leave(turn(1), keys);
    ledger.join(turn(1), keys, tokens(40));
    assert_eq!(ledger.standing(&of[0].0), Some(Standing { spent: tokens(147), ..Standing::default() }));
    ledger.close(turn(1), keys, tokens(60));
    ledger.seed(turn(2), tokens(7), of[0].0.clone(), tokens(0), []);
    assert_eq!(spent(&ledger), 167);
}

#[test]
fn accounts_that_nobody_uses_make_room() {
    let mut ledger = Ledger::new(4);
    let key = |number| BudgetKey::Conversation(WorkspaceName::default(), conversation(number));
    let of = [(key(1), capped(10))];
    let visit = |ledger: &mut Ledger, number| {
        ledger.seed(turn(number), Spend::ZERO, key(number), Spend::ZERO, []);
        ledger.close(turn(number), [&key(number)], Spend::ZERO);
    };
    for number in 0..4 {
        visit(&mut ledger, number);
    }
    ledger.join(turn(1), [&key(0), &key(1)], Spend::ZERO);
    ledger.reserve(turn(1), &of, tokens(1)).unwrap();
    assert!(ledger.settle(turn(1), &of, tokens(1), tokens(2)));
    ledger.leave(turn(1), [&key(1)]);
    let generation = ledger.generation();
    visit(&mut ledger, 9);
    let known: Vec<_> = (0..10).filter(|number| ledger.knows(&key(*number))).collect();
    assert_eq!(known, [0, 1, 9], "the one in use, the one that overran, and the new one");
    assert_ne!(ledger.generation(), generation);
    for number in 20..100 {
        visit(&mut ledger, number);
        assert!(ledger.len() <= 6);
    }
}

/// What one agent of a tree does next; the numbers are spread over what is possible then.
#[derive(Debug, Clone)]
enum Act {
    Spawn(Index),
    Reserve(Index, Spend),
    /// Settles one of the reservations under way, using these shares of each quantity.
    Settle(Index, [u8; 4]),
    Leave(Index),
    Close(Index),
}

fn spend() -> impl Strategy<Value = Spend> {
    (0..400u64, 0..400u64, 0..3u64, 0..3u64).prop_map(|(tokens, money, tool_calls, steps)| Spend {
        tokens,
        money: Money::from_micros(money),
        tool_calls,
        steps,
        wall_us: 0,
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => any::<Index>().prop_map(Act::Spawn),
        6 => (any::<Index>(), spend()).prop_map(|(agent, want)| Act::Reserve(agent, want)),
        6 => (any::<Index>(), any::<[u8; 4]>()).prop_map(|(at, shares)| Act::Settle(at, shares)),
        1 => any::<Index>().prop_map(Act::Leave),
        2 => any::<Index>().prop_map(Act::Close),
    ]
}

fn caps() -> impl Strategy<Value = Caps> {
    let cap = || prop::option::weighted(0.7, 0..2000u64);
    let few = || prop::option::weighted(0.7, 0..10u64);
    (cap(), cap(), few(), few()).prop_map(|(tokens, money, tool_calls, steps)| Caps {
        tokens,
        money: money.map(Money::from_micros),
        tool_calls,
        steps,
        wall_time: None,
    })
}

fn share(of: Spend, shares: [u8; 4]) -> Spend {
    let part = |whole: u64, share: u8| whole * u64::from(share) / 255;
    Spend {
        tokens: part(of.tokens, shares[0]),
        money: Money::from_micros(part(of.money.as_micros(), shares[1])),
        tool_calls: part(of.tool_calls, shares[2]),
        steps: part(of.steps, shares[3]),
        wall_us: 0,
    }
}

/// One agent's turn in the tree: its accounts, what it used, what it has under way.
struct Agent {
    turn: TurnId,
    of: Vec<(BudgetKey, Caps)>,
    used: Spend,
    under_way: Vec<Spend>,
}

/// A tree of agents: all share the conversation and the workspace's day, those of one name their day.
struct Tree {
    ledger: Ledger,
    caps: [Caps; 4],
    agents: Vec<Agent>,
    /// What ended turns used.
    journal: HashMap<BudgetKey, Spend>,
    spawned: u128,
    overruns: usize,
}

impl Tree {
    fn new(caps: &[Caps; 4], accounts_max: usize) -> Self {
        let (ledger, journal) = (Ledger::new(accounts_max), HashMap::new());
        let mut tree = Self { ledger, caps: *caps, agents: vec![], journal, spawned: 0, overruns: 0 };
        tree.spawn(0);
        tree
    }

    fn spawn(&mut self, parent: usize) {
        self.spawned += 1;
        let (turn, workspace) = (turn(self.spawned), WorkspaceName::default());
        let name: AgentName = format!("agent-{}", parent % 3).parse().unwrap();
        let keys = [
            BudgetKey::Message(turn),
            BudgetKey::Conversation(workspace.clone(), conversation(1)),
            BudgetKey::AgentDay(workspace.clone(), name, Day(1)),
            BudgetKey::WorkspaceDay(workspace, Day(1)),
        ];
        self.ledger.join(turn, &keys, Spend::ZERO);
        for key in &keys {
            let ended = self.journal.get(key).copied().unwrap_or_default();
            self.ledger.seed(turn, Spend::ZERO, key.clone(), ended, []);
        }
        let of = keys.into_iter().zip(self.caps).collect();
        self.agents.push(Agent { turn, of, used: Spend::ZERO, under_way: vec![] });
    }

    fn act(&mut self, act: &Act, report: impl Fn(Spend, [u8; 4]) -> Spend) {
        if let Act::Spawn(parent) = act {
            return self.spawn(parent.index(self.agents.len().max(1)));
        }
        if self.agents.is_empty() {
            return;
        }
        let pick = |index: &Index| index.index(self.agents.len());
        match act {
            Act::Spawn(_) => {}
            Act::Reserve(index, want) => {
                let at = pick(index);
                let agent = &mut self.agents[at];
                if self.ledger.reserve(agent.turn, &agent.of, *want).is_ok() {
                    agent.under_way.push(*want);
                }
            }
            Act::Settle(index, shares) => {
                let at = pick(index);
                let agent = &mut self.agents[at];
                if let Some(reserved) = agent.under_way.pop() {
                    let spent = report(reserved, *shares);
                    agent.used = agent.used.saturating_add(spent);
                    self.overruns += usize::from(self.ledger.settle(agent.turn, &agent.of, reserved, spent));
                }
            }
            Act::Leave(index) => {
                let at = pick(index);
                let agent = &mut self.agents[at];
                let keys = || agent.of.iter().map(|(key, _)| key);
                self.ledger.leave(agent.turn, keys());
                agent.under_way.clear();
                self.ledger.join(agent.turn, keys(), agent.used);
            }
            Act::Close(index) => {
                let agent = self.agents.swap_remove(pick(index));
                self.close(agent);
            }
        }
    }

    fn stays_within_its_caps(&self) -> Result<(), TestCaseError> {
        for (key, caps) in self.agents.iter().flat_map(|agent| &agent.of) {
            let standing = self.ledger.standing(key).expect("accounts of driven turns stay");
            let open = self.agents.iter().filter(|agent| agent.of.iter().any(|(of, _)| of == key));
            let ended = self.journal.get(key).copied().unwrap_or_default();
            let really = open.fold(ended, |sum, agent| sum.saturating_add(agent.used));
            prop_assert_eq!(standing.spent, really, "{:?}", key);
            let used = standing.spent.saturating_add(standing.reserved);
            for (what, cap) in caps.iter() {
                prop_assert!(what.of(&used) <= cap, "{key:?}: {what} {used:?} of {cap}");
            }
        }
        Ok(())
    }

    fn close(&mut self, agent: Agent) {
        self.ledger.close(agent.turn, agent.of.iter().map(|(key, _)| key), agent.used);
        for (key, _) in agent.of {
            let ended = self.journal.entry(key).or_default();
            *ended = ended.saturating_add(agent.used);
        }
    }
}

proptest! {
    #[test]
    fn a_tree_of_agents_never_spends_more_than_its_caps(caps in [caps(), caps(), caps(), caps()], acts in prop::collection::vec(act(), 0..120)) {
        let mut tree = Tree::new(&caps, 3);
        for act in &acts {
            tree.act(act, share);
            tree.stays_within_its_caps()?;
        }
        prop_assert_eq!(tree.overruns, 0);
        for agent in std::mem::take(&mut tree.agents) {
            tree.close(agent);
        }
        for account in tree.ledger.accounts.values() {
            prop_assert_eq!(account.reserved, Spend::ZERO);
            prop_assert!(account.parts.is_empty() && account.overran.is_none());
        }
    }

    #[test]
    fn an_account_overruns_once_and_then_allows_nothing(
        caps in 500..2000u64, acts in prop::collection::vec(act(), 0..120), extra in 1..50u64,
    ) {
        let capped = capped(caps);
        let mut tree = Tree::new(&[Caps::NONE, capped, Caps::NONE, Caps::NONE], 1000);
        let key = BudgetKey::Conversation(WorkspaceName::default(), conversation(1));
        for act in &acts {
            let before = tree.ledger.standing(&key).map(|standing| standing.overran);
            let under_way: usize = tree.agents.iter().map(|agent| agent.under_way.len()).sum();
            tree.act(act, |reserved, _| Spend { tokens: reserved.tokens + extra, ..reserved });
            let after: usize = tree.agents.iter().map(|agent| agent.under_way.len()).sum();
            prop_assert!(before != Some(true) || after <= under_way, "nothing is kept after an overrun");
            prop_assert!(tree.overruns <= 1);
        }
    }
}
