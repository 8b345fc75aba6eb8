//! What is wrong with a text, where, and what to do: the one kind of error of this crate.

use crate::Position;
use caxton_types::{Code, Fault};
use std::fmt;

/// Whether the text can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but somebody should look.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the text can still be used.
    pub severity: Severity,
    /// The file, the variable or the flag.
    pub file: Option<Box<str>>,
    /// Line and column; only files have them.
    pub position: Option<Position>,
    /// The key, dotted.
    pub key: Option<Box<str>>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The line itself, with the length of what is meant.
    pub snippet: Option<Snippet>,
}

impl Diagnostic {
    /// An error that has no place yet.
    pub fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, file: None, position: None, key: None, message: message.into(), help: None, snippet: None }
    }

    /// The same as a warning.
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// The same in this file.
    pub fn file(self, file: impl Into<Box<str>>) -> Self {
        Self { file: Some(file.into()), ..self }
    }

    /// The same about this key.
    pub fn key(self, key: impl Into<Box<str>>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// The same with what to do.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The same with "did you mean", where there is something to suggest.
    pub(crate) fn meant(self, nearest: Option<&str>) -> Self {
        match nearest {
            Some(nearest) => self.help(format!("did you mean `{nearest}`?")),
            None => self,
        }
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            f.write_str(file)?;
            if let Some(Position { line, column }) = self.position {
                write!(f, ":{line}:{column}")?;
            }
            f.write_str(": ")?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        f.write_str(&self.message)?;
        if let (Some(snippet), Some(position)) = (&self.snippet, self.position) {
            snippet.write(f, position)?;
        }
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

/// The line that a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    line: Box<str>,
    width: usize,
}

impl Snippet {
    /// The longest line that is shown.
    const LINE_LEN_MAX: usize = 160;

    /// Nothing when the line is too long to help, or seems to hold a secret.
    pub(crate) fn new(line: &str, width: usize) -> Option<Self> {
        (line.len() <= Self::LINE_LEN_MAX && !gives_secret(line))
            .then(|| Self { line: line.trim_end().replace('\t', " ").into(), width: width.max(1) })
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, at: Position) -> fmt::Result {
        let number = at.line.to_string();
        let (margin, indent) = (" ".repeat(number.len()), " ".repeat(at.column.saturating_sub(1) as usize));
        let room = self.line.chars().count().saturating_sub(indent.len()).max(1);
        let carets = "^".repeat(self.width.min(room));
        write!(f, "\n{margin} |\n{number} | {}\n{margin} | {indent}{carets}", self.line)
    }
}

/// Whether a key on this line looks like one whose value nobody may see.
fn gives_secret(line: &str) -> bool {
    let line = line.to_lowercase();
    ["api_key", "apikey", "secret", "token", "password"].into_iter().any(|word| {
        line.match_indices(word).any(|(at, _)| {
            let rest = line.get(at + word.len()..).unwrap_or_default().trim_start_matches(['"', '\'', ' ']);
            rest.starts_with([':', '=']) && !rest.contains("${")
        })
    })
}

/// All that is wrong with a text or a set of files, up to a bound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    omitted: usize,
}

impl Diagnostics {
    /// The most problems that are listed.
    pub const LEN_MAX: usize = 20;

    pub const fn new() -> Self {
        Self { list: Vec::new(), omitted: 0 }
    }

    /// Adds one; beyond the bound it is only counted.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < Self::LEN_MAX {
            self.list.push(diagnostic);
        } else {
            self.omitted += 1;
        }
    }

    pub fn extend(&mut self, others: impl IntoIterator<Item = Diagnostic>) {
        others.into_iter().for_each(|other| self.push(other));
    }

    /// The value of `result`; an error is added to the list.
    pub(crate) fn take<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.push(diagnostic)).ok()
    }

    /// The value if nothing is wrong, all that is wrong otherwise.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.list.is_empty() { Ok(value) } else { Err(self.sorted()) }
    }

    pub(crate) fn sorted(mut self) -> Self {
        self.list.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
        self.list.dedup();
        self
    }

    /// The problems, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Problems beyond the bound, which are not listed.
    pub const fn omitted(&self) -> usize {
        self.omitted
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic], omitted: 0 }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'d> IntoIterator for &'d Diagnostics {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        if self.omitted > 0 {
            write!(f, "\n… and {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl Fault for Diagnostics {
    fn code(&self) -> Code {
        Code::Invalid
    }
}
