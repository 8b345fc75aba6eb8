//! Model providers: agents name what they need, the configuration says who gives it.

use super::{read::Reader, sources::Sources};
use crate::{
    Diagnostic, Diagnostics, Secret, Secrets, SourceKind,
    source::Source,
    tree::{Entry, Node, Value},
};
use caxton_types::{BreakerOptions, FallbackMode, Money, Price, nearest, unit::Period};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Model providers, and which model is whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Llm {
    /// In their order; never empty: without any, the offline provider is there.
    pub providers: Vec<Provider>,
    /// By the name that agents use.
    pub models: BTreeMap<Box<str>, ModelRoute>,
    /// The provider of `chat` where `models` has no entry for it.
    pub default: Box<str>,
    /// What happens when a provider of a chain fails, where a model does not say.
    pub fallback: FallbackMode,
    /// When a provider that keeps failing is left alone, and for how long.
    pub circuit_breaker: BreakerOptions,
    /// Prices by `provider/model`, by the vendor's model or by provider.
    pub prices: BTreeMap<Box<str>, Price>,
}

/// Somebody who answers for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name in this configuration.
    pub name: Box<str>,
    /// What it speaks.
    pub kind: ProviderKind,
    /// Where it listens; the vendor's own address where absent.
    pub base_url: Option<Box<str>>,
    /// Its key; an address that is not the vendor's may need none.
    pub api_key: Option<Secret>,
    /// The vendor's name of the model that it is asked for, unless a route says otherwise.
    pub model: Option<Box<str>>,
    /// Longest wait for one answer.
    pub timeout: Period,
    /// How often a call is tried in all.
    pub max_attempts: u8,
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// The protocol of `OpenAI`, which many others speak.
    OpenAi,
    /// Anthropic's protocol.
    Anthropic,
    /// The built-in one, which is no language model.
    Offline,
}

/// Who gives the model of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRoute {
    /// In order: each where those before it did not answer; never empty.
    pub chain: Vec<ModelLink>,
    /// What happens when one of them fails.
    pub fallback: FallbackMode,
}

/// One who may give a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelLink {
    /// The provider.
    pub provider: Box<str>,
    /// The vendor's name of the model; the provider's own where absent.
    pub model: Option<Box<str>>,
}

/// The most providers of one chain.
const CHAIN_MAX: usize = 8;
/// So many times its first period something is left alone at most.
const OPEN_MAX: u32 = 10;
const FALLBACKS: [(&str, FallbackMode); 3] = [("auto", FallbackMode::Auto), ("ask", FallbackMode::Ask), ("off", FallbackMode::Off)];
/// The model that agents need when they name none.
const CHAT: &str = "chat";
const KINDS: [(&str, ProviderKind); 3] =
    [("openai", ProviderKind::OpenAi), ("anthropic", ProviderKind::Anthropic), ("offline", ProviderKind::Offline)];

impl ProviderKind {
    /// Its name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Offline => "offline",
        }
    }

    /// The variable that holds the vendor's key by custom, and the vendor's host.
    const fn vendor(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::OpenAi => Some(("OPENAI_API_KEY", "api.openai.com")),
            Self::Anthropic => Some(("ANTHROPIC_API_KEY", "api.anthropic.com")),
            Self::Offline => None,
        }
    }
}

