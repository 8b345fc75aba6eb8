//! What the journal derives for turns: how they stand, what they wait for, decisions and spending.

use crate::support::{BOTH, agent, began, ended, event, note, open, open_with};
use caxton_store::{ApprovalQuery, ApprovalState, Awaited, Batch, Error, Options, SpendQuery, TurnQuery, TurnState, Workspace, ids};
use caxton_types::{
    Actor, ApprovalId, ApprovalKind, Code, ConversationId, Day, Digest, Durability, Fact, Fault as _, MessageId, Metering, Money, NewEvent,
    Payload, Ruling, Seq, Spend, StepId, TokenUsage, TurnEnd, TurnId, TurnOrigin, WaitOn, unit::Period,
};
use std::time::Duration;

/// Events of one turn.
struct Turn {
    id: TurnId,
    conversation: ConversationId,
    message: MessageId,
}

impl Turn {
    fn new() -> Self {
        Self { id: ids::turn(), conversation: ids::conversation(), message: ids::message() }
    }

    fn began(&self) -> NewEvent {
        began(self.id, self.message, self.conversation)
    }

    fn ended(&self, spent: Option<Spend>, reply: Option<MessageId>) -> NewEvent {
        let fact = Fact::TurnEnded { end: TurnEnd::Completed, reply, usage: TokenUsage::default(), spent, wall_us: 1 };
        NewEvent { fact, ..ended(self.id, self.conversation, TurnEnd::Completed) }
    }

    fn at(&self, step: u32, fact: Fact) -> NewEvent {
        NewEvent { step: Some(StepId(step)), fact, ..self.began() }
    }

    fn intended(&self, step: u32) -> NewEvent {
        self.at(step, Fact::StepIntended { effect: "call".into(), intent: Payload::Inline(1.into()), reserved: None })
    }

    fn started(&self, step: u32) -> NewEvent {
        self.at(step, Fact::StepStarted { attempt: 1, lost: None, reserved: None })
    }

    fn step_ended(&self, step: u32) -> NewEvent {
        let fact =
            Fact::StepEnded { effect: "call".into(), outcome: Payload::Inline(2.into()), metering: Metering::default(), spent: None };
        self.at(step, fact)
    }

    fn waits(&self, step: u32, on: WaitOn, seconds: u64) -> NewEvent {
        self.at(step, Fact::WaitBegan { on, within: Period::from_secs(seconds) })
    }

    fn asks(&self, step: u32, approval: ApprovalId) -> NewEvent {
        self.asks_for(step, approval, ApprovalKind::Call)
    }

    fn asks_for(&self, step: u32, approval: ApprovalId, kind: ApprovalKind) -> NewEvent {
        let (subject, within) = (Digest::of(b"intent"), Period::from_secs(100));
        self.at(step, Fact::ApprovalAsked { approval, kind, subject, within, elicitation: None })
    }

    fn approval(&self, step: u32) -> ApprovalId {
        ApprovalId::derive(self.id, StepId(step))
    }
}

fn decided(approval: ApprovalId, ruling: Ruling, by: &str) -> NewEvent {
    let decided = event(Fact::ApprovalDecided { approval, ruling, reason: Some("it is fine".into()) });
    NewEvent { caller: Actor { who: by.into(), ..decided.caller.clone() }, ..decided }
}

async fn commit(workspace: &Workspace, events: Vec<NewEvent>) -> caxton_store::Receipt {
    workspace.commit(Batch::of(events)).await.unwrap()
}

