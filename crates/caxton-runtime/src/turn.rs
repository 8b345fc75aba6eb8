//! One turn as a pure step function: told what happened, it says what to do next.
//!
//! Live run, resume and replay are this one function under different drivers; so clock, random numbers, prompts and tools
//! enter only through [`Input`], and results of parallel calls are put in the order of the calls, not of their end.

mod answer;
mod files;
mod prompts;
#[cfg(test)]
mod tests;

use caxton_types::{
    Attachment, Begin, ChatMessage, Code, Effect, Failure, Input, ModelReply, ModelRequest, ModelSettings, Outcome, Performative, Recall,
    Reply, StepId, StopReason, TokenUsage, ToolCall, TurnEnd,
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// How often a model is asked again for an answer of the wanted form.
const REPAIRS_MAX: u8 = 2;

/// The state of one turn.
#[derive(Debug, Default)]
pub struct Turn {
    begin: Option<Arc<Begin>>,
    settings: Option<Arc<ModelSettings>>,
    phase: Phase,
    dialogue: Arc<Vec<ChatMessage>>,
    /// What the dialogue costs, in bytes.
    dialogue_bytes: u64,
    /// How much of the dialogue the model has been sent already.
    sent: usize,
    next_step: u32,
    model_calls: u16,
    tool_calls: u16,
    repairs: u8,
    usage: TokenUsage,
    /// What tools made so far, newest last.
    files: Vec<Attachment>,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    New,
    Recalling(StepId),
    Asking(StepId),
    Calling(Calls),
    Over,
}

/// Tool calls of one answer of the model, with the results that are there.
#[derive(Debug)]
struct Calls {
    asked: Vec<ToolCall>,
    steps: BTreeMap<StepId, usize>,
    results: Vec<Option<ChatMessage>>,
}

/// What a turn asks for next.
type Effects = Vec<(StepId, Effect)>;

/// Tells the turn what happened. An input that does not fit the turn's state (a late result, a second end) changes nothing.
pub fn advance(turn: &mut Turn, input: Input) -> Effects {
    match (std::mem::take(&mut turn.phase), input) {
        (Phase::New, Input::Begin(begin)) => turn.begin(*begin),
        (Phase::Recalling(step), Input::Ended(ended, outcome)) if step == ended => turn.recalled(outcome),
        (Phase::Asking(step), Input::Ended(ended, outcome)) if step == ended => turn.asked(outcome),
        (Phase::Calling(calls), Input::Ended(ended, outcome)) => turn.called(calls, ended, outcome),
        (Phase::Recalling(_) | Phase::Asking(_) | Phase::Calling(_), Input::Cancelled(failure)) => match failure.code {
            Code::Cancelled => turn.give_up(failure, TurnEnd::Cancelled),
            Code::Exhausted => turn.break_off(&failure),
            _ => turn.give_up(failure, TurnEnd::Exhausted),
        },
        (phase, Input::Begin(_) | Input::Ended(..) | Input::Cancelled(_)) => {
            turn.phase = phase;
            vec![]
        }
    }
}

impl Turn {
    /// Whether the turn has asked for its end.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    fn step(&mut self) -> StepId {
        let step = StepId(self.next_step);
        self.next_step += 1;
        step
    }

    fn begin(&mut self, begin: Begin) -> Effects {
        let begin = self.begin.insert(Arc::new(begin));
        let agent = &begin.agent;
        if !agent.memory.enabled {
            return self.prepare(vec![]);
        }
        let recall = Recall {
            query: begin.message.text().into_owned(),
            scope: agent.memory.scope,
            agent: agent.name.clone(),
            limit: agent.memory.search_limit,
            min_similarity: agent.memory.min_similarity,
        };
        let step = self.step();
        self.phase = Phase::Recalling(step);
        vec![(step, Effect::Recall(recall))]
    }

    /// Memory that does not answer makes the turn poorer, not impossible.
    fn recalled(&mut self, outcome: Outcome) -> Effects {
        let memories = if let Outcome::Recalled { found } = outcome { found } else { vec![] };
        self.prepare(memories)
    }

    fn prepare(&mut self, memories: Vec<caxton_types::Recollection>) -> Effects {
        let Some(begin) = self.begin.clone() else { return vec![] };
        let (settings, dialogue) = prompts::prepare(&begin, memories);
        self.settings = Some(Arc::new(settings));
        self.dialogue_bytes = dialogue.iter().map(prompts::len).sum();
        self.dialogue = Arc::new(dialogue);
        self.ask()
    }

    /// Goes on with the dialogue; no call of the model holds it any more, so nothing is copied.
    fn say(&mut self, said: impl IntoIterator<Item = ChatMessage>) {
        let dialogue = Arc::make_mut(&mut self.dialogue);
        for message in said {
            self.dialogue_bytes += prompts::len(&message);
            dialogue.push(message);
        }
    }

    fn ask(&mut self) -> Effects {
        let (Some(begin), Some(settings)) = (self.begin.clone(), self.settings.clone()) else { return vec![] };
        let limits = &begin.agent.limits;
        if self.model_calls >= limits.model_calls {
            return self.exhausted(format!("{} model calls", limits.model_calls), "model_calls");
        }
        if self.usage.total() >= limits.tokens {
            return self.exhausted(format!("{} tokens", limits.tokens), "tokens");
        }
        let context = self.dialogue_bytes + settings.system.len() as u64;
        if context > limits.context_bytes {
            return self.exhausted(format!("{} context bytes ({context} are needed)", limits.context_bytes), "context_bytes");
        }
        self.model_calls += 1;
        let request = ModelRequest { settings, dialogue: Arc::clone(&self.dialogue), sent_before: self.sent };
        self.sent = self.dialogue.len();
        let step = self.step();
        self.phase = Phase::Asking(step);
        vec![(step, Effect::Ask(request))]
    }

    fn asked(&mut self, outcome: Outcome) -> Effects {
        match outcome {
            Outcome::Answered(reply) => self.answered(reply),
            Outcome::Failed(failure) | Outcome::Unknown(failure) => self.give_up(failure, TurnEnd::Failed),
            Outcome::OverBudget(failure) => self.break_off(&failure),
            Outcome::Called(_) | Outcome::Recalled { .. } | Outcome::Remembered | Outcome::Sent { .. } => {
                self.give_up(Failure::new(Code::Internal, "a model call ended with the outcome of another effect"), TurnEnd::Failed)
            }
        }
    }

    fn answered(&mut self, reply: ModelReply) -> Effects {
        self.usage += reply.usage;
        self.say([ChatMessage::Assistant { text: reply.text.clone(), tool_calls: reply.tool_calls.clone() }]);
        if reply.stop == StopReason::Refusal {
            return self.finish(Performative::Refuse, json!({ "reason": reply.text }), TurnEnd::Refused);
        }
        if !reply.tool_calls.is_empty() {
            return self.call(reply.tool_calls);
        }
        if reply.stop == StopReason::MaxTokens {
            let bound = self.settings.as_ref().map_or(0, |settings| settings.max_tokens);
            let failure = Failure::new(Code::Exhausted, format!("the answer was cut off at {bound} tokens: {}", reply.text));
            return self.give_up(failure, TurnEnd::Exhausted);
        }
        self.settle(&reply.text)
    }

    fn call(&mut self, calls: Vec<ToolCall>) -> Effects {
        let bound = self.begin.as_ref().map_or(0, |begin| begin.agent.limits.tool_calls);
        let wanted = u16::try_from(calls.len()).unwrap_or(u16::MAX);
        if self.tool_calls.saturating_add(wanted) > bound {
            return self.exhausted(format!("{bound} tool calls"), "tool_calls");
        }
        self.tool_calls += wanted;
        let effects: Effects = calls.iter().map(|call| (self.step(), Effect::Call(call.clone()))).collect();
        let steps = effects.iter().enumerate().map(|(at, (step, _))| (*step, at)).collect();
        self.phase = Phase::Calling(Calls { results: vec![None; calls.len()], asked: calls, steps });
        effects
    }

    fn called(&mut self, mut calls: Calls, step: StepId, outcome: Outcome) -> Effects {
        if let Some(at) = calls.steps.remove(&step)
            && let (Some(call), Some(result)) = (calls.asked.get(at), calls.results.get_mut(at))
        {
            let (text, is_error) = match outcome {
                Outcome::Called(result) => {
                    files::keep(&mut self.files, result.files);
                    (result.text, result.is_error)
                }
                Outcome::Failed(failure) | Outcome::Unknown(failure) | Outcome::OverBudget(failure) => (failure.reason, true),
                Outcome::Answered(_) | Outcome::Recalled { .. } | Outcome::Remembered | Outcome::Sent { .. } => {
                    ("the call ended with the outcome of another effect".into(), true)
                }
            };
            *result = Some(ChatMessage::Tool { call_id: call.call_id.clone(), tool: call.tool.clone(), text, is_error });
        }
        if calls.steps.is_empty() {
            self.say(calls.results.into_iter().flatten());
            return self.ask();
        }
        self.phase = Phase::Calling(calls);
        vec![]
    }

    /// The model is done: its answer must have the wanted form, then the turn ends.
    fn settle(&mut self, text: &str) -> Effects {
        let Some(begin) = self.begin.clone() else { return vec![] };
        match answer::settle(&begin, text) {
            Ok(answer) => {
                let mut effects = Vec::new();
                if let Some(observation) = answer.observation {
                    effects.push((self.step(), Effect::Remember(observation)));
                }
                for directive in answer.directives {
                    let step = self.step();
                    effects.push((step, Effect::Send(Box::new(answer::follow_up(&begin, step, directive)))));
                }
                effects.extend(self.finish(Performative::Inform, answer.content, TurnEnd::Completed));
                effects
            }
            Err(complaint) if self.repairs < REPAIRS_MAX => {
                self.repairs += 1;
                self.say([ChatMessage::User { text: complaint }]);
                self.ask()
            }
            Err(complaint) => {
                self.give_up(Failure::new(Code::Invalid, format!("the model's answer stays unusable: {complaint}")), TurnEnd::Failed)
            }
        }
    }

    fn exhausted(&mut self, bound: String, key: &str) -> Effects {
        let Some(begin) = self.begin.clone() else { return vec![] };
        let fault = caxton_types::error::AgentError::ResourceLimitExceeded { name: begin.agent.name.clone(), limit: bound.into() };
        let failure =
            Failure { hint: Some(format!("raise `{key}` under `[limits]` in the agent's file, then deploy")), ..Failure::of(&fault) };
        self.give_up(failure, TurnEnd::Exhausted)
    }

    /// The budget is used up: what was said or found until then goes out with the reason.
    fn break_off(&mut self, failure: &Failure) -> Effects {
        let mut content = failure.content();
        let said = self.dialogue.iter().rev().find_map(|entry| match entry {
            ChatMessage::Assistant { text, .. } | ChatMessage::Tool { text, is_error: false, .. } if !text.is_empty() => {
                Some(text.as_str())
            }
            ChatMessage::Assistant { .. } | ChatMessage::Tool { .. } | ChatMessage::User { .. } => None,
        });
        if let (Some(map), Some(said)) = (content.as_object_mut(), said) {
            map.insert("partial".into(), said.into());
        }
        self.finish(Performative::Failure, content, TurnEnd::BudgetExhausted)
    }

    fn give_up(&mut self, failure: Failure, end: TurnEnd) -> Effects {
        self.finish(Performative::Failure, failure.content(), end)
    }

    fn finish(&mut self, performative: Performative, content: serde_json::Value, end: TurnEnd) -> Effects {
        let step = self.step();
        self.phase = Phase::Over;
        vec![(
            step,
            Effect::Finish(Box::new(Reply { performative, content, end, usage: self.usage, files: std::mem::take(&mut self.files) })),
        )]
    }
}
