use super::*;
use caxton_types::{
    AgentSpec, ChatMessage, ConversationId, Message, MessageId, ModelReply, Outcome, Party, Performative, Recollection, StopReason,
    Timestamp, TokenUsage, ToolCall, ToolResult, TraceContext, TurnEnd,
};
use proptest::prelude::*;
use std::sync::Arc;

const SECRET: &str = "sk-test-0123456789abcdefXYZ";

fn begin(request: Value, change: impl FnOnce(&mut AgentSpec)) -> Begin {
    let mut agent: AgentSpec = serde_json::from_value(json!({
        "name": "analyst", "display_name": "Analyst", "version": "1.0.0",
        "prompts": {"system": "You are {{agent_name}}.", "user": "{{request}} {{context}} {{memory_context}}"},
        "memory": {"enabled": true, "scope": "agent", "auto_store": true, "search_limit": 3, "min_similarity": 0.6},
    }))
    .unwrap();
    change(&mut agent);
    let uuid = uuid::Uuid::from_u128;
    let message = Message {
        id: MessageId::from_uuid(uuid(1)),
        performative: Performative::Request,
        sender: Party::Client("local".into()),
        receiver: "agent:analyst".parse().unwrap(),
        content: request,
        conversation: ConversationId::from_uuid(uuid(2)),
        reply_with: None,
        in_reply_to: None,
        ontology: None,
        language: None,
        protocol: None,
        attachments: vec![],
        trace: TraceContext::new(1, 1),
        sent_at: Timestamp::default(),
    };
    Begin {
        turn: TurnId::from_uuid(uuid(3)),
        agent: Arc::new(agent),
        message: Arc::new(message),
        history: vec![ChatMessage::User { text: format!("my key is {SECRET}, keep it") }],
        tools: Arc::from([]),
        attachments: vec![],
        now: Timestamp::default(),
    }
}

/// A recording of a turn whose effects come to what `outcome` says.
fn record(begin: Begin, mut outcome: impl FnMut(&Effect) -> Outcome) -> Recording {
    let mut turn = Turn::default();
    let mut entries = Vec::new();
    let mut wanted = advance(&mut turn, Input::Begin(Box::new(begin.clone())));
    while !wanted.is_empty() {
        entries.extend(wanted.iter().map(|(step, effect)| Entry::Intended(*step, effect.intent())));
        let mut next = Vec::new();
        for (step, effect) in wanted.iter().filter(|(_, effect)| !matches!(effect, Effect::Finish(_))) {
            let outcome = outcome(effect);
            entries.push(Entry::Ended(*step, outcome.clone()));
            next.extend(advance(&mut turn, Input::Ended(*step, outcome)));
        }
        wanted = next;
    }
    Recording { begin, entries, end: Some(TurnEnd::Completed), origin: None }
}

fn says(text: &str) -> Outcome {
    reply(text, vec![])
}

fn reply(text: &str, tool_calls: Vec<ToolCall>) -> Outcome {
    Outcome::Answered(ModelReply {
        stop: if tool_calls.is_empty() { StopReason::End } else { StopReason::ToolCalls },
        text: text.into(),
        tool_calls,
        usage: TokenUsage { input: 10, output: 5 },
        provider: "script".into(),
        model: "script".into(),
        failovers: vec![],
    })
}

/// Plays pieces of text: the odd ones as calls of a tool with its result, the last one as the answer.
fn played(request: Value, pieces: &[String]) -> Recording {
    let mut left = pieces.iter().enumerate();
    record(begin(request, |_| {}), move |effect| match effect {
        Effect::Recall(_) => {
            let text = format!("earlier: {SECRET}");
            Outcome::Recalled {
                found: vec![Recollection {
                    text,
                    entity: "notes".into(),
                    lexical: 0.9,
                    scope: Default::default(),
                    at: Timestamp::default(),
                }],
            }
        }
        Effect::Ask(_) => match left.next() {
            Some((at, piece)) if at + 2 < pieces.len() => {
                let call = ToolCall { call_id: format!("call_{at}"), tool: "x__y".into(), arguments: json!({"piece": piece, "at": at}) };
                reply(piece, vec![call])
            }
            Some((_, piece)) => says(&format!("done {piece}")),
            None => says("done"),
        },
        Effect::Call(call) => {
            let text = format!("{} then {SECRET}", call.arguments);
            Outcome::Called(ToolResult { structured: Some(call.arguments.clone()), text, is_error: false, files: vec![] })
        }
        Effect::Remember(_) => Outcome::Remembered,
        Effect::Send(message) => Outcome::Sent { message: message.id },
        Effect::Finish(_) => panic!("a turn's end has no outcome"),
    })
}

#[test]
fn a_cassette_is_written_and_read_and_stays_the_same() {
    let cassette = Cassette::record(vec![played(json!("6*7?"), &["a".into(), "b".into(), "c".into()])], &[]).unwrap();
    let text = cassette.write();
    let read = Cassette::read(&text).unwrap();
    assert_eq!(read, cassette);
    assert_eq!(read.write(), text);
    assert!(text.contains(&format!("{{\"digest\":\"{}\",\"format\":\"caxton-cassette/1\",\"redacted\":1", cassette.digest())), "{text}");
    assert!(text.lines().count() > cassette.turns()[0].entries.len());
    assert!(cassette.replay().iter().all(|replayed| replayed.mismatch.is_none() && replayed.recorded == replayed.replayed));
}