#[tokio::test]
async fn a_turn_stays_when_it_has_ended() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let (first, second, reply) = (Turn::new(), Turn::new(), ids::message());
        let begin = commit(&workspace, vec![first.began(), first.intended(0), first.intended(1)]).await;
        let mut fork = second.began();
        let origin = TurnOrigin { turn: first.id, at: StepId(1) };
        if let Fact::TurnBegan { origin: of, .. } = &mut fork.fact {
            *of = Some(origin);
        }
        commit(&workspace, vec![fork]).await;
        let end = commit(&workspace, vec![first.ended(None, Some(reply))]).await;

        let row = workspace.turn(first.id).await.unwrap().unwrap();
        assert_eq!((row.state(), row.steps, row.began, row.message), (TurnState::Ended, 2, begin.first, first.message));
        let how = row.ended.unwrap();
        assert_eq!((how.at, how.end, how.reply, row.origin), (end.at, TurnEnd::Completed, Some(reply), None));
        let open = workspace.turn(second.id).await.unwrap().unwrap();
        assert_eq!((open.ended, open.origin), (None, Some(origin)));
        assert_eq!(workspace.turn(ids::turn()).await.unwrap(), None);

        let check = async |query: TurnQuery, expected: &[TurnId]| {
            let found = workspace.turns(query.clone()).await.unwrap();
            assert_eq!(found.iter().map(|row| row.turn).collect::<Vec<_>>(), expected, "{durability} {query:?}");
        };
        let (one, two) = (first.id, second.id);
        check(TurnQuery::default(), &[two, one]).await;
        check(TurnQuery { limit: 1, ..TurnQuery::default() }, &[two]).await;
        check(TurnQuery { before: Some(two), ..TurnQuery::default() }, &[one]).await;
        check(TurnQuery { before: Some(ids::turn()), ..TurnQuery::default() }, &[]).await;
        check(TurnQuery { state: Some(TurnState::Open), ..TurnQuery::default() }, &[two]).await;
        check(TurnQuery { state: Some(TurnState::Ended), ..TurnQuery::default() }, &[one]).await;
        check(TurnQuery { agent: Some(agent("worker")), conversation: Some(first.conversation), ..TurnQuery::default() }, &[one]).await;
        check(TurnQuery { agent: Some(agent("nobody")), ..TurnQuery::default() }, &[]).await;
        // An end that comes again, or a beginning, changes nothing.
        commit(&workspace, vec![first.ended(None, None), first.began()]).await;
        assert_eq!(workspace.turn(first.id).await.unwrap().unwrap(), row);
        assert_eq!(workspace.open_turns().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn all_events_of_a_turn_are_read_however_many() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let turns: Vec<_> = (0..3).map(|_| Turn::new()).collect();
        commit(&workspace, turns.iter().map(Turn::began).collect()).await;
        // More than a query of events gives back at once.
        commit(&workspace, (0..1200).map(|step| turns[1].intended(step)).collect()).await;
        let of = async |turn| workspace.turn_events(turn).await.unwrap();
        let long = of(turns[1].id).await;
        assert!(long.len() == 1201 && long.is_sorted_by_key(|event| event.seq));
        assert_eq!(of(ids::turn()).await, []);
        assert_eq!(of(turns[0].id).await.into_iter().map(|event| event.new).collect::<Vec<_>>(), [turns[0].began()]);
    }
}

