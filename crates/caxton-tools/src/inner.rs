//! What a component asks while its tool runs, where it is granted that: memory, and calls of other tools.
//!
//! A guest may run on any thread, and what it asks for is answered where its call was made: there the agent, the time that is left and
//! whoever keeps the record are known. So what it asks goes through a channel, and ends with its call.

mod desk;
mod line;

pub(crate) use self::{desk::Desk, line::line};

use caxton_types::{Failure, ToolDefinition, ToolId};
use std::{fmt, sync::atomic::AtomicU32};

/// How many calls may be made within each other, beside the first.
const DEPTH_MAX: usize = 4;
/// How many calls one call may lead to, through whatever tools.
const CALLS_MAX: u32 = 100;

/// Who pays for the calls that tools make.
#[async_trait::async_trait]
pub trait Payer: fmt::Debug + Send + Sync {
    /// Pays for one more call of a tool, or says why there is none.
    async fn pay(&self) -> Result<(), Failure>;
}

/// The calls that a call is made within: none, where an agent or a person makes it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Within<'c> {
    payer: Option<&'c dyn Payer>,
    outer: Option<&'c Outer<'c>>,
}

/// A call whose tool calls another.
#[derive(Debug, Clone, Copy)]
struct Outer<'c> {
    tool: &'c ToolId,
    within: Option<&'c Self>,
    /// The tools of the agent whose turn it is, as they were when that began.
    agents: &'c [ToolDefinition],
    /// How many calls the first one has led to.
    made: &'c AtomicU32,
}

impl<'c> Within<'c> {
    /// A call of an agent or a person; what its tool calls is paid for by somebody.
    pub fn paid_by(payer: &'c dyn Payer) -> Self {
        Self { payer: Some(payer), outer: None }
    }

    /// Whether a tool makes the call.
    pub(crate) fn is_inner(&self) -> bool {
        self.outer.is_some()
    }

    /// The tool that makes the call, if one does.
    pub(crate) fn tool(&self) -> Option<&'c ToolId> {
        self.outer.map(|outer| outer.tool)
    }
}

impl Outer<'_> {
    fn depth(&self) -> usize {
        1 + self.within.map_or(0, Outer::depth)
    }

    fn holds(&self, id: &ToolId) -> bool {
        self.tool == id || self.within.is_some_and(|outer| outer.holds(id))
    }
}
