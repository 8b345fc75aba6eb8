//! `caxton replay`: turns run again from their record, and forks.

use crate::{
    args::{Replay, Since, Target},
    ask, cassette,
    console::{BAD, Console, FAINT, GOOD, NAME, Painter},
    error::{Error, Result},
    session::{Session, explained},
    trace::text,
    turns::shared,
};
use caxton_api::{DifferenceView, ForkTurn, ForkView, MismatchView, ReplayView, TurnSummary};
use caxton_client::{Client, TurnFilter};
use caxton_types::{Code, ConversationId, TurnEnd, TurnId};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// The most turns of one conversation that are replayed.
const TURNS_MAX: usize = 10_000;
/// The longest piece of a value that differs.
const VALUE_LEN_MAX: usize = 400;
/// The largest prompt or outcome that is read from a file.
const FILE_LEN_MAX: u64 = 1_000_000;

pub(crate) async fn run(args: &Replay, session: &Session) -> Result<()> {
    if let Some(file) = &args.cassette {
        return report(&cassette::replay(file, session.here())?, session.console());
    }
    let client = session.client()?;
    let forks = args.fork_at.is_some() || args.model.is_some() || args.prompt.is_some() || !args.set_outcome.is_empty();
    let target = match (args.target, args.conversation_id) {
        (Some(target), _) => target,
        (None, Some(conversation)) => Target::Conversation(conversation),
        (None, None) => Target::Last,
    };
    if forks {
        return fork(args, target, &client, session).await;
    }
    let turns = match target {
        Target::Turn(turn) => vec![turn],
        Target::Conversation(conversation) => turns_of(&client, conversation, args.from).await?,
        Target::Last => turns_of(&client, ask::newest(&client).await?, args.from).await?,
    };
    replay(&turns, &client, session.console()).await
}

/// The turns of a conversation in the order in which they began.
async fn turns_of(client: &Client, conversation: ConversationId, from: Option<Since>) -> Result<Vec<TurnId>> {
    let filter = TurnFilter { conversation: Some(conversation), ..TurnFilter::default() };
    let mut turns: Vec<TurnSummary> = client.turns(&filter, TURNS_MAX).await.map_err(explained)?;
    turns.reverse();
    if turns.is_empty() {
        let known = client.conversation(conversation).await;
        known.map_err(|error| explained(error).hint("`caxton conversation list` shows those of the workspace"))?;
    }
    match from {
        Some(Since::Turn(turn)) => match turns.iter().position(|known| known.id == turn) {
            Some(at) => drop(turns.drain(..at)),
            None => {
                return Err(Error::new(Code::NotFound, format!("the conversation {conversation} has no turn {turn}"))
                    .hint(format!("`caxton turns list --conversation {conversation}` lists its turns")));
            }
        },
        Some(Since::Time(time)) => turns.retain(|turn| turn.began_at >= time),
        None => {}
    }
    if turns.is_empty() {
        return Err(Error::new(Code::NotFound, format!("the conversation {conversation} has no turns to replay"))
            .hint(format!("`caxton turns list --conversation {conversation}` lists its turns")));
    }
    Ok(turns.into_iter().map(|turn| turn.id).collect())
}

async fn replay(turns: &[TurnId], client: &Client, console: &Console) -> Result<()> {
    let mut replayed = Vec::with_capacity(turns.len());
    for turn in turns {
        let view = client.replay_turn(*turn).await.map_err(explained)?;
        tell(&view, console)?;
        replayed.push(view);
    }
    sum(&replayed, console)
}

/// Turns that were run again without a server.
fn report(replayed: &[ReplayView], console: &Console) -> Result<()> {
    replayed.iter().try_for_each(|view| tell(view, console))?;
    sum(replayed, console)
}

fn tell(view: &ReplayView, console: &Console) -> Result<()> {
    if console.json { Ok(()) } else { told(view, console.painter()).iter().try_for_each(|line| console.line(line)) }
}

fn sum(replayed: &[ReplayView], console: &Console) -> Result<()> {
    if console.json {
        console.value(&replayed)?;
    }
    let different = replayed.iter().filter(|view| !view.equal).count();
    if different == 0 {
        return Ok(());
    }
    if console.json {
        return Err(Error::BadNews(Code::Internal));
    }
    Err(Error::new(Code::Internal, format!("{different} of {} turns did something else than the record says", replayed.len()))
        .hint("the record was changed, or another version of the server wrote it; `caxton turns show TURN` shows what is recorded"))
}

