//! Senders who wait for the answer to their message.

use caxton_types::{Message, MessageId};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};
use tokio::sync::oneshot;

type Waiting = Mutex<HashMap<MessageId, Vec<(u64, oneshot::Sender<Arc<Message>>)>>>;

#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: Arc<Waiting>,
    next: std::sync::atomic::AtomicU64,
}

impl Waiters {
    /// Waits for the answer to `message` from now on.
    pub(crate) fn wait(&self, message: MessageId) -> ReplyHandle {
        let (sender, receiver) = oneshot::channel();
        let ticket = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.waiting.lock().entry(message).or_default().push((ticket, sender));
        ReplyHandle { message, ticket, receiver, waiting: Arc::downgrade(&self.waiting) }
    }

    pub(crate) fn answer(&self, question: MessageId, answer: &Arc<Message>) {
        for (_, sender) in self.waiting.lock().remove(&question).unwrap_or_default() {
            // Whoever stopped waiting finds the answer in the conversation.
            let _ = sender.send(Arc::clone(answer));
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().len()
    }
}

/// The right to wait for one answer; dropping it stops waiting.
#[derive(Debug)]
pub struct ReplyHandle {
    message: MessageId,
    ticket: u64,
    receiver: oneshot::Receiver<Arc<Message>>,
    waiting: Weak<Waiting>,
}

impl ReplyHandle {
    /// The answer, or nothing where the server stops before there is one.
    pub async fn recv(mut self) -> Option<Arc<Message>> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for ReplyHandle {
    fn drop(&mut self) {
        let Some(waiting) = self.waiting.upgrade() else { return };
        let mut waiting = waiting.lock();
        if let Some(senders) = waiting.get_mut(&self.message) {
            senders.retain(|(ticket, _)| *ticket != self.ticket);
            if senders.is_empty() {
                waiting.remove(&self.message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caxton_types::{ConversationId, Party, Performative, Timestamp, TraceContext};

    fn message() -> Arc<Message> {
        Arc::new(Message {
            id: caxton_store::ids::message(),
            performative: Performative::Inform,
            sender: Party::Client("local".into()),
            receiver: "agent:sum".parse().unwrap(),
            content: "42".into(),
            conversation: ConversationId::from_uuid(Default::default()),
            reply_with: None,
            in_reply_to: None,
            ontology: None,
            language: None,
            protocol: None,
            attachments: vec![],
            trace: TraceContext::new(1, 1),
            sent_at: Timestamp::default(),
        })
    }

    #[tokio::test]
    async fn everyone_who_waits_gets_the_answer_and_nobody_is_kept() {
        let waiters = Waiters::default();
        let (question, answer) = (caxton_store::ids::message(), message());
        let (first, second) = (waiters.wait(question), waiters.wait(question));
        waiters.answer(question, &answer);
        assert_eq!((first.recv().await, second.recv().await), (Some(Arc::clone(&answer)), Some(answer)));
        assert_eq!(waiters.len(), 0);
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_no_trace() {
        let waiters = Waiters::default();
        let question = caxton_store::ids::message();
        let (gone, stays) = (waiters.wait(question), waiters.wait(question));
        drop(gone);
        assert_eq!(waiters.len(), 1);
        drop(stays);
        assert_eq!(waiters.len(), 0);
        let late = waiters.wait(question);
        drop(waiters);
        assert_eq!(late.recv().await, None, "a server that stops answers nobody");
    }
}
