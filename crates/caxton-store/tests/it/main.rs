//! What a store promises, from outside.

mod blobs;
mod deploy;
mod group;
mod interleaving;
mod kill;
mod memory;
mod open;
mod query;
mod support;
