//! Looks for files by their names and by what they hold.

use super::{path::failed, walk::walk};
use crate::built_in::{Answer, Refusal, work::Watch};
use cap_std::fs::Dir;
use caxton_types::unit::ByteSize;
use regex::Regex;
use serde_json::json;
use std::{io::Read as _, path::Path};

pub(super) const FOUND: usize = 100;
pub(super) const FOUND_MAX: usize = 1_000;
/// Larger files, and what holds a zero byte, are passed over.
const FILE_LEN_MAX: u64 = 4 << 20;
/// The most that one call reads.
const READ_MAX: ByteSize = ByteSize::mib(64);
const LINE_LEN_MAX: usize = 200;

pub(super) struct Wanted {
    pub(super) glob: Option<String>,
    pub(super) contains: Option<String>,
    pub(super) ignore_case: bool,
    pub(super) limit: Option<usize>,
}

pub(super) fn search(dir: &Dir, begin: &Path, wanted: &Wanted, watch: &mut Watch) -> Result<Answer, Refusal> {
    if wanted.glob.is_none() && wanted.contains.is_none() {
        return Err(Refusal::invalid("it is not said what to search for").hint("give `glob`, such as `**/*.csv`, or `contains`, or both"));
    }
    let glob = wanted.glob.as_deref().map(|glob| pattern(glob, wanted.ignore_case)).transpose()?;
    let needle = wanted.contains.as_deref().map(|text| if wanted.ignore_case { text.to_lowercase() } else { text.to_owned() });
    let limit = wanted.limit.unwrap_or(FOUND).min(FOUND_MAX);
    let (mut matches, mut lines, mut left, mut is_cut) = (Vec::new(), Vec::new(), READ_MAX.get(), false);
    walk(dir, begin, true, watch, &mut |entry| {
        let below = if super::path::is_root(begin) { &*entry.path } else { entry.path.strip_prefix(begin).unwrap_or(&entry.path) };
        if glob.as_ref().is_some_and(|glob| !glob.is_match(&below.to_string_lossy())) {
            return Ok(true);
        }
        let shown = entry.path.to_string_lossy().into_owned();
        let Some(needle) = &needle else {
            if matches.len() == limit {
                is_cut = true;
                return Ok(false);
            }
            lines.push(shown.clone());
            matches.push(json!({"path": shown}));
            return Ok(true);
        };
        if !entry.file_type.is_file() || entry.len > FILE_LEN_MAX {
            return Ok(true);
        }
        if entry.len > left {
            is_cut = true;
            return Ok(false);
        }
        left -= entry.len;
        for (number, line) in text(dir, &entry.path)?.unwrap_or_default().lines().enumerate() {
            if !if wanted.ignore_case { line.to_lowercase().contains(needle.as_str()) } else { line.contains(needle.as_str()) } {
                continue;
            }
            if matches.len() == limit {
                is_cut = true;
                return Ok(false);
            }
            let line: String = line.trim().chars().take(LINE_LEN_MAX).collect();
            lines.push(format!("{shown}:{}: {line}", number + 1));
            matches.push(json!({"path": shown, "line": number + 1, "text": line}));
        }
        Ok(true)
    })?;
    if is_cut {
        lines.push("… and perhaps more; narrow the search down".into());
    }
    let text = if lines.is_empty() { "nothing was found".to_owned() } else { lines.join("\n") };
    Ok(Answer::new(text, json!({"matches": matches, "truncated": is_cut})))
}

/// A text file; nothing where it is none, or has gone.
fn text(dir: &Dir, path: &Path) -> Result<Option<String>, Refusal> {
    let Ok(file) = dir.open(path) else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(FILE_LEN_MAX).read_to_end(&mut bytes).map_err(|error| failed("read", path, &error))?;
    Ok(String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')))
}

/// `*` and `?` stay within one part of a path, `**` does not; a pattern without `/` is for names alone, however deep.
fn pattern(glob: &str, ignore_case: bool) -> Result<Regex, Refusal> {
    let mut expression = String::from(if ignore_case { "(?is)^" } else { "(?s)^" });
    if !glob.contains('/') {
        expression.push_str("(?:.*/)?");
    }
    let mut rest = glob;
    while let Some(next) = rest.chars().next() {
        let (taken, becomes) = match next {
            '*' if rest.starts_with("**/") => (3, "(?:.*/)?".to_owned()),
            '*' if rest.starts_with("**") => (2, ".*".to_owned()),
            '*' => (1, "[^/]*".to_owned()),
            '?' => (1, "[^/]".to_owned()),
            other => (other.len_utf8(), regex::escape(&other.to_string())),
        };
        expression.push_str(&becomes);
        rest = rest.get(taken..).unwrap_or_default();
    }
    expression.push('$');
    Regex::new(&expression).map_err(|_| Refusal::invalid(format!("`glob` cannot be {glob:?}")).hint("write it like `**/*.csv`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_as_shells_have_it() {
        let check =
            |glob: &str, path: &str, expected: bool| assert_eq!(pattern(glob, false).unwrap().is_match(path), expected, "{glob} {path}");
        check("*.csv", "a.csv", true);
        check("*.csv", "b/c/a.csv", true);
        check("b/*.csv", "b/c/a.csv", false);
        check("b/**/*.csv", "b/c/a.csv", true);
        check("b/**/*.csv", "b/a.csv", true);
        check("a?.(x)", "ab.(x)", true);
        check("*.csv", "a.csvx", false);
        assert!(pattern("*.CSV", true).unwrap().is_match("a.csv"));
    }
}
