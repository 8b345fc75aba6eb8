//! The story as a tree: the conversation, its messages, each turn with its steps.

use super::{
    story::{Done, Scene, Step, Story, Turn},
    text,
};
use crate::console::{BAD, CARE, FAINT, GOOD, NAME, Painter, STRONG};
use caxton_types::{Address, AgentName, Intent, Message, Outcome, Route, TokenUsage, TurnEnd};
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
            Scene::Turn(turn) => turn_lines(turn, painter),
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
    let took = story.last.zip(story.first).map_or(0, |(last, first)| u64::try_from(last.since(first).as_micros()).unwrap_or(u64::MAX));
    let name = story.conversation.map_or_else(|| "conversation".to_owned(), |id| id.to_string());
    format!(
        "{} {} · {} · {} · {} tokens · {}",
        painter.paint(STRONG, name),
        story.state(),
        text::count(story.messages().count(), "message"),
        text::count(story.turns().count(), "turn"),
        usage.total(),
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

fn turn_lines(turn: &Turn, painter: Painter) -> (String, Vec<String>) {
    let agent = turn.agent.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
    let how = match &turn.ended {
        Some(ended) => {
            let style = if ended.end == TurnEnd::Completed { GOOD } else { BAD };
            format!("{} · {} · {} tokens", painter.paint(style, ended.end.as_str()), text::duration(ended.wall_us), ended.usage.total())
        }
        None => painter.paint(CARE, "running"),
    };
    let first =
        format!("{} turn of {} (revision {}) {how}", faint(painter, turn.at.time.clock()), painter.paint(NAME, agent), turn.revision);
    let shown: Vec<&Step> = turn.steps.iter().filter(|step| &*step.effect != "finish").collect();
    let last = shown.len().saturating_sub(1);
    let mut below = Vec::new();
    for (at, step) in shown.into_iter().enumerate() {
        let (branch, trunk) = if at == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let (line, details) = step_lines(step, painter);
        below.push(format!("{}{line}", faint(painter, branch)));
        below.extend(details.into_iter().map(|line| format!("{}{}", faint(painter, trunk), faint(painter, line))));
    }
    (first, below)
}

fn step_lines(step: &Step, painter: Painter) -> (String, Vec<String>) {
    let (verb, object, mut details) = intent(step);
    let Some(done) = &step.done else {
        let running = painter.paint(CARE, format_args!("{:>9}", "running"));
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
    if let Some(peak) = done.metering.memory_peak {
        let _ = write!(line, " · {} memory", text::bytes(peak));
    }
    if let Some(cpu) = done.metering.cpu_us {
        let _ = write!(line, " · {} cpu", text::duration(cpu));
    }
    (line.trim_end().to_owned(), details)
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
