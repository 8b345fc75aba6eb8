//! Which limit a guest met that ended in an error of the engine.

use caxton_types::error::ResourceError;
use wasmtime::Trap;
use wasmtime_wasi::{I32Exit, ResourceTableError};

use crate::{
    Error, Limits,
    call::Run,
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
    Handed,
    Handles,
    Random,
}

impl Met {
    fn of(error: &wasmtime::Error) -> Option<Self> {
        if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
            return Some(Self::Handles);
        }
        let of_text = |text: &str| TEXTS.into_iter().find(|(part, _)| text.contains(part));
        error.chain().find_map(|cause| of_text(&cause.to_string())).map(|(_, met)| met)
    }
}

impl Run {
    /// The limit that was met, or that the guest crashed by itself.
    pub(crate) fn blame(&self, error: &wasmtime::Error, host: &Host) -> Error {
        let options = &self.shared.options;
        let refused = match host.meter.refused {
            Some(Refused::Memory) => Some(ResourceError::MemoryLimitExceeded { limit: self.job.limits.memory }),
            Some(Refused::Table) => Some(ResourceError::TableLimitExceeded { limit: options.table_entries_max }),
            None => None,
        };
        let met = || match Met::of(error)? {
            Met::Handed => Some(self.handed_too_much()),
            Met::Handles => Some(ResourceError::HandleLimitExceeded { limit: host.handles_max(options.handles_max) }),
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

    /// Which of the two it was cannot be told; the larger bound is the one that it met.
    fn handed_too_much(&self) -> ResourceError {
        let Limits { host_call, output, .. } = self.job.limits;
        if host_call.as_usize() > self.result_max() {
            ResourceError::HostCallLimitExceeded { limit: host_call }
        } else {
            ResourceError::OutputLimitExceeded { limit: output }
        }
    }
}
