//! The story as a tree: the conversation, its messages, each turn with its steps.

use super::{
    story::{Done, Note, Scene, Step, Story, Turn},
    text,
};
use crate::console::{BAD, CARE, FAINT, GOOD, NAME, Painter, STRONG};
use caxton_types::{
    Address, AgentName, ApprovalKind, Intent, Message, Money, Outcome, Route, Ruling, StepId, Timestamp, TokenUsage, TurnEnd, WaitOn,
};
use std::fmt::Write as _;

/// The longest piece of a content, of arguments or of a reason.
const PIECE_LEN_MAX: usize = 96;

/// The lines of the tree, without a newline at the end.
pub(crate) fn tree(story: &Story, painter: Painter) -> String {
    let mut lines = vec![headline(story, painter)];
    let last = story.scenes.len().saturating_sub(1);
    for (at, scene) in story.scenes.iter().enumerate() {
        let (branch, trunk) = if at == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let (first, below) = match scene {
            Scene::Said { at, message, to, route } => {
                said(&at.time.clock(), message, arrived(message, to.as_ref(), *route).as_str(), painter)
            }
            Scene::Lost { at, message, failure, .. } => (
                format!("{} {} {message}", faint(painter, at.time.clock()), painter.paint(BAD, "lost")),
                vec![text::short(&failure.reason, PIECE_LEN_MAX)],
            ),
            Scene::Turn(turn) => turn_lines(turn, false, painter),
        };
        lines.push(format!("{}{first}", faint(painter, branch)));
        lines.extend(below.into_iter().map(|line| format!("{}{line}", faint(painter, trunk))));
    }
    lines.join("\n")
}

fn faint(painter: Painter, text: impl std::fmt::Display) -> String {
    painter.paint(FAINT, text)
}

fn headline(story: &Story, painter: Painter) -> String {
    let mut usage = TokenUsage::default();
    story.turns().filter_map(|turn| turn.ended.as_ref()).for_each(|ended| usage += ended.usage);
    let cost: Money = story.turns().filter_map(|turn| turn.ended.as_ref()).map(|ended| ended.cost).sum();
    let took = story.last.zip(story.first).map_or(0, |(last, first)| u64::try_from(last.since(first).as_micros()).unwrap_or(u64::MAX));
    let name = story.conversation.map_or_else(|| "conversation".to_owned(), |id| id.to_string());
    format!(
        "{} {} · {} · {} · {} tokens{} · {}",
        painter.paint(STRONG, name),
        story.state(),
        text::count(story.messages().count(), "message"),
        text::count(story.turns().count(), "turn"),
        usage.total(),
        text::cost(cost),
        text::duration(took),
    )
}

/// Which agent an address became, where that is not said by the address.
fn arrived(message: &Message, to: Option<&AgentName>, route: Route) -> String {
    match (to, route) {
        (Some(agent), Route::Capability | Route::Keyword) => {
            let how = if route == Route::Keyword { "by its words" } else { "by its capability" };
            format!(" = agent:{agent} ({how})")
        }
        (Some(agent), _) if message.receiver != Address::Agent(agent.clone()) => format!(" = agent:{agent}"),
        _ => String::new(),
    }
}

fn said(clock: &str, message: &Message, arrived: &str, painter: Painter) -> (String, Vec<String>) {
    let style = if message.performative.is_failure() { BAD } else { GOOD };
    let first = format!(
        "{} {} {} → {}{arrived}",
        faint(painter, clock),
        painter.paint(style, message.performative),
        message.sender,
        message.receiver
    );
    let mut below = vec![format!("\"{}\"", text::short(&message.text(), PIECE_LEN_MAX))];
    below.extend(message.attachments.iter().map(|file| format!("+ {} ({}, {})", file.name, file.media_type, text::bytes(file.size))));
    (first, below)
}

