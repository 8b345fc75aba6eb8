//! A loaded component.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use caxton_types::{Digest, ToolAnnotations};
use serde_json::Value;

use crate::{resident::Resident, sandbox::Shared};

/// A tool server that is loaded and linked. Cheap to clone.
#[derive(Clone)]
pub struct Component(pub(crate) Arc<Loaded>);

pub(crate) struct Loaded {
    pub(crate) shared: Arc<Shared>,
    /// Which loading it was: instances are never shared between two.
    pub(crate) id: u64,
    pub(crate) digest: Digest,
    pub(crate) resident: Resident,
    /// How many slots an instance takes.
    pub(crate) slots: u32,
    pub(crate) tools: Vec<ToolInfo>,
    /// No instance of it stays for long any more.
    pub(crate) is_retired: AtomicBool,
}

impl Loaded {
    pub(crate) fn name(&self) -> &str {
        &self.resident.origin().name
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        self.shared.warm.forget(self.id);
        if let Some(cache) = &self.shared.cache {
            cache.unpin(self.resident.origin().key);
        }
    }
}

/// What a component says of one of its tools.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolInfo {
    /// Unique in its component.
    pub name: String,
    /// What it does, for a model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub input_schema: Value,
    /// JSON Schema of its structured result, if it tells.
    pub output_schema: Option<Value>,
    /// What it says of its side effects.
    pub annotations: ToolAnnotations,
}

impl Component {
    /// The name it was loaded under.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Lets go of the instances that wait for its calls, because another has come in its place; calls are still taken.
    pub fn retire(&self) {
        self.0.is_retired.store(true, Ordering::Release);
        self.0.shared.warm.forget(self.0.id);
    }

    /// Whether its code is in memory; if not, the next call brings it back.
    pub fn is_resident(&self) -> bool {
        self.0.resident.is_here()
    }

    /// The tools it offers.
    pub fn tools(&self) -> &[ToolInfo] {
        &self.0.tools
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component").field("name", &self.0.name()).field("digest", &self.0.digest).finish_non_exhaustive()
    }
}
