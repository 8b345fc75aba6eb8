//! What a case expects against what happened.

use super::calls;
use caxton_config::suite::{Ceiling, Expect};
use caxton_llm::Models;
use caxton_runtime::{Entry, Recording};
use caxton_types::{Intent, ModelReply, Money, Outcome, Reply, TokenUsage, ToolCall, TurnEnd};
use serde_json::Value;

/// The longest text that is shown of a reply.
const SHOWN_LEN_MAX: usize = 2000;

/// Everything that is not as expected.
pub(super) fn misses(turn: &Recording, expect: &Expect, models: &Models) -> Vec<String> {
    let happened = Happened::of(turn);
    let mut misses = match happened.reply {
        Some(reply) => of_reply(reply, expect),
        None => vec!["the turn did not end".to_owned()],
    };
    if let Some(expected) = &expect.calls {
        misses.extend(calls::misses(expected, &happened.calls, expect.beyond));
    }
    misses.extend(happened.beyond(&expect.budget, models));
    misses
}

fn of_reply(reply: &Reply, expect: &Expect) -> Vec<String> {
    let mut misses = Vec::new();
    let text = text(&reply.content);
    let shown = || indented(&text);
    if let Some(performative) = expect.performative
        && reply.performative != performative
    {
        misses.push(format!("the reply is `{}`, and not `{performative}`:\n{}", reply.performative, shown()));
    }
    let end = expect.end.or_else(|| expect.performative.is_none().then_some(TurnEnd::Completed));
    if let Some(end) = end
        && reply.end != end
    {
        misses.push(format!("the turn ended `{}`, and not `{}`:\n{}", reply.end.as_str(), end.as_str(), shown()));
    }
    misses.extend(of_content("reply", &reply.content, &text, expect));
    misses
}

/// What is not as expected in something that was given, as data and as text.
pub(super) fn of_content(what: &str, content: &Value, text: &str, expect: &Expect) -> Vec<String> {
    let mut misses = Vec::new();
    let shown = || indented(text);
    if let Some(expected) = &expect.equals {
        let differences = calls::differences(expected, content, "");
        if !differences.is_empty() || (expected.is_object() && !calls::differences(content, expected, "").is_empty()) {
            misses.push(format!("the {what} is not {expected}:\n{}", shown()));
        }
    }
    for part in expect.contains.iter().filter(|part| !text.contains(&***part)) {
        misses.push(format!("the {what} does not contain `{part}`:\n{}", shown()));
    }
    for part in expect.lacks.iter().filter(|part| text.contains(&***part)) {
        misses.push(format!("the {what} contains `{part}`:\n{}", shown()));
    }
    for pattern in expect.matches.iter().filter(|pattern| !pattern.is_match(text)) {
        misses.push(format!("the {what} does not match `{pattern}`:\n{}", shown()));
    }
    for (pointer, expected) in &expect.json {
        // A text that is JSON is meant as that, unless it is wanted whole.
        let parsed = content.as_str().filter(|_| !pointer.is_empty()).and_then(|text| serde_json::from_str::<Value>(text).ok());
        match parsed.as_ref().unwrap_or(content).pointer(pointer) {
            Some(found) => {
                let differences = calls::differences(expected, found, pointer);
                misses.extend(differences.into_iter().map(|line| format!("the {what} differs {line}")));
            }
            None => misses.push(format!("the {what} has nothing at `{pointer}`:\n{}", shown())),
        }
    }
    misses
}

fn text(content: &Value) -> String {
    content.as_str().map_or_else(|| content.to_string(), ToOwned::to_owned)
}

fn indented(text: &str) -> String {
    let cut = (0..=SHOWN_LEN_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let shown = text.get(..cut).unwrap_or_default();
    let lines: Vec<String> = shown.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n") + if cut < text.len() { " …" } else { "" }
}

/// What a turn did, counted.
#[derive(Default)]
struct Happened<'r> {
    reply: Option<&'r Reply>,
    calls: Vec<&'r ToolCall>,
    answers: Vec<&'r ModelReply>,
    model_calls: u64,
    steps: u64,
}

impl<'r> Happened<'r> {
    fn of(turn: &'r Recording) -> Self {
        let mut happened = Self::default();
        for entry in &turn.entries {
            match entry {
                Entry::Intended(_, intent) => {
                    happened.steps += 1;
                    match intent {
                        Intent::Ask { .. } => happened.model_calls += 1,
                        Intent::Call(call) => happened.calls.push(call),
                        Intent::Finish(reply) => happened.reply = Some(reply),
                        Intent::Recall(_) | Intent::Remember(_) | Intent::Send(_) => {}
                    }
                }
                Entry::Ended(_, Outcome::Answered(reply)) => happened.answers.push(reply),
                Entry::Ended(..) | Entry::Cancelled(_) => {}
            }
        }
        happened
    }

    /// Where more was used than is allowed.
    fn beyond(&self, budget: &Ceiling, models: &Models) -> Vec<String> {
        let usage = self.answers.iter().fold(TokenUsage::default(), |mut all, reply| {
            all += reply.usage;
            all
        });
        let counts = [
            ("tokens", usage.total(), budget.tokens),
            ("steps", self.steps, budget.steps),
            ("model calls", self.model_calls, budget.model_calls),
            ("tool calls", self.calls.len() as u64, budget.tool_calls),
        ];
        let over = counts.into_iter().filter_map(|(what, used, most)| {
            let most = most.filter(|most| used > *most)?;
            Some(format!("{what}: {used} were used, {most} at most were expected"))
        });
        over.chain(budget.cost.and_then(|most| too_dear(&self.answers, most, models))).collect()
    }
}

/// What answers cost, where that is more than is allowed or not known.
pub(super) fn too_dear(answers: &[&ModelReply], most: Money, models: &Models) -> Option<String> {
    let mut cost = Money::ZERO;
    for reply in answers {
        let Some(price) = models.price_of(reply) else {
            return Some(format!("what it cost is not known: there is no price of `{}/{}` here", reply.provider, reply.model));
        };
        cost = cost.plus(price.cost(reply.usage));
    }
    (cost > most).then(|| format!("cost: it was {cost}, {most} at most was expected"))
}
