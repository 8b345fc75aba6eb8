//! What values the keys of the configuration take: how each is checked, and what the documentation calls it.

use crate::{scalar, tree::Node};
use caxton_types::{
    Money, Quantity,
    unit::{ByteSize, Period},
};
use std::time::Duration;

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds.
    Whole(i64, i64),
    /// A number of bytes within bounds.
    Size(u64, u64),
    /// A length of time within bounds, in milliseconds.
    Time(u64, u64),
    /// One of these words.
    Choice(&'static Words),
    /// Any text.
    Text,
    /// A list of them.
    Texts,
    /// An amount of US dollars.
    Money,
    /// The most of a quantity that a budget allows, or `none`.
    Cap(Quantity),
    /// The name of a host, or an IP address.
    Host,
    /// A list of names of hosts.
    Hosts,
    /// One of them: a host with or without a port.
    Authority,
    /// An `http` or `https` URL.
    Url,
    /// A file or a directory; a relative one starts where the configuration file stands.
    Path,
    /// A log filter: a level, or `target=level` pairs.
    Filter,
    /// A key or a token; it is never shown.
    Secret,
}

/// The words of a choice.
#[derive(Debug)]
pub struct Words {
    /// Those that work.
    pub all: &'static [&'static str],
    /// Other spellings, with the word they stand for.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Those that are known and not built yet.
    pub unbuilt: &'static [&'static str],
}

/// The largest cap that can be written: far beyond any use, and far from any overflow.
pub(crate) const CAP_MAX: i64 = 1_000_000_000_000_000;
/// What stands in place of a cap where there is none.
pub(in crate::server) const NO_CAP: &str = "none";

impl Kind {
    /// Checks a value; the message says what was expected.
    pub(in crate::server) fn check(self, node: &Node) -> Result<(), String> {
        match self {
            Self::Flag => scalar::flag(node).map(drop),
            Self::Whole(min, max) => scalar::whole(node, min, max).map(drop),
            Self::Size(min, max) => {
                let (min, max) = (ByteSize::new(min), ByteSize::new(max));
                let size: ByteSize = scalar::quantity(node)?;
                if (min..=max).contains(&size) { Ok(()) } else { Err(format!("expected a size from {min} to {max}, found {size}")) }
            }
            Self::Time(min, max) => {
                let time: Period = scalar::quantity(node)?;
                let millis = |millis| Period::new(Duration::from_millis(millis));
                if (min..=max).contains(&u64::try_from(time.get().as_millis()).unwrap_or(u64::MAX)) {
                    Ok(())
                } else {
                    Err(format!("expected a time from {} to {}, found {time}", millis(min), millis(max)))
                }
            }
            Self::Choice(words) => scalar::choice(node, words.all, words.aliases).map(drop),
            Self::Text | Self::Path => scalar::text(node).map(drop),
            Self::Texts => scalar::texts(node).map(drop).map_err(|(wrong, _)| wrong),
            Self::Money => scalar::quantity::<Money>(node).map(drop),
            Self::Cap(_) if node.text().is_some_and(|text| text == NO_CAP) => Ok(()),
            Self::Cap(Quantity::Money) => scalar::quantity::<Money>(node).map(drop),
            Self::Cap(Quantity::WallTime) => scalar::quantity::<Period>(node).map(drop),
            Self::Cap(Quantity::Tokens | Quantity::ToolCalls | Quantity::Steps) => scalar::whole(node, 0, CAP_MAX).map(drop),
            Self::Host => host(scalar::text(node)?),
            Self::Authority => authority(scalar::text(node)?),
            Self::Hosts => scalar::texts(node).map_err(|(wrong, _)| wrong)?.into_iter().try_for_each(|(text, _)| authority(text)),
            Self::Url => url(scalar::text(node)?),
            Self::Filter => filter(scalar::text(node)?),
            Self::Secret => match &node.value {
                crate::tree::Value::Secret(_) => Ok(()),
                _ => scalar::text(node).map(drop).map_err(|_| "expected a text that is not empty".into()),
            },
        }
    }

    /// Its unit, for the documentation.
    pub fn unit(self) -> String {
        match self {
            Self::Flag => "`true` or `false`".into(),
            Self::Whole(min, max) => format!("number, {min} to {max}"),
            Self::Size(min, max) => format!("size, {} to {}", ByteSize::new(min), ByteSize::new(max)),
            Self::Time(min, max) => {
                let period = |millis| Period::new(Duration::from_millis(millis));
                format!("time, {} to {}", period(min), period(max))
            }
            Self::Choice(words) => words.all.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Self::Text => "text".into(),
            Self::Texts => "list of texts".into(),
            Self::Money => "US dollars".into(),
            Self::Cap(Quantity::Money) => "US dollars or `none`".into(),
            Self::Cap(Quantity::WallTime) => "time or `none`".into(),
            Self::Cap(Quantity::Tokens | Quantity::ToolCalls | Quantity::Steps) => "number or `none`".into(),
            Self::Host => "host name or address".into(),
            Self::Authority => "host name, with a port or without".into(),
            Self::Hosts => "list of host names".into(),
            Self::Url => "URL".into(),
            Self::Path => "path".into(),
            Self::Filter => "log filter".into(),
            Self::Secret => "secret".into(),
        }
    }
}

/// A host with or without a port.
fn authority(text: &str) -> Result<(), String> {
    match text.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.parse::<u16>().is_ok() => host(name),
        _ => host(text),
    }
}

fn host(text: &str) -> Result<(), String> {
    let valid = text.parse::<std::net::IpAddr>().is_ok()
        || (text.len() <= 253 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'*')));
    if valid { Ok(()) } else { Err(format!("`{text}` is not the name of a host or an IP address")) }
}

fn url(text: &str) -> Result<(), String> {
    if text.contains('@') {
        return Err("a URL with a name or a password in it is not taken".into());
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let valid = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace));
    if valid { Ok(()) } else { Err(format!("`{text}` is not a URL such as `https://example.com/v1`")) }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

fn filter(text: &str) -> Result<(), String> {
    for directive in text.split(',') {
        let directive = directive.trim();
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
        let is_level = LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level));
        // A target alone is a filter too; a word without a path in it is more likely a level mistyped.
        if !is_level && (directive.contains('=') || !(directive.contains("::") || directive.starts_with("caxton"))) {
            return Err(format!("`{level}` is not a log level (`off`, `error`, `warn`, `info`, `debug`, `trace`)"));
        }
    }
    Ok(())
}
