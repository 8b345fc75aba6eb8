//! Messages: in, and what became of them.

use super::view;
use crate::{
    App,
    edge::{By, Fail, JsonBody, PathOf, RequestInfo, wait_of},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use caxton_api::{FailoverView, MessageAccepted, MessageView, ReplyView, SendMessage, schema};
use caxton_exchange::{Draft, Sent};
use caxton_store::{EventQuery, Workspace, now};
use caxton_types::{Action, Attachment, Caller, Code, Fact, Message, MessageId, Party, Spend, Timestamp, TokenUsage, TurnEnd};
use serde::Deserialize;
use std::{borrow::Cow, sync::Arc, time::Duration};

/// The longest `Idempotency-Key`.
const KEY_LEN_MAX: usize = 128;

/// Sends a message.
///
/// Answers 202 as soon as the message is recorded. With `Prefer: wait=N` it answers 200 with the reply where that comes within N seconds
/// (at most 120). Sent again under the same `Idempotency-Key`, the message is not sent twice: the answer is the one of the first time.
#[utoipa::path(
    post, path = "/messages", operation_id = "send_message", tag = "messages",
    params(
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds (at most 120) for the reply", example = "wait=10"),
        ("Idempotency-Key" = Option<String>, Header, description = "The sender's key under which a second sending is the same message", max_length = 128),
    ),
    request_body(content = SendMessage, description = "The FIPA-ACL envelope; at most `messaging.max_message_size` (1 MB)"),
    responses(
        (status = 200, description = "The reply", body = ReplyView, headers(("Preference-Applied" = String, description = "`wait=N`"))),
        (status = 202, description = "The message is recorded and on its way", body = MessageAccepted, headers(("Location" = String, description = "The message"))),
    )
)]
pub(crate) async fn send(
    State(app): State<App>,
    By(caller): By,
    info: RequestInfo,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SendMessage>,
) -> Result<Response, Fail> {
    let wait = wait_of(&headers)?;
    let mut draft = draft_of(&caller, body, key_of(&headers)?, &info)?;
    measure(&app, &caller, &mut draft.attachments).await?;
    let (workspace, sent, accepted_at) = submit(&app, &caller, draft).await?;
    let accepted = accepted(&sent);
    let Some(wait) = wait else { return Ok(later(&caller, &accepted)) };
    let Some(answer) = answer_within(&app, sent, wait).await else { return Ok(later(&caller, &accepted)) };
    let mut response = Json(reply(&workspace, accepted.message, accepted_at, &answer).await?).into_response();
    if let Ok(applied) = HeaderValue::from_str(&format!("wait={}", wait.as_secs())) {
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
}

/// Reads a message.
#[utoipa::path(
    get, path = "/messages/{id}", operation_id = "get_message", tag = "messages",
    params(("id" = schema::MessageId, Path, description = "The message")),
    responses((status = 200, description = "The message", body = MessageView))
)]
pub(crate) async fn get(State(app): State<App>, By(caller): By, PathOf(path): PathOf<IdPath>) -> Result<Json<MessageView>, Fail> {
    caller.require(Action::Read)?;
    let stored = app.workspace(&caller)?.message(path.id).await?;
    let stored = stored.ok_or_else(|| Fail::not_found(format!("message {} does not exist in this workspace", path.id)))?;
    Ok(Json(view::message(stored)))
}

#[derive(Deserialize)]
pub(crate) struct IdPath {
    id: MessageId,
}

