//! A random turn, recorded entry by entry as the driver does it.

use caxton_runtime::{Entry, Recording, Turn, advance};
use caxton_types::{
    AgentSpec, Begin, ChatMessage, Code, ConversationId, Effect, Failure, Input, Message, MessageId, ModelReply, Outcome, Party,
    Performative, Recollection, Scope, StopReason, Timestamp, TokenUsage, ToolCall, ToolResult, TraceContext, TurnId,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// What a model answers.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Says(String),
    /// Tools with an argument each.
    Calls(Vec<(u8, String)>),
    /// Sends so many messages on; one more of them is none.
    SendsOn(u8, bool),
    Json(i64),
    Refuses,
    IsCutOff,
    Fails,
    IsUnknown,
    IsOverBudget,
}

/// All that is random about a turn.
#[derive(Debug, Clone)]
pub(super) struct Script {
    remembers: bool,
    wants_json: bool,
    history: Vec<String>,
    request: Value,
    answers: Vec<Answer>,
    /// What comes of a tool call.
    results: Vec<u8>,
    /// Which of the open steps ends next.
    pub(super) picks: Vec<prop::sample::Index>,
    /// After so many outcomes the turn is called off.
    pub(super) cancel_after: Option<usize>,
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z ]{0,30}", 1 => "\\PC{0,20}", 1 => Just("```json\n{\"sum\": 1}\n```".to_owned()), 1 => Just("```message\n".to_owned())]
}

impl Answer {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            3 => text().prop_map(Self::Says),
            8 => prop::collection::vec((0u8..4, text()), 1..6).prop_map(Self::Calls),
            2 => (0u8..4, prop::bool::weighted(0.3)).prop_map(|(count, broken)| Self::SendsOn(count, broken)),
            2 => any::<i32>().prop_map(|sum| Self::Json(sum.into())),
            1 => prop_oneof![Just(Self::Refuses), Just(Self::IsCutOff), Just(Self::Fails), Just(Self::IsUnknown), Just(Self::IsOverBudget)],
        ]
    }

    fn outcome(&self) -> Outcome {
        let failure = |code| Failure { code, reason: "down".into(), hint: Some("wait".into()) };
        let (text, tool_calls, stop) = match self {
            Self::Says(text) => (text.clone(), vec![], StopReason::End),
            Self::Calls(tools) => {
                let call = |(at, (tool, argument)): (usize, &(u8, String))| ToolCall {
                    call_id: format!("c{at}"),
                    tool: format!("tools__t{tool}"),
                    arguments: json!({"text": argument, "deep": {"list": [at, 0.5, null, true, {}]}}),
                };
                ("let me see".into(), tools.iter().enumerate().map(call).collect(), StopReason::ToolCalls)
            }
            Self::SendsOn(count, broken) => {
                let block = |at| format!("```message\n{}\n```\n", json!({"receiver": "agent:auditor", "content": {"at": at}}));
                let broken = if *broken { "```message\n{\"receiver\": 1}\n```\n" } else { "" };
                (format!("{}{broken}Done.", (0..*count).map(block).collect::<String>()), vec![], StopReason::End)
            }
            Self::Json(sum) => (json!({"sum": sum}).to_string(), vec![], StopReason::End),
            Self::Refuses => ("I will not.".into(), vec![], StopReason::Refusal),
            Self::IsCutOff => ("half".into(), vec![], StopReason::MaxTokens),
            Self::Fails => return Outcome::Failed(failure(Code::Unavailable)),
            Self::IsUnknown => return Outcome::Unknown(failure(Code::Unavailable)),
            Self::IsOverBudget => return Outcome::OverBudget(failure(Code::Exhausted)),
        };
        let usage = TokenUsage { input: 10, output: 5 };
        Outcome::Answered(ModelReply { text, tool_calls, stop, usage, provider: "script".into(), model: "m".into(), failovers: vec![] })
    }
}

