//! Answers from memory and from earlier in the conversation: only where everything that the request speaks of was spoken of there.

use super::{
    token::{Kind, Token, stem, tokens},
    vocabulary::{Operation, Role, role},
};
use caxton_types::{ChatMessage, Recollection, Timestamp};
use std::collections::BTreeSet;

/// Something that was said or found before.
pub(super) struct Note<'a> {
    pub(super) text: &'a str,
    /// The question that it answered, where that is kept apart.
    pub(super) question: Option<&'a str>,
    /// When, in words.
    pub(super) when: String,
}

/// Words by which a request itself points to what was before; they say nothing of what it is about.
const BACK: &[&str] = &[
    "about",
    "earlier",
    "before",
    "previously",
    "remember",
    "remembered",
    "recall",
    "again",
    "already",
    "ago",
    "found",
    "find",
    "said",
    "say",
    "told",
    "computed",
    "calculated",
    "asked",
    "answered",
    "yesterday",
    "previous",
    "conversation",
    "memory",
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
        when: format!("remembered from {}", to_the_second(memory.at)),
    }));
    notes
}

fn to_the_second(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// The note that answers the request: it speaks of all that the request speaks of, and its own question was no narrower.
///
/// A figure of some rows must never stand for a figure of all of them, so that a question for a figure wants a note whose question asked for the
/// same. Only who asks in general what is known about something is told whatever there is.
pub(super) fn best<'n, 'a>(request: &str, notes: &'n [Note<'a>]) -> Option<&'n Note<'a>> {
    let wanted = content(request, true);
    if wanted.is_empty() {
        return None;
    }
    let figure = wanted.iter().any(|word| word.starts_with(OPERATION));
    let fits = |note: &&Note<'_>| {
        let (question, all) = (asked(note), said(note));
        let narrower = match &question {
            Some(question) => question.iter().any(|word| !wanted.contains(word)),
            None => figure,
        };
        wanted.iter().all(|word| all.contains(word)) && (!narrower || (!figure && points_back(request))) && !is_refusal(note.text)
    };
    // Among notes that cover the request the shortest says it most plainly; `min_by_key` keeps the first, which is the latest.
    notes.iter().filter(fits).min_by_key(|note| said(note).len())
}

/// What the note's question speaks of: kept apart, or the first of several lines.
fn asked(note: &Note<'_>) -> Option<BTreeSet<String>> {
    let first_of_several = || note.text.trim().split_once('\n').map(|(first, _)| first);
    note.question.or_else(first_of_several).map(|question| content(question, true))
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

/// Begins the name of an operation, which no word does.
const OPERATION: char = '\u{1}';

fn name(operation: Operation) -> String {
    format!("{OPERATION}{}", operation.name())
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
