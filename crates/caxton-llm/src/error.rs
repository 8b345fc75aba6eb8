//! What goes wrong when a model is asked.

use caxton_types::{Code, Failover, Fault};
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
    /// The provider's circuit breaker is open.
    #[error("the model provider `{provider}` keeps failing and is left alone for now")]
    BreakerOpen {
        /// The provider.
        provider: String,
        /// When it is worth asking again; nothing where another question is finding out just now.
        retry_in: Duration,
    },
    /// A provider failed, and somebody must agree before the next one of the chain is asked.
    #[error("{}, and asking the next of the chain needs a decision", last_step(model, failovers))]
    FailoverNeedsApproval {
        /// What the agent asked for.
        model: String,
        /// Who is next, by its place in the chain: the place to ask from once somebody has agreed.
        position: usize,
        /// The steps along the chain; the last one is the one to decide.
        failovers: Vec<Failover>,
        /// What the provider failed with.
        source: Box<Self>,
    },
    /// A provider failed, and the configuration forbids to ask the next one of the chain.
    #[error("`{failed}` did not answer for the model `{model}`, and `{next}` is not asked because `fallback.mode` is `off`")]
    FailoverOff {
        /// What the agent asked for.
        model: String,
        /// Who failed, as `provider/model`.
        failed: String,
        /// Who would have been next.
        next: String,
        /// What the provider failed with.
        source: Box<Self>,
    },
    /// Nobody in the chain answered.
    #[error("nobody in the chain of the model `{model}` answered: {}; the last one failed too", steps(failovers))]
    ChainFailed {
        /// What the agent asked for.
        model: String,
        /// The steps along the chain, each with its reason.
        failovers: Vec<Failover>,
        /// What the last provider failed with.
        source: Box<Self>,
    },
    /// A question was to be asked from a place that the chain does not have.
    #[error("the chain of the model `{model}` has no place {position}: it has {len}")]
    PositionUnknown {
        /// What the agent asked for.
        model: String,
        /// The place that was asked for, counted from 0.
        position: usize,
        /// How many providers the chain has.
        len: usize,
    },
    /// What a model costs is not known.
    #[error("no price is known for `{model}`")]
    PriceUnknown {
        /// The model, as `provider/model`.
        model: String,
    },
}

fn last_step(model: &str, failovers: &[Failover]) -> String {
    let step = failovers.last().map(|step| format!("`{}` did not answer for the model `{model}`, `{}` is next", step.from, step.to));
    step.unwrap_or_else(|| format!("a provider did not answer for the model `{model}`"))
}

fn steps(failovers: &[Failover]) -> String {
    failovers.iter().map(|step| format!("`{}`: {}", step.from, step.reason)).collect::<Vec<_>>().join("; ")
}

impl Error {
    /// Whether the request is to blame, so that no other provider would do better, and this one works.
    ///
    /// A refused key is not: an expired one must not stop agents that have a second provider, and the reply tells of it.
    pub fn is_the_requests_fault(&self) -> bool {
        match self {
            Self::ChainFailed { source, .. } => source.is_the_requests_fault(),
            // Timeout, conflict and too early are the server's own troubles.
            Self::Provider { status: Some(408 | 409 | 425), .. } => false,
            Self::Provider { status: Some(400..500), .. }
            | Self::ModelUnknown { .. }
            | Self::ContextTooLong { .. }
            | Self::PositionUnknown { .. }
            | Self::PriceUnknown { .. } => true,
            Self::KeyMissing { .. }
            | Self::Misconfigured { .. }
            | Self::Unauthorized { .. }
            | Self::RateLimited { .. }
            | Self::QuotaExhausted { .. }
            | Self::Timeout { .. }
            | Self::Connection { .. }
            | Self::Provider { .. }
            | Self::BadResponse { .. }
            | Self::BreakerOpen { .. }
            | Self::FailoverNeedsApproval { .. }
            | Self::FailoverOff { .. } => false,
        }
    }

    /// The steps along the chain before it, in order; of one that waits for a decision the last is the one to decide.
    pub fn failovers(&self) -> &[Failover] {
        match self {
            Self::ChainFailed { failovers, .. } | Self::FailoverNeedsApproval { failovers, .. } => failovers,
            _ => &[],
        }
    }
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
            Self::Unauthorized { .. }
            | Self::Connection { .. }
            | Self::BadResponse { .. }
            | Self::Provider { .. }
            | Self::BreakerOpen { .. } => Code::Unavailable,
            Self::FailoverNeedsApproval { source, .. } | Self::FailoverOff { source, .. } | Self::ChainFailed { source, .. } => {
                source.code()
            }
            Self::PositionUnknown { .. } => Code::Conflict,
            Self::PriceUnknown { .. } => Code::Invalid,
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
            Self::BreakerOpen { retry_in, .. } => {
                Some(format!("try again in {} s, or give the model a chain of providers", retry_in.as_secs().max(1)))
            }
            Self::FailoverOff { model, next, .. } => {
                Some(format!("set `llm.models.{model}.fallback.mode` to `auto` or `ask` to let `{next}` answer"))
            }
            Self::FailoverNeedsApproval { model, .. } => {
                Some(format!("decide about it, or set `llm.models.{model}.fallback.mode` to `auto`"))
            }
            Self::ChainFailed { source, .. } => source.hint(),
            Self::PositionUnknown { .. } => Some("the configuration has changed since: ask again from the beginning".into()),
            Self::PriceUnknown { model } => Some(format!("set `llm.prices` for `{model}` in the server's configuration")),
            Self::RateLimited { .. } | Self::Misconfigured { .. } | Self::Provider { .. } | Self::BadResponse { .. } => None,
        }
    }
}
