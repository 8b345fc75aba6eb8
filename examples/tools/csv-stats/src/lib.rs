//! `csv-stats`: a tool server that answers questions about CSV files.
//!
//! Invariant: a file is read once, front to back, and the memory held is bounded whatever the file holds.
//!
//! The logic below is plain Rust and is tested natively; only [`guest`] knows that it runs as a component.

mod arguments;
mod budget;
mod csv;
mod describe;
mod filter;
mod gather;
#[cfg(target_arch = "wasm32")]
mod guest;
mod json;
mod keys;
mod number;
mod rows;
mod stats;
mod table;
mod tools;

pub use self::{
    json::Json,
    tools::{Error, Tool, call, list},
};
