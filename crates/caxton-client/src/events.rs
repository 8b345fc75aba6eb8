//! The journal: pages of it, and following it as it grows.

use crate::{
    Client, Error,
    frames::{Frame, Frames},
};
use caxton_api::{DeltaView, EventView, GapView, Page, header};
use caxton_types::{AgentName, ConversationId, Timestamp, TurnId};
use futures_util::{Stream, stream};
use reqwest::{Method, Response};
use std::{collections::VecDeque, time::Duration};

/// Which events are wanted.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only events behind this seq. A stream begins with the next event where absent, a page with the first.
    pub after: Option<u64>,
    /// Only events of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only events of this turn.
    pub turn: Option<TurnId>,
    /// Only events about this agent.
    pub agent: Option<AgentName>,
    /// Only these kinds of fact; all where empty.
    pub kinds: Vec<String>,
    /// Only events from this moment on.
    pub since: Option<Timestamp>,
    /// Whether a stream of one conversation carries the words of a model while it speaks.
    pub deltas: bool,
}

impl EventFilter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let kinds = (!self.kinds.is_empty()).then(|| self.kinds.join(","));
        [
            ("conversation", self.conversation.map(|id| id.to_string())),
            ("turn", self.turn.map(|id| id.to_string())),
            ("agent", self.agent.as_ref().map(ToString::to_string)),
            ("kind", kinds),
            ("since", self.since.map(|since| since.to_string())),
            ("after", self.after.map(|after| after.to_string())),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}

/// What a stream brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Followed {
    /// An event of the journal.
    Event(Box<EventView>),
    /// Words of a model while it speaks; the whole answer comes as an event.
    Delta(DeltaView),
    /// Events that are not kept any more.
    Gap(GapView),
}

/// How often a stream that broke is taken up again before its follower is told.
const RECONNECTS_MAX: u32 = 5;
/// The first pause before that; it doubles.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// A stream that is silent for longer than this is dead: the server sends a heartbeat every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Long enough for a stream that nobody ends.
const STREAM_TIMEOUT: Duration = Duration::from_hours(24 * 365);

impl Client {
    /// Reads events, oldest first, page by page up to `limit`.
    pub async fn events(&self, filter: &EventFilter, limit: usize) -> Result<Vec<EventView>, Error> {
        let (mut all, mut filter) = (Vec::new(), filter.clone());
        while all.len() < limit {
            let page_len = (limit - all.len()).min(1000);
            let mut query = filter.query();
            query.push(("limit", page_len.to_string()));
            let page: Page<EventView> = self.query(&["events"], &query).await?;
            filter.after = page.items.last().map(|last| last.seq);
            all.extend(page.items);
            if page.next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Follows the journal until the stream is dropped. A connection that breaks is taken up where it was, a few times in a row.
    pub fn follow(&self, filter: EventFilter) -> impl Stream<Item = Result<Followed, Error>> + Send + use<> {
        let follower = Follower { client: self.clone(), filter, open: None, ready: VecDeque::new(), connected: false, ended: false };
        stream::unfold(follower, |mut follower| async move {
            let next = follower.next().await?;
            follower.ended = next.is_err();
            Some((next, follower))
        })
    }
}

struct Follower {
    client: Client,
    filter: EventFilter,
    open: Option<(Response, Frames)>,
    ready: VecDeque<Followed>,
    /// Whether a connection has ever stood: one that never did is not tried again.
    connected: bool,
    ended: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Followed, Error>> {
        let mut failures = 0;
        while !self.ended {
            if let Some(followed) = self.ready.pop_front() {
                if let Followed::Event(event) = &followed {
                    self.filter.after = Some(event.seq);
                }
                return Some(Ok(followed));
            }
            match self.read().await {
                Ok(()) => failures = 0,
                Err(error) if self.connected && failures < RECONNECTS_MAX && error.is_transient() => {
                    self.open = None;
                    tokio::time::sleep(RECONNECT_PAUSE * 2_u32.pow(failures)).await;
                    failures += 1;
                }
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    async fn read(&mut self) -> Result<(), Error> {
        let (mut response, mut frames) = match self.open.take() {
            Some(open) => open,
            None => (self.connect().await?, Frames::default()),
        };
        self.connected = true;
        let client = &self.client;
        let late = |_| Error::Timeout { url: client.base().to_owned(), waited: SILENCE_MAX };
        let piece = tokio::time::timeout(SILENCE_MAX, response.chunk()).await.map_err(late)?;
        let Some(piece) = piece.map_err(|source| client.failure(source, SILENCE_MAX))? else {
            return Err(Error::Ended { url: client.base().to_owned() });
        };
        let whole = frames.push(&piece).map_err(|_| client.odd("an event is too long"))?;
        for frame in whole {
            let followed = self.client.followed(&frame)?;
            self.ready.extend(followed);
        }
        self.open = Some((response, frames));
        Ok(())
    }

    async fn connect(&self) -> Result<Response, Error> {
        let mut query = self.filter.query();
        if self.filter.deltas {
            query.push(("deltas", "true".to_owned()));
        }
        let mut request = self.client.at(Method::GET, &["events"]).query(&query);
        request = request.header("accept", "text/event-stream").timeout(STREAM_TIMEOUT);
        if let Some(after) = self.filter.after {
            request = request.header(header::LAST_EVENT_ID, after);
        }
        self.client.send_request(request).await
    }
}

impl Client {
    fn followed(&self, frame: &Frame) -> Result<Option<Followed>, Error> {
        let odd = |error: serde_json::Error| self.odd(format!("a `{}` event: {error}", frame.event));
        Ok(Some(match frame.event.as_str() {
            "delta" => Followed::Delta(serde_json::from_str(&frame.data).map_err(odd)?),
            "gap" => Followed::Gap(serde_json::from_str(&frame.data).map_err(odd)?),
            _ if frame.id.is_some() => Followed::Event(serde_json::from_str(&frame.data).map_err(odd)?),
            // Something that a newer server says beside the journal.
            _ => return Ok(None),
        }))
    }
}
