//! `caxton turns …`: what agents did, what they wait for, calling them off, trying them again.

use crate::{
    args::{TurnsCommand, TurnsList},
    ask,
    console::FAINT,
    error::Result,
    session::{Session, explained},
    table::Table,
    trace::{self, Story, moment, turn_lines},
};
use caxton_api::{ForkView, StepState, TurnDetail, TurnState, TurnSummary, WaitView};
use caxton_client::{EventFilter, TurnFilter};
use caxton_types::{TurnEnd, TurnId, printable};

/// The most events of one turn.
const EVENTS_MAX: usize = 10_000;

pub(crate) async fn run(command: &TurnsCommand, session: &Session) -> Result<()> {
    match command {
        TurnsCommand::List(args) => list(args, session).await,
        TurnsCommand::Show { turn } => show(turn.0, session).await,
        TurnsCommand::Cancel { turn, reason } => cancel(turn.0, reason.clone(), session).await,
        TurnsCommand::Retry { turn, wait } => {
            let (console, client) = (session.console(), session.client()?);
            let tried = client.retry_turn(turn.0).await.map_err(explained)?;
            match wait {
                Some(wait) => {
                    console.note(format_args!("turn: {} ({})", tried.turn, shared(&tried)));
                    ask::of_turn(&client, &tried, *wait, console).await
                }
                None if console.json => console.value(&tried),
                None => {
                    console.line(format_args!("turn: {}", tried.turn))?;
                    console.line(format_args!("conversation: {}", tried.conversation))?;
                    console.note(format_args!("{}; next: caxton turns show {}", shared(&tried), tried.turn));
                    Ok(())
                }
            }
        }
    }
}

/// What a fork or a second try has from another turn.
pub(crate) fn shared(fork: &ForkView) -> String {
    match fork.shared {
        0 => "it begins from the start".to_owned(),
        1 => format!("it shares 1 step of {}", fork.origin),
        steps => format!("it shares {steps} steps of {}", fork.origin),
    }
}

async fn list(args: &TurnsList, session: &Session) -> Result<()> {
    let console = session.console();
    let state = match (args.open, args.ended) {
        (true, _) => Some(TurnState::Open),
        (_, true) => Some(TurnState::Ended),
        (false, false) => None,
    };
    let filter = TurnFilter { state, agent: args.agent.clone(), conversation: args.conversation };
    let turns = session.client()?.turns(&filter, args.limit as usize).await.map_err(explained)?;
    if console.json {
        return console.value(&turns);
    }
    if turns.is_empty() {
        console.note("no such turns; `caxton ask AGENT \"…\"` begins one");
        return Ok(());
    }
    let mut table = Table::new(["TURN", "AGENT", "STATE", "STEPS", "BEGAN", "CONVERSATION"]);
    for turn in &turns {
        let state = turn.end.map_or("open", TurnEnd::as_str).replace('_', " ");
        let (agent, steps) = (turn.agent.to_string(), turn.steps.to_string());
        table.row([turn.id.to_string(), agent, state, steps, moment(turn.began_at), turn.conversation.to_string()]);
    }
    table.print(console)
}

async fn show(id: TurnId, session: &Session) -> Result<()> {
    let (console, client) = (session.console(), session.client()?);
    let detail = client.turn(id).await.map_err(explained)?;
    if console.json {
        return console.value(&detail);
    }
    let filter = EventFilter { turn: Some(id), ..EventFilter::default() };
    let events = client.events(&filter, EVENTS_MAX).await.map_err(explained)?;
    let story: Story = trace::story(&client, events).await?;
    let painter = console.painter();
    for turn in story.turns() {
        let (first, below) = turn_lines(turn, true, painter);
        console.line(first)?;
        below.iter().try_for_each(|line| console.line(line))?;
    }
    let TurnDetail { turn, spent, failure, .. } = &detail;
    let mut facts =
        vec![("turn", turn.id.to_string()), ("conversation", turn.conversation.to_string()), ("message", turn.message.to_string())];
    facts.extend(turn.reply.map(|reply| ("reply", reply.to_string())));
    if let Some(spent) = spent {
        let money = caxton_types::Money::from_micros(spent.micro_usd);
        facts.push(("spent", format!("{} tokens, {money}, {} tool calls", spent.tokens, spent.tool_calls)));
    }
    if let Some(failure) = failure {
        let step = failure.step.map_or_else(String::new, |step| format!("step {step}: "));
        facts.push(("failed", format!("{step}{}", printable(&failure.reason))));
    }
    for (key, value) in facts {
        console.line(format_args!("{}: {value}", painter.paint(FAINT, key)))?;
    }
    console.note(format_args!("next: {}", next(&detail)));
    Ok(())
}

/// What whoever looks at a turn most likely does next.
fn next(detail: &TurnDetail) -> String {
    let waits = detail.steps.iter().filter(|step| step.state == StepState::Waiting).filter_map(|step| step.waits);
    let asked = waits.filter_map(|wait| match wait {
        WaitView::Approval { approval, .. } => Some(approval),
        WaitView::Reply { .. } | WaitView::Time { .. } => None,
    });
    let TurnSummary { id, end, .. } = &detail.turn;
    match (asked.into_iter().next(), end) {
        (Some(approval), None) => format!("caxton approvals show {approval}"),
        (None, None) => format!("caxton turns cancel {id}"),
        (_, Some(TurnEnd::Completed)) => format!("caxton replay {id}"),
        (_, Some(_)) => format!("caxton turns retry {id}"),
    }
}

async fn cancel(id: TurnId, reason: Option<String>, session: &Session) -> Result<()> {
    let console = session.console();
    let turn = session.client()?.cancel_turn(id, reason).await.map_err(explained)?;
    if console.json {
        return console.value(&turn);
    }
    console.line(format_args!("{id} is called off"))?;
    console.note(format_args!("next: caxton turns show {id}"));
    Ok(())
}
