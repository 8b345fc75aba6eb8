//! What a tool may touch, in a few words for people.

use caxton_types::{Access, EnvSource, HostRule, MemoryGrant, Permissions, Scheme};

/// What is granted, one thing after the other; nothing where nothing is.
pub fn words(permissions: &Permissions) -> Vec<String> {
    let Permissions { directories, files, denied_paths, hosts, denied_hosts, sockets, environment, memory, tools } = permissions;
    let mut words = Vec::new();
    for grant in directories {
        let what = match grant.access {
            Access::Read => "reads",
            Access::ReadWrite => "reads and writes",
        };
        words.push(format!("{what} {} as {}", grant.host.display(), grant.guest));
    }
    words.extend(files.iter().map(|grant| format!("reads {} as {}", grant.host.display(), grant.guest)));
    words.extend(denied_paths.iter().map(|path| format!("never {}", path.display())));
    words.extend(hosts.iter().map(|rule| format!("sends to {}", host(rule))));
    words.extend(denied_hosts.iter().map(|rule| format!("never to {}", host(rule))));
    if *sockets {
        words.push("opens connections of its own to these hosts".to_owned());
    }
    words.extend(environment.iter().map(|variable| match &variable.source {
        EnvSource::Value(_) => format!("variable {}", variable.name),
        EnvSource::Secret(secret) => format!("variable {} (secret {secret})", variable.name),
    }));
    words.extend(memory.iter().map(|MemoryGrant { scope, access }| match (access, scope.as_str()) {
        (Access::Read, scope) => format!("searches memory of scope {scope}"),
        (Access::ReadWrite, scope) => format!("searches memory of scope {scope} and adds to it"),
    }));
    words.extend(tools.iter().map(|tool| format!("calls {tool}")));
    words
}

/// `https://api.example.com:8443 (GET, POST)`.
fn host(rule: &HostRule) -> String {
    let scheme = match rule.scheme {
        Some(Scheme::Http) => "http://",
        Some(Scheme::Https) => "https://",
        None => "",
    };
    let port = rule.port.map_or_else(String::new, |port| format!(":{port}"));
    let methods = if rule.methods.is_empty() { String::new() } else { format!(" ({})", rule.methods.join(", ")) };
    let private = if rule.private { ", also at a private address" } else { "" };
    format!("{scheme}{}{port}{methods}{private}", rule.host)
}
