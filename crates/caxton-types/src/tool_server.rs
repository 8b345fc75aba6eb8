//! The life of a tool server as types: only what may happen next can be written.

use crate::ToolDefinition;
use std::sync::Arc;

/// Named, without code.
#[derive(Debug)]
pub struct Unloaded(());
/// Its code is there; it takes no calls yet.
#[derive(Debug)]
pub struct Loaded<M>(M);
/// Takes calls.
#[derive(Debug)]
pub struct Running<M>(M);
/// Finishes the calls it has and takes no new ones.
#[derive(Debug)]
pub struct Draining<M>(M);
/// Could not be loaded or died.
#[derive(Debug)]
pub struct Failed(String);

/// A tool server in state `S`.
///
/// ```
/// use caxton_types::ToolServer;
/// let running = ToolServer::new("csv-stats").load("the module").start(vec![]);
/// assert_eq!((running.name(), *running.module()), ("csv-stats", "the module"));
/// ```
#[derive(Debug)]
pub struct ToolServer<S> {
    name: Box<str>,
    tools: Arc<[ToolDefinition]>,
    state: S,
}

impl<S> ToolServer<S> {
    /// The server's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tools it offers; none before it runs.
    pub fn tools(&self) -> &Arc<[ToolDefinition]> {
        &self.tools
    }

    /// Gives up on it, and says why.
    pub fn fail(self, reason: impl Into<String>) -> ToolServer<Failed> {
        ToolServer { name: self.name, tools: Arc::from([]), state: Failed(reason.into()) }
    }
}

impl ToolServer<Unloaded> {
    /// A server that has a name and nothing else.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self { name: name.into(), tools: Arc::from([]), state: Unloaded(()) }
    }

    /// Gives it its code.
    pub fn load<M>(self, module: M) -> ToolServer<Loaded<M>> {
        ToolServer { name: self.name, tools: self.tools, state: Loaded(module) }
    }
}

impl<M> ToolServer<Loaded<M>> {
    /// Opens it for calls of these tools.
    pub fn start(self, tools: impl Into<Arc<[ToolDefinition]>>) -> ToolServer<Running<M>> {
        ToolServer { name: self.name, tools: tools.into(), state: Running(self.state.0) }
    }

    /// What was loaded, to be asked for its tools.
    pub const fn module(&self) -> &M {
        &self.state.0
    }
}

impl<M> ToolServer<Running<M>> {
    /// What takes the calls: only a running server has it.
    pub const fn module(&self) -> &M {
        &self.state.0
    }

    /// Closes it for new calls.
    pub fn drain(self) -> ToolServer<Draining<M>> {
        ToolServer { name: self.name, tools: self.tools, state: Draining(self.state.0) }
    }
}

impl<M> ToolServer<Draining<M>> {
    /// Gives its code back when the last call has ended.
    pub fn unload(self) -> (ToolServer<Unloaded>, M) {
        (ToolServer::new(self.name), self.state.0)
    }
}

impl ToolServer<Failed> {
    /// Why it failed.
    pub fn reason(&self) -> &str {
        &self.state.0
    }
}
