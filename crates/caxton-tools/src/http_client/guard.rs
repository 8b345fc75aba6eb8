//! Which hosts and addresses the client may reach: the rules and the addresses are the sandbox's, for every guest alike.

use crate::built_in::Refusal;
use caxton_sandbox::egress::{HostRules, Target, is_public};
use caxton_types::{Code, Scheme};
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use std::{net::SocketAddr, slice, sync::Arc};

/// Decides on a URL before a name is resolved, and on addresses after.
#[derive(Debug)]
pub(super) struct Guard {
    /// All that may be reached.
    rules: HostRules,
    /// Of that, what may be at a private address.
    private: HostRules,
}

impl Guard {
    pub(super) fn new(allowed: &[Box<str>], private: &[Box<str>]) -> Self {
        let (allowed, private) = (valid(allowed), valid(private));
        let read = |allowed: &[Box<str>], private: &[Box<str>]| HostRules::of_patterns(allowed, private).unwrap_or_default();
        Self { rules: read(&allowed, &private), private: read(&[], &private) }
    }

    /// Refuses a URL that is not http(s), carries credentials, or whose host is not allowed.
    pub(super) fn check(&self, url: &Url) -> Result<(), Refusal> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(Refusal::invalid(format!("`url`: `{other}` is not http or https"))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::invalid("`url` carries a user name or password; send a header instead"));
        }
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let target = Target { scheme: Some(scheme), host, port: url.port_or_known_default().unwrap_or_default(), method: "" };
        if self.rules.check(&target).is_err() {
            return Err(denied(format!("the host `{host}` is not in `tools.http_client.allowed_hosts`")));
        }
        let private = self.private.check(&target).is_ok();
        if !private && self.private.is_named(host) {
            return Err(denied(format!("`{host}` is private and allowed at another port only")));
        }
        match target.literal() {
            Some(address) if !private && !is_public(address) => {
                Err(denied(format!("{address} is a private address; `tools.http_client.allowed_private_hosts` can allow it")))
            }
            _ => Ok(()),
        }
    }
}

fn denied(reason: String) -> Refusal {
    Refusal::new(Code::Denied, reason).hint("whoever runs the server grants hosts in its configuration")
}

/// A name whose every address is private; it may not be reached by it.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` resolves to no public address")]
struct NotPublic(String);

/// Why the resolver let nothing through, where that is why a request failed.
pub(super) fn refusal_in(error: &reqwest::Error) -> Option<Refusal> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(private) = error.downcast_ref::<NotPublic>() {
            return Some(denied(private.to_string()));
        }
        cause = error.source();
    }
    None
}

/// Without what is no host: it allows nothing.
fn valid(list: &[Box<str>]) -> Vec<Box<str>> {
    let mut valid = list.to_vec();
    valid.retain(|text| {
        let read = HostRules::of_patterns(slice::from_ref(text), &[]);
        read.inspect_err(|error| tracing::warn!(%error, "an allowed host of `http_client` allows nothing")).is_ok()
    });
    valid
}

/// Resolves names and hands on only addresses that may be reached.
#[derive(Debug, Clone)]
pub(super) struct Resolver(pub(super) Arc<Guard>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str().to_ascii_lowercase();
            let private = guard.private.is_named(&host);
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let reachable: Vec<SocketAddr> = found.filter(|address| private || is_public(address.ip())).collect();
            if reachable.is_empty() {
                return Err(NotPublic(host).into());
            }
            Ok(Box::new(reachable.into_iter()) as Addrs)
        })
    }
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
}
