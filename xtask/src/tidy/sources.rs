//! What may not stand in a source file, and how long one may be.
use super::{Finding, code};
use crate::repo::Repo;
use anyhow::Result;
use std::path::Path;

const LINES_MAX: usize = 500;
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];
const SHAPELESS: [&str; 4] = ["utils.rs", "util.rs", "helpers.rs", "helper.rs"];

pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in repo.files()?.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        check_file(path, &repo.read(path)?, &mut findings);
    }
    Ok(findings)
}

fn check_file(path: &Path, source: &str, findings: &mut Vec<Finding>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut find = |line, what: String, why| findings.push(Finding::new(path, line, what, why));
    if name == "mod.rs" {
        find(1, "`mod.rs`".into(), "name the file after its module: `foo.rs` beside `foo/`");
    }
    if SHAPELESS.contains(&name.as_ref()) {
        find(1, format!("`{name}`"), "name it after what it does");
    }
    let lines = source.lines().count();
    if lines > LINES_MAX {
        let what = format!("{lines} lines, {LINES_MAX} are the most");
        find(LINES_MAX + 1, what, "split it by responsibility into modules of 100-300 lines");
    }
    let code = code::of(source);
    for (index, line) in code.lines().enumerate() {
        for word in UNFINISHED.into_iter().filter(|word| calls_macro(line, word)) {
            find(index + 1, format!("`{word}!`"), "what is not finished does not land");
        }
        if let Some(attribute) = switched_off(line) {
            find(index + 1, format!("`#[{attribute}]`"), "a test runs always and says what it expects: mend or remove it");
        }
    }
    for line in sleeps(path, &code) {
        find(line, "a sleep in a test".into(), "wait for the event itself, or pause the clock with `tokio::time::pause`");
    }
}

fn calls_macro(line: &str, name: &str) -> bool {
    code::words(line, name).any(|at| line.get(at + name.len()..).is_some_and(|rest| rest.starts_with('!')))
}

/// The attribute on this line that keeps a test from running or lets it panic.
fn switched_off(line: &str) -> Option<&'static str> {
    let (_, attribute) = line.split_once("#[")?;
    ["ignore", "should_panic"].into_iter().find(|name| {
        let direct =
            attribute.trim_start().strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        direct || (attribute.trim_start().starts_with("cfg_attr") && code::has_word(attribute, name))
    })
}

/// The lines of test code that sleep.
fn sleeps(path: &Path, code: &str) -> Vec<usize> {
    let whole = path.iter().any(|part| part == "tests") || path.file_name().is_some_and(|name| name == "tests.rs");
    let blocks = if whole { Vec::new() } else { code::test_blocks(code) };
    ["sleep", "sleep_until", "sleep_ms"]
        .into_iter()
        .flat_map(|word| code::words(code, word).filter(move |at| is_sleep(code, *at, word)))
        .map(|at| code::line_at(code, at))
        .filter(|line| whole || blocks.iter().any(|block| block.contains(line)))
        .collect()
}

/// `thread::sleep`, `time::sleep`, or a bare call of either after its import; not a method or function of ours.
fn is_sleep(code: &str, at: usize, word: &str) -> bool {
    let before = code.get(..at).unwrap_or_default().trim_end();
    let called = code.get(at + word.len()..).is_some_and(|rest| rest.trim_start().starts_with('('));
    if before.ends_with("thread::") || before.ends_with("time::") {
        return true;
    }
    called && !before.ends_with('.') && !before.ends_with("fn") && !before.ends_with("::")
}
