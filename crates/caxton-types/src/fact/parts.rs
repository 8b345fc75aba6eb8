//! What facts are made of.

use crate::{AgentName, Digest, MessageId, StepId, Timestamp, TurnId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// A payload of a fact: in place while it is small, else by digest in the blob table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The value itself.
    Inline(Value),
    /// Canonical JSON under this digest.
    Blob {
        /// The SHA-256 of the canonical JSON.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
}

impl Payload {
    /// The longest canonical JSON that stands in place.
    pub const INLINE_LEN_MAX: usize = 8 * 1024;
}

/// How an address became an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The message named the agent.
    Direct,
    /// The label of a capability matched exactly.
    Capability,
    /// Words of a capability's phrases matched.
    Keyword,
    /// It answers whoever asked, and begins no turn.
    Reply,
}

/// What a step took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Metering {
    /// Wall time in microseconds.
    pub wall_us: u64,
    /// The most memory that a sandbox held, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_peak: Option<u64>,
    /// Processor time of a sandbox in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<u64>,
    /// Bytes written to disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_written: Option<u64>,
    /// The most files that were open at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u32>,
    /// Bytes printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<u64>,
    /// Bytes of the result, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<u64>,
    /// Requests sent and connections opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    /// Bytes sent to the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// Bytes received from the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
}

impl Metering {
    /// What took so long, and nothing else that is known.
    pub fn wall(took: Duration) -> Self {
        Self { wall_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX), ..Self::default() }
    }
}

/// What a turn began with and cannot be read elsewhere in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The digest of the definitions of its tools, which the blob table holds.
    pub tools: Digest,
    /// The earlier messages that it was told, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<MessageId>,
    /// The time that it was told.
    pub now: Timestamp,
}

/// The turn whose past another one shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnOrigin {
    /// That turn.
    pub turn: TurnId,
    /// The first step that is not shared.
    pub at: StepId,
}

/// What a step waits for, other than a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitOn {
    /// The answer to this message.
    Reply(MessageId),
    /// Nothing but time.
    Time,
}

/// What became of a file in a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    /// It is new.
    Added,
    /// Its content changed.
    Modified,
    /// It is as it was.
    Unchanged,
    /// It is gone.
    Removed,
}

/// One file of a deployed workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedFile {
    /// Its path inside the workspace, with `/`.
    pub path: Box<str>,
    /// The SHA-256 of its content.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// What became of it.
    pub change: FileChange,
}

/// The state of the repository that a deployment came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitState {
    /// The commit.
    pub commit: Box<str>,
    /// The branch, where one is checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Box<str>>,
    /// Whether there were changes that are not committed.
    pub dirty: bool,
}

/// One agent as a deployment left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRevision {
    /// The agent.
    pub name: AgentName,
    /// Counts its revisions in this workspace, from 1.
    pub revision: u32,
    /// The digest of its canonical spec, which the blob table holds.
    pub spec: Digest,
}
