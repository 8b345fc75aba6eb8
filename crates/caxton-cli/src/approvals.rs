//! `caxton approvals …`: what agents ask people, and what people decide.

use crate::{
    args::{ApprovalsCommand, ApprovalsList, Decide},
    console::{CARE, Console, FAINT, GOOD, NAME, STRONG},
    error::{Error, Result},
    session::{Session, explained},
    table::Table,
    trace::{moment, text},
};
use caxton_api::{ApprovalState, ApprovalView, ElicitationView, FailoverView};
use caxton_client::{ApprovalFilter, Client};
use caxton_types::{ApprovalId, ApprovalKind, Elicitation, printable};
use serde_json::{Value, json};
use std::{collections::HashSet, io::Read as _};

/// The longest piece of a call or a question in a list.
const PIECE_LEN_MAX: usize = 60;
/// The longest piece of one beside an answer that is waited for.
const CALL_LEN_MAX: usize = 160;
/// The longest answer from standard input.
const ANSWER_LEN_MAX: u64 = 64 * 1024;

pub(crate) async fn run(command: &ApprovalsCommand, session: &Session) -> Result<()> {
    match command {
        ApprovalsCommand::List(args) => list(args, session).await,
        ApprovalsCommand::Show { id } => show(id.0, session).await,
        ApprovalsCommand::Approve(args) => decide(args, true, session).await,
        ApprovalsCommand::Deny(args) => decide(args, false, session).await,
        ApprovalsCommand::Answer { id, text } => {
            let view = session.client()?.answer(id.0, answer_text(text)?, None).await.map_err(explained)?;
            tell(&view, session.console())
        }
        ApprovalsCommand::Delegate { id, to, reason } => {
            let view = session.client()?.delegate(id.0, to.clone(), reason.clone()).await.map_err(explained)?;
            tell(&view, session.console())
        }
    }
}

async fn list(args: &ApprovalsList, session: &Session) -> Result<()> {
    let console = session.console();
    let state = (!args.all).then_some(ApprovalState::Open);
    let filter = ApprovalFilter { state, agent: args.agent.clone(), delegate: args.mine.clone(), ..ApprovalFilter::default() };
    let approvals = session.client()?.approvals(&filter, args.limit as usize).await.map_err(explained)?;
    if console.json {
        return console.value(&approvals);
    }
    if approvals.is_empty() {
        console.note(if args.all { "nothing was asked yet" } else { "nothing waits for a decision; `--all` shows what was decided" });
        return Ok(());
    }
    let mut table = Table::new(["ID", "STATE", "AGENT", "WHAT", "UNTIL"]);
    for view in &approvals {
        let state = format!("{}{}", state_of(view), view.delegate.as_ref().map_or_else(String::new, |to| format!(" ({to})")));
        table.row([view.id.to_string(), state, view.agent.to_string(), what(view, PIECE_LEN_MAX), moment(view.expires_at)]);
    }
    table.print(console)?;
    if let Some(open) = approvals.iter().find(|view| view.state == ApprovalState::Open) {
        console.note(format_args!("next: caxton approvals show {}", open.id));
    }
    Ok(())
}

/// `open`, or what was decided.
fn state_of(view: &ApprovalView) -> &'static str {
    match (view.state, &view.decision) {
        (ApprovalState::Open, _) => "open",
        (ApprovalState::Withdrawn, _) => "withdrawn",
        (ApprovalState::Decided, Some(decision)) => decision.ruling.as_str(),
        (ApprovalState::Decided, None) => "decided",
    }
}

