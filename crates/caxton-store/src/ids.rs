//! Where new ids and the time of day come from: the only clock and the only randomness below the edges.

use caxton_types::{BlobId, ConversationId, DeploymentId, MessageId, Timestamp, TraceContext, TurnId};
use uuid::Uuid;

/// The time of day.
pub fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

/// A new message.
pub fn message() -> MessageId {
    MessageId::from_uuid(Uuid::now_v7())
}

/// A new conversation.
pub fn conversation() -> ConversationId {
    ConversationId::from_uuid(Uuid::now_v7())
}

/// A new turn.
pub fn turn() -> TurnId {
    TurnId::from_uuid(Uuid::now_v7())
}

/// A new deployment.
pub fn deployment() -> DeploymentId {
    DeploymentId::from_uuid(Uuid::now_v7())
}

/// A new upload.
pub fn blob() -> BlobId {
    BlobId::from_uuid(Uuid::now_v7())
}

/// A new trace with its first span.
pub fn trace() -> TraceContext {
    TraceContext::new(Uuid::now_v7().as_u128(), span())
}

/// A new span: the low half of a UUID v7, which counts up within a millisecond and is random beyond.
pub fn span() -> u64 {
    Uuid::now_v7().as_u64_pair().1
}