#[tokio::test]
async fn a_step_waits_until_it_goes_on() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (store, workspace) = open(dir.path(), durability);
        let (turn, other, asked) = (Turn::new(), Turn::new(), ids::message());
        assert_eq!(workspace.next_due().await.unwrap(), None);
        commit(&workspace, vec![turn.began(), other.began()]).await;
        let waits = vec![turn.waits(0, WaitOn::Reply(asked), 30), turn.waits(1, WaitOn::Time, 10), other.waits(0, WaitOn::Time, 20)];
        let receipt = commit(&workspace, waits).await;
        let rows = workspace.waits(turn.id).await.unwrap();
        let due = |seconds| receipt.at.plus(Duration::from_secs(seconds));
        let seen: Vec<_> = rows.iter().map(|row| (row.step.0, row.on, row.seq, row.at, row.due)).collect();
        let first = receipt.first;
        let expected = [(0, Awaited::Reply(asked), first, receipt.at, due(30)), (1, Awaited::Time, first.next(), receipt.at, due(10))];
        assert_eq!(seen, expected);
        assert_eq!(workspace.wait_for_reply(asked).await.unwrap(), Some((turn.id, StepId(0))));
        assert_eq!(workspace.wait_for_reply(turn.message).await.unwrap(), None);
        assert_eq!(workspace.next_due().await.unwrap(), Some(due(10)));
        let overdue = async |seconds, limit| {
            let found = workspace.waits_due(due(seconds), limit).await.unwrap();
            found.iter().map(|row| (row.turn, row.step.0)).collect::<Vec<_>>()
        };
        assert_eq!(overdue(9, 10).await, []);
        assert_eq!(overdue(20, 10).await, [(turn.id, 1), (other.id, 0)]);
        assert_eq!(overdue(99, 1).await, [(turn.id, 1)]);

        commit(&workspace, vec![turn.step_ended(1)]).await;
        assert_eq!(workspace.next_due().await.unwrap(), Some(due(20)));
        commit(&workspace, vec![other.ended(None, None)]).await;
        assert_eq!(workspace.next_due().await.unwrap(), Some(due(30)));
        commit(&workspace, vec![turn.started(0)]).await;
        assert_eq!((workspace.next_due().await.unwrap(), workspace.wait_for_reply(asked).await.unwrap()), (None, None));
        // Who is not at work waits for nothing.
        commit(&workspace, vec![other.waits(1, WaitOn::Time, 1)]).await;
        assert_eq!(workspace.waits(other.id).await.unwrap(), []);
        for incomplete in [
            NewEvent { step: None, ..turn.waits(2, WaitOn::Time, 1) },
            NewEvent { turn: None, ..turn.waits(2, WaitOn::Time, 1) },
            NewEvent { agent: None, ..turn.asks(2, turn.approval(2)) },
        ] {
            assert!(matches!(workspace.commit(Batch::of(vec![incomplete])).await, Err(Error::Incomplete { .. })));
        }
        drop(store);
    }
}

#[tokio::test]
async fn waits_and_approvals_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let turn = Turn::new();
    let (store, workspace) = open(dir.path(), Durability::Normal);
    commit(&workspace, vec![turn.began(), turn.asks(0, turn.approval(0)), turn.waits(1, WaitOn::Time, 10)]).await;
    let before = (workspace.waits(turn.id).await.unwrap(), workspace.approval(turn.approval(0)).await.unwrap());
    drop((store, workspace));
    let (_store, workspace) = open(dir.path(), Durability::Normal);
    assert_eq!((workspace.waits(turn.id).await.unwrap(), workspace.approval(turn.approval(0)).await.unwrap()), before);
    commit(&workspace, vec![turn.step_ended(1), turn.started(0)]).await;
    assert_eq!(workspace.waits(turn.id).await.unwrap(), []);
    assert_eq!(workspace.approval(turn.approval(0)).await.unwrap().unwrap().state, ApprovalState::Withdrawn);
}

#[tokio::test]
async fn a_step_whose_server_has_its_answer_waits_no_longer() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let turn = Turn::new();
        let [first, second, call] = [1, 2, 3].map(|at| turn.approval(at));
        let asks = |approval| turn.asks_for(0, approval, ApprovalKind::Elicitation);
        commit(&workspace, vec![turn.began(), turn.intended(0), asks(first), turn.asks(1, call)]).await;
        let waits = async || workspace.waits(turn.id).await.unwrap().into_iter().map(|wait| wait.on).collect::<Vec<_>>();
        assert_eq!(waits().await, [Awaited::Approval(first), Awaited::Approval(call)]);
        commit(&workspace, vec![decided(first, Ruling::Answered("{}".into()), "ann"), decided(call, Ruling::Approved, "ann")]).await;
        assert_eq!(waits().await, [Awaited::Approval(call)], "a call that was approved is still to begin");
        commit(&workspace, vec![asks(second)]).await;
        assert_eq!(workspace.approval(first).await.unwrap().unwrap().state, ApprovalState::Decided);
        commit(&workspace, vec![turn.step_ended(0)]).await;
        assert_eq!(workspace.approval(second).await.unwrap().unwrap().state, ApprovalState::Withdrawn);
        assert_eq!(waits().await, [Awaited::Approval(call)]);
    }
}