/// What came of one replay, for people.
fn told(view: &ReplayView, painter: Painter) -> Vec<String> {
    let end = view.end.map_or("open", TurnEnd::as_str);
    let head = format!("{} of {} {}", view.turn, painter.paint(NAME, &view.agent), painter.paint(FAINT, format_args!("({end})")));
    let steps = text::count(view.steps as usize, "step");
    if view.equal {
        return vec![format!("{head} {}: {steps}, {}", painter.paint(GOOD, "equal"), view.recorded)];
    }
    let mut lines = vec![
        format!("{head} {}: {steps}", painter.paint(BAD, "differs")),
        format!("  recorded {}", view.recorded),
        format!("  replayed {}", view.replayed),
    ];
    lines.extend(view.mismatch.iter().flat_map(|mismatch| differs(mismatch, painter)));
    lines
}

/// The first step that differs, with what comes nearest to it.
pub(crate) fn differs(mismatch: &MismatchView, painter: Painter) -> Vec<String> {
    let kind = |intent: &Option<Value>| match intent {
        Some(intent) => intent.get("effect").and_then(Value::as_str).unwrap_or("something").to_owned(),
        None => "nothing".to_owned(),
    };
    let MismatchView { step, recorded, asked, nearest, differences } = mismatch;
    let mut lines = vec![format!("  step {step}: the record says `{}`, now it is `{}`", kind(recorded), kind(asked))];
    if let Some(nearest) = nearest.filter(|nearest| nearest != step) {
        lines.push(format!("  the nearest recorded intent is that of step {nearest}"));
    }
    for DifferenceView { path, recorded, now } in differences {
        lines.push(format!("  {}", if path.is_empty() { "/" } else { path }));
        lines.extend(recorded.as_ref().map(|value| painter.paint(BAD, format_args!("    - {}", shown(value)))));
        lines.extend(now.as_ref().map(|value| painter.paint(GOOD, format_args!("    + {}", shown(value)))));
    }
    lines
}

fn shown(value: &Value) -> String {
    text::short(&value.to_string(), VALUE_LEN_MAX)
}

async fn fork(args: &Replay, target: Target, client: &Client, session: &Session) -> Result<()> {
    let console = session.console();
    let turn = match target {
        Target::Turn(turn) => turn,
        Target::Conversation(conversation) => only_turn(client, conversation).await?,
        Target::Last => only_turn(client, ask::newest(client).await?).await?,
    };
    let mut fork =
        ForkTurn { at: args.fork_at.map(|step| step.0), model: args.model.clone(), dry_run: args.dry_run, ..ForkTurn::default() };
    if let Some(file) = &args.prompt {
        fork.prompt = Some(read(session.here(), file)?);
    }
    for change in &args.set_outcome {
        let text = read(session.here(), &change.file)?;
        let whole = serde_json::from_str::<Value>(&text).ok().filter(|value| value.get("outcome").is_some());
        fork.outcomes.insert(change.step.0, whole.unwrap_or_else(|| json!({ "text": text })));
    }
    let forked = client.fork_turn(turn, &fork).await.map_err(explained)?;
    if args.dry_run {
        return if console.json { console.value(&forked) } else { planned(&forked, console) };
    }
    console.note(format_args!("turn: {} ({})", forked.turn, shared(&forked)));
    ask::of_turn(client, &forked, args.timeout, console).await
}

/// A fork is of one turn: that of the conversation where it has no other.
async fn only_turn(client: &Client, conversation: ConversationId) -> Result<TurnId> {
    match turns_of(client, conversation, None).await?.as_slice() {
        [only] => Ok(*only),
        turns => Err(Error::invalid(format!("the conversation {conversation} has {} turns; a fork is of one", turns.len()))
            .hint(format!("`caxton turns list --conversation {conversation}` lists them; name one in place of the conversation"))),
    }
}

fn read(here: &Path, file: &Path) -> Result<String> {
    let shown = file.display();
    let failed = |error: std::io::Error| {
        Error::io(format_args!("read `{shown}`"), &error).hint("`--prompt` and `--set-outcome` take the path of a text file")
    };
    let path = here.join(file);
    let len = fs::metadata(&path).map_err(failed)?.len();
    if len > FILE_LEN_MAX {
        return Err(Error::new(Code::TooLarge, format!("`{shown}` has {len} bytes; at most {FILE_LEN_MAX} are taken")));
    }
    fs::read_to_string(&path).map_err(failed)
}

/// What a fork would do, for people.
fn planned(fork: &ForkView, console: &Console) -> Result<()> {
    console.line(format_args!("{}; from step {} on it would go its own way", shared(fork), fork.at))?;
    for step in &fork.next {
        let pretty = serde_json::to_string_pretty(&step.intent).unwrap_or_else(|_| step.intent.to_string());
        console.line(format_args!("step {}:", step.step))?;
        pretty.lines().try_for_each(|line| console.line(format_args!("  {line}")))?;
    }
    console.note("nothing was done; without `--dry-run` the fork goes live");
    Ok(())
}
