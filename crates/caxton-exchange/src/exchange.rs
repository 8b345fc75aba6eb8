//! The way of a message: check, route, record, hand over.

use crate::{
    Error,
    deltas::{Delta, Deltas},
    registry::{Registry, Unresolved},
    waiters::{ReplyHandle, Waiters},
};
use arc_swap::ArcSwap;
use caxton_messaging::{Malformed, check};
use caxton_store::{Batch, QueueRow, Store, Workspace, ids};
use caxton_types::{
    Action, Actor, Address, AgentName, Attachment, Caller, ConversationId, Durability, Fact, Message, MessageId, NewEvent, Party,
    Performative, Route, TraceContext, WorkspaceName,
    error::{AgentError, RoutingError},
    unit::ByteSize,
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc};

/// Bounds of the exchange.
#[derive(Debug, Clone)]
pub struct Options {
    /// The largest message, envelope and content together.
    pub message_len_max: ByteSize,
    /// The most messages that wait for one agent.
    pub mailbox_len_max: usize,
    /// The most messages that wait in the whole server.
    pub queue_len_max: usize,
    /// The most messages of one conversation: agents that answer each other for ever end here.
    pub conversation_len_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { message_len_max: ByteSize::new(1_000_000), mailbox_len_max: 10_000, queue_len_max: 100_000, conversation_len_max: 10_000 }
    }
}

/// A message as somebody wants it sent.
#[derive(Debug, Clone)]
pub struct Draft {
    pub performative: Performative,
    pub receiver: Address,
    pub content: Value,
    pub conversation: Option<ConversationId>,
    pub reply_with: Option<Box<str>>,
    pub in_reply_to: Option<Box<str>>,
    pub ontology: Option<Box<str>>,
    pub language: Option<Box<str>>,
    pub protocol: Option<Box<str>>,
    pub attachments: Vec<Attachment>,
    /// The sender's key under which a second sending is the same message.
    pub dedup: Option<Box<str>>,
    pub durability: Option<Durability>,
    pub trace: Option<TraceContext>,
}

impl Draft {
    /// A request in its simplest form.
    pub fn request(receiver: Address, content: impl Into<Value>) -> Self {
        Self {
            performative: Performative::Request,
            receiver,
            content: content.into(),
            conversation: None,
            reply_with: None,
            in_reply_to: None,
            ontology: None,
            language: None,
            protocol: None,
            attachments: vec![],
            dedup: None,
            durability: None,
            trace: None,
        }
    }
}

/// What the sender of a message is told.
#[derive(Debug)]
pub struct Sent {
    pub message: MessageId,
    pub conversation: ConversationId,
    pub trace: TraceContext,
    /// Whether the message had been accepted before under the same key.
    pub duplicate: bool,
    /// Waits for the answer.
    pub reply: ReplyHandle,
}

/// A recorded message on its way to an agent.
pub struct Delivery {
    pub workspace: Workspace,
    pub agent: AgentName,
    pub message: Arc<Message>,
    /// Whether it is the first of its conversation.
    pub opens: bool,
    /// Its places in the queues, given back when its turn begins; none for what was queued before the server started.
    pub places: Option<Places>,
}

/// Places in an agent's mailbox and in the server's queue.
#[derive(Debug)]
pub struct Places {
    _mailbox: OwnedSemaphorePermit,
    _queue: OwnedSemaphorePermit,
}

/// Where recorded messages come out, in the order of their recording.
pub type Deliveries = mpsc::UnboundedReceiver<Delivery>;

/// A message that is checked and routed and has its places: ready to be recorded in somebody's batch.
#[derive(Debug)]
pub struct Prepared {
    message: Arc<Message>,
    agent: AgentName,
    route: Route,
    dedup: Option<Box<str>>,
    opens: bool,
    places: Places,
}

impl From<Unresolved> for Error {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::Agent(error) => Self::Agent(error),
            Unresolved::Routing(error) => Self::Routing(error),
            Unresolved::Address(address) => Self::Malformed(Malformed::Unroutable(address)),
        }
    }
}

impl Prepared {
    /// Adds what records the message to a batch.
    pub fn record(&self, caller: Actor, batch: &mut Batch) {
        let message = &self.message;
        batch.events.push(NewEvent {
            caller,
            trace: message.trace,
            conversation: Some(message.conversation),
            agent: Some(self.agent.clone()),
            turn: None,
            step: None,
            fact: Fact::MessageAccepted {
                message: Box::new(Message::clone(message)),
                to: Some(self.agent.clone()),
                route: self.route,
                dedup: self.dedup.clone(),
            },
        });
        batch.enqueue.push(QueueRow { message: message.id, agent: self.agent.clone(), conversation: message.conversation });
    }
}