impl Llm {
    /// Who answers for the model that an agent names, and as what, in order; nobody for an unknown name.
    pub fn chain<'a>(&'a self, name: &str) -> Vec<(&'a Provider, Option<&'a str>)> {
        match self.models.get(name) {
            Some(route) => {
                let link = |link: &'a ModelLink| {
                    let provider = self.provider(&link.provider)?;
                    Some((provider, link.model.as_deref().or(provider.model.as_deref())))
                };
                route.chain.iter().filter_map(link).collect()
            }
            None if name == CHAT => {
                self.provider(&self.default).map(|provider| (provider, provider.model.as_deref())).into_iter().collect()
            }
            None => Vec::new(),
        }
    }

    /// The provider of this name.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| &*provider.name == name)
    }

    /// The names that agents may use.
    pub fn model_names(&self) -> BTreeSet<&str> {
        self.models.keys().map(|name| &**name).chain([CHAT]).collect()
    }

    pub(super) fn read(root: &Reader<'_>) -> Result<Self, Diagnostic> {
        let mut providers = Vec::new();
        for item in root.items("llm.providers") {
            let provider = Provider::read(&item)?;
            if providers.iter().any(|known: &Provider| known.name == provider.name) {
                return Err(item.about("name", format!("the provider `{}` is given twice", provider.name)));
            }
            providers.push(provider);
        }
        if providers.is_empty() {
            providers.push(Provider::offline());
        }
        let fallback = root.choice("llm.fallback.mode", &FALLBACKS)?;
        let known = Known(&providers);
        let default = match root.text_if("llm.default")? {
            Some(name) if !known.has(&name) => return Err(known.unknown(root, "llm.default", &name)),
            Some(name) => name,
            None => providers.first().map(|provider| provider.name.clone()).unwrap_or_default(),
        };
        let mut models = BTreeMap::new();
        for (name, _, reader) in root.named("llm.models") {
            models.insert(name.into(), ModelRoute::read(&reader, &known, fallback)?);
        }
        let mut prices = BTreeMap::new();
        for (name, _, reader) in root.named("llm.prices") {
            let money = |key: &str| reader.quantity::<Money>(key);
            prices.insert(name.into(), Price { input: money("input")?, output: money("output")? });
        }
        let circuit_breaker = circuit_breaker(&root.section("llm.circuit_breaker"))?;
        let llm = Self { providers, models, default, fallback, circuit_breaker, prices };
        llm.check_models(root)?;
        Ok(llm)
    }

    /// Whatever an agent may name leads to a vendor's model.
    fn check_models(&self, root: &Reader<'_>) -> Result<(), Diagnostic> {
        for name in self.model_names() {
            let unnamed = |(provider, model): &(&Provider, Option<&str>)| model.is_none() && provider.kind != ProviderKind::Offline;
            if let Some((provider, _)) = self.chain(name).into_iter().find(unnamed) {
                let message =
                    format!("the provider `{}` is to answer for the model `{name}`, but no `model` of it is named", provider.name);
                return Err(root.about("llm.providers", message).help("add `model`, the vendor's name of it, to the provider"));
            }
        }
        Ok(())
    }
}

/// The providers by their names.
struct Known<'p>(&'p [Provider]);

