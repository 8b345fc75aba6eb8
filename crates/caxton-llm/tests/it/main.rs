//! The provider from outside: questions about random tables, tools of other shapes, memory, and the wire formats against servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says on stderr what it skips"
)]

mod aimock;
mod chain;
mod chain_properties;
mod generate;
mod offline;
mod properties;
mod remote;
mod stub;
mod table_tool;
