//! Every workspace as an MCP server.

mod bridge;
mod client;
mod clients;
mod conformance;
mod fixture;
mod wire;