impl Script {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let agent = (any::<bool>(), prop::bool::weighted(0.3));
        let asked = (prop::collection::vec(text(), 0..3), prop_oneof![text().prop_map(Value::from), Just(json!({"question": [6, 7]}))]);
        let outside = (prop::collection::vec(Answer::any(), 1..8), prop::collection::vec(any::<u8>(), 1..20));
        let order = (prop::collection::vec(any::<prop::sample::Index>(), 60), prop::option::weighted(0.15, 0usize..12));
        (agent, asked, outside, order).prop_map(
            |((remembers, wants_json), (history, request), (answers, results), (picks, cancel_after))| Self {
                remembers,
                wants_json,
                history,
                request,
                answers,
                results,
                picks,
                cancel_after,
            },
        )
    }

    /// Recalls, calls two tools twice, sends a message on, remembers, answers.
    pub(super) fn with_two_rounds() -> Self {
        let calls = || Answer::Calls(vec![(0, "x".into()), (1, "y".into())]);
        Self {
            remembers: true,
            wants_json: false,
            history: vec![],
            request: json!("6*7?"),
            answers: vec![calls(), calls(), Answer::SendsOn(1, false)],
            results: vec![0],
            picks: vec![],
            cancel_after: None,
        }
    }

    fn begin(&self) -> Begin {
        let schema = json!({"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]});
        let spec = json!({
            "name": "analyst", "display_name": "Analyst", "version": "1.0.0", "prompts": {"system": "You are {{agent_name}} at {{timestamp}}."},
            "output_schema": self.wants_json.then_some(schema)
        });
        let mut spec: AgentSpec = serde_json::from_value(spec).unwrap();
        spec.memory.enabled = self.remembers;
        let tool = json!({
            "id": "tools/t1", "description": "Does something.", "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
            "annotations": {"read_only_hint": true, "destructive_hint": false, "idempotent_hint": true, "open_world_hint": false}
        });
        let said = |(at, text): (usize, &String)| match at % 2 {
            0 => ChatMessage::User { text: text.clone() },
            _ => ChatMessage::Assistant { text: text.clone(), tool_calls: vec![] },
        };
        let message = Message {
            id: MessageId::from_uuid(uuid::Uuid::from_u128(1)),
            performative: Performative::Request,
            sender: Party::Client("local".into()),
            receiver: "agent:analyst".parse().unwrap(),
            content: self.request.clone(),
            conversation: ConversationId::from_uuid(uuid::Uuid::from_u128(2)),
            reply_with: None,
            in_reply_to: None,
            ontology: None,
            language: None,
            protocol: Some("request-reply".into()),
            attachments: vec![],
            trace: TraceContext::new(1, 1),
            sent_at: Timestamp::default(),
        };
        Begin {
            turn: TurnId::from_uuid(uuid::Uuid::from_u128(3)),
            agent: Arc::new(spec),
            message: Arc::new(message),
            history: self.history.iter().enumerate().map(said).collect(),
            tools: serde_json::from_value(json!([tool])).unwrap(),
            attachments: vec![],
            now: Timestamp::default(),
        }
    }

    /// What comes of a call; it depends on the step alone, as parallel calls do not know of each other.
    fn called(&self, step: u32) -> Outcome {
        let failure = || Failure::new(Code::Deadline, format!("step {step} took too long"));
        match self.results[step as usize % self.results.len()] % 6 {
            0 => Outcome::Failed(failure()),
            1 => Outcome::Unknown(failure()),
            2 => Outcome::OverBudget(failure()),
            kind => {
                let structured = (kind == 3).then(|| json!({"step": step, "nested": [1, {"a": null}]}));
                Outcome::Called(ToolResult { text: format!("result of step {step}"), structured, is_error: kind == 4, files: vec![] })
            }
        }
    }

    fn recalled(&self) -> Outcome {
        match self.results[0] % 3 {
            0 => Outcome::Failed(Failure::new(Code::Unavailable, "disk")),
            1 => Outcome::Recalled { found: vec![] },
            _ => {
                let at = Timestamp::default();
                let found = Recollection { entity: "sums".into(), text: "6*6 is 36".into(), lexical: 0.75, scope: Scope::Workspace, at };
                Outcome::Recalled { found: vec![found] }
            }
        }
    }
}

/// Runs the turn and keeps what the driver keeps of it: each intent before its outcome, outcomes in the order in which they came.
pub(super) fn record(script: &Script) -> Recording {
    let begin = script.begin();
    let (mut turn, mut entries, mut open) = (Turn::default(), Vec::new(), Vec::<(_, Effect)>::new());
    let (mut answers, mut picks) = (script.answers.iter(), script.picks.iter());
    let mut inputs = vec![Input::Begin(Box::new(begin.clone()))];
    let mut outcomes = 0;
    let end = 'turn: loop {
        while let Some(input) = inputs.pop() {
            for (step, effect) in advance(&mut turn, input) {
                entries.push(Entry::Intended(step, effect.intent()));
                let outcome = match &effect {
                    Effect::Finish(reply) => break 'turn reply.end,
                    Effect::Recall(_) => script.recalled(),
                    Effect::Remember(_) => Outcome::Remembered,
                    Effect::Send(message) => Outcome::Sent { message: message.id },
                    Effect::Ask(_) | Effect::Call(_) => {
                        open.push((step, effect));
                        continue;
                    }
                };
                entries.push(Entry::Ended(step, outcome.clone()));
                inputs.insert(0, Input::Ended(step, outcome));
            }
        }
        if script.cancel_after.is_some_and(|after| outcomes >= after) {
            let failure = Failure::new(Code::Cancelled, "called off by local");
            entries.push(Entry::Cancelled(failure.clone()));
            entries.extend(open.drain(..).map(|(step, _)| Entry::Ended(step, Outcome::Failed(failure.clone()))));
            inputs.push(Input::Cancelled(failure));
            continue;
        }
        let at = picks.next().map_or(0, |pick| pick.index(open.len()));
        let (step, effect) = open.remove(at);
        let outcome = match effect {
            Effect::Ask(_) => answers.next().map_or_else(|| Answer::Says("at last".into()).outcome(), Answer::outcome),
            _ => script.called(step.0),
        };
        outcomes += 1;
        entries.push(Entry::Ended(step, outcome.clone()));
        inputs.push(Input::Ended(step, outcome));
    };
    Recording { begin, entries, end: Some(end), origin: None }
}
