//! What every provider of models is.

use crate::Error;
use caxton_types::{ModelReply, ModelRequest};
use std::sync::Arc;

/// Receives pieces of text while a model answers; they are ephemeral, the reply holds the whole text again.
pub type DeltaSink = Arc<dyn Fn(&str) + Send + Sync>;

/// Something that answers as a language model does: a vendor's service, the offline provider, a scripted model of a test.
#[async_trait::async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// Asks `model`, a name that this provider knows. Dropping the future calls the question off.
    async fn ask(&self, request: &ModelRequest, model: &str, deltas: Option<DeltaSink>) -> Result<ModelReply, Error>;
}
