//! What is kept: the journal, its queues and blobs, and the projections read from it, in one pair of databases a workspace.
//!
//! Invariant: a batch is applied whole or not at all, and what is acknowledged holds as much as its durability says; everything else here is
//! read from the journal and can be made again from it.
mod batch;
mod blobs;
mod error;
pub mod ids;
pub mod inspect;
mod journal;
mod lock;
mod migrate;
mod options;
mod pool;
mod projection;
mod retention;
mod ring;
mod room;
mod root;
mod rows;
mod sqlite;
mod state;
mod store;
mod workspace;

pub use self::{
    batch::{Batch, QueueRow, Receipt, payload_of},
    error::Error,
    ids::now,
    options::Options,
    retention::{Expiry, FilesExpiry, Retention},
    room::DiskBounds,
    rows::{
        AgentEntry, AgentRow, ConversationRow, ConversationState, DeploymentRow, EntityRow, EventQuery, FileCounts, FileRow, MemoryQuery,
        MessageState, ObservationFilter, ObservationRow, OpenTurn, Page, StoredMessage,
        turns::{ApprovalQuery, ApprovalRow, ApprovalState, Awaited, Ended, SpendQuery, SpendRow, TurnQuery, TurnRow, TurnState, WaitRow},
    },
    state::{StateBounds, StateChange, StateOutcome, StateRow, StateWrite},
    store::Store,
    workspace::Workspace,
};