/// The headline of a turn and its steps, with their numbers where they are wanted.
pub(crate) fn turn_lines(turn: &Turn, numbered: bool, painter: Painter) -> (String, Vec<String>) {
    let agent = turn.agent.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
    let how = match &turn.ended {
        Some(ended) => {
            let style = if ended.end == TurnEnd::Completed { GOOD } else { BAD };
            let (end, took) = (painter.paint(style, ended.end.as_str()), text::duration(ended.wall_us));
            format!("{end} · {took} · {} tokens{}", ended.usage.total(), text::cost(ended.cost))
        }
        None => painter.paint(CARE, if turn.waits() { "waiting" } else { "running" }),
    };
    let first =
        format!("{} turn of {} (revision {}) {how}", faint(painter, turn.at.time.clock()), painter.paint(NAME, agent), turn.revision);
    let shown: Vec<&Step> = turn.steps.iter().filter(|step| &*step.effect != "finish").collect();
    let last = shown.len().saturating_sub(1);
    let mut below: Vec<String> = turn.origin.iter().map(|origin| faint(painter, shared(origin.turn, origin.at))).collect();
    for (at, step) in shown.into_iter().enumerate() {
        let (branch, trunk) = if at == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let (line, details) = step_lines(step, painter);
        let number = step.id.filter(|_| numbered).map_or_else(String::new, |id| format!("{id:>2} "));
        below.push(format!("{}{number}{line}", faint(painter, branch)));
        below.extend(details.into_iter().map(|line| format!("{}{}", faint(painter, trunk), faint(painter, line))));
    }
    if let Some((_, failure)) = &turn.cancelled {
        below.push(painter.paint(BAD, text::short(&failure.reason, PIECE_LEN_MAX)));
    }
    (first, below)
}

/// What a fork or a second try has from another turn.
fn shared(turn: caxton_types::TurnId, at: StepId) -> String {
    if at.0 == u32::MAX { format!("shares all steps of {turn}") } else { format!("shares the steps of {turn} before step {at}") }
}

fn step_lines(step: &Step, painter: Painter) -> (String, Vec<String>) {
    let (verb, object, mut details) = intent(step);
    details.extend(step.notes.iter().map(|(_, note)| told(note)));
    let Some(done) = &step.done else {
        let how = if step.waits() { "waiting" } else { "running" };
        let running = painter.paint(CARE, format_args!("{how:>9}"));
        return (format!("{verb:<9}{running}  {object}").trim_end().to_owned(), details);
    };
    let took = text::duration(done.metering.wall_us);
    let mut line = format!("{verb:<9}{took:>9}  {object}");
    let (came, failed) = outcome(done);
    if !came.is_empty() {
        let shown = if failed { painter.paint(BAD, came) } else { came };
        if object.is_empty() {
            line.push_str(&shown);
        } else {
            details.push(format!("→ {shown}"));
        }
    }
    line.push_str(&text::cost(done.cost));
    if let Some(peak) = done.metering.memory_peak {
        let _ = write!(line, " · {} memory", text::bytes(peak));
    }
    if let Some(cpu) = done.metering.cpu_us {
        let _ = write!(line, " · {} cpu", text::duration(cpu));
    }
    (line.trim_end().to_owned(), details)
}

