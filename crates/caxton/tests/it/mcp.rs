//! Every workspace as an MCP server.

mod bridge;
mod calls;
mod client;
mod clients;
mod conformance;
mod everything;
mod fixture;
mod others;
mod theirs;
pub(crate) mod wire;
