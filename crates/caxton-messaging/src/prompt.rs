//! How a language model is told of a message.

use caxton_types::{Message, MessageType};

/// The message in words for a model, by its simple type.
pub fn as_prompt(message: &Message) -> String {
    let text = message.text();
    match message.message_type() {
        MessageType::Request => format!("A user is requesting: {text}\n\nPlease help them."),
        MessageType::Notification => format!("Information update: {text}\n\nPlease process this information."),
        MessageType::Response | MessageType::Error => format!("Message: {text}\n\nPlease respond appropriately."),
    }
}
