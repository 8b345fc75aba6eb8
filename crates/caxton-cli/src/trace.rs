//! `caxton trace`: the journal of one conversation, told to people.

mod lines;
mod story;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod tree;

pub(crate) use self::{
    lines::lines,
    story::Story,
    tree::{moment, tree, turn_lines},
};

use crate::{
    args::{Trace, Which},
    ask,
    error::{Error, Result},
    session::{Session, explained},
};
use caxton_api::EventView;
use caxton_client::{Client, EventFilter};
use caxton_types::{Code, ConversationId, Event, Fact, Payload, Timestamp};
use std::time::SystemTime;

/// The most events of one trace.
const EVENTS_MAX: usize = 10_000;
/// The most payloads that are fetched for one trace, and the longest of them.
const PAYLOADS_MAX: usize = 200;
const PAYLOAD_LEN_MAX: u64 = 1 << 20;

pub(crate) async fn run(args: &Trace, session: &Session) -> Result<()> {
    let console = session.console();
    let client = session.client()?;
    let since = args.last.map(|last| Timestamp::from(SystemTime::now().checked_sub(last.get()).unwrap_or(SystemTime::UNIX_EPOCH)));
    let conversation = which(args.conversation_id, &client).await?;
    let events = events(&client, conversation, since).await?;
    if events.is_empty() {
        // Tells a conversation that is not there from one that is silent.
        client
            .conversation(conversation)
            .await
            .map_err(|error| explained(error).hint("`caxton conversation list` shows those of the workspace"))?;
    }
    if events.len() >= EVENTS_MAX {
        console.warn(format_args!("only the first {EVENTS_MAX} events are shown; `--last 5m` shows the latest"));
    }
    if console.json {
        return console.value(&events);
    }
    let story = story(&client, events).await?;
    let as_tree = args.tree || (console.interactive && !args.lines);
    if as_tree {
        return console.line(tree(&story, console.painter()));
    }
    lines(&story).iter().try_for_each(|line| console.line(line))
}

async fn which(which: Which, client: &Client) -> Result<ConversationId> {
    match which {
        Which::Id(id) => Ok(id),
        Which::Last => ask::newest(client).await,
    }
}

/// Everything that the journal has of a conversation.
pub(crate) async fn events(client: &Client, conversation: ConversationId, since: Option<Timestamp>) -> Result<Vec<EventView>> {
    let filter = EventFilter { conversation: Some(conversation), since, ..EventFilter::default() };
    client.events(&filter, EVENTS_MAX).await.map_err(explained)
}

/// The events put together, with the payloads that are too long to stand in them.
pub(crate) async fn story(client: &Client, events: Vec<EventView>) -> Result<Story> {
    let mut fetched = 0;
    let mut all = Vec::with_capacity(events.len());
    for view in events {
        let seq = view.seq;
        let mut event = Event::try_from(view).map_err(|error| {
            Error::new(Code::Unsupported, format!("event {seq} cannot be read: {error}"))
                .hint("the server is newer than this program; `--json` shows the events as they are")
        })?;
        if let Some(payload) = payload_of(&mut event.new.fact)
            && let Payload::Blob { digest, size } = *payload
            && fetched < PAYLOADS_MAX
            && size <= PAYLOAD_LEN_MAX
        {
            fetched += 1;
            // What cannot be fetched is told without it.
            if let Ok(bytes) = client.blob(digest).await
                && let Ok(value) = serde_json::from_slice(&bytes)
            {
                *payload = Payload::Inline(value);
            }
        }
        all.push(event);
    }
    Ok(Story::of(all))
}

fn payload_of(fact: &mut Fact) -> Option<&mut Payload> {
    match fact {
        Fact::StepIntended { intent, .. } => Some(intent),
        Fact::StepEnded { outcome, .. } => Some(outcome),
        _ => None,
    }
}
