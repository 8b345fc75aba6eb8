//! The Model Context Protocol: what it takes to speak it, as client and as server, in both of its eras.
//!
//! Invariant: nothing here knows agents, workspaces or the journal.
pub mod client;
pub mod server;

pub use rmcp;
