//! The way from the name that an agent uses to the provider that answers.

mod chain;
mod guard;

use self::{
    chain::{Chain, Link},
    guard::Guard,
};
use crate::{
    Asking, DeltaSink, Error, ModelLink, ModelRoute, Offline, Options, Provider, ProviderKind, ProviderOptions, estimate,
    remote::{Remote, Wire},
};
use caxton_types::{BreakerOptions, BreakerState, FallbackMode, ModelReply, ModelRequest, Price, TokenUsage};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The alias that is always there.
const CHAT: &str = "chat";
/// How agents of the first documents write a provider's name: `mcp://openai/chat`.
const SCHEME: &str = "mcp://";

/// All models that agents may ask; a cheap handle.
#[derive(Clone)]
pub struct Models {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    entries: Vec<Entry>,
    aliases: BTreeMap<String, ModelRoute>,
    /// The provider behind `chat`, by its place in `entries`.
    default: usize,
    /// No provider is configured: the offline one stands in for all.
    implicit: bool,
    breaker: BreakerOptions,
    prices: BTreeMap<String, Price>,
}

#[derive(Clone)]
struct Entry {
    provider: Arc<dyn Provider>,
    kind: &'static str,
    model: String,
    /// How long it may be silent.
    timeout: Duration,
    guard: Arc<Guard>,
}

impl Entry {
    fn new(provider: Arc<dyn Provider>, kind: &'static str, model: String, timeout: Duration, breaker: BreakerOptions) -> Self {
        let guard = Arc::new(Guard::new(provider.name(), breaker));
        Self { provider, kind, model, timeout, guard }
    }
}

/// What a provider is, for status displays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderStatus {
    /// Its name.
    pub name: String,
    /// `openai`, `anthropic`, `offline` or `in-process`.
    pub kind: &'static str,
    /// The model that answers where a request names none of the vendor's.
    pub model: String,
    /// Whether questions go through to it.
    pub breaker: BreakerState,
}

impl Models {
    /// Builds the providers. A missing key, a name given twice or a route to nowhere is an error, never a silent fallback.
    pub fn new(options: Options) -> Result<Self, Error> {
        let implicit = options.providers.is_empty();
        let mut entries: Vec<Entry> = Vec::new();
        for provider in options.providers {
            if entries.iter().any(|entry| entry.provider.name() == provider.name) {
                return Err(misconfigured(&provider.name, "the name is given twice"));
            }
            entries.push(entry(provider, options.breaker)?);
        }
        if implicit {
            entries.push(offline(Offline::NAME.to_owned(), options.breaker));
        }
        let place = |name: &str| entries.iter().position(|entry| entry.provider.name() == name);
        let default = match &options.default {
            Some(name) => place(name).ok_or_else(|| misconfigured(name, "it is the default, and not among the providers"))?,
            None => 0,
        };
        for (alias, route) in &options.models {
            let nowhere = || misconfigured(alias, "it is a model that leads to no provider");
            route.chain.first().ok_or_else(nowhere)?;
            if let Some(link) = route.chain.iter().find(|link| place(&link.provider).is_none()) {
                return Err(misconfigured(&link.provider, &format!("the model `{alias}` leads to it, and it is not among the providers")));
            }
        }
        let (aliases, breaker, prices) = (options.models, options.breaker, options.prices);
        Ok(Self { inner: Arc::new(Inner { entries, aliases, default, implicit, breaker, prices }) })
    }

    /// Adds a provider that lives in this process and makes it the one behind `chat`.
    pub fn with(self, provider: Arc<dyn Provider>) -> Self {
        let mut inner = Inner::clone(&self.inner);
        if std::mem::take(&mut inner.implicit) {
            inner.entries.clear();
        }
        inner.entries.retain(|entry| entry.provider.name() != provider.name());
        let model = provider.name().to_owned();
        inner.default = inner.entries.len();
        inner.entries.push(Entry::new(provider, "in-process", model, Duration::ZERO, inner.breaker));
        Self { inner: Arc::new(inner) }
    }

    /// Asks the model that the request's settings name.
    pub async fn ask(&self, request: &ModelRequest, deltas: Option<DeltaSink>) -> Result<ModelReply, Error> {
        self.ask_with(request, Asking { deltas, ..Asking::default() }).await
    }

    /// The same with a deadline, from a place in the chain, or with an eye on circuit breakers.
    pub async fn ask_with(&self, request: &ModelRequest, asking: Asking) -> Result<ModelReply, Error> {
        self.inner.resolve(&request.settings.model)?.ask(request, asking).await
    }

    /// The most that a call may use: no provider counts more for what is sent, and none may write more.
    pub fn estimate(&self, request: &ModelRequest) -> TokenUsage {
        estimate::upper_bound(request)
    }

    /// What a provider's model costs; nothing where neither the configuration nor the built-in table knows.
    pub fn price(&self, provider: &str, model: &str) -> Option<Price> {
        self.inner.price(self.inner.entry(provider)?, model)
    }

    /// The price of whoever gave this reply.
    pub fn price_of(&self, reply: &ModelReply) -> Option<Price> {
        self.price(&reply.provider, &reply.model)
    }

