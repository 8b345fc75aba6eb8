//! Recordings of turns as files: written by `caxton cassette export`, run again by `caxton replay --cassette`.

use crate::{
    args::{Export, Target},
    ask,
    error::{Error, Result},
    session::{Session, explained},
};
use caxton_api::{DifferenceView, MismatchView, ReplayView};
use caxton_runtime::{Cassette, Mismatch, Replayed};
use caxton_types::{Code, Intent};
use serde_json::Value;
use std::{fs, path::Path};

/// The largest cassette that is read.
const FILE_LEN_MAX: u64 = 64_000_000;

pub(crate) async fn export(args: &Export, session: &Session) -> Result<()> {
    let (console, client) = (session.console(), session.client()?);
    let text = match args.what {
        Target::Turn(turn) => client.turn_cassette(turn).await,
        Target::Conversation(conversation) => client.conversation_cassette(conversation).await,
        Target::Last => client.conversation_cassette(ask::newest(&client).await?).await,
    };
    let texts: Vec<&str> = args.redact.iter().map(String::as_str).collect();
    let cassette = Cassette::read(&text.map_err(explained)?)?.redact(&texts)?;
    let (turns, redacted) = (count(cassette.turns().len(), "turn"), count(cassette.redacted() as usize, "text"));
    let sum = format!("{turns}, {redacted} redacted, digest {}", cassette.digest());
    if let Some(file) = &args.output {
        let path = session.here().join(file);
        fs::write(&path, cassette.write()).map_err(|error| Error::io(format_args!("write `{}`", file.display()), &error))?;
        console.note(format_args!("{}: {sum}", file.display()));
    } else {
        console.write(cassette.write())?;
        console.note(sum);
    }
    console.note("next: name it in a test as `cassette = \"FILE\"`; `caxton test` runs it");
    Ok(())
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Runs a file's turns again, with no server at all.
pub(crate) fn replay(file: &Path, here: &Path) -> Result<Vec<ReplayView>> {
    Ok(open(&here.join(file))?.replay().into_iter().map(view).collect())
}

/// Reads a cassette from a file.
pub(crate) fn open(file: &Path) -> Result<Cassette> {
    let failed = |error: std::io::Error| Error::io(format_args!("read the cassette `{}`", file.display()), &error);
    if fs::metadata(file).map_err(failed)?.len() > FILE_LEN_MAX {
        return Err(Error::new(Code::TooLarge, format!("the cassette `{}` is larger than {FILE_LEN_MAX} bytes", file.display())));
    }
    Ok(Cassette::read(&fs::read_to_string(file).map_err(failed)?)?)
}

fn view(replayed: Replayed) -> ReplayView {
    let Replayed { turn, agent, conversation, end, steps, recorded, replayed, mismatch } = replayed;
    let equal = mismatch.is_none() && recorded == replayed;
    let (steps, mismatch) = (u32::try_from(steps).unwrap_or(u32::MAX), mismatch.map(mismatched));
    ReplayView { turn, agent, conversation, end, steps, equal, recorded, replayed, mismatch }
}

/// A mismatch as the server tells one.
pub(crate) fn mismatched(mismatch: Mismatch) -> MismatchView {
    let Mismatch { step, recorded, asked, nearest, differences } = mismatch;
    let json = |intent: Option<Intent>| intent.map(|intent| serde_json::to_value(intent).unwrap_or(Value::Null));
    let differences = differences.into_iter().map(|one| DifferenceView { path: one.path, recorded: one.recorded, now: one.now });
    MismatchView {
        step: step.0,
        recorded: json(recorded),
        asked: json(asked),
        nearest: nearest.map(|step| step.0),
        differences: differences.collect(),
    }
}