/// Takes messages in. Cheap to clone.
#[derive(Clone)]
pub struct Exchange(Arc<Inner>);

struct Inner {
    store: Store,
    options: Options,
    registries: Mutex<HashMap<WorkspaceName, Arc<ArcSwap<Registry>>>>,
    waiters: Waiters,
    deltas: Deltas,
    queue: Arc<Semaphore>,
    /// Bounded by the places: nothing is sent here without one.
    deliveries: mpsc::UnboundedSender<Delivery>,
}

impl Exchange {
    /// An exchange over these workspaces, and where its deliveries come out.
    pub fn new(store: Store, options: Options) -> (Self, Deliveries) {
        let (deliveries, receiver) = mpsc::unbounded_channel();
        let queue = Arc::new(Semaphore::new(options.queue_len_max));
        let inner = Inner {
            store,
            options,
            registries: Mutex::default(),
            waiters: Waiters::default(),
            deltas: Deltas::default(),
            queue,
            deliveries,
        };
        (Self(Arc::new(inner)), receiver)
    }

    /// Reads anew who is deployed in the workspace.
    pub async fn reload(&self, workspace: &Workspace) -> Result<(), Error> {
        let rows = workspace.agents().await?;
        let slot = self.slot(workspace.name());
        let (previous, mailbox_len_max) = (slot.load_full(), self.0.options.mailbox_len_max);
        let built = tokio::task::spawn_blocking(move || Registry::build(&rows, &previous, mailbox_len_max));
        slot.store(Arc::new(built.await.map_err(|_| caxton_store::Error::Closed)?));
        Ok(())
    }

    fn slot(&self, workspace: &WorkspaceName) -> Arc<ArcSwap<Registry>> {
        Arc::clone(self.0.registries.lock().entry(workspace.clone()).or_default())
    }

    /// Who is deployed in the workspace.
    pub fn registry(&self, workspace: &WorkspaceName) -> Arc<Registry> {
        self.slot(workspace).load_full()
    }

