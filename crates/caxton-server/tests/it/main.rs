//! The server through its outer door: a real listener, a real store, a model that is scripted.

mod agents;
mod config;
mod deploy;
mod edge;
mod events;
mod life;
mod messages;
mod openapi;
mod support;
