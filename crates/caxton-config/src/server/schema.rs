//! Every key of the server's configuration, with its kind, its default and what it does: the one list that reading, checking and the
//! documentation follow.

use crate::scalar;
use crate::tree::Node;
use caxton_types::{
    Money, Quantity,
    unit::{ByteSize, Period},
};
use std::time::Duration;

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

const fn key(path: &'static str, kind: Kind, default: &'static str, example: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default, live: false, doc, example }
}

const fn live(key: Key) -> Key {
    Key { live: true, ..key }
}

const fn cap(path: &'static str, what: Quantity, example: &'static str, doc: &'static str) -> Key {
    live(key(path, Kind::Cap(what), NO_CAP, example, doc))
}

/// The largest cap that can be written: far beyond any use, and far from any overflow.
pub(crate) const CAP_MAX: i64 = 1_000_000_000_000_000;
/// What stands in place of a cap where there is none.
pub(super) const NO_CAP: &str = "none";

const fn words(all: &'static [&'static str]) -> Words {
    Words { all, aliases: &[], unbuilt: &[] }
}

const KB: u64 = 1000;
const MB: u64 = 1_000_000;
const SECOND: u64 = 1000;
const HOUR: u64 = 3_600_000;
const CENTURY: u64 = 100 * 365 * 24 * HOUR;
const TB: u64 = 1_000_000_000_000;

static STORAGE: Words = Words { all: &["sqlite", "memory"], aliases: &[], unbuilt: &["postgres", "etcd"] };
static LOCAL_STATE: Words = words(&["sqlite"]);
static JOURNAL_MODE: Words = words(&["WAL"]);
static DURABILITY: Words = words(&["full", "normal", "memory"]);
static LOG_FORMAT: Words = Words { all: &["json", "pretty", "compact"], aliases: &[("text", "pretty")], unbuilt: &[] };
static LOG_OUTPUT: Words = Words { all: &["stdout", "stderr"], aliases: &[], unbuilt: &["file"] };
static PROVIDER: Words = words(&["openai", "anthropic", "offline"]);
static FALLBACK: Words = words(&["auto", "ask", "off"]);
static PROFILE: Words = words(&["default", "strict"]);

