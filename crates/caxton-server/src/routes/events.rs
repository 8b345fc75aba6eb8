//! The journal: pages of it, or a stream that goes on as it grows.

use super::{
    Following, follow,
    page::{limit_of, seq_of},
};
use crate::{
    App,
    edge::{By, Fail, QueryOf},
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use caxton_api::{EventView, Page, schema};
use caxton_store::EventQuery;
use caxton_types::{Action, AgentName, ConversationId, Seq, Timestamp, TurnId};
use serde::Deserialize;
use std::borrow::Cow;

/// Reads the journal, or follows it.
///
/// Answers a page as JSON. With `Accept: text/event-stream` it answers a stream of server-sent events instead: `id` is the seq, `event` the
/// kind of fact, `data` the event as JSON. The stream begins behind `Last-Event-ID` or `after`, or with the next event where neither is
/// given, and holds committed events only. `gap` (`{from, to}`) stands for events that are not kept any more. With `deltas=true` and a
/// `conversation`, `delta` carries the words of a model while it still speaks; these have no id and are in no journal.
#[utoipa::path(
    get, path = "/events", operation_id = "list_events", tag = "events",
    params(
        ("after" = Option<u64>, Query, description = "Only events behind this seq", minimum = 0),
        ("limit" = Option<u32>, Query, description = "The most on one page (100); without effect on a stream", minimum = 1, maximum = 1000),
        ("conversation" = Option<schema::ConversationId>, Query, description = "Only events of this conversation"),
        ("turn" = Option<schema::TurnId>, Query, description = "Only events of this turn"),
        ("agent" = Option<schema::AgentName>, Query, description = "Only events about this agent"),
        ("kind" = Option<schema::Kinds>, Query, description = "Only these kinds of fact, separated by commas"),
        ("since" = Option<schema::Timestamp>, Query, description = "Only events from this moment on"),
        ("deltas" = Option<bool>, Query, description = "Whether a stream of one conversation carries the words of a model while it speaks"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The seq of the last event that was seen; wins over `after`", minimum = 0),
    ),
    responses((status = 200, description = "Events, oldest first", content(
        (Page<EventView> = "application/json"),
        (String = "text/event-stream", example = json!("id: 7\nevent: turn_ended\ndata: {…}\n\n")),
    )))
)]
pub(crate) async fn list(
    State(app): State<App>,
    By(caller): By,
    Extension(Following(places)): Extension<Following>,
    headers: HeaderMap,
    QueryOf(query): QueryOf<EventsQuery>,
) -> Result<Response, Fail> {
    caller.require(Action::Read)?;
    let asked = query.after.map(|after| seq_of("after", after)).transpose()?;
    let after = last_seen(&headers)?.or(asked);
    let limit = limit_of(query.limit)?;
    let workspace = app.workspace(&caller)?;
    if !wants_stream(&headers) {
        let events = workspace.events(query.filter(after.unwrap_or_default(), limit)?).await?;
        let views = events.into_iter().map(EventView::try_from).collect::<Result<Vec<_>, _>>();
        let views = views.map_err(|error| Fail::internal(format!("an event could not be written: {error}")))?;
        return Ok(Json(Page::of(views, limit as usize, |last| last.seq.to_string())).into_response());
    }
    let place = places.enter()?;
    let deltas = match (query.deltas, query.conversation) {
        (Some(true), None) => return Err(Fail::invalid("`deltas` needs a `conversation`")),
        (Some(true), Some(_)) => Some(app.exchange.deltas(workspace.name())),
        _ => None,
    };
    let after = after.map_or_else(|| workspace.last(), Seq);
    let filter = query.filter(after.0, follow::CHUNK)?;
    Ok(follow::stream(workspace, filter, deltas, app.life.stopping().clone(), place))
}

/// The filters; `deny_unknown_fields`, because a filter that is misspelled would let everything through.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    after: Option<u64>,
    limit: Option<u32>,
    conversation: Option<ConversationId>,
    turn: Option<TurnId>,
    agent: Option<AgentName>,
    kind: Option<String>,
    since: Option<Timestamp>,
    deltas: Option<bool>,
}

impl EventsQuery {
    fn filter(&self, after: u64, limit: u32) -> Result<EventQuery, Fail> {
        let kinds = self.kind.as_deref().map(kinds_of).transpose()?.unwrap_or_default();
        Ok(EventQuery {
            after: Seq(after),
            until: None,
            conversation: self.conversation,
            turn: self.turn,
            agent: self.agent.clone(),
            kinds,
            since: self.since,
            limit,
        })
    }
}

/// The most kinds that one request names.
const KINDS_MAX: usize = 16;

fn kinds_of(text: &str) -> Result<Vec<Cow<'static, str>>, Fail> {
    let is_kind = |kind: &str| (1..=40).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let kinds: Vec<&str> = text.split(',').collect();
    if kinds.len() > KINDS_MAX || !kinds.iter().all(|kind| is_kind(kind)) {
        return Err(Fail::invalid("`kind` takes kinds of fact, separated by commas").hint("such as `kind=message_accepted,turn_ended`"));
    }
    Ok(kinds.into_iter().map(|kind| Cow::Owned(kind.to_owned())).collect())
}

fn last_seen(headers: &HeaderMap) -> Result<Option<u64>, Fail> {
    let Some(value) = headers.get(caxton_api::header::LAST_EVENT_ID) else { return Ok(None) };
    let seq = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    seq_of("Last-Event-ID", seq.ok_or_else(|| Fail::invalid("`Last-Event-ID` is not the seq of an event"))?).map(Some)
}

fn wants_stream(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|accept| accept.contains("text/event-stream"))
}
