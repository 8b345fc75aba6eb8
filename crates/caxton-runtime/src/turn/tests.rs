//! The step function against scripts of models and tools, with results coming back in any order.

use super::*;
use caxton_types::{
    AgentSpec, ConversationId, MemorySpec, Message, MessageId, Observation, Party, Prompts, Recollection, Scope, Timestamp, ToolResult,
    TraceContext, TurnId, TurnLimits,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn spec(change: impl FnOnce(&mut AgentSpec)) -> AgentSpec {
    let mut spec = AgentSpec {
        name: "analyst".parse().unwrap(),
        display_name: "Analyst".into(),
        version: "1.0.0".into(),
        description: None,
        capabilities: vec![],
        tools: vec![],
        optional_tools: vec![],
        tool_policies: BTreeMap::new(),
        prompts: Prompts { system: "You are {{agent_name}}.".parse().unwrap(), user: None },
        memory: MemorySpec::default(),
        model: Default::default(),
        limits: TurnLimits::default(),
        budget: caxton_types::AgentBudget::default(),
        output_schema: None,
        parameters: Default::default(),
        documentation: None,
    };
    change(&mut spec);
    spec
}

fn begin(agent: AgentSpec) -> Input {
    let message = Message {
        id: MessageId::from_uuid(uuid::Uuid::from_u128(1)),
        performative: Performative::Request,
        sender: Party::Client("local".into()),
        receiver: "agent:analyst".parse().unwrap(),
        content: json!("6*7?"),
        conversation: ConversationId::from_uuid(uuid::Uuid::from_u128(2)),
        reply_with: None,
        in_reply_to: None,
        ontology: None,
        language: None,
        protocol: None,
        attachments: vec![],
        trace: TraceContext::new(1, 1),
        sent_at: Timestamp::default(),
    };
    Input::Begin(Box::new(Begin {
        turn: TurnId::from_uuid(uuid::Uuid::from_u128(3)),
        agent: Arc::new(agent),
        message: Arc::new(message),
        history: vec![],
        tools: Arc::from([]),
        attachments: vec![],
        now: Timestamp::default(),
    }))
}

fn says(text: &str) -> Outcome {
    answer(text, vec![], StopReason::End)
}

fn calls(tools: &[&str]) -> Outcome {
    let call = |(at, tool): (usize, &&str)| ToolCall { call_id: format!("c{at}"), tool: (*tool).into(), arguments: json!({}) };
    answer("", tools.iter().enumerate().map(call).collect(), StopReason::ToolCalls)
}

fn answer(text: &str, tool_calls: Vec<ToolCall>, stop: StopReason) -> Outcome {
    let usage = TokenUsage { input: 10, output: 5 };
    Outcome::Answered(ModelReply {
        text: text.into(),
        tool_calls,
        stop,
        usage,
        provider: "script".into(),
        model: "script".into(),
        failovers: vec![],
    })
}

fn tool(text: &str) -> Outcome {
    Outcome::Called(ToolResult::text(text))
}

fn only(effects: Effects) -> (StepId, Effect) {
    let [effect] = <[_; 1]>::try_from(effects).unwrap();
    effect
}

fn dialogue(effect: &Effect) -> &[ChatMessage] {
    let Effect::Ask(request) = effect else { panic!("{effect:?} asks no model") };
    &request.dialogue
}

fn finish(effects: Effects) -> Reply {
    let Some((_, Effect::Finish(reply))) = effects.into_iter().next_back() else { panic!("the turn goes on") };
    *reply
}

/// Feeds model answers until the turn ends.
fn end(agent: AgentSpec, answers: &[Outcome]) -> Reply {
    let mut turn = Turn::default();
    let mut effects = advance(&mut turn, begin(agent));
    for answer in answers {
        let (step, _) = only(effects);
        effects = advance(&mut turn, Input::Ended(step, answer.clone()));
    }
    assert!(turn.is_over());
    finish(effects)
}

#[test]
fn a_simple_answer_is_an_inform() {
    let reply = end(spec(|_| ()), &[says("42")]);
    assert_eq!((reply.performative, reply.content, reply.end), (Performative::Inform, json!("42"), TurnEnd::Completed));
    assert_eq!(reply.usage, TokenUsage { input: 10, output: 5 });
}

#[test]
fn the_model_is_told_the_request_in_words() {
    let mut turn = Turn::default();
    let (_, effect) = only(advance(&mut turn, begin(spec(|_| ()))));
    let Effect::Ask(request) = &effect else { panic!() };
    assert_eq!(request.settings.system, "You are Analyst.");
    assert_eq!(request.settings.request, "6*7?");
    assert_eq!(dialogue(&effect), [ChatMessage::User { text: "A user is requesting: 6*7?\n\nPlease help them.".into() }]);
}

#[test]
fn memory_comes_first_and_is_told_and_the_answer_is_remembered() {
    let mut turn = Turn::default();
    let (step, effect) = only(advance(&mut turn, begin(spec(|s| s.memory.enabled = true))));
    assert!(matches!(&effect, Effect::Recall(recall) if recall.query == "6*7?" && recall.limit == 10));
    let found =
        Recollection { entity: "sums".into(), text: "6*6 is 36".into(), lexical: 1.0, scope: Scope::Workspace, at: Timestamp::default() };
    let (step, effect) = only(advance(&mut turn, Input::Ended(step, Outcome::Recalled { found: vec![found] })));
    let [ChatMessage::User { text }] = dialogue(&effect) else { panic!() };
    assert!(text.ends_with("What you remember:\n- 6*6 is 36 (sums)"), "{text}");
    let effects = advance(&mut turn, Input::Ended(step, says("42")));
    let expected = Observation {
        entity: "local".into(),
        kind: "answer".into(),
        text: "6*7?\n42".into(),
        scope: Scope::Workspace,
        agent: "analyst".parse().unwrap(),
    };
    assert!(matches!(&effects[..], [(_, Effect::Remember(observation)), (_, Effect::Finish(_))] if *observation == expected));
}

#[test]
fn memory_that_fails_makes_the_turn_poorer_not_impossible() {
    let failed = Outcome::Failed(Failure::new(Code::Unavailable, "disk"));
    assert_eq!(end(spec(|s| s.memory.enabled = true), &[failed, says("42")]).end, TurnEnd::Completed);
}

#[test]
fn bounds_end_the_turn_and_name_the_key() {
    let check = |change: fn(&mut AgentSpec), answers: &[Outcome], reason: &str, key: &str| {
        let reply = end(spec(change), answers);
        assert_eq!((reply.performative, reply.end), (Performative::Failure, TurnEnd::Exhausted));
        assert_eq!(reply.content["reason"], reason);
        assert_eq!(reply.content["hint"], format!("raise `{key}` under `[limits]` in the agent's file, then deploy"));
    };
    check(|s| s.limits.tool_calls = 1, &[calls(&["a", "b"])], "agent `analyst` reached its bound of 1 tool calls", "tool_calls");
    check(|s| s.limits.model_calls = 1, &[calls(&["a"]), tool("x")], "agent `analyst` reached its bound of 1 model calls", "model_calls");
    check(|s| s.limits.tokens = 15, &[calls(&["a"]), tool("x")], "agent `analyst` reached its bound of 15 tokens", "tokens");
    check(
        |s| s.limits.context_bytes = 100,
        &[calls(&["a"]), tool(&"x".repeat(100))],
        "agent `analyst` reached its bound of 100 context bytes (165 are needed)",
        "context_bytes",
    );
}

#[test]
fn refusals_failures_and_cut_answers_say_so() {
    let refused = end(spec(|_| ()), &[answer("I will not.", vec![], StopReason::Refusal)]);
    assert_eq!((refused.performative, refused.content), (Performative::Refuse, json!({"reason": "I will not."})));
    let failed =
        end(spec(|_| ()), &[Outcome::Failed(Failure { code: Code::Unavailable, reason: "down".into(), hint: Some("wait".into()) })]);
    assert_eq!(failed.content, json!({"code": "unavailable", "reason": "down", "hint": "wait"}));
    let cut = end(spec(|_| ()), &[answer("half", vec![], StopReason::MaxTokens)]);
    assert_eq!(cut.content["reason"], "the answer was cut off at 4096 tokens: half");
}

#[test]
fn an_answer_must_satisfy_the_schema_and_may_be_mended() {
    let schema = json!({"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]});
    let agent = || spec(|s| s.output_schema = Some(schema.clone()));
    assert_eq!(end(agent(), &[says("42"), says(r#"{"sum": "42"}"#), says("```json\n{\"sum\": 42}\n```")]).content, json!({"sum": 42}));
    let hopeless = end(agent(), &[says("a"), says("b"), says("c")]);
    assert_eq!(hopeless.end, TurnEnd::Failed);
    assert!(hopeless.content["reason"].as_str().unwrap().starts_with("the model's answer stays unusable: Your answer is not JSON"));
}

#[test]
fn an_answer_can_send_messages_on() {
    let mut turn = Turn::default();
    let (step, _) = only(advance(&mut turn, begin(spec(|_| ()))));
    let effects = advance(&mut turn, Input::Ended(step, says("Done.\n```message\n{\"receiver\": \"auditor\", \"content\": 42}\n```")));
    let [(at, Effect::Send(message)), (_, Effect::Finish(reply))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(reply.content, json!("Done."));
    assert_eq!(message.id, MessageId::derive(TurnId::from_uuid(uuid::Uuid::from_u128(3)), *at));
    assert_eq!(
        (message.receiver.to_string().as_str(), &message.content, message.performative),
        ("agent:auditor", &json!(42), Performative::Inform)
    );
}

#[test]
fn a_cancelled_turn_ends_and_hears_nothing_more() {
    let mut turn = Turn::default();
    let (step, _) = only(advance(&mut turn, begin(spec(|_| ()))));
    let reply = finish(advance(&mut turn, Input::Cancelled(Failure::new(Code::Deadline, "the turn's time of 1s ran out"))));
    assert_eq!((reply.performative, reply.end), (Performative::Failure, TurnEnd::Exhausted));
    assert!(advance(&mut turn, Input::Ended(step, says("late"))).is_empty());
    assert!(advance(&mut turn, Input::Cancelled(Failure::new(Code::Cancelled, "again"))).is_empty());
    assert!(advance(&mut turn, begin(spec(|_| ()))).is_empty());
}

#[test]
fn templates_see_message_parameters_and_circumstances() {
    let agent = spec(|s| {
        s.prompts.user = Some("{{user_id}} asks {{request}}; unit {{unit}}; {{requirements}}; {{timestamp}}".parse().unwrap());
        s.parameters.insert("unit".into(), json!("km"));
    });
    let mut turn = Turn::default();
    let (_, effect) = only(advance(&mut turn, begin(agent)));
    let expected = "local asks 6*7?; unit km; none stated; 1970-01-01T00:00:00.000000Z";
    assert_eq!(dialogue(&effect), [ChatMessage::User { text: expected.into() }]);
}

/// A model's behaviour: how many tools it calls in each round before it answers.
fn script() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1u8..6, 0..6)
}

/// Runs a script; `pick` chooses which of the open steps ends next. Returns every intent in the order of the steps.
fn run(script: &[u8], mut pick: impl FnMut(usize) -> usize) -> Vec<Value> {
    let mut turn = Turn::default();
    let mut rounds = script.iter();
    let mut open: Vec<(StepId, Effect)> = advance(&mut turn, begin(spec(|s| s.memory.enabled = true)));
    let mut intents: BTreeMap<StepId, Value> = BTreeMap::new();
    for _ in 0..200 {
        for (step, effect) in &open {
            let intent = serde_json::to_value(effect.intent()).unwrap();
            assert!(intents.insert(*step, intent.clone()).is_none_or(|known| known == intent), "a step means one thing");
        }
        if turn.is_over() {
            assert_eq!(
                intents.keys().copied().collect::<Vec<_>>(),
                (0..u32::try_from(intents.len()).unwrap()).map(StepId).collect::<Vec<_>>()
            );
            return intents.into_values().collect();
        }
        let (step, effect) = open.remove(pick(open.len()));
        let outcome = match &effect {
            Effect::Recall(_) => Outcome::Recalled { found: vec![] },
            Effect::Ask(_) => rounds.next().map_or_else(|| says("done"), |n| calls(&["a", "b", "c", "d", "e"][..usize::from(*n)])),
            Effect::Call(call) => tool(&format!("{} of step {step}", call.tool)),
            other => panic!("{other:?} is not performed outside"),
        };
        open.extend(advance(&mut turn, Input::Ended(step, outcome)));
    }
    panic!("the turn does not end");
}

proptest! {
    #[test]
    fn the_order_in_which_parallel_calls_end_changes_nothing(script in script(), picks in prop::collection::vec(any::<prop::sample::Index>(), 200)) {
        let mut picks = picks.into_iter();
        let shuffled = run(&script, |len| picks.next().unwrap().index(len));
        prop_assert_eq!(shuffled, run(&script, |_| 0));
    }

    #[test]
    fn every_turn_ends_within_its_bounds(script in prop::collection::vec(1u8..6, 0..40), model_calls in 1u16..6, tool_calls in 0u16..20) {
        let mut turn = Turn::default();
        let mut rounds = script.iter().cycle();
        let mut open = advance(&mut turn, begin(spec(|s| { s.limits.model_calls = model_calls; s.limits.tool_calls = tool_calls; })));
        let (mut asked, mut called) = (0, 0);
        while !turn.is_over() {
            let (step, effect) = open.remove(0);
            let outcome = match effect {
                Effect::Ask(_) => { asked += 1; rounds.next().map_or_else(|| says("done"), |n| calls(&["a", "b", "c", "d", "e"][..usize::from(*n)])) }
                Effect::Call(_) => { called += 1; tool("x") }
                other => panic!("{other:?}"),
            };
            open.extend(advance(&mut turn, Input::Ended(step, outcome)));
        }
        prop_assert!(asked <= model_calls && called <= tool_calls);
    }
}
