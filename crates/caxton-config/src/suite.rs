//! Tests of a workspace as people write them: `tests/*.toml`, each with cases that say what goes in and what must come out.

mod read;
#[cfg(test)]
mod tests;
mod tool;

use crate::{Diagnostic, source::Place};
use caxton_types::{AgentName, Money, Performative, TurnEnd};
use regex::Regex;
use serde_json::Value;

pub use self::{
    read::parse,
    tool::{ToolCase, parse as parse_tool},
};

/// One file of tests.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Its file.
    pub file: Box<str>,
    /// What its cases are run as; `caxton test --suite NAME` runs those of one name.
    pub name: Box<str>,
    /// Its cases, in their order.
    pub cases: Vec<Case>,
}

/// The suite of a file that names none.
pub const SUITE: &str = "default";

/// One question to one agent, and what must come of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows; unique in its file.
    pub name: Box<str>,
    /// The line where it begins.
    pub line: u32,
    /// Who is asked; where absent, the agent beside whose file the tests lie, or the one of the cassette.
    pub agent: Option<Placed<AgentName>>,
    /// What is said; with a cassette, instead of what was recorded.
    pub input: Option<Value>,
    /// As what it is said.
    pub performative: Performative,
    /// Files that go with it, relative to the file of the tests.
    pub attachments: Vec<Placed<Box<str>>>,
    /// What answers in place of the model.
    pub model: Model,
    /// What named tools give, in the order of their calls.
    pub tools: Vec<Stub>,
    /// What must come out.
    pub expect: Expect,
    place: Place,
}

impl Case {
    /// A problem with the case as a whole.
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        self.place.error(message)
    }
}

/// A value with the place where it stands.
#[derive(Debug, Clone)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    place: Place,
}

impl<T> Placed<T> {
    /// A problem with this value.
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        self.place.error(message)
    }
}

/// What answers in place of the model.
#[derive(Debug, Clone)]
pub enum Model {
    /// These lines, one for each time that the model is asked.
    Script(Vec<Line>),
    /// The built-in offline provider.
    Offline,
    /// A recording of the whole turn, relative to the file of the tests.
    Cassette(Placed<Box<str>>),
}

/// One answer of a scripted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// The tools that it asks for.
    pub calls: Vec<Call>,
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The tool: `server/tool`.
    pub tool: Box<str>,
    /// Its arguments; of an expected call, those that are named.
    pub arguments: Value,
}

/// What a tool gives instead of being called.
#[derive(Debug, Clone, PartialEq)]
pub struct Stub {
    /// The tool: `server/tool`.
    pub tool: Box<str>,
    /// The result as text.
    pub text: String,
    /// The result as data.
    pub structured: Option<Value>,
    /// Whether the tool reports an error.
    pub is_error: bool,
}

/// What must come out of a case.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// What the reply does.
    pub performative: Option<Performative>,
    /// How the turn ends; `completed` where neither this nor the performative is given.
    pub end: Option<TurnEnd>,
    /// The whole content of the reply.
    pub equals: Option<Value>,
    /// Texts that the reply contains.
    pub contains: Vec<Box<str>>,
    /// Texts that it does not contain.
    pub lacks: Vec<Box<str>>,
    /// Patterns that it fits.
    pub matches: Vec<Regex>,
    /// What stands at these JSON Pointers of its content.
    pub json: Vec<(Box<str>, Value)>,
    /// The calls of tools, in their order.
    pub calls: Option<Vec<Call>>,
    /// Whether other calls than those may happen.
    pub beyond: bool,
    /// What it may use at most.
    pub budget: Ceiling,
}

/// What a case may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ceiling {
    /// Tokens of all its model calls.
    pub tokens: Option<u64>,
    /// Steps of any kind.
    pub steps: Option<u64>,
    /// Calls of the model.
    pub model_calls: Option<u64>,
    /// Calls of tools.
    pub tool_calls: Option<u64>,
    /// Money, by the prices that the configuration knows.
    pub cost: Option<Money>,
}