fn key_of(headers: &HeaderMap) -> Result<Option<Box<str>>, Fail> {
    let Some(value) = headers.get(caxton_api::header::IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = String::from_utf8_lossy(value.as_bytes());
    match key.trim() {
        "" => Ok(None),
        key if key.len() > KEY_LEN_MAX => {
            Err(Fail::invalid(format!("`Idempotency-Key` has {} bytes; at most {KEY_LEN_MAX} are taken", key.len())))
        }
        key => Ok(Some(key.into())),
    }
}

fn draft_of(caller: &Caller, body: SendMessage, dedup: Option<Box<str>>, info: &RequestInfo) -> Result<Draft, Fail> {
    let caller_party = Party::Client(caller.who.clone());
    if let Some(sender) = body.sender.as_ref().filter(|sender| **sender != caller_party) {
        let detail = format!("the caller is `{caller_party}` and cannot speak as `{sender}`");
        return Err(Fail::new(Code::Denied, detail).hint("leave `sender` away"));
    }
    check_fields(&body)?;
    Ok(Draft {
        performative: body.performative(),
        receiver: body.receiver,
        content: body.content,
        conversation: body.conversation_id,
        reply_with: body.reply_with,
        in_reply_to: body.in_reply_to,
        ontology: body.ontology,
        language: body.language,
        protocol: body.protocol,
        attachments: body.attachments.into_iter().map(attachment).collect(),
        dedup,
        durability: body.durability,
        trace: Some(info.trace),
    })
}

/// The longest free field of the envelope, in characters; in bytes that is at most what the exchange takes.
const FIELD_LEN_MAX: usize = 64;

fn check_fields(body: &SendMessage) -> Result<(), Fail> {
    let fields = [
        ("reply_with", &body.reply_with),
        ("in_reply_to", &body.in_reply_to),
        ("ontology", &body.ontology),
        ("language", &body.language),
        ("protocol", &body.protocol),
    ];
    for (name, value) in fields {
        let len = value.as_ref().map_or(0, |value| value.chars().count());
        if len > FIELD_LEN_MAX {
            return Err(Fail::invalid(format!("`{name}` has {len} characters; at most {FIELD_LEN_MAX} are taken")));
        }
    }
    Ok(())
}

/// Every attachment is a blob that is there, and as long as its sender says.
pub(super) async fn measure(app: &App, caller: &Caller, attachments: &mut [Attachment]) -> Result<(), Fail> {
    if attachments.is_empty() {
        return Ok(());
    }
    let workspace = app.workspace(caller)?;
    for attachment in attachments.iter_mut().take(ATTACHMENTS_MAX) {
        let (name, digest) = (&attachment.name, attachment.digest);
        let len = workspace.blob_len(digest).await?;
        let len =
            len.ok_or_else(|| Fail::not_found(format!("attachment `{name}` names the blob {digest}, which is not there")).hint(UPLOAD))?;
        if attachment.size != UNKNOWN && attachment.size != len {
            return Err(Fail::invalid(format!("attachment `{name}` is said to have {} bytes; its blob has {len}", attachment.size)));
        }
        attachment.size = len;
    }
    Ok(())
}

const UPLOAD: &str = "upload it first (`POST …/blobs`), then send the message again";
/// One more than a message may have: the exchange says what is wrong with it.
const ATTACHMENTS_MAX: usize = 17;
/// The sender did not say.
const UNKNOWN: u64 = u64::MAX;

pub(super) fn attachment(given: caxton_api::AttachmentRef) -> Attachment {
    let media_type = given.media_type.unwrap_or_else(|| "application/octet-stream".into());
    Attachment { name: given.name, media_type, digest: given.digest, size: given.size.unwrap_or(UNKNOWN) }
}

/// Hands a draft to the exchange of a workspace that exists.
pub(crate) async fn submit(app: &App, caller: &Caller, draft: Draft) -> Result<(Workspace, Sent, Timestamp), Fail> {
    caller.require(Action::Send)?;
    App::not_system(caller)?;
    let workspace = app.workspace(caller)?;
    let at = now();
    let sent = app.exchange.send(caller, draft).await?;
    let at = if sent.duplicate { workspace.message(sent.message).await?.map_or(at, |stored| stored.message.sent_at) } else { at };
    Ok((workspace, sent, at))
}

pub(super) fn accepted(sent: &Sent) -> MessageAccepted {
    MessageAccepted { message: sent.message, conversation: sent.conversation, duplicate: sent.duplicate }
}

/// The answer, where it comes in time and before the server stops.
pub(super) async fn answer_within(app: &App, sent: Sent, wait: Duration) -> Option<Arc<Message>> {
    tokio::select! {
        answer = tokio::time::timeout(wait, sent.reply.recv()) => answer.ok().flatten(),
        () = app.life.closing().cancelled() => None,
    }
}

/// 202: recorded, not answered yet.
pub(super) fn later(caller: &Caller, accepted: &MessageAccepted) -> Response {
    let location = format!("/api/v1/workspaces/{}/messages/{}", caller.workspace, accepted.message);
    (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(accepted)).into_response()
}

/// A reply with what the journal says of the turn behind it.
pub(crate) async fn reply(workspace: &Workspace, question: MessageId, asked_at: Timestamp, answer: &Message) -> Result<ReplyView, Fail> {
    let ended = turn_end(workspace, asked_at, answer).await?;
    let took = answer.sent_at.since(asked_at).as_millis();
    Ok(ReplyView {
        message: answer.id,
        in_reply_to: question,
        conversation: answer.conversation,
        sender: answer.sender.clone(),
        performative: answer.performative,
        content: answer.content.clone(),
        end: ended.as_ref().map(|ended| ended.end),
        usage: ended.as_ref().map(|ended| ended.usage.into()),
        cost: ended.as_ref().and_then(|ended| ended.spent).map(|spent| spent.money.into()),
        failovers: ended.map(|ended| ended.failovers).unwrap_or_default(),
        attachments: answer.attachments.iter().cloned().map(Into::into).collect(),
        took_ms: u64::try_from(took).unwrap_or(u64::MAX),
    })
}

/// What the journal says of the turn behind an answer.
struct Ended {
    end: TurnEnd,
    usage: TokenUsage,
    spent: Option<Spend>,
    failovers: Vec<FailoverView>,
}

/// How the turn that gave this answer ended: it stands in the same batch as the answer.
async fn turn_end(workspace: &Workspace, since: Timestamp, answer: &Message) -> Result<Option<Ended>, Fail> {
    let kinds = vec![Cow::Borrowed("turn_ended"), Cow::Borrowed("model_failed_over")];
    let query = EventQuery { conversation: Some(answer.conversation), kinds, since: Some(since), limit: 100, ..EventQuery::default() };
    let events = workspace.events(query).await?;
    let ended = events.iter().find_map(|event| match event.new.fact {
        Fact::TurnEnded { end, reply: Some(reply), usage, spent, .. } if reply == answer.id => Some((event.new.turn, end, usage, spent)),
        _ => None,
    });
    Ok(ended.map(|(turn, end, usage, spent)| {
        let of_turn = events.iter().filter(|event| event.new.turn == turn);
        let failovers = of_turn.filter_map(|event| FailoverView::of(&event.new.fact));
        Ended { end, usage, spent, failovers: failovers.collect() }
    }))
}
