//! What a server offers and answers, in our own words.

use bytes::Bytes;
use caxton_types::{Digest, ToolAnnotations};
use serde_json::Value;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its own name for itself.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of the protocol that is spoken with it.
    pub protocol: String,
    /// How it wants to be used.
    pub instructions: Option<String>,
}

/// A tool as its server defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name at its server.
    pub name: String,
    /// Its name for people.
    pub title: Option<String>,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments.
    pub input_schema: Value,
    /// JSON Schema of its structured result.
    pub output_schema: Option<Value>,
    /// What it says of its side effects.
    pub annotations: ToolAnnotations,
    /// SHA-256 over the canonical JSON of everything above, as the server sent it.
    pub digest: Digest,
}

/// A part of a result.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Words.
    Text(String),
    /// An image, a sound, or a resource that came along as bytes.
    File {
        /// Where it is from, where it is a resource.
        uri: Option<String>,
        /// Its media type.
        media_type: String,
        /// Itself.
        bytes: Bytes,
    },
    /// A resource that came along as text.
    Resource {
        /// Where it is from.
        uri: String,
        /// Its text.
        text: String,
    },
    /// Where a resource is.
    Link {
        /// Where.
        uri: String,
        /// Its name.
        name: String,
        /// What it is.
        description: Option<String>,
    },
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The result in parts.
    pub content: Vec<Content>,
    /// The result as data.
    pub structured: Option<Value>,
    /// Whether the tool itself reports an error.
    pub is_error: bool,
}

/// The first entries of a list, as the server describes them: what is handed on is put into no words of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// As many as the bound allows.
    pub entries: Vec<T>,
    /// Whether there are more.
    pub is_cut: bool,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { entries: vec![], is_cut: false }
    }
}

/// What a server asks a person in the middle of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The question.
    pub message: String,
    /// How it is answered.
    pub wanted: Wanted,
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// With an object of this JSON Schema.
    Form(Value),
    /// By opening this URL.
    Visit(String),
}

/// What a person said to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Here it is; nothing where a page was to be visited.
    Accept(Value),
    /// No, but go on.
    Decline,
    /// No, and stop.
    Cancel,
}

/// How far a call is, as its server says.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// So much is done.
    pub done: f64,
    /// Of so much.
    pub total: Option<f64>,
    /// What it is at.
    pub message: Option<String>,
}

/// Whoever stands behind a call: can put a question to a person, and may want to hear how far it is.
#[async_trait::async_trait]
pub trait Asker: Send + Sync {
    /// Whether there is a person at all: a server that is told so need not ask in vain.
    fn is_able(&self) -> bool {
        true
    }

    /// Hears how far the call is; it may be much, and in any order.
    fn hear(&self, _progress: Progress) {}

    /// Asks and waits for the answer, as long as it thinks fit: the call's own time stands still meanwhile.
    /// Dropped before its end, the question is called off.
    async fn ask(&self, question: Question) -> Reply;
}
