//! Who may talk to a listener on the loopback interface: programs of this machine, not pages that a browser got from elsewhere.
//!
//! A page whose name was rebound to 127.0.0.1 sends its own name as `Host`; a page that posts across origins sends its own `Origin`.

use super::Fail;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use caxton_types::{Code, one_line};
use std::{net::IpAddr, sync::Arc};

/// Names under which the server may be addressed, beside those of the loopback interface: the host that the configuration binds.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedHosts(Arc<[Box<str>]>);

impl AllowedHosts {
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_lowercase().into()).collect())
    }

    fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&host);
        host == "localhost"
            || host.ends_with(".localhost")
            || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            || self.0.iter().any(|known| **known == *host)
    }
}

/// `name`, `name:port` or `[address]:port` without its port.
fn without_port(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority.find(']').map_or(authority, |end| authority.split_at(end + 1).0);
    }
    authority.split_once(':').map_or(authority, |(name, _)| name)
}

fn authority<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> Option<&'r str> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    host.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))
}

fn check(hosts: &AllowedHosts, headers: &HeaderMap, uri: &Uri) -> Result<(), Fail> {
    let Some(authority) = authority(headers, uri) else {
        return Err(Fail::invalid("the request names no host").hint("send a `Host` header"));
    };
    if !hosts.allows(without_port(authority)) {
        return Err(Fail::new(Code::Denied, format!("this server does not answer as `{}`", shown(authority)))
            .hint("address it as `localhost` or `127.0.0.1`"));
    }
    let same = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        origin.split_once("://").is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && rest.eq_ignore_ascii_case(authority))
    };
    match headers.get(header::ORIGIN) {
        Some(origin) if !same(origin) => Err(Fail::new(
            Code::Denied,
            format!("pages of `{}` may not call this server", shown(&String::from_utf8_lossy(origin.as_bytes()))),
        )),
        _ => Ok(()),
    }
}

fn shown(text: &str) -> String {
    one_line(text, 80)
}

/// Refuses requests under a foreign name and from foreign pages.
pub(crate) async fn guard(State(hosts): State<AllowedHosts>, request: Request, next: Next) -> Response {
    match check(&hosts, request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(fail) => fail.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(host: Option<&str>, origin: Option<&str>) -> bool {
        let hosts = AllowedHosts::new(["Caxton.Internal".to_owned()]);
        let mut headers = HeaderMap::new();
        let pairs = [(header::HOST, host), (header::ORIGIN, origin)];
        for (name, value) in pairs.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        check(&hosts, &headers, &Uri::from_static("/health")).is_ok()
    }

    #[test]
    fn loopback_and_configured_names_are_answered() {
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST",
            "127.0.0.1:9",
            "127.9.9.9",
            "[::1]",
            "[::1]:80",
            "a.localhost",
            "caxton.internal:1",
        ] {
            assert!(allowed(Some(host), None), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "", "[::1"]
        {
            assert!(!allowed(Some(host), None), "{host}");
        }
        assert!(!allowed(None, None), "no host at all");
    }

    #[test]
    fn only_pages_of_the_server_itself_may_call_it() {
        assert!(allowed(Some("localhost:8080"), Some("http://localhost:8080")));
        for origin in
            ["http://localhost:3000", "http://evil.example", "null", "", "file://localhost:8080", "http://localhost:8080.evil.example"]
        {
            assert!(!allowed(Some("localhost:8080"), Some(origin)), "{origin}");
        }
    }
}