#[test]
fn what_was_changed_is_refused() {
    let text = Cassette::record(vec![played(json!("6*7?"), &["fine".into()])], &[]).unwrap().write();
    let error = |text: &str| Cassette::read(text).unwrap_err();
    assert!(matches!(error(&text.replace("done fine", "done well")), CassetteError::Digest { .. }));
    assert!(matches!(error(&text.replace("\"redacted\":1", "\"redacted\":0")), CassetteError::Digest { .. }));
    let other = error(&text.replace("caxton-cassette/1", "caxton-cassette/9"));
    assert_eq!(other.to_string(), "the file is no cassette of the format `caxton-cassette/1`, but `caxton-cassette/9`");
    assert!(matches!(error("{}"), CassetteError::Format { found: None }));
    assert!(matches!(error("no"), CassetteError::NotJson(_)));
}

#[test]
fn a_turn_that_does_something_else_by_now_is_no_cassette() {
    let mut recording = played(json!("6*7?"), &["fine".into()]);
    recording.begin.history.clear();
    assert!(matches!(Cassette::record(vec![recording], &[]), Err(CassetteError::Diverges { step: StepId(1), .. })));
}

#[test]
fn further_texts_are_redacted_later() {
    let cassette = Cassette::record(vec![played(json!("for Ada Lovelace"), &["Ada Lovelace".into()])], &[]).unwrap();
    let redacted = cassette.clone().redact(&["Ada Lovelace"]).unwrap();
    assert!(!redacted.write().contains("Ada Lovelace") && redacted.write().contains("[redacted-2]"));
    assert_eq!((cassette.redacted(), redacted.redacted()), (1, 2));
    assert!(matches!(cassette.clone().redact(&["Ada"]), Err(CassetteError::Short(_))));
    assert!(matches!(cassette.redact(&["caxton"]), Err(CassetteError::Short(_))));
}

#[test]
fn a_secret_that_a_cut_goes_through_is_gone_too() {
    // The answer is remembered up to 2048 bytes: the cut goes through the secret.
    let long = format!("{}{SECRET} {SECRET}", "x".repeat(2048 - "6*7?\ndone ".len() - 12));
    let cassette = Cassette::record(vec![played(json!("6*7?"), &[long])], &[]).unwrap();
    assert!(!cassette.write().contains("sk-test"));
    assert!(cassette.replay().iter().all(|replayed| replayed.mismatch.is_none()));
}

#[test]
fn a_bound_of_the_context_is_met_as_before() {
    let mut recording = played(json!(SECRET), &["a".into(), "b".into(), "c".into()]);
    for context_bytes in 200..260 {
        recording.begin = begin(json!(SECRET), |agent| agent.limits.context_bytes = context_bytes);
        let outcomes: BTreeMap<_, _> = recording
            .entries
            .iter()
            .filter_map(|entry| if let Entry::Ended(step, outcome) = entry { Some((step.0, outcome.clone())) } else { None })
            .collect();
        let mut at = 0;
        let bounded = record(recording.begin.clone(), |_| {
            at += 1;
            outcomes[&(at - 1)].clone()
        });
        let cassette = Cassette::record(vec![bounded.clone()], &[]).unwrap();
        assert_eq!(cassette.turns()[0].entries.len(), bounded.entries.len());
    }
}

/// Text with the secret in it, whole, quoted, or in the middle of others.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z \"\\\\{}\n]{0,12}",
        Just(SECRET.to_owned()),
        "[a-z\"]{0,4}".prop_map(|text| format!("{text}{SECRET}")),
        "[ é\"\\\\]{0,4}".prop_map(|text| json!({"key": SECRET, "text": text}).to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_redacted_cassette_holds_no_secret_and_replays(
        request in piece(),
        pieces in prop::collection::vec(piece(), 0..6),
        known in "[a-zA-Z\"\\\\é]{8,16}",
        structured: bool,
    ) {
        let request = if structured { json!({"text": request, "known": known}) } else { json!(format!("{request} {known}")) };
        let pieces: Vec<String> = pieces.into_iter().chain([known.clone()]).collect();
        let recording = played(request, &pieces);
        let steps = recording.entries.len();
        let cassette = Cassette::record(vec![recording], &[&known]).unwrap();
        let text = cassette.write();
        prop_assert!(!text.contains(SECRET) && !text.contains(&known), "{}", text);
        prop_assert_eq!(cassette.turns()[0].entries.len(), steps);
        for replayed in Cassette::read(&text).unwrap().replay() {
            prop_assert_eq!(&replayed.mismatch, &None);
            prop_assert_eq!(replayed.recorded, replayed.replayed);
        }
        prop_assert_eq!(Cassette::read(&text).unwrap(), cassette);
    }
}

#[test]
fn an_intent_that_was_forged_with_its_digest_is_found_out_at_its_step() {
    let mut cassette = Cassette::record(vec![played(json!("6*7?"), &["a".into(), "b".into(), "c".into()])], &[]).unwrap();
    let forged = cassette.turns[0].entries.iter_mut().find_map(|entry| match entry {
        Entry::Intended(step, Intent::Call(call)) => {
            call.arguments = json!({"piece": "forged"});
            Some(*step)
        }
        _ => None,
    });
    let read = Cassette::read(&cassette.write()).unwrap();
    let mismatch = read.replay()[0].mismatch.clone().unwrap();
    assert_eq!(Some(mismatch.step), forged);
    assert!(mismatch.differences.iter().any(|difference| difference.path == "/arguments/piece"), "{mismatch:?}");
}
