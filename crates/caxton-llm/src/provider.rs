//! What every provider of models is.

use crate::Error;
use caxton_types::{ModelReply, ModelRequest, Price};
use std::{sync::Arc, time::Instant};

/// Receives pieces of text while a model answers; they are ephemeral, the reply holds the whole text again.
pub type DeltaSink = Arc<dyn Fn(&str) + Send + Sync>;

/// How long a provider may take for a question; its own bounds hold besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// No attempt begins later, and none waits longer for its first sign: from here on the time belongs to who is asked next.
    pub begin_until: Instant,
    /// When all is over.
    pub until: Instant,
}

/// Something that answers as a language model does: a vendor's service, the offline provider, a scripted model of a test.
#[async_trait::async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// Asks `model`, a name that this provider knows. Dropping the future calls the question off.
    async fn ask(&self, request: &ModelRequest, model: &str, deltas: Option<DeltaSink>) -> Result<ModelReply, Error>;

    /// The same by a provider that tries again by itself, and so must know when to stop. Whoever calls keeps `patience.until` anyway.
    async fn ask_within(
        &self,
        request: &ModelRequest,
        model: &str,
        deltas: Option<DeltaSink>,
        patience: Patience,
    ) -> Result<ModelReply, Error> {
        let _ = patience;
        self.ask(request, model, deltas).await
    }

    /// What `model` costs where the configuration does not say; nothing where that is not known.
    fn price(&self, model: &str) -> Option<Price> {
        let _ = model;
        None
    }
}
