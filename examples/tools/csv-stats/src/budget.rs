//! The memory one call may hold.

use crate::tools::Error;

/// Well under the 64 MiB that `tool.toml` asks for: an allocator needs room to move.
const BYTES_MAX: usize = 24 << 20;

/// Counts what is kept across rows (values, groups, distinct texts, remembered rows), so that a large file ends in a
/// clear message and not in a trap.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: BYTES_MAX }
    }
}

impl Budget {
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            Error::Failed(format!(
                "this would hold more than {} MiB in memory; narrow it with a filter, or group by a column with fewer values",
                BYTES_MAX >> 20
            ))
        })?;
        Ok(())
    }

    pub(crate) fn give_back(&mut self, bytes: usize) {
        self.left += bytes;
    }
}
