//! Agents as people write them: two dialects of TOML that become one [`AgentSpec`].

mod budget;
mod fields;
mod policies;
mod prompts;
mod tables;

use crate::{
    Diagnostic, Diagnostics, SourceKind,
    source::{Place, Source},
    tree::{self, Format},
};
use caxton_types::{AgentSpec, ToolRef};

/// An agent that was read.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The agent.
    pub spec: AgentSpec,
    /// What works, and should be written differently.
    pub lints: Vec<Diagnostic>,
    /// Where each tool that it must have is named.
    pub(crate) tools: Vec<(ToolRef, Place)>,
    /// Where each policy for a tool stands.
    pub(crate) policies: Vec<(ToolRef, Place)>,
    /// Where its model is named, or its file.
    pub(crate) model: Place,
}

/// Reads an agent's file; `file` is its name in messages.
///
/// Prompts that stand in files of their own need [`parse_with`].
pub fn parse(text: &str, file: &str) -> Result<Parsed, Diagnostics> {
    parse_with(text, file, &|_| None)
}

/// Reads an agent's file; `prompt` gives the text of a file by its path relative to the agent's.
pub fn parse_with(text: &str, file: &str, prompt: &dyn Fn(&str) -> Option<String>) -> Result<Parsed, Diagnostics> {
    let source = Source::new(SourceKind::File, file, text);
    let mut root = tree::parse(&source, Format::Toml)?;
    let mut problems = Diagnostics::new();
    let lints = fields::hoist(&mut root, &mut problems);
    fields::read(&root, lints, prompt, problems)
}
