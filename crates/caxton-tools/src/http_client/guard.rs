//! Which hosts and addresses may be reached.

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

/// One entry of the allowlist.
#[derive(Debug)]
struct Pattern {
    host: Box<str>,
    /// `*.example.com`: every name below, not `example.com` itself.
    below: bool,
    port: Option<u16>,
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
                Ok(port) => (host.to_owned(), Some(port)),
                Err(_) => (text.clone(), None),
            },
            _ => (text.clone(), None),
        };
        match host.strip_prefix("*.") {
            Some(below) => Self { host: below.into(), below: true, port },
            None => Self { host: host.into(), below: false, port },
        }
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        let named = if self.below { host.strip_suffix(&*self.host).is_some_and(|front| front.ends_with('.')) } else { host == &*self.host };
        named && self.port.is_none_or(|own| own == port)
    }
}

/// Decides on a URL before a name is resolved, and on addresses after.
#[derive(Debug)]
pub(super) struct Guard {
    allowed: Vec<Pattern>,
    private: Vec<Pattern>,
}

impl Guard {
    pub(super) fn new(allowed: &[Box<str>], private: &[Box<str>]) -> Self {
        let parse = |list: &[Box<str>]| list.iter().map(|text| Pattern::parse(text)).collect();
        Self { allowed: parse(allowed), private: parse(private) }
    }

    /// Refuses a URL that is not http(s), carries credentials, or whose host is not allowed.
    pub(super) fn check(&self, url: &Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`url`: `{}` is not http or https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("`url` carries a user name or password; send a header instead".into());
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let private = self.private.iter().any(|pattern| pattern.matches(host, port));
        if !private && !self.allowed.iter().any(|pattern| pattern.matches(host, port)) {
            return Err(format!("`url`: the host `{host}` is not in `tools.http_client.allowed_hosts`"));
        }
        if !private && self.may_be_private(host) {
            return Err(format!("`url`: `{host}` is private and allowed at another port only"));
        }
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match literal {
            Ok(address) if !private && !is_public(address) => {
                Err(format!("`url`: {address} is a private address; `tools.http_client.allowed_private_hosts` can allow it"))
            }
            _ => Ok(()),
        }
    }

    fn may_be_private(&self, host: &str) -> bool {
        self.private.iter().any(|pattern| pattern.matches(host, pattern.port.unwrap_or_default()))
    }
}

/// Resolves names and hands on only addresses that may be reached.
#[derive(Debug, Clone)]
pub(super) struct Resolver(pub(super) Arc<Guard>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str().to_ascii_lowercase();
            let private = guard.may_be_private(&host);
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let reachable: Vec<SocketAddr> = found.filter(|address| private || is_public(address.ip())).collect();
            if reachable.is_empty() {
                return Err(format!("`{host}` resolves to no public address").into());
            }
            Ok(Box::new(reachable.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is of the public internet (IANA special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is given out; of it 2001::/23 (protocols, Teredo), 2001:db8::/32 and 2002::/16 (6to4) wrap other addresses.
    let global = a & 0xe000 == 0x2000;
    let wraps = a == 0x2002 || (a == 0x2001 && (b < 0x0200 || b == 0x0db8));
    global && !wraps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_hosts_pass() {
        let guard = Guard::new(
            &["api.example.com".into(), "*.data.org".into(), "10.0.0.1".into(), "x.io:8443".into()],
            &["127.0.0.1:9".into(), "inside.data.org:9".into()],
        );
        let check = |url: &str| guard.check(&url.parse().unwrap()).is_ok();
        for good in
            ["https://api.example.com/a", "http://a.data.org", "http://a.b.data.org:81", "https://x.io:8443/", "http://127.0.0.1:9/"]
        {
            assert!(check(good), "{good}");
        }
        for bad in [
            "ftp://api.example.com",
            "https://example.com",
            "https://api.example.com.evil.org",
            "https://data.org",
            "https://xdata.org",
            "https://x.io",
            "http://10.0.0.1",
            "http://127.0.0.1:10",
            "http://inside.data.org/",
            "http://user:pw@api.example.com",
            "http://[::1]/",
        ] {
            assert!(!check(bad), "{bad}");
        }
    }

    #[test]
    fn special_addresses_are_not_public() {
        for private in [
            "10.1.2.3",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "2002:a00:1::",
            "2001:db8::1",
            "64:ff9b::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:1.1.1.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
