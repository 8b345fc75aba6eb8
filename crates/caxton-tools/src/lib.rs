//! Tools of every kind behind one door.
//!
//! Invariant: no tool runs unless the calling agent's file allows it; that is decided here, at the call, and nowhere else.
mod error;
mod http_client;
mod registry;
mod schema;

pub use caxton_sandbox::{Attachment, Limits};

pub use self::{
    error::Error,
    http_client::HttpOptions,
    registry::{CallContext, Called, Grant, LoadedServer, Options, Resolution, Tools},
};
