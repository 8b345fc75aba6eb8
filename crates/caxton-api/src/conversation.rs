//! Conversations on the wire.

use crate::schema;
use caxton_types::{ConversationId, Party, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationState {
    /// Somebody still owes an answer.
    InProgress,
    /// Every question is answered.
    Completed,
    /// It ended with a failure.
    Failed,
}

/// Messages that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationView {
    /// Names the conversation.
    #[schema(value_type = schema::ConversationId)]
    pub id: ConversationId,
    /// The interaction protocol that it follows, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub protocol: Option<String>,
    /// Who began it.
    #[schema(value_type = String)]
    pub initiator: Party,
    /// Everyone who spoke or was spoken to.
    #[schema(value_type = Vec<String>)]
    pub participants: Vec<Party>,
    /// Where it stands.
    pub state: ConversationState,
    /// How many messages it has.
    pub messages: u64,
    /// When its first message was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When its latest one was.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// The trace of its first message, 32 hexadecimal digits.
    pub trace_id: String,
}
