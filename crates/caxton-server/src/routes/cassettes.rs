//! Cassettes: what happened in turns, redacted, as a file that can be run again anywhere.

use crate::{
    App,
    edge::{By, Fail, PathOf},
};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use caxton_api::{Problem, schema};
use caxton_runtime::{Cassette, Error, Recording};
use caxton_store::{TurnQuery, TurnState};
use caxton_types::{Action, Code, ConversationId, TurnId, error::RoutingError};
use serde::Deserialize;

/// The most turns of one cassette.
const TURNS_MAX: u32 = 500;

/// Reads a turn as a cassette.
///
/// Secrets that the server knows, and what looks like one, are replaced by placeholders; the same text by the same one everywhere.
#[utoipa::path(
    get, path = "/turns/{id}/cassette", operation_id = "get_turn_cassette", tag = "turns",
    params(("id" = schema::TurnId, Path, description = "The turn, which has ended")),
    responses(
        (status = 200, description = "The cassette", body = Object, content_type = "application/json"),
        (status = 409, description = "`conflict`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn turn(State(app): State<App>, By(caller): By, PathOf(path): PathOf<TurnPath>) -> Result<Response, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    let recording = app.runtime.recording(&workspace, path.id).await?;
    if recording.end.is_none() {
        return Err(Error::TurnOpen(path.id).into());
    }
    cassette(&app, vec![recording]).await
}

/// Reads the ended turns of a conversation as a cassette, in the order in which they began.
///
/// Secrets that the server knows, and what looks like one, are replaced by placeholders; the same text by the same one everywhere.
#[utoipa::path(
    get, path = "/conversations/{id}/cassette", operation_id = "get_conversation_cassette", tag = "conversations",
    params(("id" = schema::ConversationId, Path, description = "The conversation")),
    responses(
        (status = 200, description = "The cassette", body = Object, content_type = "application/json"),
        (status = 409, description = "`conflict`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn conversation(State(app): State<App>, By(caller): By, PathOf(path): PathOf<ConversationPath>) -> Result<Response, Fail> {
    caller.require(Action::Read)?;
    let workspace = app.workspace(&caller)?;
    workspace.conversation(path.id).await?.ok_or(RoutingError::ConversationNotFound(path.id))?;
    let query = TurnQuery { state: Some(TurnState::Ended), agent: None, conversation: Some(path.id), before: None, limit: TURNS_MAX + 1 };
    let mut rows = workspace.turns(query).await?;
    if rows.len() > TURNS_MAX as usize {
        let detail = format!("the conversation has more than {TURNS_MAX} turns, the most of one cassette");
        return Err(Fail::new(Code::Conflict, detail).hint("export single turns"));
    }
    if rows.is_empty() {
        let detail = format!("no turn of conversation {} has ended", path.id);
        return Err(Fail::new(Code::Conflict, detail).hint("wait for the answer, then export again"));
    }
    rows.reverse();
    let mut recordings = Vec::with_capacity(rows.len());
    for row in rows {
        recordings.push(app.runtime.recording(&workspace, row.turn).await?);
    }
    cassette(&app, recordings).await
}

/// Redacting a long conversation takes its time, so it is done aside.
async fn cassette(app: &App, recordings: Vec<Recording>) -> Result<Response, Fail> {
    let config = app.config.current();
    let text = tokio::task::spawn_blocking(move || {
        let secrets: Vec<&str> = config.config.secrets().map(caxton_config::Secret::expose).collect();
        Cassette::record(recordings, &secrets).map(|cassette| cassette.write())
    });
    let text = text.await.map_err(|_| Fail::internal("the cassette could not be made"))??;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

#[derive(Deserialize)]
pub(crate) struct TurnPath {
    id: TurnId,
}

#[derive(Deserialize)]
pub(crate) struct ConversationPath {
    id: ConversationId,
}
