//! One line for each thing that happened, in the order of time: made for `grep`.

use super::{
    story::{At, Note, Scene, Step, Story, Turn},
    text,
};
use caxton_types::{AgentName, ApprovalKind, Code, Failure, Intent, Message, Outcome, Party, Ruling, WaitOn};
use serde_json::Value;

/// The lines of the story: `[HH:MM:SS.mmm] agent="NAME" message="request" status="received"`, times in UTC.
pub(crate) fn lines(story: &Story) -> Vec<String> {
    let mut lines = Vec::new();
    for scene in &story.scenes {
        match scene {
            Scene::Said { at, message, .. } => lines.push((*at, said(message))),
            Scene::Lost { at, message, agent, failure } => {
                let mut line = Line::new(agent.as_ref());
                line.put("message", message).put("status", "dead_lettered").put("error", &failure.reason);
                lines.push((*at, line));
            }
            Scene::Turn(turn) => lines_of_turn(turn, story, &mut lines),
        }
    }
    // Turns that ran at the same time are told as the journal has them, step by step.
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(at, line)| format!("[{}]{}", at.time.clock(), line.0)).collect()
}

fn said(message: &Message) -> Line {
    let mut line = Line::default();
    let who = match &message.sender {
        Party::Agent(_) => "agent",
        Party::Client(_) => "client",
    };
    line.put(who, message.sender.name()).put("message", message.performative).put("status", "sent");
    line
}

fn lines_of_turn(turn: &Turn, story: &Story, lines: &mut Vec<(At, Line)>) {
    let agent = turn.agent.as_ref();
    let performative = story.messages().find(|message| message.id == turn.message).map(|message| message.performative);
    let mut received = Line::new(agent);
    match performative {
        Some(performative) => received.put("message", performative),
        None => received.put("message", turn.message),
    };
    received.put("status", "received");
    if let Some(origin) = &turn.origin {
        received.put("origin", origin.turn).put("step", origin.at);
    }
    lines.push((turn.at, received));
    for step in &turn.steps {
        lines.extend(step.notes.iter().map(|(at, note)| (*at, line_of_note(note, step, agent))));
        let at = step.done.as_ref().map_or(step.at, |done| done.at);
        lines.extend(line_of_step(step, agent).map(|line| (at, line)));
    }
    if let Some((at, failure)) = &turn.cancelled {
        let mut line = Line::new(agent);
        line.put("turn", "called_off").put("error", text::short(&failure.reason, 200));
        lines.push((*at, line));
    }
    if let Some(ended) = &turn.ended {
        let mut line = Line::new(agent);
        line.put("turn", ended.end.as_str()).put("tokens", ended.usage.total());
        if !ended.cost.is_zero() {
            line.put("cost", ended.cost);
        }
        line.put("duration", text::millis(ended.wall_us));
        lines.push((ended.at, line));
    }
}

/// The line of a step. A message that it sends and the end of its turn have lines of their own.
fn line_of_step(step: &Step, agent: Option<&AgentName>) -> Option<Line> {
    let mut line = Line::new(agent);
    if matches!(&*step.effect, "send" | "finish") {
        return None;
    }
    let what = subject(step);
    let Some(done) = &step.done else {
        // What waits has said so.
        if step.waits() {
            return None;
        }
        line.put(what.0, what.1).put("status", "running");
        return Some(line);
    };
    match &done.outcome {
        Some(Outcome::Failed(failure) | Outcome::Unknown(failure) | Outcome::OverBudget(failure)) => {
            line.put("error", reason(failure, what.0)).put(what.0, what.1);
            return Some(line);
        }
        Some(Outcome::Called(result)) => {
            line.put(what.0, what.1).put("status", if result.is_error { "error" } else { "ok" });
        }
        Some(Outcome::Recalled { found }) => {
            line.put(what.0, what.1).put("status", "ok").put("hits", found.len());
        }
        Some(Outcome::Answered(reply)) => {
            line.put(what.0, what.1).put("status", "ok").put("tokens", reply.usage.total());
            if !done.cost.is_zero() {
                line.put("cost", done.cost);
            }
        }
        Some(Outcome::Remembered | Outcome::Sent { .. }) | None => {
            line.put(what.0, what.1).put("status", "ok");
        }
    }
    line.put("duration", text::millis(done.metering.wall_us));
    Some(line)
}

