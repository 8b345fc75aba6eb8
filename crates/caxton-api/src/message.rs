//! Messages on the wire: the FIPA-ACL envelope, and the simple view of it.

use crate::{MoneyView, schema};
use caxton_types::{
    Address, AgentName, Attachment, Code, ConversationId, Digest, Durability, Fact, Message, MessageId, MessageType, Party, Performative,
    Timestamp, TokenUsage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A file that travels with a message; upload its bytes with `POST …/blobs` first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachmentRef {
    /// A plain file name, unique in its message.
    #[schema(value_type = schema::FileName)]
    pub name: Box<str>,
    /// The SHA-256 of its bytes, as the upload answered it.
    #[serde(alias = "blob")]
    #[schema(value_type = schema::Digest)]
    pub digest: Digest,
    /// Its media type; `application/octet-stream` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::MediaType>)]
    pub media_type: Option<Box<str>>,
    /// Its length in bytes; where given, it must be that of the blob.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::whole::maybe")]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    pub size: Option<u64>,
}

impl From<Attachment> for AttachmentRef {
    fn from(attachment: Attachment) -> Self {
        let Attachment { name, media_type, digest, size } = attachment;
        Self { name, digest, media_type: Some(media_type), size: Some(size) }
    }
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"receiver": "agent:data-analyzer", "performative": "request", "content": "How many rows are there?"}))]
pub struct SendMessage {
    /// Where it goes.
    #[schema(value_type = schema::Address)]
    pub receiver: Address,
    /// What it does; `request` where neither this nor `message_type` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Performative>)]
    pub performative: Option<Performative>,
    /// The simple form of `performative`; read only where that is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::MessageType>)]
    pub message_type: Option<MessageType>,
    /// Who speaks; the caller where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Party>)]
    pub sender: Option<Party>,
    /// What it says: a text, or any JSON.
    #[schema(value_type = schema::Content)]
    pub content: Value,
    /// The conversation it continues; a new one where absent.
    #[serde(default, alias = "conversation", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::ConversationId>)]
    pub conversation_id: Option<ConversationId>,
    /// What an answer should quote in its `in_reply_to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub reply_with: Option<Box<str>>,
    /// Quotes the `reply_with` (or the id) of the message that it answers; `reply_to` is read too.
    #[serde(default, alias = "reply_to", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub in_reply_to: Option<Box<str>>,
    /// The vocabulary of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub ontology: Option<Box<str>>,
    /// The language of the content: `json`, `xml`, `text` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub language: Option<Box<str>>,
    /// The interaction protocol that the conversation follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub protocol: Option<Box<str>>,
    /// Files that travel with it, each with a name of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    pub attachments: Vec<AttachmentRef>,
    /// How much the acknowledgement promises; the workspace's default where absent, and never less than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Durability>)]
    pub durability: Option<Durability>,
}

impl SendMessage {
    /// A request with this content.
    pub fn request(receiver: Address, content: Value) -> Self {
        Self {
            receiver,
            performative: None,
            message_type: None,
            sender: None,
            content,
            conversation_id: None,
            reply_with: None,
            in_reply_to: None,
            ontology: None,
            language: None,
            protocol: None,
            attachments: Vec::new(),
            durability: None,
        }
    }

    /// What the message does: as it says, else what its simple form stands for, else `request`.
    pub fn performative(&self) -> Performative {
        self.performative.unwrap_or(match self.message_type {
            None | Some(MessageType::Request) => Performative::Request,
            Some(MessageType::Response | MessageType::Notification) => Performative::Inform,
            Some(MessageType::Error) => Performative::Failure,
        })
    }
}

/// What the server says of a message that it took over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageAccepted {
    /// The message's id.
    #[schema(value_type = schema::MessageId)]
    pub message: MessageId,
    /// The conversation it belongs to.
    #[schema(value_type = schema::ConversationId)]
    pub conversation: ConversationId,
    /// Whether the same message had been accepted before (`Idempotency-Key`).
    pub duplicate: bool,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It waits for its turn.
    Queued,
    /// A turn works on it.
    InTurn,
    /// Nothing is left to do.
    Done,
    /// It could not be delivered.
    Dead,
}

