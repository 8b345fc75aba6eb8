//! How much an acknowledgement promises.

use serde::{Deserialize, Serialize};

/// What has happened to an event when its writer is told that it is recorded; ordered from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// In a bounded ring in memory: no disk, no resume.
    Memory,
    /// In the operating system's hands: survives a kill of the process, may lose the last moments at power loss.
    Normal,
    /// On the disk (one fsync per group of commits): survives power loss.
    #[default]
    Full,
}

impl Durability {
    /// Its name in configuration and figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Normal => "normal",
            Self::Full => "full",
        }
    }
}

impl std::fmt::Display for Durability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
