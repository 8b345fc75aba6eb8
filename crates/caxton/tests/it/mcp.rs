//! Every workspace as an MCP server.

mod client;
mod clients;
mod conformance;
mod fixture;
mod wire;
