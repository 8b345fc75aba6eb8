//! Which hosts may be reached, and at which addresses.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use caxton_types::{Code, Fault, HostRule, Scheme};
use ipnet::IpNet;

use super::is_public;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'t> {
    /// None is a raw connection.
    pub scheme: Option<Scheme>,
    /// In small letters; an IPv6 address without brackets.
    pub host: &'t str,
    pub port: u16,
    /// In capitals; empty where there is none.
    pub method: &'t str,
}

impl Target<'_> {
    /// The address, where the host is one.
    pub fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.map_or("tcp/udp", scheme_name);
        let space = if self.method.is_empty() { "" } else { " " };
        let (left, right) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{}{space}{scheme}://{left}{}{right}:{}", self.method, self.host, self.port)
    }
}

/// Why a request is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no rule allows `{target}`")]
    NotListed { target: String },
    #[error("a rule denies `{target}`")]
    Denied { target: String },
    #[error("`{host}` resolves to {address}, which is not public")]
    Private { host: Box<str>, address: IpAddr },
    #[error("`{host}` resolves to no address: {reason}")]
    Unresolved { host: Box<str>, reason: String },
}

impl Fault for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::NotListed { .. } | Self::Denied { .. } | Self::Private { .. } => Code::Denied,
            Self::Unresolved { .. } => Code::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotListed { .. } => Some("list the host among those that are allowed".into()),
            Self::Private { .. } => Some("allow the host at its private address explicitly".into()),
            Self::Denied { .. } | Self::Unresolved { .. } => None,
        }
    }
}

/// The text is no host, address or network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host, address or network")]
pub struct InvalidHost(pub Box<str>);

/// What may be reached: what a rule allows and none denies.
#[derive(Debug, Clone, Default)]
pub struct HostRules {
    allowed: Vec<Rule>,
    denied: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    scheme: Option<Scheme>,
    host: Host,
    port: Port,
    methods: Vec<Box<str>>,
    private: bool,
}

#[derive(Debug, Clone)]
enum Host {
    Name(Box<str>),
    /// Every name below, not the name itself.
    Below(Box<str>),
    Network(IpNet),
}

#[derive(Debug, Clone, Copy)]
enum Port {
    Any,
    /// The scheme's own; of a raw connection either of the two.
    Own,
    This(u16),
}

impl HostRules {
    /// Reads the rules of a tool's permissions. A rule that allows holds at the scheme's own port where it names none;
    /// one that denies holds at every port.
    pub fn new(allowed: &[HostRule], denied: &[HostRule]) -> Result<Self, InvalidHost> {
        let read = |rules: &[HostRule], port| rules.iter().map(|rule| Rule::read(rule, port)).collect::<Result<_, _>>();
        Ok(Self { allowed: read(allowed, Port::Own)?, denied: read(denied, Port::Any)? })
    }

    /// Reads plain patterns: `api.example.com`, `*.example.com`, `203.0.113.0/24`, each with an optional `:port`; every
    /// port where none is named. The second list may have private addresses.
    pub fn of_patterns(allowed: &[Box<str>], private: &[Box<str>]) -> Result<Self, InvalidHost> {
        let lists = [(allowed, false), (private, true)];
        let read = lists.into_iter().flat_map(|(list, private)| list.iter().map(move |text| Rule::pattern(text, private)));
        Ok(Self { allowed: read.collect::<Result<_, _>>()?, denied: vec![] })
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty()
    }

    /// Whether a name may be asked for at all.
    pub fn is_named(&self, host: &str) -> bool {
        self.allowed.iter().any(|rule| rule.names(host)) && !self.denied.iter().any(|rule| rule.names(host) && rule.is_total())
    }

    /// The names that raw connections may go to.
    pub(crate) fn raw_names(&self) -> impl Iterator<Item = &str> {
        self.allowed.iter().filter(|rule| rule.scheme.is_none()).filter_map(|rule| match &rule.host {
            Host::Name(name) => Some(&**name),
            Host::Below(_) | Host::Network(_) => None,
        })
    }

    /// Refuses what no rule can allow, whatever its host resolves to.
    pub fn check(&self, target: &Target<'_>) -> Result<(), Refusal> {
        let literal = target.literal();
        if self.denied.iter().any(|rule| rule.fits(target) && (rule.names(target.host) || literal.is_some_and(|own| rule.holds(own)))) {
            return Err(Refusal::Denied { target: target.to_string() });
        }
        if self.allowed.iter().any(|rule| rule.fits(target) && rule.lists(target)) {
            Ok(())
        } else {
            Err(Refusal::NotListed { target: target.to_string() })
        }
    }

