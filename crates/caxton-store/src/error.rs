//! What goes wrong in a store.

use caxton_types::{ApprovalId, Code, Decision, Digest, Fault, MessageId, Seq, WorkspaceName, unit::ByteSize};
use std::{path::Path, sync::Arc};

/// What goes wrong in a store. Cheap to clone: one failure of the disk is the answer to every batch of its group.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Another process has the directory.
    #[error("the data directory `{}` is in use{}", dir.display(), .pid.map(|pid| format!(" by process {pid}")).unwrap_or_default())]
    DataDirInUse { dir: Box<Path>, pid: Option<u32> },
    /// The file system refused.
    #[error("could not {action} `{}`", path.display())]
    Io { action: &'static str, path: Box<Path>, source: Arc<std::io::Error> },
    /// The disk is full, or the bound of a database in memory is reached.
    #[error("no room is left for `{}`", path.display())]
    Full { path: Box<Path> },
    /// As much is kept as the configuration allows.
    #[error("the data directory holds {used} of at most {max}: no new work is taken, so that work under way can end")]
    Ceiling { used: ByteSize, max: ByteSize },
    /// The disk is nearly full.
    #[error("{free} are free where the data directory is, less than {free_min}: no new work is taken, so that work under way can end")]
    DiskLow { free: ByteSize, free_min: ByteSize },
    /// What is on the disk is not what was written there.
    #[error("`{}` is damaged: {reason}", path.display())]
    Corrupt { path: Box<Path>, reason: Box<str> },
    /// A newer version of the program wrote the file.
    #[error("`{}` has schema version {found}; this program knows versions up to {known}", path.display())]
    Newer { path: Box<Path>, found: u32, known: u32 },
    /// Any other refusal of the database.
    #[error("the database `{}` failed", path.display())]
    Sqlite { path: Box<Path>, source: Arc<rusqlite::Error> },
    /// The message was accepted before, under its id or its sender's deduplication key.
    #[error("this was accepted before as message {message}")]
    Duplicate { message: MessageId },
    /// The message does not wait for anybody.
    #[error("message {message} is not queued")]
    NotQueued { message: MessageId },
    /// The message waits already.
    #[error("message {message} is queued already")]
    AlreadyQueued { message: MessageId },
    /// A message was to be queued that was never accepted.
    #[error("message {message} was never accepted in this workspace")]
    NotAccepted { message: MessageId },
    /// A decision was to be asked for under an id that one has already.
    #[error("approval {approval} was asked for before")]
    ApprovalAsked { approval: ApprovalId },
    /// Nobody asked for this decision.
    #[error("there is no approval {approval} in this workspace")]
    ApprovalUnknown { approval: ApprovalId },
    /// Somebody else decided first, or it does not matter any more.
    #[error("approval {approval} is not open any more: {}", closed(.decision.as_deref()))]
    ApprovalClosed { approval: ApprovalId, decision: Option<Box<Decision>> },
    /// An event lacks what its kind of fact needs.
    #[error("a `{kind}` event needs its {missing}")]
    Incomplete { kind: &'static str, missing: &'static str },
    /// JSON cannot express the event.
    #[error("the event cannot be written as JSON: {reason}")]
    Unwritable { reason: Box<str> },
    /// A fact or a payload names content that the workspace does not hold.
    #[error("blob {digest} is not in this workspace")]
    BlobMissing { digest: Digest },
    /// The content is longer than the store accepts.
    #[error("the blob has {size} bytes; at most {size_max} are accepted")]
    TooLarge { size: u64, size_max: ByteSize },
    /// The writer does not keep up, or the bound of what waits is reached.
    #[error("workspace `{workspace}` has more to write than it can take")]
    Overloaded { workspace: WorkspaceName },
    /// The events are in the journal, but what is read from it could not be brought up to date.
    #[error("recorded up to event {last}, but not applied yet")]
    NotApplied { last: Seq, source: Box<Error> },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

fn closed(decision: Option<&Decision>) -> String {
    match decision {
        Some(decision) => format!("{} by {} at {}", decision.ruling.as_str(), decision.by, decision.at),
        None => "what asked for it went on or ended without it".into(),
    }
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full { path: path.into() },
            _ => Self::Io { action, path: path.into(), source: Arc::new(source) },
        }
    }

    /// Sorts a failure of a database by what can be done about it.
    pub(crate) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full { path: path.into() },
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => Self::corrupt(path, &source),
            _ => match source {
                rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => Self::corrupt(path, &source),
                source => Self::Sqlite { path: path.into(), source: Arc::new(source) },
            },
        }
    }

    pub(crate) fn corrupt(path: &Path, reason: &impl ToString) -> Self {
        Self::Corrupt { path: path.into(), reason: reason.to_string().into() }
    }
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::DataDirInUse { .. }
            | Self::Duplicate { .. }
            | Self::NotQueued { .. }
            | Self::AlreadyQueued { .. }
            | Self::ApprovalAsked { .. }
            | Self::ApprovalClosed { .. } => Code::Conflict,
            Self::NotAccepted { .. } | Self::BlobMissing { .. } | Self::ApprovalUnknown { .. } => Code::NotFound,
            Self::Incomplete { .. } | Self::Unwritable { .. } => Code::Invalid,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::Overloaded { .. } | Self::Full { .. } | Self::Ceiling { .. } | Self::DiskLow { .. } => Code::Exhausted,
            Self::Closed => Code::Unavailable,
            Self::NotApplied { source, .. } => source.code(),
            Self::Io { .. } | Self::Corrupt { .. } | Self::Newer { .. } | Self::Sqlite { .. } => Code::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::DataDirInUse { pid: Some(pid), .. } => {
                Some(format!("stop process {pid}, or serve from another directory with `--data-dir DIR`"))
            }
            Self::DataDirInUse { pid: None, .. } => Some("serve from another directory with `--data-dir DIR`".into()),
            Self::Io { path, source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                Some(format!("give this user write access to `{}`, or name another directory with `--data-dir DIR`", path.display()))
            }
            Self::Io { path, .. } | Self::Sqlite { path, .. } => {
                Some(format!("check the disk and the permissions of `{}`", path.display()))
            }
            Self::Full { path } => Some(format!("free space where `{}` is, or move the data directory to a larger disk", path.display())),
            Self::Ceiling { .. } => Some(
                "see what can go with `caxton gc --plan`, say how long things are kept (`retention`), or raise `retention.disk_max`".into(),
            ),
            Self::DiskLow { .. } => {
                Some("free space on that disk, see what can go with `caxton gc --plan`, or move the data directory to a larger disk".into())
            }
            Self::Corrupt { path, .. } => Some(format!(
                "restore `{}` from a backup; a projection (`.db` without `journal`) can be deleted and is made again",
                path.display()
            )),
            Self::Newer { .. } => Some("start the version of caxton that wrote it, or a later one".into()),
            Self::TooLarge { .. } => Some("raise the bound of a blob in the configuration of the server".into()),
            Self::Overloaded { .. } => Some("send again later".into()),
            Self::NotApplied { source, .. } => source.hint(),
            Self::ApprovalUnknown { .. } | Self::ApprovalClosed { .. } => Some("`caxton approvals list` shows what is open".into()),
            Self::Duplicate { .. }
            | Self::NotQueued { .. }
            | Self::AlreadyQueued { .. }
            | Self::NotAccepted { .. }
            | Self::ApprovalAsked { .. }
            | Self::Incomplete { .. }
            | Self::Unwritable { .. }
            | Self::BlobMissing { .. }
            | Self::Closed => None,
        }
    }
}