/// What happened to a step before it was done, in words.
fn told(note: &Note) -> String {
    let because =
        |reason: &Option<Box<str>>| reason.as_ref().map_or_else(String::new, |reason| format!(": {}", text::short(reason, PIECE_LEN_MAX)));
    match note {
        Note::Again { attempt } => format!("began again after a stop (attempt {attempt})"),
        Note::Waits { on: WaitOn::Reply(message), until } => format!("waits for the reply to {message} until {}", moment(*until)),
        Note::Waits { on: WaitOn::Time, until } => format!("waits until {}", moment(*until)),
        Note::Asked { approval, elicitation: Some(asked), until, kind: _ } => {
            let (server, until) = (&asked.server, moment(*until));
            format!(
                "waits for an answer to the server {server} until {until} ({approval}): \"{}\"",
                text::short(&asked.message, PIECE_LEN_MAX)
            )
        }
        Note::Asked { approval, kind, until, elicitation: None } => {
            let what = match kind {
                ApprovalKind::Call => "waits for approval",
                ApprovalKind::Repeat => "waits for a decision whether to call again",
                ApprovalKind::Failover => "waits for a decision whether to ask the next provider",
                ApprovalKind::Question | ApprovalKind::Elicitation => "waits for an answer",
            };
            format!("{what} until {} ({approval})", moment(*until))
        }
        Note::Delegated { to, by, reason } => format!("delegated to {to} by {by}{}", because(reason)),
        Note::Decided { ruling: Ruling::Expired, .. } => "nobody decided in time".to_owned(),
        Note::Decided { ruling: Ruling::Answered(answer), by, reason } => {
            format!("answered by {by}: \"{}\"{}", text::short(answer, PIECE_LEN_MAX), because(reason))
        }
        Note::Decided { ruling: Ruling::Approved, by, reason } => format!("approved by {by}{}", because(reason)),
        Note::Decided { ruling: Ruling::Denied, by, reason } => format!("denied by {by}{}", because(reason)),
        Note::FailedOver { from, to, reason } => format!("{from} failed, {to} is asked: {}", text::short(reason, PIECE_LEN_MAX)),
        Note::Refused { what, reason } => format!("refused {}: {}", text::short(what, PIECE_LEN_MAX), text::short(reason, PIECE_LEN_MAX)),
        Note::Called { tool, wall_us, failure: None } => format!("called {tool} {}", text::duration(*wall_us)),
        Note::Called { tool, failure: Some(reason), .. } => format!("called {tool}, which failed: {}", text::short(reason, PIECE_LEN_MAX)),
        Note::Remembers { scope } => format!("remembers something in the scope {}", scope.as_str()),
        Note::Overrun { reserved, reported } => {
            format!("used more than was reserved for it: {}, not {}", text::spend(reported), text::spend(reserved))
        }
    }
}

/// `2026-03-01 08:00:00`, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.to_string().chars().take(19).collect::<String>().replace('T', " ")
}

/// Verb, object and what more there is to say of what a step wanted.
fn intent(step: &Step) -> (&str, String, Vec<String>) {
    match &step.intent {
        Some(Intent::Call(call)) => (
            "call",
            text::tool(call),
            vec![text::arguments(&call.arguments, PIECE_LEN_MAX)].into_iter().filter(|text| !text.is_empty()).collect(),
        ),
        Some(Intent::Recall(recall)) => ("recall", String::new(), vec![format!("\"{}\"", text::short(&recall.query, PIECE_LEN_MAX))]),
        Some(Intent::Remember(observation)) => (
            "remember",
            format!("{} ({}, {})", observation.entity, observation.kind, observation.scope.as_str()),
            vec![format!("\"{}\"", text::short(&observation.text, PIECE_LEN_MAX))],
        ),
        Some(Intent::Send(message)) => ("send", format!("{} → {}", message.performative, message.receiver), Vec::new()),
        Some(Intent::Ask { .. } | Intent::Finish(_)) | None => (&*step.effect, String::new(), Vec::new()),
    }
}

/// What came of a step, and whether that is bad news.
fn outcome(done: &Done) -> (String, bool) {
    match &done.outcome {
        Some(Outcome::Answered(reply)) => {
            let wants: Vec<String> = reply.tool_calls.iter().map(text::tool).collect();
            let wants = if wants.is_empty() { "answers".to_owned() } else { format!("wants {}", wants.join(", ")) };
            (format!("{}/{} · {} + {} tokens · {wants}", reply.provider, reply.model, reply.usage.input, reply.usage.output), false)
        }
        Some(Outcome::Called(result)) => (text::short(&result.text, PIECE_LEN_MAX), result.is_error),
        Some(Outcome::Recalled { found }) => (text::count(found.len(), "hit"), false),
        Some(Outcome::Failed(failure) | Outcome::Unknown(failure) | Outcome::OverBudget(failure)) => {
            (text::short(&failure.reason, PIECE_LEN_MAX), true)
        }
        Some(Outcome::Remembered | Outcome::Sent { .. }) | None => (String::new(), false),
    }
}
