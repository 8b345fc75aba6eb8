//! What people write: the server's configuration, agents, workspaces and secrets, parsed into domain types.
//!
//! Invariant: nothing here touches the process. Files and variables come in as arguments; only [`server::Sources::process`] reads them.

pub mod agent;
mod diagnostic;
mod policy;
mod record;
mod scalar;
mod secret;
mod secrets;
pub mod server;
mod source;
pub mod suite;
mod tree;
pub mod workspace;
mod yaml;

pub use self::{
    diagnostic::{Diagnostic, Diagnostics, Severity, Snippet},
    secret::Secret,
    secrets::Secrets,
    source::{Position, SourceKind},
    yaml::to_yaml,
};
