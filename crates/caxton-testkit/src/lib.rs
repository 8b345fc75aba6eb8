//! Boots the real server on a free port, with its data in a temporary directory and a scripted model, and reads like a story.
//!
//! Invariant: nothing here is a shortcut into the server: tests speak to it as its users do, through the client.
mod model;
mod server;

pub use self::{
    model::{Line, Script, calls, says, script},
    server::{Caxton, ServerBuilder, agent, server},
};
