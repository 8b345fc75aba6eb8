//! The edge: HTTP, telemetry and the life of the process.
//!
//! Invariant: nothing left of this crate knows HTTP. A request becomes checked values with a [`caxton_types::Caller`] before any service
//! sees it, and every error leaves as a problem that names its request and tells nothing of the inside.

mod app;
mod edge;
mod error;
mod health;
mod life;
mod listener;
mod live;
#[expect(deprecated, reason = "clients with sessions set the level of logs by a method that the later era dropped")]
mod mcp;
mod port;
mod retention;
mod routes;
mod server;
mod services;
pub mod signals;
pub mod telemetry;
mod workbench;

pub use self::{
    app::{App, Services},
    error::Error,
    live::LiveConfig,
    port::{PortError, free_port},
    routes::Limits,
    server::{Server, Setup, boot, dry_run},
    services::sandbox as sandbox_options,
    workbench::Workbench,
};

/// The description of the API, as `openapi/caxton.json` holds it.
pub fn openapi() -> &'static str {
    routes::text()
}
