//! An event stream: what the journal holds behind a seq, and then what comes.

use axum::response::{
    IntoResponse, Response,
    sse::{Event as Frame, KeepAlive, Sse},
};
use caxton_api::{DeltaView, EventView, GapView};
use caxton_exchange::Delta;
use caxton_store::{EventQuery, Workspace};
use caxton_types::{ConversationId, Event, Seq};
use futures_util::{Stream, stream};
use std::{collections::VecDeque, convert::Infallible, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio_util::sync::CancellationToken;

/// Events that are read at a time; what a slow follower has not taken is not read yet.
pub(super) const CHUNK: u32 = 256;
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Streams what the filter lets through, until the server stops or the follower leaves.
pub(super) fn stream(
    workspace: Workspace,
    filter: EventQuery,
    deltas: Option<broadcast::Receiver<Delta>>,
    stop: CancellationToken,
    place: OwnedSemaphorePermit,
) -> Response {
    let news = workspace.watch();
    let follower = Follower { workspace, filter, news, deltas, stop, ready: VecDeque::new(), told: Seq(0), _place: place };
    let frames =
        stream::unfold(follower, |mut follower| async move { follower.next().await.map(|frame| (Ok::<_, Infallible>(frame), follower)) });
    respond(frames)
}

fn respond(frames: impl Stream<Item = Result<Frame, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(frames).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // Proxies that gather a response before they pass it on would hold events back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

struct Follower {
    workspace: Workspace,
    /// `after` moves on with what was read.
    filter: EventQuery,
    news: watch::Receiver<Seq>,
    deltas: Option<broadcast::Receiver<Delta>>,
    stop: CancellationToken,
    ready: VecDeque<Frame>,
    /// Up to where the follower knows that events may be missing.
    told: Seq,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            let last = *self.news.borrow_and_update();
            // Words were spoken before the events that they led to; what waits of them is bounded by their channel.
            self.spoken();
            if !self.ready.is_empty() {
                continue;
            }
            if last > self.filter.after {
                if let Err(error) = self.read(last).await {
                    // The follower comes back with the last seq that it saw.
                    tracing::warn!(%error, workspace = %self.workspace.name(), "an event stream ends: the journal cannot be read");
                    return None;
                }
                continue;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                changed = self.news.changed() => changed.ok()?,
                frame = delta(&mut self.deltas, self.filter.conversation) => return Some(frame),
            }
        }
    }

    /// Takes the words that are there already.
    fn spoken(&mut self) {
        while let Some(Ok(delta)) = self.deltas.as_mut().map(broadcast::Receiver::try_recv) {
            self.ready.extend(words(delta, self.filter.conversation));
        }
    }

    async fn read(&mut self, last: Seq) -> Result<(), caxton_store::Error> {
        let first_kept = self.workspace.first_kept().await?;
        // Of the events before it some may be there all the same: they come behind the gap.
        if first_kept > self.filter.after.next() && first_kept > self.told {
            let gap = GapView { from: self.filter.after.next().0, to: first_kept.0.saturating_sub(1) };
            self.ready.extend(frame("gap", &gap));
            self.told = first_kept;
        }
        let query = EventQuery { until: Some(last), ..self.filter.clone() };
        let events = self.workspace.events(query).await?;
        // Everything up to `last` was looked at, unless the chunk was too small for it.
        let full = events.len() >= CHUNK as usize;
        self.filter.after = if full { events.last().map_or(last, |event| event.seq) } else { last.max(self.filter.after) };
        self.ready.extend(events.into_iter().filter_map(event));
        Ok(())
    }
}

/// The next words of a model in this conversation; never, where nobody asked for them.
async fn delta(deltas: &mut Option<broadcast::Receiver<Delta>>, conversation: Option<ConversationId>) -> Frame {
    loop {
        let Some(receiver) = deltas else { return std::future::pending().await };
        match receiver.recv().await {
            Ok(delta) => {
                if let Some(frame) = words(delta, conversation) {
                    return frame;
                }
            }
            // Words that were missed are no loss: the whole answer comes as an event.
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => *deltas = None,
        }
    }
}

fn words(delta: Delta, wanted: Option<ConversationId>) -> Option<Frame> {
    let Delta { conversation, turn, agent, text } = delta;
    (Some(conversation) == wanted).then(|| frame("delta", &DeltaView { conversation, turn, agent, text: text.into() }))?
}

fn event(event: Event) -> Option<Frame> {
    let (seq, kind) = (event.seq, event.new.fact.kind());
    let view = EventView::try_from(event).inspect_err(|error| tracing::error!(%error, %seq, "an event could not be written")).ok()?;
    Some(frame(kind, &view)?.id(seq.to_string()))
}

fn frame(kind: &str, data: &impl serde::Serialize) -> Option<Frame> {
    Frame::default().event(kind).json_data(data).ok()
}
