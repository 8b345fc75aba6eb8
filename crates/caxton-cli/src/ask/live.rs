//! An answer while it is written.

use super::{Question, content, wait::asked};
use crate::{approvals, console::Console, error::Result, session::explained};
use caxton_api::{DeltaView, EventView, MessageAccepted, ReplyView};
use caxton_client::{Client, EventFilter, Followed, Sent};
use caxton_types::{TurnId, unit::Period};
use futures_util::{Stream, StreamExt as _, pin_mut};
use std::time::{Duration, Instant};

/// Sends the message, prints the pieces of its answer as they come, and whatever is left at the end.
///
/// Answers with the reply and whether its content stands on standard output already.
pub(super) async fn ask(client: &Client, question: &Question, timeout: Period, console: &Console) -> Result<(ReplyView, bool)> {
    let began = Instant::now();
    let accepted = match question.send(client, None).await? {
        Sent::Replied(reply) => return Ok((*reply, false)),
        Sent::Accepted(accepted) => accepted,
    };
    let filter = EventFilter { conversation: Some(accepted.conversation), after: Some(0), deltas: true, ..EventFilter::default() };
    let printed = tokio::time::timeout(timeout.get(), print(client, client.follow(filter), &accepted, console)).await;
    let printed = printed.map_err(|_| question.late(accepted.conversation, timeout))??;
    let left = timeout.get().saturating_sub(began.elapsed()).max(Duration::from_secs(1));
    let reply = question.reply(client, Period::new(left)).await?;
    if reply.performative.is_failure() {
        if !printed.is_empty() {
            console.line("")?;
        }
    } else {
        console.line(rest(&printed, &content(&reply)))?;
    }
    Ok((reply, true))
}

/// Prints the pieces of the turn that answers, until it is over; answers with what was printed.
async fn print(
    client: &Client,
    pieces: impl Stream<Item = Result<Followed, caxton_client::Error>>,
    accepted: &MessageAccepted,
    console: &Console,
) -> Result<String> {
    pin_mut!(pieces);
    let mut answer = Answer { accepted, turn: None, early: Vec::new(), printed: String::new() };
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(explained)?;
        if let Followed::Event(event) = &piece
            && let Some(approval) = asked(event)
        {
            approvals::tell_waiting(client, approval, console).await;
        }
        if !answer.take(piece, console)? {
            break;
        }
    }
    Ok(answer.printed)
}

/// The turn that answers a message, as far as it was heard.
struct Answer<'a> {
    accepted: &'a MessageAccepted,
    turn: Option<TurnId>,
    /// Pieces from before it was known which turn it is.
    early: Vec<DeltaView>,
    printed: String,
}

impl Answer<'_> {
    /// Takes one piece; tells whether there may be more.
    fn take(&mut self, piece: Followed, console: &Console) -> Result<bool> {
        match piece {
            Followed::Event(event) if answers(&event, self.accepted) => {
                self.turn = event.turn;
                std::mem::take(&mut self.early).iter().try_for_each(|delta| self.print(delta, console))?;
            }
            Followed::Event(event) => return Ok(!is_over(&event, self.turn, self.accepted)),
            Followed::Gap(_) => {}
            Followed::Delta(delta) if self.turn.is_some() => self.print(&delta, console)?,
            Followed::Delta(delta) => self.early.push(delta),
        }
        Ok(true)
    }

    fn print(&mut self, delta: &DeltaView, console: &Console) -> Result<()> {
        if Some(delta.turn) == self.turn {
            console.write(&delta.text)?;
            self.printed.push_str(&delta.text);
        }
        Ok(())
    }
}

fn names(event: &EventView, message: &MessageAccepted) -> bool {
    event.fact.get("message").and_then(serde_json::Value::as_str) == Some(&message.message.to_string())
}

fn answers(event: &EventView, accepted: &MessageAccepted) -> bool {
    event.kind == "turn_began" && names(event, accepted)
}

fn is_over(event: &EventView, turn: Option<TurnId>, accepted: &MessageAccepted) -> bool {
    match event.kind.as_str() {
        "turn_ended" => turn.is_some() && event.turn == turn,
        "message_dead_lettered" => names(event, accepted),
        _ => false,
    }
}

/// What of the answer is not printed yet: earlier pieces may stem from steps before the last one, and some may be lost.
fn rest(printed: &str, answer: &str) -> String {
    if printed.is_empty() {
        return answer.to_owned();
    }
    // A piece may end in white space that the whole answer does not have.
    let ends = |text: &str| printed.ends_with(text) || printed.trim_end().ends_with(text);
    let mut ends_of_heads = answer.char_indices().map(|(at, _)| at).chain([answer.len()]).rev().filter(|at| *at > 0);
    let overlap = ends_of_heads.find_map(|at| answer.split_at_checked(at).filter(|(head, _)| ends(head)));
    overlap.map_or_else(|| format!("\n{answer}"), |(_, tail)| tail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::rest;

    #[test]
    fn what_is_left_is_printed_once() {
        assert_eq!(rest("", "The mean is 4."), "The mean is 4.");
        assert_eq!(rest("The mean", "The mean is 4."), " is 4.");
        assert_eq!(rest("Let me look. The mean is 4.", "The mean is 4."), "");
        assert_eq!(rest("Something else", "The mean is 4."), "\nThe mean is 4.");
        assert_eq!(rest("é", "éa"), "a");
    }
}
