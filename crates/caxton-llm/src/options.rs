//! What the configuration says of model providers.

use caxton_types::{BreakerOptions, FallbackMode, Price};
use std::{collections::BTreeMap, fmt, time::Duration};

/// A provider's key. It is never printed: there is no `Display`, and `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Box<str>);

impl ApiKey {
    /// Takes the key; white space around it, such as a file's last line end, is no part of it.
    pub fn new(key: &str) -> Self {
        Self(key.trim().into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// Which wire format a provider speaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderKind {
    /// The chat completions of `OpenAI`; also Ollama, vLLM, llama.cpp and others by their `base_url`.
    OpenAi {
        /// Such as `http://127.0.0.1:11434/v1`; that of `OpenAI` where absent.
        base_url: Option<String>,
    },
    /// Anthropic's messages.
    Anthropic {
        /// That of Anthropic where absent.
        base_url: Option<String>,
    },
    /// The built-in provider, which is no language model.
    Offline,
}

impl ProviderKind {
    /// Its name in the configuration.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::OpenAi { .. } => "openai",
            Self::Anthropic { .. } => "anthropic",
            Self::Offline => "offline",
        }
    }
}

/// One configured provider.
#[derive(Debug, Clone)]
pub struct ProviderOptions {
    /// How routes, replies and figures name it.
    pub name: String,
    /// What it speaks.
    pub kind: ProviderKind,
    /// Its key; only an OpenAI-compatible server of one's own goes without.
    pub api_key: Option<ApiKey>,
    /// The model that answers where a request names none of the vendor's.
    pub model: String,
    /// How long to wait for the response to begin, and then for each next piece of it.
    pub timeout: Duration,
    /// How long one question may take with all its attempts.
    pub time_max: Duration,
    /// How often one question is tried.
    pub attempts_max: u32,
    /// The first pause between attempts; it doubles, and the real pause is random below it.
    pub backoff: Duration,
}

impl ProviderOptions {
    /// A provider with the usual bounds.
    pub fn new(name: impl Into<String>, kind: ProviderKind, model: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            api_key: None,
            model: model.into(),
            timeout: Duration::from_mins(1),
            time_max: Duration::from_mins(10),
            attempts_max: 4,
            backoff: Duration::from_millis(500),
        }
    }
}

/// One of those who may answer for an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelLink {
    /// A configured provider.
    pub provider: String,
    /// A model by the vendor's name; the provider's own default where absent.
    pub model: Option<String>,
}

/// Where an alias leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRoute {
    /// Who answers, in order: each where those before did not.
    pub chain: Vec<ModelLink>,
    /// What happens when one of them fails.
    pub fallback: FallbackMode,
}

/// All providers, and the names under which agents ask for models.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The providers; with none of them the offline provider answers.
    pub providers: Vec<ProviderOptions>,
    /// What agents call their models, such as `chat`, and where each leads.
    pub models: BTreeMap<String, ModelRoute>,
    /// The provider behind `chat` where `models` does not say; the first of `providers` where absent.
    pub default: Option<String>,
    /// When a provider that keeps failing is left alone, and for how long.
    pub breaker: BreakerOptions,
    /// Prices by `provider/model`, by `model` or by `provider`, the first of these that is there; before the built-in ones.
    pub prices: BTreeMap<String, Price>,
}