#[tokio::test]
async fn a_decision_is_taken_exactly_once() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let turn = Turn::new();
        let ids: Vec<_> = (0..4).map(|step| turn.approval(step)).collect();
        let mut asking = vec![turn.began()];
        asking.extend((0..4).map(|step| turn.asks(step, ids[step as usize])));
        let receipt = commit(&workspace, asking).await;
        let row = workspace.approval(ids[0]).await.unwrap().unwrap();
        assert_eq!((row.turn, row.step, row.seq, row.at, row.state), (turn.id, StepId(0), Seq(2), receipt.at, ApprovalState::Open));
        assert_eq!((row.subject, row.kind, row.due), (Digest::of(b"intent"), ApprovalKind::Call, row.at.plus(Duration::from_secs(100))));

        // Of many that decide at the same time one is heard.
        let mut tasks = tokio::task::JoinSet::new();
        for person in 0..8 {
            let (workspace, approval) = (workspace.clone(), ids[0]);
            tasks.spawn(async move { workspace.commit(Batch::of(vec![decided(approval, Ruling::Approved, &format!("p{person}"))])).await });
        }
        let (heard, refused): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!((heard.len(), refused.len()), (1, 7));
        let row = workspace.approval(ids[0]).await.unwrap().unwrap();
        let decision = row.decision.clone().unwrap();
        assert_eq!(
            (row.state, &decision.ruling, decision.reason.as_deref()),
            (ApprovalState::Decided, &Ruling::Approved, Some("it is fine"))
        );
        let error = refused[0].as_ref().unwrap_err();
        assert!(matches!(error, Error::ApprovalClosed { decision: Some(first), .. } if **first == decision), "{error:?}");
        assert_eq!(error.code(), Code::Conflict);

        let refused = async |events: Vec<NewEvent>| workspace.commit(Batch::of(events)).await.unwrap_err();
        let unknown = refused(vec![note("a", 1), decided(ApprovalId::derive(ids::turn(), StepId(0)), Ruling::Denied, "ann")]).await;
        assert!(matches!(unknown, Error::ApprovalUnknown { .. }) && unknown.code() == Code::NotFound);
        assert!(matches!(refused(vec![turn.asks(1, ids[1])]).await, Error::ApprovalAsked { .. }));
        let twice = vec![decided(ids[1], Ruling::Denied, "ann"), decided(ids[1], Ruling::Approved, "bob")];
        assert!(matches!(refused(twice).await, Error::ApprovalClosed { decision: Some(first), .. } if first.by.as_ref() == "ann"));
        let gone_on = vec![turn.step_ended(1), decided(ids[1], Ruling::Approved, "bob")];
        assert!(matches!(refused(gone_on).await, Error::ApprovalClosed { decision: None, .. }));
        let over = vec![turn.ended(None, None), decided(ids[1], Ruling::Approved, "bob")];
        assert!(matches!(refused(over).await, Error::ApprovalClosed { decision: None, .. }));
        assert_eq!(workspace.approval(ids[1]).await.unwrap().unwrap().state, ApprovalState::Open, "nothing of it is there");

        commit(&workspace, vec![event(Fact::ApprovalDelegated { approval: ids[1], to: "eve".into(), reason: None })]).await;
        commit(&workspace, vec![decided(ids[2], Ruling::Answered("42".into()), "ann"), turn.started(2)]).await;
        let check = async |query: ApprovalQuery, expected: &[usize]| {
            let found = workspace.approvals(query.clone()).await.unwrap();
            let expected: Vec<_> = expected.iter().map(|place| ids[*place]).collect();
            assert_eq!(found.iter().map(|row| row.approval).collect::<Vec<_>>(), expected, "{durability} {query:?}");
        };
        check(ApprovalQuery::default(), &[3, 2, 1, 0]).await;
        check(ApprovalQuery { state: Some(ApprovalState::Open), ..ApprovalQuery::default() }, &[3, 1]).await;
        check(ApprovalQuery { state: Some(ApprovalState::Decided), limit: 1, ..ApprovalQuery::default() }, &[2]).await;
        check(ApprovalQuery { delegate: Some("eve".into()), ..ApprovalQuery::default() }, &[1]).await;
        check(ApprovalQuery { before: Some(ids[2]), agent: Some(agent("worker")), ..ApprovalQuery::default() }, &[1, 0]).await;
        check(ApprovalQuery { conversation: Some(ids::conversation()), ..ApprovalQuery::default() }, &[]).await;
        check(ApprovalQuery { turn: Some(turn.id), conversation: Some(turn.conversation), ..ApprovalQuery::default() }, &[3, 2, 1, 0])
            .await;
        commit(&workspace, vec![turn.ended(None, None)]).await;
        check(ApprovalQuery { state: Some(ApprovalState::Withdrawn), ..ApprovalQuery::default() }, &[3, 1]).await;
        assert!(matches!(refused(vec![decided(ids[3], Ruling::Approved, "ann")]).await, Error::ApprovalClosed { decision: None, .. }));
        assert!(matches!(
            refused(vec![event(Fact::ApprovalDelegated { approval: ids[3], to: "eve".into(), reason: None })]).await,
            Error::ApprovalClosed { .. }
        ));
    }
}