/// What is asked, in one line: the question, or the call with its arguments.
pub(crate) fn what(view: &ApprovalView, len_max: usize) -> String {
    let question = view.arguments.as_ref().and_then(|arguments| arguments.get("question")).and_then(Value::as_str);
    if let (ApprovalKind::Question, Some(question)) = (view.kind, question) {
        return format!("\"{}\"", text::short(question, len_max));
    }
    if let Some(asked) = &view.elicitation {
        return format!("{} asks: \"{}\"", asked.server, text::short(&asked.message, len_max));
    }
    if view.kind == ApprovalKind::Failover {
        let asked = |failed: &FailoverView| format!("{} failed ({}): ask {}", failed.from, failed.code.as_str(), failed.to);
        return view.failover.as_ref().map_or_else(|| "its model failed: ask the next provider".to_owned(), asked);
    }
    let arguments = view.arguments.as_ref().map_or_else(|| "…".to_owned(), |arguments| text::arguments(arguments, len_max));
    let again = if view.kind == ApprovalKind::Repeat { " again" } else { "" };
    format!("{}{again} {arguments}", view.tool.as_deref().unwrap_or("a call that is not kept any more")).trim_end().to_owned()
}

async fn show(id: ApprovalId, session: &Session) -> Result<()> {
    let console = session.console();
    let view = session.client()?.approval(id).await.map_err(explained)?;
    if console.json {
        return console.value(&view);
    }
    let painter = console.painter();
    let asks = match view.kind {
        ApprovalKind::Call => "asks to call",
        ApprovalKind::Repeat => "asks whether to call again, after a stop in the middle of it,",
        ApprovalKind::Failover => "asks, since a provider failed, whether to go on with the next one for",
        ApprovalKind::Question => "asks with",
        ApprovalKind::Elicitation => "passes on what a server asks in the middle of",
    };
    let unnamed = if view.kind == ApprovalKind::Failover { "its model" } else { "a tool whose record is not kept any more" };
    let tool = view.tool.as_deref().unwrap_or(unnamed);
    let state = painter.paint(if view.state == ApprovalState::Open { CARE } else { FAINT }, state_of(&view));
    console.line(format_args!("{} {state}", painter.paint(STRONG, view.id)))?;
    console.line(format_args!("{} {asks} {}", painter.paint(NAME, &view.agent), painter.paint(GOOD, tool)))?;
    if let Some(arguments) = &view.arguments {
        let pretty = serde_json::to_string_pretty(arguments).unwrap_or_else(|_| arguments.to_string());
        printable(&pretty).lines().try_for_each(|line| console.line(format_args!("  {line}")))?;
    }
    if let Some(asked) = &view.elicitation {
        show_question(asked, console)?;
    }
    if let Some(FailoverView { from, to, code, reason }) = &view.failover {
        console.line(format_args!("  {from} failed ({}): {}\n  next: {to}", code.as_str(), printable(reason)))?;
    }
    let mut facts = vec![
        ("digest", view.subject.to_string()),
        ("turn", format!("{}, step {}", view.turn, view.step)),
        ("conversation", view.conversation.to_string()),
        ("asked", moment(view.asked_at)),
        ("until", moment(view.expires_at)),
    ];
    facts.extend(view.delegate.clone().map(|to| ("delegated to", to)));
    if let Some(decision) = &view.decision {
        let reason = decision.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", printable(reason)));
        facts.push(("decided", format!("{} by {} at {}{reason}", decision.ruling.as_str(), decision.by, moment(decision.at))));
        facts.extend(decision.answer.as_deref().map(|answer| ("answer", printable(answer))));
    }
    for (key, value) in facts {
        console.line(format_args!("{}: {value}", painter.paint(FAINT, key)))?;
    }
    if view.state == ApprovalState::Open {
        console.note(format_args!("next: {}", next(&view)));
    }
    Ok(())
}

/// What a server asks, and how that is answered.
fn show_question(asked: &ElicitationView, console: &Console) -> Result<()> {
    let painter = console.painter();
    console.line(format_args!("{} {}", painter.paint(FAINT, "the server asks:"), painter.paint(NAME, printable(&asked.server))))?;
    printable(&asked.message).lines().try_for_each(|line| console.line(format_args!("  {line}")))?;
    if let Some(url) = &asked.url {
        return console.line(format_args!("{} {}", painter.paint(FAINT, "visit:"), printable(url)));
    }
    Elicitation::from(asked.clone()).fields().into_iter().try_for_each(|field| {
        let about = field.about.as_ref().map_or_else(String::new, |about| format!(": {}", printable(about)));
        console.line(format_args!("{} {}{about}", painter.paint(FAINT, "field"), printable(&field.to_string())))
    })
}

