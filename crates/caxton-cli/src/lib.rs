//! The command line.
//!
//! Invariant: results go to standard output, everything else to standard error, and every failure names a next step.

mod agents;
mod approvals;
mod args;
mod ask;
mod budget;
mod build;
mod cassette;
mod config;
mod console;
mod demo;
mod deploy;
mod doctor;
mod error;
mod gc;
mod git;
mod help;
mod init;
mod mcp;
mod messages;
mod parse;
mod place;
mod replay;
mod run;
mod selftest;
mod serve;
mod session;
mod state;
mod status;
mod suite;
mod table;
mod templates;
mod tool;
mod tool_import;
mod trace;
mod turns;

pub use self::run::{main, on_panic};