    /// Of the addresses that a target's host has, those that may be connected to; at least one. To be called for a target that
    /// [`HostRules::check`] lets pass, and to be connected to without another look at the name.
    pub fn reachable(&self, target: &Target<'_>, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, Refusal> {
        let judged: Vec<_> = found.iter().map(|address| (*address, self.judge(target, address.ip().to_canonical()))).collect();
        let passed: Vec<SocketAddr> = judged.iter().filter(|(_, verdict)| verdict.is_ok()).map(|(address, _)| *address).collect();
        if !passed.is_empty() {
            return Ok(passed);
        }
        let none = || Refusal::Unresolved { host: target.host.into(), reason: "there is none".into() };
        Err(judged.into_iter().find_map(|(_, verdict)| verdict.err()).unwrap_or_else(none))
    }

    fn judge(&self, target: &Target<'_>, address: IpAddr) -> Result<(), Refusal> {
        if self.denied.iter().any(|rule| rule.fits(target) && rule.holds(address)) {
            return Err(Refusal::Denied { target: target.to_string() });
        }
        let fitting = || self.allowed.iter().filter(|rule| rule.fits(target));
        if !fitting().any(|rule| rule.lists(target)) {
            return Err(Refusal::NotListed { target: target.to_string() });
        }
        // A network that is listed with its private addresses opens them to the names that are listed too.
        if is_public(address) || fitting().any(|rule| rule.private && (rule.lists(target) || rule.holds(address))) {
            return Ok(());
        }
        Err(Refusal::Private { host: target.host.into(), address })
    }
}

impl Rule {
    fn read(rule: &HostRule, unnamed: Port) -> Result<Self, InvalidHost> {
        Ok(Self {
            scheme: rule.scheme,
            host: Host::read(&rule.host)?,
            port: rule.port.map_or(unnamed, Port::This),
            methods: rule.methods.iter().map(|method| method.to_ascii_uppercase().into()).collect(),
            private: rule.private,
        })
    }

    fn pattern(text: &str, private: bool) -> Result<Self, InvalidHost> {
        let text = text.trim();
        let split = text.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let (host, port) = match split.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
            Some((host, port)) => (host, Port::This(port)),
            None => (text, Port::Any),
        };
        Ok(Self { scheme: None, host: Host::read(host)?, port, methods: vec![], private })
    }

    /// By scheme, port and method.
    fn fits(&self, target: &Target<'_>) -> bool {
        let port = match (self.port, target.scheme) {
            (Port::Any, _) => true,
            (Port::This(port), _) => port == target.port,
            (Port::Own, Some(scheme)) => target.port == own_port(scheme),
            (Port::Own, None) => [Scheme::Http, Scheme::Https].map(own_port).contains(&target.port),
        };
        // A rule that names a scheme or a method is about HTTP and opens no raw connection.
        let scheme = self.scheme.is_none() || self.scheme == target.scheme;
        let method = self.methods.is_empty() || self.methods.iter().any(|method| **method == *target.method);
        port && scheme && method
    }

    fn names(&self, host: &str) -> bool {
        match &self.host {
            Host::Name(name) => **name == *host,
            Host::Below(name) => host.strip_suffix(&**name).is_some_and(|front| front.len() > 1 && front.ends_with('.')),
            Host::Network(_) => false,
        }
    }

    /// A network lists its addresses, not the names that lead there: to ask for any name would be a way out.
    fn lists(&self, target: &Target<'_>) -> bool {
        self.names(target.host) || target.literal().is_some_and(|address| self.holds(address))
    }

    fn holds(&self, address: IpAddr) -> bool {
        matches!(&self.host, Host::Network(network) if network.contains(&address.to_canonical()))
    }

    /// Whether it speaks of everything at its host.
    fn is_total(&self) -> bool {
        self.scheme.is_none() && matches!(self.port, Port::Any) && self.methods.is_empty()
    }
}

impl Host {
    fn read(text: &str) -> Result<Self, InvalidHost> {
        let host = text.trim().trim_end_matches('.').to_ascii_lowercase();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Network(address.to_canonical().into()));
        }
        if let Ok(network) = bare.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        let (below, name) = host.strip_prefix("*.").map_or((false, &*host), |name| (true, name));
        let label = |label: &str| {
            !label.is_empty() && label.len() <= 63 && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(InvalidHost(text.into()));
        }
        Ok(if below { Self::Below(name.into()) } else { Self::Name(name.into()) })
    }
}

pub(super) fn own_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    }
}

fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}

#[cfg(test)]
mod tests;
