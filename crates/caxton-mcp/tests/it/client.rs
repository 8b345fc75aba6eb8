//! The client against a server whose tools do one thing each.

mod calls;
mod connecting;
mod peers;
mod scripted;
mod world;