/// A message as the journal has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// Names the message.
    #[schema(value_type = schema::MessageId)]
    pub id: MessageId,
    /// What it does.
    #[schema(value_type = schema::Performative)]
    pub performative: Performative,
    /// The simple view of that.
    #[schema(value_type = schema::MessageType)]
    pub message_type: MessageType,
    /// Who sent it.
    #[schema(value_type = String)]
    pub sender: Party,
    /// Where it goes.
    #[schema(value_type = String)]
    pub receiver: Address,
    /// The agent that it was routed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::AgentName, nullable = false)]
    pub to: Option<AgentName>,
    /// What it says.
    #[schema(value_type = Value)]
    pub content: Value,
    /// The conversation it belongs to.
    #[schema(value_type = schema::ConversationId)]
    pub conversation_id: ConversationId,
    /// What an answer should quote in its `in_reply_to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub reply_with: Option<Box<str>>,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub in_reply_to: Option<Box<str>>,
    /// The vocabulary of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub ontology: Option<Box<str>>,
    /// The language of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub language: Option<Box<str>>,
    /// The interaction protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub protocol: Option<Box<str>>,
    /// Files that travel with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentRef>,
    /// The trace it belongs to, 32 hexadecimal digits.
    pub trace_id: String,
    /// The span that caused it, 16 hexadecimal digits.
    pub span_id: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// The place of its accepting event in the journal.
    pub seq: u64,
    /// Where it stands.
    pub state: MessageState,
}

impl MessageView {
    /// The view of a message that stands at `seq` of the journal.
    pub fn new(message: Message, to: Option<AgentName>, seq: u64, state: MessageState) -> Self {
        Self {
            message_type: message.message_type(),
            id: message.id,
            performative: message.performative,
            sender: message.sender,
            receiver: message.receiver,
            to,
            content: message.content,
            conversation_id: message.conversation,
            reply_with: message.reply_with,
            in_reply_to: message.in_reply_to,
            ontology: message.ontology,
            language: message.language,
            protocol: message.protocol,
            attachments: message.attachments.into_iter().map(Into::into).collect(),
            trace_id: message.trace.trace_id(),
            span_id: message.trace.span_id(),
            timestamp: message.sent_at,
            seq,
            state,
        }
    }
}

/// Tokens that models read and wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct UsageView {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
}

impl From<TokenUsage> for UsageView {
    fn from(usage: TokenUsage) -> Self {
        Self { input: usage.input, output: usage.output }
    }
}

/// One provider of a model's chain gave way to the next. Both are written `provider/model`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailoverView {
    /// Who did not answer.
    pub from: String,
    /// Who was next.
    pub to: String,
    /// What kind of failure it was.
    #[schema(value_type = schema::Code)]
    pub code: Code,
    /// In words.
    pub reason: String,
}

impl FailoverView {
    /// What this fact tells of one; nothing if it tells of something else.
    pub fn of(fact: &Fact) -> Option<Self> {
        let Fact::ModelFailedOver { from, to, code, reason } = fact else { return None };
        Some(Self { from: from.to_string(), to: to.to_string(), code: *code, reason: reason.to_string() })
    }
}

/// The answer to a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplyView {
    /// The id of the answering message.
    #[schema(value_type = schema::MessageId)]
    pub message: MessageId,
    /// The message that it answers.
    #[schema(value_type = schema::MessageId)]
    pub in_reply_to: MessageId,
    /// The conversation of both.
    #[schema(value_type = schema::ConversationId)]
    pub conversation: ConversationId,
    /// Who answered.
    #[schema(value_type = String)]
    pub sender: Party,
    /// `inform`, `refuse` or `failure`, or another answer of the protocol.
    #[schema(value_type = schema::Performative)]
    pub performative: Performative,
    /// The answer, or the reason why there is none.
    #[schema(value_type = Value)]
    pub content: Value,
    /// How the turn behind it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::TurnEnd, nullable = false)]
    pub end: Option<caxton_types::TurnEnd>,
    /// The tokens of all its model calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<UsageView>,
    /// What they cost, as far as prices are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cost: Option<MoneyView>,
    /// Providers that were to answer and did not, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failovers: Vec<FailoverView>,
    /// Files that travel with it, such as those that its tools made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentRef>,
    /// From accepting the message to accepting the answer, in milliseconds.
    pub took_ms: u64,
}
