//! Conversations and their messages.

use super::{
    page::{limit_of, seq_of},
    view,
};
use crate::{
    App,
    edge::{By, Fail, PathOf, QueryOf},
};
use axum::{Json, extract::State};
use caxton_api::{ConversationView, MessageView, Page, schema};
use caxton_types::{Action, ConversationId, Seq, error::RoutingError};
use serde::Deserialize;

/// Lists conversations, newest first.
#[utoipa::path(
    get, path = "/conversations", operation_id = "list_conversations", tag = "conversations",
    params(
        ("limit" = Option<u32>, Query, description = "The most on one page (100)", minimum = 1, maximum = 1000),
        ("after" = Option<schema::ConversationId>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "A page of conversations", body = Page<ConversationView>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    By(caller): By,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Page<ConversationView>>, Fail> {
    caller.require(Action::Read)?;
    let limit = limit_of(query.limit)?;
    let rows = app.workspace(&caller)?.conversations(caxton_store::Page { after: query.after, limit }).await?;
    Ok(Json(Page::of(rows.into_iter().map(view::conversation).collect(), limit as usize, |last: &ConversationView| last.id.to_string())))
}

/// Reads a conversation.
#[utoipa::path(
    get, path = "/conversations/{id}", operation_id = "get_conversation", tag = "conversations",
    params(("id" = schema::ConversationId, Path, description = "The conversation")),
    responses((status = 200, description = "The conversation", body = ConversationView))
)]
pub(crate) async fn get(State(app): State<App>, By(caller): By, PathOf(path): PathOf<IdPath>) -> Result<Json<ConversationView>, Fail> {
    caller.require(Action::Read)?;
    let row = app.workspace(&caller)?.conversation(path.id).await?;
    Ok(Json(view::conversation(row.ok_or(RoutingError::ConversationNotFound(path.id))?)))
}

/// Lists the messages of a conversation, oldest first.
#[utoipa::path(
    get, path = "/conversations/{id}/messages", operation_id = "list_messages", tag = "conversations",
    params(
        ("id" = schema::ConversationId, Path, description = "The conversation"),
        ("limit" = Option<u32>, Query, description = "The most on one page (100)", minimum = 1, maximum = 1000),
        ("after" = Option<u64>, Query, description = "`next` of the page before, or the `seq` of a message", minimum = 0),
    ),
    responses((status = 200, description = "A page of messages", body = Page<MessageView>))
)]
pub(crate) async fn messages(
    State(app): State<App>,
    By(caller): By,
    PathOf(path): PathOf<IdPath>,
    QueryOf(query): QueryOf<MessagesQuery>,
) -> Result<Json<Page<MessageView>>, Fail> {
    caller.require(Action::Read)?;
    let (limit, after) = (limit_of(query.limit)?, seq_of("after", query.after.unwrap_or_default())?);
    let workspace = app.workspace(&caller)?;
    workspace.conversation(path.id).await?.ok_or(RoutingError::ConversationNotFound(path.id))?;
    let stored = workspace.messages(path.id, Seq(after), limit).await?;
    Ok(Json(Page::of(stored.into_iter().map(view::message).collect(), limit as usize, |last: &MessageView| last.seq.to_string())))
}

#[derive(Deserialize)]
pub(crate) struct IdPath {
    id: ConversationId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    limit: Option<u32>,
    after: Option<ConversationId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessagesQuery {
    limit: Option<u32>,
    after: Option<u64>,
}
