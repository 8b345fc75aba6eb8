//! Model providers: agents name what they need, the configuration says who gives it.

use super::{read::Reader, sources::Sources};
use crate::{
    Diagnostic, Diagnostics, Secret, Secrets, SourceKind,
    source::Source,
    tree::{Entry, Node, Value},
};
use caxton_types::{nearest, unit::Period};
use std::collections::{BTreeMap, BTreeSet};

/// Model providers, and which model is whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Llm {
    /// In their order; never empty: without any, the offline provider is there.
    pub providers: Vec<Provider>,
    /// By the name that agents use.
    pub models: BTreeMap<Box<str>, ModelRoute>,
    /// The provider of `chat` where `models` has no entry for it.
    pub default: Box<str>,
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
    /// The provider.
    pub provider: Box<str>,
    /// The vendor's name of the model; the provider's own where absent.
    pub model: Option<Box<str>>,
}

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
    /// Who answers for the model that an agent names, and as what; nothing for an unknown name.
    pub fn resolve(&self, name: &str) -> Option<(&Provider, Option<&str>)> {
        let route = self.models.get(name);
        let provider = match route {
            Some(route) => &route.provider,
            None if name == CHAT => &self.default,
            None => return None,
        };
        let provider = self.provider(provider)?;
        Some((provider, route.and_then(|route| route.model.as_deref()).or(provider.model.as_deref())))
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
        let names = || providers.iter().map(|provider| &*provider.name);
        let unknown = |reader: &Reader<'_>, key: &str, name: &str| {
            let help = nearest(name, names()).map_or_else(
                || format!("known providers: {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            reader.about(key, format!("no provider is named `{name}`")).help(help)
        };
        let default = match root.text_if("llm.default")? {
            Some(name) if !names().any(|known| known == &*name) => return Err(unknown(root, "llm.default", &name)),
            Some(name) => name,
            None => names().next().unwrap_or_default().into(),
        };
        let mut models = BTreeMap::new();
        for (name, _, reader) in root.named("llm.models") {
            let route = ModelRoute { provider: reader.text("provider")?, model: reader.text_if("model")? };
            if !names().any(|known| *known == *route.provider) {
                return Err(unknown(&reader, "provider", &route.provider));
            }
            models.insert(name.into(), route);
        }
        let llm = Self { providers, models, default };
        llm.check_models(root)?;
        Ok(llm)
    }

    /// Whatever an agent may name leads to a vendor's model.
    fn check_models(&self, root: &Reader<'_>) -> Result<(), Diagnostic> {
        for name in self.model_names() {
            if let Some((provider, None)) = self.resolve(name)
                && provider.kind != ProviderKind::Offline
            {
                let message =
                    format!("the provider `{}` is to answer for the model `{name}`, but no `model` of it is named", provider.name);
                return Err(root.about("llm.providers", message).help("add `model`, the vendor's name of it, to the provider"));
            }
        }
        Ok(())
    }
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

fn in_clear(url: &str) -> bool {
    let host = host_of(url);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    url.starts_with("http://") && !loopback
}
