//! Which limit a guest met that ended in an error of the engine.

use caxton_types::error::ResourceError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::{I32Exit, ResourceTableError};

use crate::{
    Error, Options,
    host::{Host, Refused},
};

/// Limits that wasmtime has no type of error for: a part of the text of each.
const TEXTS: [(&str, Met); 3] = [
    ("fuel allocated for hostcalls", Met::Handed),
    ("store handle limit exceeded", Met::Handles),
    // Of `requested len 1048576 exceeds limit 65536`.
    ("requested len", Met::Random),
];

/// A limit that was met.
#[derive(Clone, Copy)]
enum Met {
    /// What it handed to the host, in a call of the host.
    Handed,
    /// What it returned, when it was done.
    Returned,
    Handles,
    Random,
}

impl Met {
    fn of(error: &wasmtime::Error) -> Option<Self> {
        if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
            return Some(Self::Handles);
        }
        // Not the frames around it: a guest names its functions as it likes.
        let text = error.root_cause().to_string();
        let met = TEXTS.into_iter().find(|(part, _)| text.contains(part)).map(|(_, met)| met)?;
        Some(if matches!(met, Met::Handed) && !has_frames(error) { Met::Returned } else { met })
    }
}

/// Whether the guest was running: what it returns is read after that.
fn has_frames(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<WasmBacktrace>().is_some()
}

impl Host {
    /// The limit that was met, or that the guest crashed by itself.
    pub(crate) fn blame(&self, error: &wasmtime::Error, options: &Options) -> Error {
        let limits = self.account.limits();
        let refused = match self.meter.refused {
            Some(Refused::Memory) => Some(ResourceError::MemoryLimitExceeded { limit: limits.memory }),
            Some(Refused::Table) => Some(ResourceError::TableLimitExceeded { limit: options.table_entries_max }),
            None => None,
        };
        let met = || match Met::of(error)? {
            Met::Handed => Some(ResourceError::HostCallLimitExceeded { limit: limits.host_call }),
            Met::Returned => Some(ResourceError::OutputLimitExceeded { limit: limits.output }),
            Met::Handles => Some(ResourceError::HandleLimitExceeded { limit: self.handles_max(options.handles_max) }),
            Met::Random => Some(ResourceError::RandomLimitExceeded { limit: options.random_len_max }),
        };
        if let Some(limit) = refused.or_else(met) {
            return limit.into();
        }
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return Error::Trap(format!("it exited with status {}", exit.0));
        }
        match error.downcast_ref::<Trap>() {
            Some(trap) => Error::Trap(trap.to_string()),
            None => Error::Trap(error.root_cause().to_string()),
        }
    }
}
