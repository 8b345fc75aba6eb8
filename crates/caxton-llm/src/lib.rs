//! Model providers: OpenAI-compatible, Anthropic and the built-in offline provider.
//!
//! Invariant: a question goes to the providers that the configuration names, in their order, and to no other, and every step from one to
//! the next is told; a key is sent only to its provider's endpoint and appears in no message, log line or error.
mod asking;
mod error;
mod estimate;
mod models;
mod offline;
mod options;
mod prices;
mod provider;
mod remote;

pub use self::{
    asking::{Asking, BreakerNotice, BreakerSink},
    error::Error,
    models::{Models, ProviderStatus},
    offline::Offline,
    options::{ApiKey, ModelLink, ModelRoute, Options, ProviderKind, ProviderOptions},
    prices::PRICES_AS_OF,
    provider::{DeltaSink, Patience, Provider},
};
