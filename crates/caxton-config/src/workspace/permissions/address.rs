//! Hosts of a policy: a name, an address, a network, or a URL of which scheme, host and port count.

use super::Side;
use caxton_types::{HostRule, Scheme};
use std::net::IpAddr;

const NAME_LEN_MAX: usize = 253;

/// Every host there is, which is denied and never granted.
pub(super) const EVERY: &str = "*";

/// A host, and what of the text does nothing: a path does not bound what may be sent to its host.
pub(super) fn host(text: &str, side: Side) -> Result<(HostRule, Option<String>), String> {
    let (scheme, rest) = match text.split_once("://") {
        Some(("https", rest)) => (Some(Scheme::Https), rest),
        Some(("http", rest)) => (Some(Scheme::Http), rest),
        Some((other, _)) => return Err(format!("`{text}`: `{other}` is neither `http` nor `https`")),
        None => (None, text),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let ignored = (!matches!(path, "" | "/")).then(|| format!("`{path}` bounds nothing: all of the host is meant"));
    let wrong = || format!("`{text}` is no host such as `api.example.com`, `*.example.com` or `https://api.example.com:8443`");
    if authority.contains('@') {
        return Err(format!("`{text}` holds a user: credentials have no place here"));
    }
    let (name, port) = split_port(authority).ok_or_else(wrong)?;
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if name == EVERY {
        return match side {
            Side::Deny if text == EVERY => Ok((HostRule { scheme, host: name.into(), port, methods: vec![], private: false }, None)),
            Side::Deny => Err(format!("`{text}`: `*` denies every host and stands alone")),
            Side::Allow => Err("`*` is every host there is, and can only be denied: name those that the tool needs".into()),
        };
    }
    if name.parse::<IpAddr>().is_err() && !is_name(name.strip_prefix("*.").unwrap_or(&name)) {
        return Err(wrong());
    }
    Ok((HostRule { scheme, host: name.into(), port, methods: vec![], private: false }, ignored))
}

/// A network such as `203.0.113.0/24`.
pub(super) fn network(text: &str) -> Result<HostRule, String> {
    let wrong = || format!("`{text}` is no network such as `203.0.113.0/24`");
    let (address, length) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let length_max = if address.is_ipv4() { 32 } else { 128 };
    let length: u8 = length.parse().ok().filter(|length| *length <= length_max).ok_or_else(wrong)?;
    Ok(HostRule { scheme: None, host: format!("{address}/{length}").into(), port: None, methods: vec![], private: false })
}

/// Whether a rule names what is reached only where the rule says `private`: the machine itself, or a network that is not public.
pub(super) fn is_private(rule: &HostRule) -> bool {
    let address = rule.host.split_once('/').map_or(&*rule.host, |(address, _)| address);
    match address.parse() {
        Ok(IpAddr::V4(address)) => address.is_private() || address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_unique_local() || address.is_loopback() || address.is_unicast_link_local(),
        Err(_) => *rule.host == *"localhost" || rule.host.ends_with(".localhost"),
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(text) => Some((address, Some(port(text)?))),
            None => rest.is_empty().then_some((address, None)),
        };
    }
    match authority.split_once(':') {
        // Two colons and no brackets: an address of the sixth version alone.
        Some((_, rest)) if rest.contains(':') => Some((authority, None)),
        Some((name, text)) => Some((name, Some(port(text)?))),
        None => Some((authority, None)),
    }
}

fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What ends in a number is an address to some, and no address here.
    let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    (1..=NAME_LEN_MAX).contains(&name.len()) && name.split('.').all(label) && !numeric
}