/// What a step is about: a key of its lines, and the value.
fn subject(step: &Step) -> (&'static str, String) {
    match (&step.intent, &*step.effect) {
        (Some(Intent::Call(call)), _) => ("tool", text::tool(call)),
        (_, "recall" | "remember") => ("memory", step.effect.to_string()),
        (_, "ask") => ("model", answered_by(step)),
        _ => ("step", step.effect.to_string()),
    }
}

/// The line of what happened to a step before it was done.
fn line_of_note(note: &Note, step: &Step, agent: Option<&AgentName>) -> Line {
    let mut line = Line::new(agent);
    let (key, value) = subject(step);
    line.put(key, value);
    match note {
        Note::Again { attempt } => line.put("status", "began_again").put("attempt", attempt),
        Note::Waits { on, until } => {
            line.put("status", "waiting").put("for", if matches!(on, WaitOn::Time) { "time" } else { "reply" }).put("until", until)
        }
        Note::Asked { approval, kind, elicitation, until } => {
            let what = match kind {
                ApprovalKind::Call => "approval",
                ApprovalKind::Repeat => "repeat",
                ApprovalKind::Failover => "failover",
                ApprovalKind::Question | ApprovalKind::Elicitation => "answer",
            };
            line.put("status", "waiting").put("for", what).put("approval", approval).put("until", until);
            if let Some(asked) = elicitation {
                line.put("server", &asked.server).put("question", text::short(&asked.message, 200));
            }
            &mut line
        }
        Note::Delegated { to, by, .. } => line.put("status", "delegated").put("to", to).put("by", by),
        Note::Decided { ruling, by, .. } => {
            line.put("status", ruling.as_str()).put("by", by);
            if let Ruling::Answered(answer) = ruling {
                line.put("answer", text::short(answer, 200));
            }
            &mut line
        }
        Note::FailedOver { from, to, reason } => {
            line.put("status", "failed_over").put("from", from).put("to", to).put("error", text::short(reason, 200))
        }
        Note::Refused { what, reason } => line.put("status", "refused").put("what", what).put("reason", reason),
        Note::Called { tool, wall_us, failure } => {
            line.put("status", "called").put("what", tool).put("duration", text::millis(*wall_us));
            if let Some(reason) = failure {
                line.put("error", text::short(reason, 200));
            }
            &mut line
        }
        Note::Remembers { scope } => line.put("status", "remembers").put("scope", scope.as_str()),
        Note::Overrun { reserved, reported } => {
            line.put("status", "over_budget").put("reserved", reserved.tokens).put("reported", reported.tokens)
        }
    };
    if let Note::Delegated { reason: Some(reason), .. } | Note::Decided { reason: Some(reason), .. } = note {
        line.put("reason", text::short(reason, 200));
    }
    line
}

fn answered_by(step: &Step) -> String {
    match (&step.done.as_ref().and_then(|done| done.outcome.as_ref()), &step.intent) {
        (Some(Outcome::Answered(reply)), _) => format!("{}/{}", reply.provider, reply.model),
        (_, Some(Intent::Ask { settings: Some(settings), .. })) => settings.model.clone(),
        _ => "chat".to_owned(),
    }
}

/// `tool timeout`, as whoever is woken at night looks for it; else the reason itself.
fn reason(failure: &Failure, what: &str) -> String {
    if failure.code == Code::Deadline { format!("{what} timeout") } else { text::short(&failure.reason, 200) }
}

/// A line after its time: ` key="value" …`, values quoted as JSON quotes them.
#[derive(Default)]
struct Line(String);

impl Line {
    fn new(agent: Option<&AgentName>) -> Self {
        let mut line = Self::default();
        if let Some(agent) = agent {
            line.put("agent", agent);
        }
        line
    }

    fn put(&mut self, key: &str, value: impl ToString) -> &mut Self {
        self.0.push(' ');
        self.0.push_str(key);
        self.0.push('=');
        self.0.push_str(&Value::String(value.to_string()).to_string());
        self
    }
}
