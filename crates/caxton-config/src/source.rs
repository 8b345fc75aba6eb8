//! Where a value was written: a file's line and column, a variable of the environment, a flag.

use crate::{Diagnostic, diagnostic::Snippet};
use std::{fmt, ops::Range, sync::Arc};

/// What kind of thing a value came from; ordered from the weakest to the strongest layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// Built in.
    Default,
    /// A file.
    File,
    /// Changed while the server ran.
    Live,
    /// A variable of the environment.
    Environment,
    /// A flag of the command line.
    Flag,
}

/// A text that was read, kept so that a message can show its lines.
pub(crate) struct Source {
    pub(crate) name: Box<str>,
    pub(crate) kind: SourceKind,
    text: Box<str>,
    /// Byte offset at which each line starts.
    lines: Vec<u32>,
    /// Lines are never shown: the text is full of secrets.
    hidden: bool,
}

/// The largest text that is read; offsets fit in 32 bits by far.
pub(crate) const TEXT_LEN_MAX: usize = 1 << 20;

impl Source {
    pub(crate) fn new(kind: SourceKind, name: impl Into<Box<str>>, text: &str) -> Arc<Self> {
        Self::build(kind, name.into(), text, false)
    }

    pub(crate) fn hidden(name: impl Into<Box<str>>, text: &str) -> Arc<Self> {
        Self::build(SourceKind::File, name.into(), text, true)
    }

    fn build(kind: SourceKind, name: Box<str>, text: &str, hidden: bool) -> Arc<Self> {
        let text: Box<str> = text.strip_prefix('\u{feff}').unwrap_or(text).into();
        let after_newline = text.bytes().zip(1u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        let lines = std::iter::once(0).chain(after_newline).collect();
        Arc::new(Self { name, kind, text, lines, hidden })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn place(self: &Arc<Self>, bytes: Range<usize>) -> Place {
        let clamp = |at: usize| u32::try_from(at.min(self.text.len())).unwrap_or(u32::MAX);
        Place { source: Arc::clone(self), start: clamp(bytes.start), end: clamp(bytes.end.max(bytes.start)) }
    }

    /// The place of the whole text: its beginning, without a line to show.
    pub(crate) fn top(self: &Arc<Self>) -> Place {
        self.place(0..0)
    }
}

impl fmt::Debug for Source {
    /// Without the text, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A stretch of a source.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) source: Arc<Source>,
    start: u32,
    end: u32,
}

/// Line and column, counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Place {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(crate) fn text(&self) -> &str {
        self.source.text.get(self.range()).unwrap_or_default()
    }

    /// The same source, at bytes counted from where this place starts.
    pub(crate) fn inside(&self, bytes: Range<usize>) -> Self {
        let start = self.start as usize;
        self.source.place(start.saturating_add(bytes.start)..start.saturating_add(bytes.end))
    }

    /// Line and column; only files have them.
    pub(crate) fn position(&self) -> Option<Position> {
        (self.source.kind == SourceKind::File).then(|| {
            let (index, start) = self.line_start();
            let before = self.source.text.get(start..self.start as usize).unwrap_or_default();
            let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            Position { line: count(index + 1), column: count(before.chars().count() + 1) }
        })
    }

    fn line_start(&self) -> (usize, usize) {
        let index = self.source.lines.partition_point(|start| *start <= self.start).saturating_sub(1);
        (index, self.source.lines.get(index).map_or(0, |start| *start as usize))
    }

    fn snippet(&self) -> Option<Snippet> {
        if self.source.hidden || self.source.kind != SourceKind::File || self.start == self.end {
            return None;
        }
        let (_, start) = self.line_start();
        let line = self.source.text.get(start..)?.lines().next()?;
        let end = self.range().end.min(start + line.len());
        let marked = self.source.text.get(self.start as usize..end).map_or(1, |text| text.chars().count());
        Snippet::new(line, marked)
    }

    /// A message about this place.
    pub(crate) fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            file: Some(self.source.name.clone()),
            position: self.position(),
            snippet: self.snippet(),
            ..Diagnostic::error(message)
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source.name)?;
        self.position().map_or(Ok(()), |at| write!(f, ":{}:{}", at.line, at.column))
    }
}
