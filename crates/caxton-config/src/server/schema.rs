//! Every key of the server's configuration, with its kind, its default and what it does: the one list that reading, checking and the
//! documentation follow.

mod keep;
mod kinds;
mod models;
mod sandbox;
mod service;
mod tools;

pub use self::kinds::Kind;
use self::kinds::Words;

pub(crate) use self::kinds::CAP_MAX;
pub(super) use self::kinds::NO_CAP;

use caxton_types::Quantity;

/// One key. In `path`, `*` stands for a name that the writer chooses and `[]` for each item of a list.
#[derive(Debug)]
pub struct Key {
    /// The dotted path.
    pub path: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// The default as YAML; empty for none.
    pub default: &'static str,
    /// Whether it may change while the server runs.
    pub live: bool,
    /// What it does.
    pub doc: &'static str,
    /// A value, for the documentation.
    pub example: &'static str,
}

const fn key(path: &'static str, kind: Kind, default: &'static str, example: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default, live: false, doc, example }
}

const fn live(key: Key) -> Key {
    Key { live: true, ..key }
}

const fn cap(path: &'static str, what: Quantity, example: &'static str, doc: &'static str) -> Key {
    live(key(path, Kind::Cap(what), NO_CAP, example, doc))
}

const fn words(all: &'static [&'static str]) -> Words {
    Words { all, aliases: &[], unbuilt: &[] }
}

const KB: u64 = 1000;
const MB: u64 = 1_000_000;
const SECOND: u64 = 1000;
const HOUR: u64 = 3_600_000;
const CENTURY: u64 = 100 * 365 * 24 * HOUR;
const TB: u64 = 1_000_000_000_000;

/// Every key, in the order of the documentation.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    [service::KEYS, models::KEYS, sandbox::KEYS, tools::KEYS, keep::KEYS].into_iter().flatten()
}

/// Keys of sections that are known and not built yet; everything below such a key is not built either.
pub(super) static UNBUILT: &[&str] = &[
    "server.metrics_port",
    "server.grpc_port",
    "server.tls",
    "runtime.max_memory_per_agent",
    "runtime.max_cpu_per_agent",
    "runtime.enable_hot_reload",
    "messaging.delivery_timeout",
    "messaging.retry_attempts",
    "messaging.retry_delay",
    "messaging.persistence_path",
    "messaging.capability_routing",
    "coordination.local_state.path",
    "coordination.cluster",
    "coordination.partition",
    "observability.logging.file_path",
    "observability.logging.max_file_size",
    "observability.logging.max_backups",
    "observability.logging.max_age",
    "observability.metrics",
    "observability.tracing",
    "security.authentication",
    "security.authorization",
    "security.rate_limiting",
    "security.cors",
    "deployment",
    "integrations.webhooks",
    "resources.cpu",
    "resources.memory",
    "resources.disk.temp_dir",
    "resources.disk.max_temp_size",
    "resources.disk.cleanup_interval",
    "storage.postgres",
    "storage.etcd",
    "storage.endpoints",
    "memory",
    "experimental",
    "database",
    "api_keys",
    "credentials",
    "cluster",
    "capabilities",
    "router",
    "performance",
    "tools.allowed_tools",
];

/// The key at this pattern.
pub(super) fn find(pattern: &str) -> Option<&'static Key> {
    keys().find(|key| key.path == pattern)
}

/// What may follow this pattern: names, `*` or `[]`.
pub(super) fn children(pattern: &str) -> impl Iterator<Item = &'static str> {
    let head = |rest: &'static str| rest.find(['.', '[']).map_or(rest, |end| rest.get(..end).unwrap_or(rest));
    keys().filter_map(move |key| {
        let rest = key.path.strip_prefix(pattern)?;
        match rest.strip_prefix('.') {
            _ if pattern.is_empty() => Some(head(rest)),
            Some(rest) => Some(head(rest)),
            None => rest.starts_with("[]").then_some("[]"),
        }
    })
}