#[tokio::test]
async fn what_turns_cost_is_added_up() {
    for durability in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (_store, workspace) = open(dir.path(), durability);
        let (first, second, free) = (Turn::new(), Turn::new(), Turn::new());
        let cost = |tokens, cents: u64| Spend { tokens, money: Money::from_micros(cents * 10_000), steps: 3, ..Spend::ZERO };
        let (one, two) = (cost(10, 5), cost(u64::MAX, 7));
        let other = NewEvent { agent: Some(agent("other")), ..second.began() };
        let receipt = commit(&workspace, vec![first.began(), other, free.began()]).await;
        let ends = vec![first.ended(Some(one), None), first.ended(Some(one), None), second.ended(Some(two), None), free.ended(None, None)];
        let day = Day::of(commit(&workspace, ends).await.at);
        assert!(day.begins() <= receipt.at || day > Day::of(receipt.at));
        let spent = async |query| workspace.spent(query).await.unwrap();
        assert_eq!(spent(SpendQuery::Agent(agent("worker"), Some(day))).await, one, "an end that comes again costs nothing");
        assert_eq!(spent(SpendQuery::Agent(agent("other"), None)).await.money, two.money);
        let all = spent(SpendQuery::Workspace(None)).await;
        assert_eq!((all.money, all.steps), (one.money.plus(two.money), 6));
        assert!(all.tokens > 1 << 61, "bounded, not run over");
        assert_eq!(spent(SpendQuery::Workspace(Some(Day(day.0 + 1)))).await, Spend::ZERO);
        assert_eq!(spent(SpendQuery::Conversation(first.conversation)).await, one);
        assert_eq!(spent(SpendQuery::Conversation(free.conversation)).await, Spend::ZERO);
        let rows = workspace.spending(day, day).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.agent.as_str()).collect::<Vec<_>>(), ["other", "worker"]);
        assert_eq!(workspace.spending(Day(0), Day(day.0 - 1)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_ring_forgets_ended_turns_with_their_events_and_open_ones_when_they_end() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, workspace) = open_with(Options { durability: Durability::Memory, ring_len_max: 10, ..Options::new(dir.path()) });
    let (early, late) = (Turn::new(), Turn::new());
    commit(&workspace, vec![early.began(), early.ended(None, None), late.began(), late.asks(0, late.approval(0))]).await;
    commit(&workspace, (0..20).map(|round| note("a", round)).collect()).await;
    assert_eq!(workspace.turn(early.id).await.unwrap(), None);
    assert_eq!(workspace.open_turns().await.unwrap().len(), 1);
    assert_eq!(workspace.approvals(ApprovalQuery::default()).await.unwrap().len(), 1);
    commit(&workspace, vec![decided(late.approval(0), Ruling::Denied, "ann"), late.ended(None, None)]).await;
    assert_eq!(workspace.turns(TurnQuery::default()).await.unwrap(), []);
    assert_eq!(workspace.approvals(ApprovalQuery::default()).await.unwrap(), []);
}