/// Every key, in the order of the documentation.
pub static KEYS: &[Key] = &[
    key("server.host", Kind::Host, "127.0.0.1", "localhost", "Address that the server binds."),
    key("server.port", Kind::Whole(0, 65535), "8080", "9000", "Port of the API; 0 takes any free one."),
    key(
        "runtime.max_agents",
        Kind::Whole(1, 1_000_000),
        "1000",
        "5000",
        "Most agents at work at the same time; registered ones are not counted.",
    ),
    key(
        "runtime.default_agent_timeout",
        Kind::Time(1, HOUR),
        "30s",
        "5s",
        "How long a caller that waits for an agent's reply waits, unless it says otherwise.",
    ),
    key("messaging.max_message_size", Kind::Size(KB, 64 * MB), "1MB", "100KB", "Largest message; larger data travels as an attachment."),
    key("messaging.queue_size", Kind::Whole(1, 10_000_000), "10000", "50000", "Most messages that wait for one agent."),
    key(
        "messaging.enable_persistence",
        Kind::Flag,
        "true",
        "false",
        "Whether messages reach the disk; `false` means the durability `memory`.",
    ),
    key("storage.type", Kind::Choice(&STORAGE), "sqlite", "memory", "Where the journal lives; `memory` keeps nothing across a restart."),
    key(
        "storage.durability",
        Kind::Choice(&DURABILITY),
        "full",
        "normal",
        "What an acknowledgement promises: `full` survives power loss, `normal` a kill of the process, `memory` nothing.",
    ),
    key("coordination.local_state.type", Kind::Choice(&LOCAL_STATE), "sqlite", "sqlite", "Store of this instance's own state."),
    key("coordination.local_state.journal_mode", Kind::Choice(&JOURNAL_MODE), "WAL", "WAL", "SQLite's journal mode."),
    live(key(
        "observability.logging.level",
        Kind::Filter,
        "info",
        "caxton=debug,info",
        "What is logged: a level, or `target=level` pairs.",
    )),
    key("observability.logging.format", Kind::Choice(&LOG_FORMAT), "json", "pretty", "How a log line is written."),
    key("observability.logging.output", Kind::Choice(&LOG_OUTPUT), "stdout", "stderr", "Where log lines go."),
    key(
        "resources.disk.data_dir",
        Kind::Path,
        "",
        "/var/lib/caxton",
        "Directory of everything the server keeps; without it `$XDG_DATA_HOME/caxton`, `~/.local/share/caxton` or `/var/lib/caxton`.",
    ),
    key("limits.max_blob_size", Kind::Size(KB, 4000 * MB), "64MB", "256MB", "Largest attachment."),
    key(
        "llm.default",
        Kind::Text,
        "",
        "openai",
        "Provider of the model `chat` where `llm.models` has no entry for it; the first one listed otherwise.",
    ),
    key(
        "llm.fallback.mode",
        Kind::Choice(&FALLBACK),
        "auto",
        "ask",
        "When a provider of a chain fails: `auto` asks the next one, `ask` asks it once somebody agrees, `off` lets the failure stand.",
    ),
    key("llm.circuit_breaker.threshold", Kind::Whole(1, 1000), "5", "3", "After so many failures in a row a provider is left alone."),
    key(
        "llm.circuit_breaker.timeout",
        Kind::Time(100, HOUR),
        "30s",
        "10s",
        "How long it is left alone; each further time in a row so much longer, up to ten times as long.",
    ),
    key("llm.providers[].name", Kind::Text, "", "openai", "Name by which the rest of the configuration knows the provider."),
    key("llm.providers[].type", Kind::Choice(&PROVIDER), "", "openai", "`openai` is anything that speaks OpenAI's protocol."),
    key("llm.providers[].base_url", Kind::Url, "", "http://localhost:11434/v1", "Where it listens; the vendor's own address otherwise."),
    key("llm.providers[].api_key", Kind::Secret, "", "${OPENAI_API_KEY}", "Its key; name a variable, never write the key itself."),
    key("llm.providers[].api_key_env", Kind::Text, "", "MY_OPENAI_KEY", "Environment variable that holds its key."),
    key("llm.providers[].model", Kind::Text, "", "gpt-4.1-mini", "The vendor's name of the model that it is asked for."),
    key("llm.providers[].timeout", Kind::Time(SECOND, HOUR), "60s", "2m", "Longest wait for one answer."),
    key("llm.providers[].max_attempts", Kind::Whole(1, 10), "3", "5", "How often a call is tried in all."),
    key("llm.models.*.provider", Kind::Text, "", "anthropic", "Provider that answers for the model of this name."),
    key("llm.models.*.model", Kind::Text, "", "claude-sonnet-4-5", "The vendor's name of the model; the provider's `model` otherwise."),
    key(
        "llm.models.*.chain",
        Kind::Texts,
        "",
        "[openai, claude/claude-sonnet-4-5]",
        "Who answers instead of one `provider`: each `PROVIDER` or `PROVIDER/MODEL` where those before it did not; at most 8.",
    ),
    key("llm.models.*.fallback.mode", Kind::Choice(&FALLBACK), "", "off", "`llm.fallback.mode` for the model of this name."),
    key(
        "llm.prices.*.input",
        Kind::Money,
        "",
        "$2.00",
        "Price of a million tokens read; the name is a `PROVIDER/MODEL`, a vendor's model or a provider.",
    ),
    key("llm.prices.*.output", Kind::Money, "", "$8.00", "Price of a million tokens written."),
    cap("budgets.message.tokens", Quantity::Tokens, "50000", "Most tokens, read and written together, for one message."),
    cap("budgets.message.money", Quantity::Money, "$0.50", "Most money, for one message."),
    cap("budgets.message.tool_calls", Quantity::ToolCalls, "20", "Most calls of tools, for one message."),
    cap("budgets.message.steps", Quantity::Steps, "40", "Most calls of models and tools together, for one message."),
    cap("budgets.message.wall_time", Quantity::WallTime, "1m", "Most time at work, waits not counted, for one message."),
    cap(
        "budgets.conversation.tokens",
        Quantity::Tokens,
        "500000",
        "Most tokens, read and written together, for one conversation with all its agents.",
    ),
    cap("budgets.conversation.money", Quantity::Money, "$5.00", "Most money, for one conversation with all its agents."),
    cap("budgets.conversation.tool_calls", Quantity::ToolCalls, "200", "Most calls of tools, for one conversation with all its agents."),
    cap(
        "budgets.conversation.steps",
        Quantity::Steps,
        "400",
        "Most calls of models and tools together, for one conversation with all its agents.",
    ),
    cap(
        "budgets.conversation.wall_time",
        Quantity::WallTime,
        "10m",
        "Most time at work, waits not counted, for one conversation with all its agents.",
    ),
    cap("budgets.agent_day.tokens", Quantity::Tokens, "5000000", "Most tokens, read and written together, for one agent on one day (UTC)."),
    cap("budgets.agent_day.money", Quantity::Money, "$20.00", "Most money, for one agent on one day (UTC)."),
    cap("budgets.agent_day.tool_calls", Quantity::ToolCalls, "5000", "Most calls of tools, for one agent on one day (UTC)."),
    cap("budgets.agent_day.steps", Quantity::Steps, "10000", "Most calls of models and tools together, for one agent on one day (UTC)."),
    cap("budgets.agent_day.wall_time", Quantity::WallTime, "2h", "Most time at work, waits not counted, for one agent on one day (UTC)."),
    cap(
        "budgets.workspace_day.tokens",
        Quantity::Tokens,
        "50000000",
        "Most tokens, read and written together, for one workspace on one day (UTC).",
    ),
    cap("budgets.workspace_day.money", Quantity::Money, "$100.00", "Most money, for one workspace on one day (UTC)."),
    cap("budgets.workspace_day.tool_calls", Quantity::ToolCalls, "50000", "Most calls of tools, for one workspace on one day (UTC)."),
    cap(
        "budgets.workspace_day.steps",
        Quantity::Steps,
        "100000",
        "Most calls of models and tools together, for one workspace on one day (UTC).",
    ),
    cap(
        "budgets.workspace_day.wall_time",
        Quantity::WallTime,
        "12h",
        "Most time at work, waits not counted, for one workspace on one day (UTC).",
    ),
    key(
        "tools.http_client.allowed_hosts",
        Kind::Hosts,
        "[]",
        "[api.example.com]",
        "Hosts that the built-in `http_client` may reach; `*.example.com` covers subdomains.",
    ),
    key(
        "tools.http_client.allowed_private_hosts",
        Kind::Hosts,
        "[]",
        "[erp.internal:8443]",
        "Hosts that it may reach although their address is private or loopback.",
    ),
    key("tools.http_client.timeout", Kind::Time(100, 10 * 60 * SECOND), "30s", "10s", "Longest time of one request of `http_client`."),
    key("tools.http_client.max_response_size", Kind::Size(KB, 64 * MB), "1MB", "5MB", "Largest response that `http_client` reads."),
    key("tools.sandbox.memory", Kind::Size(64 << 10, 4 << 30), "64MiB", "256MiB", "Memory of one call of a WebAssembly tool."),
    key("tools.sandbox.timeout", Kind::Time(1, HOUR), "30s", "5s", "Longest time of one call of a WebAssembly tool."),
    key("tools.sandbox.instances", Kind::Whole(1, 10_000), "64", "256", "Most calls of WebAssembly tools at the same time; more wait."),
    key(
        "tools.sandbox.profile",
        Kind::Choice(&PROFILE),
        "default",
        "strict",
        "WebAssembly features: `strict` refuses bulk memory, reference types and SIMD.",
    ),
    key(
        "security.secrets_file",
        Kind::Path,
        "",
        "secrets.yaml",
        "File with tokens and provider keys; only its owner may read it (mode 0600).",
    ),
    key(
        "retention.conversations",
        Kind::Time(SECOND, CENTURY),
        "",
        "90d",
        "How long a conversation that has ended is kept after its last event; for ever without it.",
    ),
    key(
        "retention.events.*",
        Kind::Time(SECOND, CENTURY),
        "",
        "7d",
        "How long facts of the kind of this name, such as `step_ended`, are kept, where that is shorter.",
    ),
    key(
        "retention.uploads",
        Kind::Time(60 * SECOND, CENTURY),
        "1h",
        "1d",
        "How long uploaded content may wait for the message or the deployment that names it.",
    ),
    key("retention.every", Kind::Time(SECOND, 7 * 24 * HOUR), "1h", "10m", "How often the server removes what is kept for long enough."),
    key(
        "retention.disk_max",
        Kind::Size(16 * MB, 1000 * TB),
        "",
        "20GB",
        "Most bytes that the data directory holds; shortly before, new messages, uploads and deployments are refused.",
    ),
    key(
        "retention.disk_free_min",
        Kind::Size(0, 1000 * TB),
        "64MiB",
        "2GB",
        "Least free bytes of its disk; below them new messages, uploads and deployments are refused. 0 does not look.",
    ),
    key("workspaces.*.durability", Kind::Choice(&DURABILITY), "", "normal", "Durability of one workspace instead of `storage.durability`."),
];

/// Keys of sections that are known and not built yet; everything below such a key is not built either.
pub(super) static UNBUILT: &[&str] = &[
    "server.metrics_port",
    "server.grpc_port",
    "server.tls",
    "runtime.max_memory_per_agent",
    "runtime.max_cpu_per_agent",
    "runtime.agent_pool_size",
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
    "integrations",
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
    KEYS.iter().find(|key| key.path == pattern)
}

/// What may follow this pattern: names, `*` or `[]`.
pub(super) fn children(pattern: &str) -> impl Iterator<Item = &'static str> {
    let head = |rest: &'static str| rest.find(['.', '[']).map_or(rest, |end| rest.get(..end).unwrap_or(rest));
    KEYS.iter().filter_map(move |key| {
        let rest = key.path.strip_prefix(pattern)?;
        match rest.strip_prefix('.') {
            _ if pattern.is_empty() => Some(head(rest)),
            Some(rest) => Some(head(rest)),
            None => rest.starts_with("[]").then_some("[]"),
        }
    })
}

impl Kind {
    /// Checks a value; the message says what was expected.
    pub(super) fn check(self, node: &Node) -> Result<(), String> {
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
