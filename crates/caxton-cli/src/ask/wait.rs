//! Waiting for an answer: a turn that waits for a person says so meanwhile.

use super::{Question, finish};
use crate::{
    approvals,
    console::Console,
    error::{Error, Result},
    session::explained,
};
use caxton_api::{EventView, ForkView, ReplyView};
use caxton_client::{Client, EventFilter, Followed, Sent};
use caxton_types::{ApprovalId, Code, ConversationId, Fact, TurnId, unit::Period};
use futures_util::{StreamExt as _, pin_mut};
use std::time::{Duration, Instant};

/// Answers come this fast as a rule; only whoever waits longer is told why.
const SOON: Duration = Duration::from_secs(2);

/// Sends the question and waits for its reply; tells of decisions that it waits for.
pub(super) async fn reply(client: &Client, question: &Question, timeout: Period, console: &Console) -> Result<ReplyView> {
    let began = Instant::now();
    let accepted = match question.send(client, Some(SOON.min(timeout.get()))).await? {
        Sent::Replied(reply) => return Ok(*reply),
        Sent::Accepted(accepted) => accepted,
    };
    if began.elapsed() >= timeout.get() {
        return Err(question.late(accepted.conversation, timeout));
    }
    let told = tell(client, accepted.conversation, console);
    let reply = question.reply_since(began, client, timeout);
    pin_mut!(told, reply);
    tokio::select! {
        reply = &mut reply => reply,
        // Whoever cannot follow the journal can still wait.
        () = &mut told => reply.await,
    }
}

/// Tells of every decision that the conversation waits for, until the stream ends.
async fn tell(client: &Client, conversation: ConversationId, console: &Console) {
    let kinds = vec!["approval_asked".to_owned()];
    let filter = EventFilter { conversation: Some(conversation), after: Some(0), kinds, ..EventFilter::default() };
    let events = client.follow(filter);
    pin_mut!(events);
    while let Some(Ok(followed)) = events.next().await {
        if let Followed::Event(event) = followed
            && let Some(approval) = asked(&event)
        {
            approvals::tell_waiting(client, approval, console).await;
        }
    }
}

/// The decision that this event asks for.
pub(super) fn asked(event: &EventView) -> Option<ApprovalId> {
    (event.kind == "approval_asked").then(|| event.fact.get("approval")?.as_str()?.parse().ok())?
}

/// Waits for the answer of a turn that has begun, and prints it.
pub(crate) async fn of_turn(client: &Client, fork: &ForkView, timeout: Period, console: &Console) -> Result<()> {
    let busy = console.busy("waiting for the answer");
    let reply = tokio::time::timeout(timeout.get(), answer(client, fork, console)).await.map_err(|_| {
        Error::new(Code::Deadline, format!("the turn {} did not end within {timeout}", fork.turn))
            .hint(format!("it goes on working: `caxton turns show {}` shows how far it is", fork.turn))
    })??;
    drop(busy);
    finish(&reply, false, console)
}

async fn answer(client: &Client, fork: &ForkView, console: &Console) -> Result<ReplyView> {
    let kinds = ["approval_asked", "turn_ended"].map(ToOwned::to_owned).into();
    let filter = EventFilter { conversation: Some(fork.conversation), after: Some(0), kinds, ..EventFilter::default() };
    let events = client.follow(filter);
    pin_mut!(events);
    while let Some(followed) = events.next().await {
        let Followed::Event(event) = followed.map_err(explained)? else { continue };
        if let Some(approval) = asked(&event) {
            approvals::tell_waiting(client, approval, console).await;
        } else if event.turn == Some(fork.turn) {
            return reply_of(client, fork.turn, *event).await;
        }
    }
    Err(Error::new(Code::Unavailable, "the server ended the stream").hint(format!("`caxton turns show {}` tells how it ended", fork.turn)))
}

/// The reply that went out with the end of a turn.
async fn reply_of(client: &Client, turn: TurnId, event: EventView) -> Result<ReplyView> {
    let ended = serde_json::from_value(event.fact).ok();
    let Some(Fact::TurnEnded { end, reply: Some(reply), usage, spent, .. }) = ended else {
        return Err(Error::new(Code::Internal, format!("the turn {turn} ended without a reply"))
            .hint(format!("`caxton turns show {turn}` tells how it ended")));
    };
    let (message, began) = (client.message(reply).await.map_err(explained)?, client.turn(turn).await.map_err(explained)?.turn);
    Ok(ReplyView {
        message: message.id,
        in_reply_to: began.message,
        conversation: message.conversation_id,
        took_ms: u64::try_from(message.timestamp.since(began.began_at).as_millis()).unwrap_or(u64::MAX),
        sender: message.sender,
        performative: message.performative,
        content: message.content,
        end: Some(end),
        usage: Some(usage.into()),
        cost: spent.map(|spent| spent.money.into()),
        failovers: Vec::new(),
        attachments: message.attachments,
    })
}