/// The command that decides it.
fn next(view: &ApprovalView) -> String {
    if let Some(asked) = view.elicitation.clone().map(Elicitation::from).filter(|asked| !asked.fields().is_empty()) {
        let example = printable(&asked.example()).replace('\'', r"'\''");
        return format!("caxton approvals answer {0} '{example}' | caxton approvals deny {0}", view.id);
    }
    match view.kind {
        ApprovalKind::Question => format!("caxton approvals answer {} \"…\"", view.id),
        ApprovalKind::Call | ApprovalKind::Repeat | ApprovalKind::Failover | ApprovalKind::Elicitation => {
            format!("caxton approvals approve {0} | caxton approvals deny {0}", view.id)
        }
    }
}

/// Decides each on its own: what one comes to is nothing to the others.
async fn decide(args: &Decide, approves: bool, session: &Session) -> Result<()> {
    let (console, client) = (session.console(), session.client()?);
    let mut seen = HashSet::new();
    let ids: Vec<ApprovalId> = args.ids.iter().map(|id| id.0).filter(|id| seen.insert(*id)).collect();
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    for id in &ids {
        let reason = args.reason.clone();
        let decided = if approves { client.approve(*id, reason).await } else { client.deny(*id, reason).await };
        match decided {
            Ok(view) if console.json => outcomes.push(json!(view)),
            Ok(view) => tell(&view, console)?,
            Err(error) => {
                outcomes.push(json!({"id": id, "error": error.problem()}));
                failures.push((*id, explained(error)));
            }
        }
    }
    match (&mut *failures, ids.len()) {
        ([], _) | (_, 2..) if console.json => console.value(&outcomes)?,
        _ => {}
    }
    let failed = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some((_, only)) if ids.len() == 1 => Err(only),
        Some((_, first)) if console.json => Err(Error::BadNews(first.code().unwrap_or(caxton_types::Code::Internal))),
        Some((id, first)) => Err(several(failed, ids.len(), id, &first)),
    }
}

fn several(failed: usize, all: usize, id: ApprovalId, first: &Error) -> Error {
    let Error::Failed { code, message, hint } = first else { return Error::invalid("nothing was decided") };
    let error = Error::new(*code, format!("{failed} of {all} could not be decided; {id}: {message}"));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// One line of what was decided.
fn tell(view: &ApprovalView, console: &Console) -> Result<()> {
    if console.json {
        return console.value(view);
    }
    let painter = console.painter();
    let how = match (&view.decision, &view.delegate) {
        (Some(decision), _) => decision.ruling.as_str().to_owned(),
        (None, Some(to)) => format!("delegated to {to}"),
        (None, None) => state_of(view).to_owned(),
    };
    console.line(format_args!("{} {} {}", view.id, painter.paint(GOOD, how), what(view, PIECE_LEN_MAX)))?;
    console.note(format_args!("next: caxton turns show {}", view.turn));
    Ok(())
}

fn answer_text(given: &str) -> Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().take(ANSWER_LEN_MAX).read_to_string(&mut text);
    read.map_err(|error| Error::io("read the answer from standard input", &error))?;
    Ok(text.trim_end().to_owned())
}

/// Tells beside an answer that is waited for that a person has to decide first.
pub(crate) async fn tell_waiting(client: &Client, id: ApprovalId, console: &Console) {
    // Where it cannot be read or is decided already there is nothing to tell.
    let Ok(view) = client.approval(id).await else { return };
    if view.state != ApprovalState::Open {
        return;
    }
    let painter = console.note_painter();
    let is_question = matches!(view.kind, ApprovalKind::Question | ApprovalKind::Elicitation);
    let kind = if is_question { "an answer" } else { "an approval" };
    let what = what(&view, CALL_LEN_MAX);
    console.note(format_args!("waiting: {} needs {kind} until {}: {what}", view.agent, moment(view.expires_at)));
    console.note(format_args!("next: {}", painter.paint(NAME, next(&view))));
}
