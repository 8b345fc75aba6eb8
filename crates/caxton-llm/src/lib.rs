//! Model providers: OpenAI-compatible, Anthropic and the built-in offline provider.
//!
//! Invariant: a question goes to the provider that the configuration names and to no other; a key is sent only to its provider's endpoint
//! and appears in no message, log line or error.
mod error;
mod models;
mod offline;
mod options;
mod provider;
mod remote;

pub use self::{
    error::Error,
    models::{Models, ProviderStatus},
    offline::Offline,
    options::{ApiKey, ModelRoute, Options, ProviderKind, ProviderOptions},
    provider::{DeltaSink, Provider},
};
