//! What goes wrong when a model is asked.

use caxton_types::{Code, Fault};
use std::time::Duration;

/// Why a model could not be asked, or did not answer. No message contains a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The provider's key is not configured.
    #[error("the model provider `{provider}` has no key")]
    KeyMissing {
        /// The provider.
        provider: String,
    },
    /// The configuration of the providers contradicts itself.
    #[error("the model provider `{provider}` is not configured rightly: {reason}")]
    Misconfigured {
        /// The provider.
        provider: String,
        /// What is wrong.
        reason: String,
    },
    /// Nothing configured has this name.
    #[error("no model is configured under the name `{name}`")]
    ModelUnknown {
        /// What the agent asked for.
        name: String,
        /// What it could have asked for.
        known: Vec<String>,
    },
    /// The provider does not accept the key.
    #[error("the model provider `{provider}` refuses the key (HTTP {status})")]
    Unauthorized {
        /// The provider.
        provider: String,
        /// The HTTP status.
        status: u16,
    },
    /// The provider limits how often it is asked, and did so until the attempts were used up.
    #[error("the model provider `{provider}` limits its rate: {reason}")]
    RateLimited {
        /// The provider.
        provider: String,
        /// When the provider wants to be asked again, where it says so.
        retry_after: Option<Duration>,
        /// In the provider's words.
        reason: String,
    },
    /// The provider's account has nothing left to spend.
    #[error("the account at the model provider `{provider}` is used up: {reason}")]
    QuotaExhausted {
        /// The provider.
        provider: String,
        /// In the provider's words.
        reason: String,
    },
    /// The provider did not answer in time.
    #[error("the model provider `{provider}` did not answer within {} ms", .limit.as_millis())]
    Timeout {
        /// The provider.
        provider: String,
        /// The bound that was exceeded.
        limit: Duration,
    },
    /// The provider could not be reached, or the connection broke.
    #[error("no connection to the model provider `{provider}`: {reason}")]
    Connection {
        /// The provider.
        provider: String,
        /// Why.
        reason: String,
    },
    /// The provider refused the request or failed.
    #[error("the model provider `{provider}` answered with an error{}: {reason}", status_text(*.status))]
    Provider {
        /// The provider.
        provider: String,
        /// The HTTP status; none where the error came in the middle of an answer.
        status: Option<u16>,
        /// In the provider's words.
        reason: String,
    },
    /// The provider answered with something that is no answer.
    #[error("the model provider `{provider}` gave an unusable answer: {reason}")]
    BadResponse {
        /// The provider.
        provider: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The dialogue is longer than the model can read.
    #[error("the dialogue is too long for `{model}` of the model provider `{provider}`: {reason}")]
    ContextTooLong {
        /// The provider.
        provider: String,
        /// The model.
        model: String,
        /// In the provider's words.
        reason: String,
    },
}

fn status_text(status: Option<u16>) -> String {
    status.map_or_else(String::new, |status| format!(" (HTTP {status})"))
}

impl Fault for Error {
    fn code(&self) -> Code {
        match self {
            Self::KeyMissing { .. } | Self::Misconfigured { .. } | Self::Provider { status: Some(400..500), .. } => Code::Invalid,
            Self::ModelUnknown { .. } => Code::NotFound,
            Self::ContextTooLong { .. } => Code::TooLarge,
            Self::RateLimited { .. } | Self::QuotaExhausted { .. } => Code::Exhausted,
            Self::Timeout { .. } => Code::Deadline,
            // The caller is not the one who failed to prove who it is: the server is, at somebody else's door.
            Self::Unauthorized { .. } | Self::Connection { .. } | Self::BadResponse { .. } | Self::Provider { .. } => Code::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::KeyMissing { .. } => Some(
                "set the provider's `api_key` from the environment or a secrets file, or remove the provider to use the offline one".into(),
            ),
            Self::ModelUnknown { known, .. } => {
                Some(format!("known here: {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")))
            }
            Self::Unauthorized { .. } => Some("check the provider's `api_key` in the server's configuration".into()),
            Self::QuotaExhausted { .. } => Some("look at the account's billing at the provider".into()),
            Self::RateLimited { retry_after: Some(after), .. } => Some(format!("try again in {} s", after.as_secs().max(1))),
            Self::Timeout { .. } => Some("raise the provider's `timeout`, or ask a smaller model".into()),
            Self::Connection { .. } => Some("check the provider's `base_url` and the network".into()),
            Self::ContextTooLong { .. } => Some("send less, or start a new conversation".into()),
            Self::RateLimited { .. } | Self::Misconfigured { .. } | Self::Provider { .. } | Self::BadResponse { .. } => None,
        }
    }
}
