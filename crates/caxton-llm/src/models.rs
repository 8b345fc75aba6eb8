//! The way from the name that an agent uses to the provider that answers.

use crate::{
    DeltaSink, Error, ModelRoute, Offline, Options, Provider, ProviderKind, ProviderOptions,
    remote::{Remote, Wire},
};
use caxton_types::{ModelReply, ModelRequest};
use std::{collections::BTreeMap, sync::Arc, time::Instant};

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
}

#[derive(Clone)]
struct Entry {
    provider: Arc<dyn Provider>,
    kind: &'static str,
    model: String,
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
            entries.push(entry(provider)?);
        }
        if implicit {
            entries.push(offline(Offline::NAME.to_owned()));
        }
        let place = |name: &str| entries.iter().position(|entry| entry.provider.name() == name);
        let default = match &options.default {
            Some(name) => place(name).ok_or_else(|| misconfigured(name, "it is the default, and not among the providers"))?,
            None => 0,
        };
        for (alias, route) in &options.models {
            if place(&route.provider).is_none() {
                return Err(misconfigured(&route.provider, &format!("the model `{alias}` leads to it, and it is not among the providers")));
            }
        }
        Ok(Self { inner: Arc::new(Inner { entries, aliases: options.models, default, implicit }) })
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
        inner.entries.push(Entry { provider, kind: "in-process", model });
        Self { inner: Arc::new(inner) }
    }

    /// Asks the model that the request's settings name.
    pub async fn ask(&self, request: &ModelRequest, deltas: Option<DeltaSink>) -> Result<ModelReply, Error> {
        let (entry, model) = self.inner.resolve(&request.settings.model)?;
        let begun = Instant::now();
        let answer = entry.provider.ask(request, model, deltas).await;
        let provider = entry.provider.name().to_owned();
        let outcome = if answer.is_ok() { "ok" } else { "error" };
        metrics::counter!("caxton_model_requests_total", "provider" => provider.clone(), "outcome" => outcome).increment(1);
        metrics::histogram!("caxton_model_request_seconds", "provider" => provider.clone()).record(begun.elapsed());
        if let Ok(reply) = &answer {
            metrics::counter!("caxton_model_tokens_total", "provider" => provider.clone(), "direction" => "input")
                .increment(reply.usage.input);
            metrics::counter!("caxton_model_tokens_total", "provider" => provider, "direction" => "output").increment(reply.usage.output);
        }
        answer
    }

    /// Whether an agent may ask for `name`; the error says what it could ask for.
    pub fn check(&self, name: &str) -> Result<(), Error> {
        self.inner.resolve(name).map(|_| ())
    }

    /// What is configured, the provider behind `chat` first.
    pub fn providers(&self) -> Vec<ProviderStatus> {
        let inner = &self.inner;
        let status =
            |entry: &Entry| ProviderStatus { name: entry.provider.name().to_owned(), kind: entry.kind, model: entry.model.clone() };
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
    /// Finds the provider and the vendor's model behind a name: an alias, `provider/model`, `provider/alias`, `provider`, or a model that a
    /// provider is configured with; `mcp://` in front is allowed.
    fn resolve<'a>(&'a self, name: &'a str) -> Result<(&'a Entry, &'a str), Error> {
        // A provider that only routes lead to may have no model of its own.
        self.find(name).filter(|(_, model)| !model.is_empty()).ok_or_else(|| self.unknown(name))
    }

    fn find<'a>(&'a self, name: &'a str) -> Option<(&'a Entry, &'a str)> {
        let bare = name.trim().strip_prefix(SCHEME).unwrap_or(name.trim());
        let default = self.entries.get(self.default)?;
        // Where there is no language model at all, no name of one is better than another.
        if self.entries.iter().all(|entry| entry.kind == ProviderKind::Offline.as_str()) {
            return Some((default, &default.model));
        }
        if let Some(route) = self.aliases.get(bare)
            && let Some(entry) = self.entry(&route.provider)
        {
            return Some((entry, route.model.as_deref().unwrap_or(&entry.model)));
        }
        if bare.is_empty() || bare == CHAT {
            return Some((default, &default.model));
        }
        if let Some((provider, model)) = bare.split_once('/')
            && let Some(entry) = self.entry(provider)
            && !model.is_empty()
        {
            return Some((entry, if model == CHAT { &entry.model } else { model }));
        }
        if let Some(entry) = self.entry(bare).or_else(|| self.entries.iter().find(|entry| entry.model == bare)) {
            return Some((entry, &entry.model));
        }
        None
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

fn offline(name: String) -> Entry {
    Entry { provider: Arc::new(Offline::new(name)), kind: ProviderKind::Offline.as_str(), model: Offline::MODEL.to_owned() }
}

fn entry(options: ProviderOptions) -> Result<Entry, Error> {
    let kind = options.kind.as_str();
    let (wire, base_url) = match &options.kind {
        ProviderKind::Offline => return Ok(offline(options.name)),
        ProviderKind::OpenAi { base_url } => (Wire::OpenAi, base_url.clone()),
        ProviderKind::Anthropic { base_url } => (Wire::Anthropic, base_url.clone()),
    };
    let model = options.model.clone();
    Ok(Entry { provider: Arc::new(Remote::new(options, wire, base_url)?), kind, model })
}

#[cfg(test)]
mod tests;
