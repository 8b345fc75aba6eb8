//! What must hold of every template, checked while this crate is compiled: a broken template does not build.

use super::{ALL, File, TOOLS, Template, ToolTemplate, WORKSPACE};

/// What `replace` fills in.
const AGENT_VARIABLES: &[&str] = &["agent_name", "agent_id", "created_at", "capability"];
const TOOL_VARIABLES: &[&str] = &["tool_name"];
const WORKSPACE_VARIABLES: &[&str] = &["workspace"];
/// What is left for the agent: its prompts are filled in by each turn, its parameters by `agent.toml`.
const PROMPT_VARIABLES: &[&str] = &["request", "audience", "voice"];
/// What every agent's template must have (AGT-11).
const NEEDED: &[&str] = &["agent.toml", "README.md", "prompts/system.md"];

const _: () = {
    let mut left: &[Template] = &ALL;
    while let [template, rest @ ..] = left {
        agent(template);
        left = rest;
    }
    let mut left: &[ToolTemplate] = &TOOLS;
    while let [template, rest @ ..] = left {
        each(template.files, TOOL_VARIABLES);
        assert!(has(template.files, "tool.toml") && has(template.files, "README.md"), "a template for tools lacks tool.toml or README.md");
        left = rest;
    }
    each(&WORKSPACE, WORKSPACE_VARIABLES);
};

/// Whether variables are filled in: data files and components are copied as they are.
pub(super) const fn is_rendered(path: &str) -> bool {
    ends_with(path, ".toml") || ends_with(path, ".md")
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn agent(template: &Template) {
    each(template.files, AGENT_VARIABLES);
    let mut at = 0;
    while at < NEEDED.len() {
        assert!(has(template.files, NEEDED[at]), "a template lacks agent.toml, README.md or prompts/system.md");
        at += 1;
    }
    assert!(has_below(template.files, "examples/"), "a template has no examples");
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn each(files: &[File], variables: &[&str]) {
    let mut at = 0;
    while at < files.len() {
        let file = &files[at];
        assert!(!file.bytes.is_empty(), "a file of a template is empty");
        if is_rendered(file.path) {
            assert!(std::str::from_utf8(file.bytes).is_ok(), "a file of a template is not UTF-8");
            check_variables(file.bytes, variables);
        }
        at += 1;
    }
}

/// Every `{{…}}` must be a variable that is known, and must be closed.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn check_variables(text: &[u8], variables: &[&str]) {
    let mut at = 0;
    while at + 1 < text.len() {
        if text[at] == b'{' && text[at + 1] == b'{' {
            let start = at + 2;
            let mut end = start;
            while end + 1 < text.len() && !(text[end] == b'}' && text[end + 1] == b'}') {
                end += 1;
            }
            assert!(end + 1 < text.len(), "a `{{` of a template is never closed");
            assert!(
                is_one_of(text, start, end, variables) || is_one_of(text, start, end, PROMPT_VARIABLES),
                "a template names a variable that nobody fills in"
            );
            at = end + 1;
        }
        at += 1;
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn is_one_of(text: &[u8], start: usize, end: usize, names: &[&str]) -> bool {
    let mut at = 0;
    while at < names.len() {
        if end - start == names[at].len() && matches(text, start, names[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn has(files: &[File], path: &str) -> bool {
    has_below_len(files, path, path.len())
}

const fn has_below(files: &[File], folder: &str) -> bool {
    has_below_len(files, folder, 0)
}

/// Whether a path starts with `start`; one of exactly `len` bytes where that is not 0.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn has_below_len(files: &[File], start: &str, len: usize) -> bool {
    let mut at = 0;
    while at < files.len() {
        let path = files[at].path.as_bytes();
        if path.len() >= start.len() && (len == 0 || path.len() == len) && matches(path, 0, start.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn ends_with(text: &str, end: &str) -> bool {
    text.len() >= end.len() && matches(text.as_bytes(), text.len() - end.len(), end.as_bytes())
}

/// Whether `part` stands in `text` at `start`.
#[expect(clippy::indexing_slicing, reason = "every index is below a length that the callers compared")]
const fn matches(text: &[u8], start: usize, part: &[u8]) -> bool {
    let mut at = 0;
    while at < part.len() {
        if text[start + at] != part[at] {
            return false;
        }
        at += 1;
    }
    true
}