impl Known<'_> {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|provider| &*provider.name)
    }

    fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    fn unknown(&self, reader: &Reader<'_>, key: &str, name: &str) -> Diagnostic {
        let help = nearest(name, self.names()).map_or_else(
            || format!("known providers: {}", self.names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        reader.about(key, format!("no provider is named `{name}`")).help(help)
    }
}

impl ModelRoute {
    /// Either one `provider` with its `model`, or a `chain`.
    fn read(reader: &Reader<'_>, known: &Known<'_>, fallback: FallbackMode) -> Result<Self, Diagnostic> {
        let fallback = match reader.node("fallback.mode")? {
            Some(_) => reader.choice("fallback.mode", &FALLBACKS)?,
            None => fallback,
        };
        if reader.node("chain")?.is_none() {
            let link = ModelLink { provider: reader.text("provider")?, model: reader.text_if("model")? };
            if !known.has(&link.provider) {
                return Err(known.unknown(reader, "provider", &link.provider));
            }
            return Ok(Self { chain: vec![link], fallback });
        }
        for other in ["provider", "model"] {
            if reader.node(other)?.is_some() {
                return Err(reader
                    .about(other, format!("`chain` and `{other}` contradict each other"))
                    .help("keep the chain: it names both"));
            }
        }
        let wrong = |message: String| reader.about("chain", message);
        let mut chain: Vec<ModelLink> = Vec::new();
        for text in reader.texts("chain")? {
            let link = ModelLink::parse(&text, known);
            if !known.has(&link.provider) {
                return Err(known.unknown(reader, "chain", &link.provider));
            }
            if chain.contains(&link) {
                return Err(wrong(format!("`{text}` stands twice in the chain")));
            }
            chain.push(link);
        }
        match chain.len() {
            0 => Err(wrong("the chain is empty".into()).help("name at least one provider, or leave `chain` out")),
            1..=CHAIN_MAX => Ok(Self { chain, fallback }),
            len => Err(wrong(format!("the chain has {len} providers; at most {CHAIN_MAX} are taken"))),
        }
    }
}

impl ModelLink {
    /// `PROVIDER` or `PROVIDER/MODEL`; a model's name may hold strokes of its own.
    fn parse(text: &str, known: &Known<'_>) -> Self {
        match text.split_once('/') {
            Some((provider, model)) if !known.has(text) => Self { provider: provider.into(), model: Some(model.into()) },
            _ => Self { provider: text.into(), model: None },
        }
    }
}

pub(super) fn circuit_breaker(section: &Reader<'_>) -> Result<BreakerOptions, Diagnostic> {
    let open_for: Duration = section.quantity::<Period>("timeout")?.get();
    Ok(BreakerOptions {
        failures_max: section.whole("threshold")?,
        open_for,
        open_for_max: open_for.saturating_mul(OPEN_MAX),
        ..BreakerOptions::default()
    })
}

impl Provider {
    fn offline() -> Self {
        Self {
            name: ProviderKind::Offline.as_str().into(),
            kind: ProviderKind::Offline,
            base_url: None,
            api_key: None,
            model: None,
            timeout: Period::from_secs(60),
            max_attempts: 1,
        }
    }

    fn read(item: &Reader<'_>) -> Result<Self, Diagnostic> {
        let kind = item.choice("type", &KINDS)?;
        Ok(Self {
            name: item.text_if("name")?.unwrap_or_else(|| kind.as_str().into()),
            kind,
            base_url: item.text_if("base_url")?,
            api_key: item.secret_if("api_key")?,
            model: item.text_if("model")?,
            timeout: item.quantity("timeout")?,
            max_attempts: item.whole("max_attempts")?,
        })
    }
}

/// Gives every provider its key: the one in the file, the environment's, then the secrets file's.
///
/// A key that custom keeps for a vendor goes to no other address by itself.
pub(super) fn give_keys(
    tree: &mut Node,
    sources: &Sources<'_>,
    secrets: &Secrets,
    problems: &mut Diagnostics,
    warnings: &mut Vec<Diagnostic>,
) {
    let list = tree.child_mut("llm").and_then(|llm| llm.child_mut("providers"));
    let Some(Value::List(items)) = list.map(|node| &mut node.value) else {
        return;
    };
    for item in items {
        let Some(kind) = item.at("type").and_then(Node::text).and_then(|text| KINDS.iter().find(|(name, _)| *name == text)) else {
            continue;
        };
        let kind = kind.1;
        let name: Box<str> = item.at("name").and_then(Node::text).unwrap_or(kind.as_str()).into();
        match key_of(item, &name, kind, sources, secrets) {
            Ok(Some(key)) => {
                if let Some(url) = item.at("base_url").and_then(Node::text).filter(|url| in_clear(url)) {
                    let message = format!("the key of the provider `{name}` travels unprotected to {url}");
                    warnings.push(item.place.error(message).key("llm.providers").warning().help("use `https`"));
                }
                if let Value::Map(map) = &mut item.value {
                    map.insert("api_key".into(), Entry { key: key.place.clone(), node: key });
                }
            }
            Ok(None) => {}
            Err(problem) => problems.push(problem.key("llm.providers")),
        }
    }
}

fn key_of(item: &Node, name: &str, kind: ProviderKind, sources: &Sources<'_>, secrets: &Secrets) -> Result<Option<Node>, Diagnostic> {
    if let Some(key) = item.at("api_key").filter(|node| !matches!(node.value, Value::Null)) {
        return Ok(Some(key.clone()));
    }
    let node = |origin: &str, kind, secret: Secret| Node::new(Value::Secret(secret), Source::new(kind, origin, "").top());
    let variable = |name: &str| sources.variable(name).map(|value| node(name, SourceKind::Environment, Secret::new(value)));
    if let Some(entry) = item.child("api_key_env") {
        let named = entry.node.text().unwrap_or_default();
        let unset = || entry.node.place.error(format!("the provider `{name}` takes its key from {named}, which is not set"));
        return variable(named).ok_or_else(unset).map(Some);
    }
    let kept = |name: &str| secrets.api_keys.get(name).map(|secret| node("security.secrets_file", SourceKind::File, secret.clone()));
    let Some((customary, host)) = kind.vendor() else {
        return Ok(None);
    };
    let at_vendor = item.at("base_url").and_then(Node::text).is_none_or(|url| host_of(url) == host);
    if !at_vendor {
        return Ok(kept(name));
    }
    match variable(customary).or_else(|| kept(name)).or_else(|| kept(kind.as_str())) {
        Some(key) => Ok(Some(key)),
        None => Err(item
            .place
            .error(format!("the provider `{name}` has no key"))
            .help(format!("set {customary}, or put `api_keys.{name}` into the file that `security.secrets_file` names (mode 0600)"))),
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(address),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

pub(super) fn in_clear(url: &str) -> bool {
    let host = host_of(url);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    url.starts_with("http://") && !loopback
}
