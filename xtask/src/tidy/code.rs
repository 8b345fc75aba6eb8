//! Rust source without its comments and the insides of its literals, so that rules look at code only.
//!
//! Not a parser: it knows just enough to keep every line where it was.
use std::ops::Range;

/// The code of `source`: comments and the contents of literals are blanks, lines stay.
pub(super) fn of(source: &str) -> String {
    let mut scanner = Scanner { rest: source, out: String::with_capacity(source.len()), before: ' ' };
    while scanner.step() {}
    scanner.out
}

/// The line ranges (from 1) of blocks that follow `#[cfg(test)]`.
pub(super) fn test_blocks(code: &str) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    for (at, _) in code.match_indices("#[cfg(") {
        let Some(rest) = code.get(at..) else { continue };
        let Some((condition, item)) = rest.split_once(']') else {
            continue;
        };
        if !has_word(condition, "test") || condition.contains("not(test") {
            continue;
        }
        // `mod tests;` has its code in another file.
        let Some(open) = item.find(['{', ';']).filter(|open| item.get(*open..).is_some_and(|text| text.starts_with('{'))) else {
            continue;
        };
        let begin = at + condition.len() + 1 + open;
        let Some(block) = code.get(begin..) else { continue };
        let end = begin + block_len(block);
        blocks.push(line_at(code, at)..line_at(code, end) + 1);
    }
    blocks
}

/// The line (from 1) of a byte offset.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Whether `word` stands in `text` with no letter, digit or `_` beside it.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    words(text, word).next().is_some()
}

/// The offsets at which `word` stands alone in `text`.
pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text.get(..*at).and_then(|head| head.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// The length of a block that begins with its `{`.
fn block_len(block: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in block.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    block.len()
}

struct Scanner<'a> {
    rest: &'a str,
    out: String,
    before: char,
}

impl Scanner<'_> {
    /// Takes one token or character; false at the end.
    fn step(&mut self) -> bool {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.blank(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.blank(block_comment_len(rest));
        } else if let Some(len) = (!is_part(self.before)).then(|| raw_string_len(rest)).flatten() {
            self.blank(len);
        } else if rest.starts_with('"') {
            self.blank(quoted_len(rest, '"'));
        } else if is_char_literal(rest) {
            self.blank(quoted_len(rest, '\''));
        } else {
            let Some(c) = rest.chars().next() else { return false };
            self.out.push(c);
            self.before = c;
            self.rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        true
    }

    fn blank(&mut self, len: usize) {
        let (gone, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.out.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
        self.before = ' ';
    }
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#`, `br"…"`, `cr"…"` at the start of `text`.
fn raw_string_len(text: &str) -> Option<usize> {
    let tail = ["br", "cr", "r"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = tail.len() - tail.trim_start_matches('#').len();
    let body = tail.get(hashes..)?.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(text.len() - body.len() + end)
}

fn quoted_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// `'a'` and `'\n'` are literals, `'a` is a lifetime.
fn is_char_literal(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('\'') && (chars.next() == Some('\\') || chars.next() == Some('\''))
}
