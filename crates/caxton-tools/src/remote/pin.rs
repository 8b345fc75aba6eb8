//! What is remembered of one tool of a server of others.

use caxton_types::{Digest, ToolAnnotations, ToolDefinition, ToolId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// The longest definition that is remembered in its words, as JSON; of a longer one there are no schemas.
pub(super) const WORDS_LEN_MAX: usize = 32 << 10;
/// All of one server together.
const ALL_WORDS_LEN_MAX: usize = 256 << 10;

/// A definition of a tool as models and people see it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FirstSeen {
    pub description: String,
    /// Nothing where its schemas were too long to be remembered.
    pub input_schema: Option<Value>,
    pub output_schema: Option<Value>,
    pub annotations: ToolAnnotations,
}

/// The same as it is written.
#[derive(Serialize)]
struct Words<'t> {
    description: &'t str,
    input_schema: Option<&'t Value>,
    output_schema: Option<&'t Value>,
    annotations: ToolAnnotations,
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

/// How many bytes of words there is still room for beside these.
pub(super) fn room(known: &Known) -> usize {
    ALL_WORDS_LEN_MAX.saturating_sub(known.values().map(Pin::words_len).sum())
}

/// Forgets words beyond what there is room for.
pub(super) fn trim(known: &mut Known) {
    let mut room = ALL_WORDS_LEN_MAX;
    for pin in known.values_mut() {
        match room.checked_sub(pin.words_len()) {
            Some(less) => room = less,
            None => pin.words = None,
        }
    }
}

impl Pin {
    /// A tool as it is defined now; its words too, as far as there is room for them.
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

    /// Whether it had any.
    pub(super) fn forget_words(&mut self) -> bool {
        self.words.take().is_some()
    }

    fn words_len(&self) -> usize {
        self.words.as_ref().map_or(0, |words| words.len())
    }

    /// Adds the words of the very definition that it is of, where it has none; whether it has some now that it had not.
    pub(super) fn complete(&mut self, tool: &ToolDefinition, room: &mut usize) -> bool {
        if self.words.is_some() {
            return false;
        }
        let ToolDefinition { description, input_schema, output_schema, annotations, .. } = tool;
        let (annotations, len_max) = (*annotations, WORDS_LEN_MAX.min(*room));
        let whole = Words { description, input_schema: Some(input_schema), output_schema: output_schema.as_ref(), annotations };
        let brief = Words { description, input_schema: None, output_schema: None, annotations };
        self.words = written(&whole, len_max).or_else(|| written(&brief, len_max));
        *room -= self.words_len();
        self.words.is_some()
    }
}

/// As JSON, unless that is longer; no more than that is written to find out.
fn written(words: &Words<'_>, len_max: usize) -> Option<Arc<str>> {
    let mut json = vec![0; len_max];
    let mut left = json.as_mut_slice();
    serde_json::to_writer(&mut left, words).ok()?;
    let unused = left.len();
    json.truncate(len_max - unused);
    String::from_utf8(json).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DIGEST: fn() -> Digest = || Digest::of(b"x");

    fn tool(description: usize, schema: usize) -> ToolDefinition {
        let [description, title] = [description, schema].map(|len| "x".repeat(len));
        serde_json::from_value(json!({"id": "desk/get", "description": description, "input_schema": {"title": title}})).unwrap()
    }

    fn first_seen(pin: &Pin) -> FirstSeen {
        serde_json::from_str(pin.words().unwrap()).unwrap()
    }

    #[test]
    fn words_are_kept_as_long_as_there_is_room_and_a_digest_always() {
        let mut room = ALL_WORDS_LEN_MAX;
        let mut known: Known =
            (0..100).map(|n| (format!("t{n}").into(), Pin::of(&tool(20 << 10, 10 << 10), DIGEST(), &mut room))).collect();
        let kept = |known: &Known| known.values().filter(|pin| pin.words().is_some()).count();
        assert_eq!((super::room(&known), kept(&known)), (room, ALL_WORDS_LEN_MAX / (30 << 10)));
        // What two processes kept may be more together.
        known.extend(
            (100..200).map(|n| (format!("t{n}").into(), Pin::of(&tool(20 << 10, 10 << 10), DIGEST(), &mut ALL_WORDS_LEN_MAX.clone()))),
        );
        trim(&mut known);
        assert_eq!((known.len(), kept(&known)), (200, ALL_WORDS_LEN_MAX / (30 << 10)));
        let read: Known = serde_json::from_str(&serde_json::to_string(&known).unwrap()).unwrap();
        assert_eq!(read, known);
    }

    #[test]
    fn of_a_definition_that_is_too_long_the_description_is_kept() {
        let pin = Pin::of(&tool(100, 33 << 10), DIGEST(), &mut ALL_WORDS_LEN_MAX.clone());
        assert_eq!((first_seen(&pin).description.len(), first_seen(&pin).input_schema), (100, None));
        assert!(Pin::of(&tool(33 << 10, 0), DIGEST(), &mut ALL_WORDS_LEN_MAX.clone()).words().is_none());
        assert!(Pin::of(&tool(1, 1), DIGEST(), &mut 10).words().is_none());
    }

    #[test]
    fn words_are_added_to_what_was_pinned_by_its_digest_alone() {
        let mut old: Pin = serde_json::from_value(json!(DIGEST())).unwrap();
        assert!(old.is(DIGEST()) && old.complete(&tool(1, 2), &mut ALL_WORDS_LEN_MAX.clone()));
        assert!(!old.complete(&tool(3, 3), &mut ALL_WORDS_LEN_MAX.clone()));
        assert_eq!((first_seen(&old).description.as_str(), first_seen(&old).input_schema), ("x", Some(json!({"title": "xx"}))));
    }
}
