//! Every workspace as an MCP server.

mod client;
mod clients;
mod conformance;
mod fixture;
#[path = "../../../caxton-sandbox/tests/it/guest.rs"]
#[expect(dead_code, reason = "these tests need only the encoding of components")]
mod guest;
mod wire;