    /// Takes a message from outside: when this returns, the message is in the journal.
    pub async fn send(&self, caller: &Caller, draft: Draft) -> Result<Sent, Error> {
        caller.require(Action::Send)?;
        let workspace = self.0.store.workspace(&caller.workspace)?;
        let opens = draft.conversation.is_none();
        let durability = draft.durability;
        let dedup = draft.dedup.clone();
        let message = self.complete(&workspace, caller, draft).await?;
        let mut prepared = self.prepare(&workspace, message, dedup)?;
        prepared.opens = opens;
        let (message, conversation, trace) = (prepared.message.id, prepared.message.conversation, prepared.message.trace);
        let mut batch = Batch { durability, ..Batch::default() };
        if opens {
            batch.events.push(NewEvent {
                caller: caller.actor(),
                trace,
                conversation: Some(conversation),
                agent: None,
                turn: None,
                step: None,
                fact: Fact::ConversationOpened { protocol: prepared.message.protocol.clone().unwrap_or_else(|| "request-reply".into()) },
            });
        }
        prepared.record(caller.actor(), &mut batch);
        let reply = self.0.waiters.wait(message);
        match workspace.commit(batch).await {
            Ok(_) => {
                self.deliver(&workspace, prepared);
                Ok(Sent { message, conversation, trace, duplicate: false, reply })
            }
            Err(caxton_store::Error::Duplicate { message }) => self.sent_before(&workspace, message).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The agent that a message to this address goes to.
    pub fn recipient(&self, workspace: &Workspace, receiver: &Address) -> Result<AgentName, Error> {
        self.registry(workspace.name()).resolve(receiver).map(|(agent, _)| agent).map_err(Error::from)
    }

    /// Checks and routes a message and takes its places; it counts for nothing until it is recorded and delivered.
    pub fn prepare(&self, workspace: &Workspace, message: Message, dedup: Option<Box<str>>) -> Result<Prepared, Error> {
        check(&message)?;
        let size = serde_json::to_vec(&message).map_or(u64::MAX, |bytes| bytes.len() as u64);
        let size_max = self.0.options.message_len_max;
        if size > size_max.get() {
            return Err(RoutingError::MessageTooLarge { size, size_max }.into());
        }
        let registry = self.registry(workspace.name());
        let (agent, route) = registry.resolve(&message.receiver)?;
        let mailbox = registry.mailbox(&agent).ok_or_else(|| AgentError::NotFound { name: agent.as_str().into(), nearest: vec![] })?;
        let full = |len_max| RoutingError::MailboxFull { agent: agent.clone(), len_max };
        let places = Places {
            _mailbox: Arc::clone(mailbox).try_acquire_owned().map_err(|_| full(self.0.options.mailbox_len_max))?,
            _queue: Arc::clone(&self.0.queue).try_acquire_owned().map_err(|_| full(self.0.options.queue_len_max))?,
        };
        Ok(Prepared { message: Arc::new(message), agent, route, dedup, opens: false, places })
    }

    /// Hands over a message that is in the journal now.
    pub fn deliver(&self, workspace: &Workspace, prepared: Prepared) {
        metrics::counter!("caxton_messages_accepted_total", "performative" => prepared.message.performative.as_str()).increment(1);
        let delivery = Delivery {
            workspace: workspace.clone(),
            agent: prepared.agent,
            message: prepared.message,
            opens: prepared.opens,
            places: Some(prepared.places),
        };
        // Where nobody takes deliveries any more the server is stopping: the message waits in the journal's queue.
        let _ = self.0.deliveries.send(delivery);
    }

    /// Hands over what the journal's queue holds from before this start.
    pub async fn redeliver(&self, workspace: &Workspace) -> Result<usize, Error> {
        let queued = workspace.queued().await?;
        let count = queued.len();
        for (_, row) in queued {
            let Some(stored) = workspace.message(row.message).await? else { continue };
            let delivery =
                Delivery { workspace: workspace.clone(), agent: row.agent, message: Arc::new(stored.message), opens: false, places: None };
            let _ = self.0.deliveries.send(delivery);
        }
        Ok(count)
    }

    /// Tells whoever waits that `question` is answered; call it after the answer is in the journal.
    pub fn answered(&self, question: MessageId, answer: &Arc<Message>) {
        self.0.waiters.answer(question, answer);
    }

    /// Whether a conversation may have another message from an agent.
    pub async fn has_room(&self, workspace: &Workspace, conversation: ConversationId) -> Result<bool, Error> {
        let row = workspace.conversation(conversation).await?;
        Ok(row.is_none_or(|row| row.messages < self.0.options.conversation_len_max))
    }

    /// Pieces of answers as models write them.
    pub fn deltas(&self, workspace: &WorkspaceName) -> broadcast::Receiver<Delta> {
        self.0.deltas.subscribe(workspace)
    }

    /// Shows a piece of an answer to whoever listens.
    pub fn publish(&self, workspace: &WorkspaceName, delta: impl FnOnce() -> Delta) {
        self.0.deltas.publish(workspace, delta);
    }

    /// The answer to `question`, where there is one already.
    pub async fn answer_to(&self, workspace: &Workspace, question: MessageId) -> Result<Option<Message>, Error> {
        let Some(asked) = workspace.message(question).await? else { return Ok(None) };
        let key = asked.message.reply_key();
        let later = workspace.messages(asked.message.conversation, asked.seq, 1000).await?;
        Ok(later.into_iter().map(|stored| stored.message).find(|message| message.in_reply_to.as_ref() == Some(&key)))
    }

    async fn complete(&self, workspace: &Workspace, caller: &Caller, draft: Draft) -> Result<Message, Error> {
        let conversation = match draft.conversation {
            Some(id) => workspace.conversation(id).await?.map(|row| row.id).ok_or(RoutingError::ConversationNotFound(id))?,
            None => ids::conversation(),
        };
        let mut attachments = draft.attachments;
        for attachment in attachments.iter_mut().take(caxton_messaging::ATTACHMENTS_MAX) {
            let size = workspace.blob_len(attachment.digest).await?;
            let unknown = || Error::BlobUnknown { name: attachment.name.clone(), digest: attachment.digest };
            attachment.size = size.ok_or_else(unknown)?;
        }
        Ok(Message {
            id: ids::message(),
            performative: draft.performative,
            sender: Party::Client(caller.who.clone()),
            receiver: draft.receiver,
            content: draft.content,
            conversation,
            reply_with: draft.reply_with,
            in_reply_to: draft.in_reply_to,
            ontology: draft.ontology,
            language: draft.language,
            protocol: draft.protocol,
            attachments,
            trace: draft.trace.unwrap_or_else(ids::trace),
            sent_at: caxton_store::now(),
        })
    }

    /// A message that was sent before answers as it did then.
    async fn sent_before(&self, workspace: &Workspace, message: MessageId) -> Result<Sent, Error> {
        let reply = self.0.waiters.wait(message);
        if let Some(answer) = self.answer_to(workspace, message).await? {
            self.answered(message, &Arc::new(answer));
        }
        let stored = workspace.message(message).await?;
        let (conversation, trace) =
            stored.map_or_else(|| (ids::conversation(), ids::trace()), |s| (s.message.conversation, s.message.trace));
        Ok(Sent { message, conversation, trace, duplicate: true, reply })
    }
}