    /// The highest price along the chain of the model that an agent names: what covers it, whoever answers.
    pub fn prices_of(&self, name: &str) -> Result<Price, Error> {
        let mut highest = Price::FREE;
        for link in self.inner.resolve(name)?.links {
            let price = self.inner.price(link.entry, link.model).ok_or_else(|| Error::PriceUnknown { model: link.shown() })?;
            highest = highest.max(price);
        }
        Ok(highest)
    }

    /// Whether an agent may ask for `name`; the error says what it could ask for.
    pub fn check(&self, name: &str) -> Result<(), Error> {
        self.inner.resolve(name).map(|_| ())
    }

    /// What is configured, the provider behind `chat` first.
    pub fn providers(&self) -> Vec<ProviderStatus> {
        let inner = &self.inner;
        let status = |entry: &Entry| ProviderStatus {
            name: entry.provider.name().to_owned(),
            kind: entry.kind,
            model: entry.model.clone(),
            breaker: entry.guard.state(),
        };
        let mut all: Vec<_> = inner.entries.iter().map(status).collect();
        let first = inner.default.min(all.len());
        all.rotate_left(first);
        all
    }
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Models").field("providers", &self.providers()).finish_non_exhaustive()
    }
}

impl Inner {
    /// Finds who answers for a name: an alias, `provider/model`, `provider/alias`, `provider`, or a model that a provider is configured with;
    /// `mcp://` in front is allowed.
    fn resolve<'a>(&'a self, name: &'a str) -> Result<Chain<'a>, Error> {
        // A provider that only routes lead to may have no model of its own.
        let known = self.find(name).filter(|chain| !chain.links.is_empty() && chain.links.iter().all(|link| !link.model.is_empty()));
        known.ok_or_else(|| self.unknown(name))
    }

    fn find<'a>(&'a self, name: &'a str) -> Option<Chain<'a>> {
        let bare = name.trim().strip_prefix(SCHEME).unwrap_or(name.trim());
        let alone =
            |entry: &'a Entry, model: &'a str| Chain { name: bare, links: vec![Link { entry, model }], fallback: FallbackMode::Off };
        let default = self.entries.get(self.default)?;
        // Where there is no language model at all, no name of one is better than another.
        if self.entries.iter().all(|entry| entry.kind == ProviderKind::Offline.as_str()) {
            return Some(alone(default, &default.model));
        }
        if let Some(route) = self.aliases.get(bare) {
            let link = |link: &'a ModelLink| {
                let entry = self.entry(&link.provider)?;
                Some(Link { entry, model: link.model.as_deref().unwrap_or(&entry.model) })
            };
            let links = route.chain.iter().map(link).collect::<Option<_>>()?;
            return Some(Chain { name: bare, links, fallback: route.fallback });
        }
        if bare.is_empty() || bare == CHAT {
            return Some(alone(default, &default.model));
        }
        if let Some((provider, model)) = bare.split_once('/')
            && let Some(entry) = self.entry(provider)
            && !model.is_empty()
        {
            return Some(alone(entry, if model == CHAT { &entry.model } else { model }));
        }
        let entry = self.entry(bare).or_else(|| self.entries.iter().find(|entry| entry.model == bare))?;
        Some(alone(entry, &entry.model))
    }

    /// The configured price, the most exact name first, else what the provider itself knows.
    fn price(&self, entry: &Entry, model: &str) -> Option<Price> {
        let provider = entry.provider.name();
        let configured = || [&format!("{provider}/{model}"), model, provider].into_iter().find_map(|name| self.prices.get(name).copied());
        configured().or_else(|| entry.provider.price(model))
    }

    fn entry(&self, provider: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.provider.name() == provider)
    }

    fn unknown(&self, name: &str) -> Error {
        let mut known = vec![CHAT.to_owned()];
        known.extend(self.aliases.keys().filter(|alias| *alias != CHAT).cloned());
        known.extend(
            self.entries.iter().filter(|entry| !entry.model.is_empty()).map(|entry| format!("{}/{}", entry.provider.name(), entry.model)),
        );
        Error::ModelUnknown { name: name.chars().take(120).collect(), known }
    }
}

fn misconfigured(provider: &str, reason: &str) -> Error {
    Error::Misconfigured { provider: provider.to_owned(), reason: reason.to_owned() }
}

fn offline(name: String, breaker: BreakerOptions) -> Entry {
    let model = Offline::MODEL.to_owned();
    Entry::new(Arc::new(Offline::new(name)), ProviderKind::Offline.as_str(), model, Duration::ZERO, breaker)
}

fn entry(options: ProviderOptions, breaker: BreakerOptions) -> Result<Entry, Error> {
    let kind = options.kind.as_str();
    let (wire, base_url) = match &options.kind {
        ProviderKind::Offline => return Ok(offline(options.name, breaker)),
        ProviderKind::OpenAi { base_url } => (Wire::OpenAi, base_url.clone()),
        ProviderKind::Anthropic { base_url } => (Wire::Anthropic, base_url.clone()),
    };
    let (model, timeout) = (options.model.clone(), options.timeout);
    Ok(Entry::new(Arc::new(Remote::new(options, wire, base_url)?), kind, model, timeout, breaker))
}

#[cfg(test)]
mod tests;
