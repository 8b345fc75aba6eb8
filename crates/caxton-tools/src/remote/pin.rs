//! What is remembered of one tool of a server of others.

use caxton_types::{Digest, ToolAnnotations, ToolDefinition, ToolId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// The longest definition that is remembered in its words, as JSON; of a longer one the digest alone.
const WORDS_LEN_MAX: usize = 32 << 10;
/// All of one server together.
const ALL_WORDS_LEN_MAX: usize = 512 << 10;

/// A definition of a tool as models and people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FirstSeen {
    pub description: String,
    pub input_schema: Value,
    pub output_schema: Option<Value>,
    pub annotations: ToolAnnotations,
}

/// The definition that was first seen of a tool, or accepted since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub(super) struct Pin {
    digest: Digest,
    /// The JSON of a [`FirstSeen`].
    words: Option<Arc<str>>,
}

/// The pins of a server's tools, by name.
pub(super) type Known = BTreeMap<Box<str>, Pin>;

/// The tools that are not what was first seen of them, each with what that was.
pub(super) type Otherwise = BTreeMap<ToolId, Option<Arc<str>>>;

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Digest(Digest),
    Words { digest: Digest, words: Arc<str> },
}

impl From<Kept> for Pin {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Digest(digest) => Self { digest, words: None },
            Kept::Words { digest, words } => Self { digest, words: Some(words) },
        }
    }
}

impl From<Pin> for Kept {
    fn from(Pin { digest, words }: Pin) -> Self {
        match words {
            None => Self::Digest(digest),
            Some(words) => Self::Words { digest, words },
        }
    }
}

/// How many bytes of words are still kept beside these.
pub(super) fn room(known: &Known) -> usize {
    let taken = known.values().filter_map(|pin| pin.words.as_ref()).map(|words| words.len()).sum();
    ALL_WORDS_LEN_MAX.saturating_sub(taken)
}

impl Pin {
    /// A tool as it is defined now; its words too, where there is room for them.
    pub(super) fn of(tool: &ToolDefinition, digest: Digest, room: &mut usize) -> Self {
        let mut pin = Self { digest, words: None };
        pin.complete(tool, room);
        pin
    }

    pub(super) fn is(&self, digest: Digest) -> bool {
        self.digest == digest
    }

    pub(super) fn words(&self) -> Option<&Arc<str>> {
        self.words.as_ref()
    }

    /// Remembers the words of the definition that it is of, unless it does; whether it does since.
    pub(super) fn complete(&mut self, tool: &ToolDefinition, room: &mut usize) -> bool {
        if self.words.is_some() || *room == 0 {
            return false;
        }
        let ToolDefinition { description, input_schema, output_schema, annotations, .. } = tool.clone();
        let words = serde_json::to_string(&FirstSeen { description, input_schema, output_schema, annotations }).ok();
        self.words = words.filter(|words| words.len() <= WORDS_LEN_MAX.min(*room)).map(Into::into);
        *room -= self.words.as_ref().map_or(0, |words| words.len());
        self.words.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_kept_as_long_as_there_is_room_and_a_digest_always() {
        let tool = |len: usize| {
            let words = "x".repeat(len);
            serde_json::from_value(json!({"id": "desk/get", "description": words, "input_schema": {"type": "object"}})).unwrap()
        };
        let mut room = ALL_WORDS_LEN_MAX;
        let known: Known = (0..100).map(|n| (format!("t{n}").into(), Pin::of(&tool(30 << 10), Digest::of(b"x"), &mut room))).collect();
        let worded = known.values().filter(|pin| pin.words().is_some()).count();
        assert_eq!((worded, super::room(&known)), (ALL_WORDS_LEN_MAX / (31 << 10), room));
        assert!(Pin::of(&tool(33 << 10), Digest::of(b"x"), &mut ALL_WORDS_LEN_MAX.clone()).words().is_none());
        // As it is read again, also what was written when there were only digests.
        let read: Known = serde_json::from_str(&serde_json::to_string(&known).unwrap()).unwrap();
        assert_eq!(read, known);
        let mut old: Pin = serde_json::from_value(json!(Digest::of(b"x"))).unwrap();
        assert!(old.is(Digest::of(b"x")) && old.complete(&tool(1), &mut ALL_WORDS_LEN_MAX.clone()));
        assert!(!old.complete(&tool(2), &mut ALL_WORDS_LEN_MAX.clone()));
        let first: FirstSeen = serde_json::from_str(old.words().unwrap()).unwrap();
        assert_eq!((first.description.as_str(), &first.input_schema), ("x", &json!({"type": "object"})));
    }
}
