//! Answers from memory and from earlier in the conversation: only where everything that the request speaks of was spoken of there.

use super::{
    token::{Kind, Token, stem, tokens},
    vocabulary::{Operation, Role, role},
};
use caxton_types::{ChatMessage, Recollection};
use std::collections::BTreeSet;

/// Something that was said or found before.
pub(super) struct Note<'a> {
    pub(super) text: &'a str,
    /// The question that it answered, where that is kept apart.
    pub(super) question: Option<&'a str>,
    /// When, in words.
    pub(super) when: String,
}

/// Words by which a request itself points to what was before.
const BACK: &[&str] = &[
    "earlier",
    "before",
    "previously",
    "remember",
    "remembered",
    "recall",
    "again",
    "already",
    "ago",
    "last",
    "time",
    "found",
    "find",
    "said",
    "say",
    "told",
    "computed",
    "calculated",
    "asked",
    "answer",
    "answered",
    "result",
    "results",
    "you",
    "just",
    "yesterday",
    "previous",
    "session",
    "conversation",
    "noted",
    "learned",
    "learnt",
    "memory",
    "saw",
    "seen",
];

/// Words of [`BACK`] that are enough to prefer memory over computing anew.
const POINTERS: &[&str] = &["earlier", "previously", "remember", "remembered", "recall", "already", "memory", "previous", "yesterday"];

/// Whether the request asks for what was found before.
pub(super) fn points_back(request: &str) -> bool {
    let words: Vec<String> = tokens(request).into_iter().map(|token| token.lower).collect();
    words.iter().any(|word| POINTERS.contains(&word.as_str()))
        || words.windows(2).any(|pair| pair == ["last", "time"] || pair == ["found", "before"])
}

/// The notes of a request: earlier answers of the conversation, then memories.
pub(super) fn notes<'a>(history: &'a [ChatMessage], memories: &'a [Recollection]) -> Vec<Note<'a>> {
    let mut notes = Vec::new();
    let mut question = None;
    for message in history {
        match message {
            ChatMessage::User { text } => question = Some(text.as_str()),
            ChatMessage::Assistant { text, .. } if !text.trim().is_empty() => {
                notes.push(Note { text, question: question.take(), when: "earlier in this conversation".into() });
            }
            ChatMessage::Assistant { .. } | ChatMessage::Tool { .. } => {}
        }
    }
    // The latest comes first, so that it wins among equals.
    notes.reverse();
    let mut memories: Vec<&Recollection> = memories.iter().collect();
    memories.sort_by_key(|memory| std::cmp::Reverse(memory.at));
    notes.extend(memories.into_iter().map(|memory| Note {
        text: &memory.text,
        question: None,
        when: format!("remembered from {}", memory.at),
    }));
    notes
}

/// The note that speaks of all that the request speaks of, and of little else.
pub(super) fn best<'n, 'a>(request: &str, notes: &'n [Note<'a>]) -> Option<&'n Note<'a>> {
    let wanted = content(request, true);
    if wanted.is_empty() {
        return None;
    }
    let fits = |note: &&Note<'_>| {
        let said = said(note);
        wanted.iter().all(|word| said.contains(word)) && !is_refusal(note.text)
    };
    // Among notes that cover the request the shortest says it most plainly; `min_by_key` keeps the first, which is the latest.
    notes.iter().filter(fits).min_by_key(|note| said(note).len())
}

fn said(note: &Note<'_>) -> BTreeSet<String> {
    let mut words = content(note.text, false);
    words.extend(note.question.map(|question| content(question, false)).unwrap_or_default());
    words
}

/// An answer of this provider that said that it could not answer.
fn is_refusal(text: &str) -> bool {
    text.contains(super::CANNOT)
}

/// The words that carry meaning, as stems; words for one operation are one word.
fn content(text: &str, request: bool) -> BTreeSet<String> {
    let tokens = tokens(text);
    let skip = |token: &&Token| !(request && BACK.contains(&token.lower.as_str()));
    let mut words: BTreeSet<String> = tokens.iter().filter(skip).filter_map(meaning).collect();
    // `how many` and `number of` are `count`.
    let pairs = tokens.windows(2).filter_map(|pair| match pair {
        [first, second] => Some((first.lower.as_str(), second.lower.as_str())),
        _ => None,
    });
    for (first, second) in pairs {
        if matches!((first, second), ("how", "many") | ("number", "of")) {
            words.insert(name(Operation::Count));
            words.remove("many");
            words.remove("number");
        }
    }
    words
}

fn name(operation: Operation) -> String {
    format!("\u{1}{}", operation.name())
}

fn meaning(token: &Token) -> Option<String> {
    match token.kind {
        Kind::Number(value) => return Some(value.to_string()),
        Kind::Quoted | Kind::Url => return Some(token.lower.clone()),
        Kind::Sign => return None,
        Kind::Word => {}
    }
    match role(&token.lower) {
        Some(Role::Operation(operation)) => Some(name(operation)),
        Some(Role::Extreme { highest }) => Some(name(if highest { Operation::Max } else { Operation::Min })),
        Some(Role::Compare(_) | Role::CompareNumber(_) | Role::Top { .. } | Role::Between) => Some(token.lower.clone()),
        Some(_) => None,
        None => Some(stem(&token.lower)),
    }
}
