//! Why the selftest cannot be run at all; what an attack achieves is no error.

use std::{io, path::PathBuf};

use caxton_types::{Code, Fault};

/// Why the selftest cannot be run at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the guest of the attack `{attack}` cannot be built: {reason}")]
    Guest { attack: &'static str, reason: String },
    #[error("cannot {what}: {source}")]
    Host { what: &'static str, source: io::Error },
    #[error("{} is one of the system's own folders, of which no guest is granted anything", .0.display())]
    Folder(PathBuf),
    #[error("the sandbox for the attack `{attack}` could not be set up: {source}")]
    Sandbox { attack: &'static str, source: caxton_sandbox::Error },
    #[error("the neighbours ended before the attacks did")]
    Neighbours,
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::Guest { .. } | Self::Host { .. } | Self::Neighbours => Code::Internal,
            Self::Folder(_) => Code::Invalid,
            Self::Sandbox { source, .. } => source.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Host { .. } => Some("it needs a folder for temporary files and the loopback network".to_owned()),
            Self::Folder(_) => Some("set TMPDIR to an ordinary folder".to_owned()),
            Self::Sandbox { source, .. } => source.hint(),
            Self::Guest { .. } | Self::Neighbours => None,
        }
    }
}
