//! The client of Caxton's REST API: typed, with a bound on every wait.
//!
//! Invariant: whatever goes wrong comes back as an [`Error`] with a code and a hint; nothing is retried that could happen twice.
#![warn(missing_docs)]

mod client;
mod error;
mod events;
mod frames;
mod mcp;
mod messages;
mod resources;
mod tools;
mod turns;

pub use self::{
    client::Client,
    error::Error,
    events::{EventFilter, Followed},
    mcp::BridgeError,
    messages::{Invoked, SendOptions, Sent},
    turns::{ApprovalFilter, TurnFilter},
};
pub use caxton_api as api;
