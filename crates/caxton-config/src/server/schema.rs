//! Every key of the server's configuration, with its kind, its default and what it does: the one list that reading, checking and the
//! documentation follow.

mod kinds;

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

static STORAGE: Words = Words { all: &["sqlite", "memory"], aliases: &[], unbuilt: &["postgres", "etcd"] };
static LOCAL_STATE: Words = words(&["sqlite"]);
static JOURNAL_MODE: Words = words(&["WAL"]);
static DURABILITY: Words = words(&["full", "normal", "memory"]);
static LOG_FORMAT: Words = Words { all: &["json", "pretty", "compact"], aliases: &[("text", "pretty")], unbuilt: &[] };
static LOG_OUTPUT: Words = Words { all: &["stdout", "stderr"], aliases: &[], unbuilt: &["file"] };
static PROVIDER: Words = words(&["openai", "anthropic", "offline"]);
static FALLBACK: Words = words(&["auto", "ask", "off"]);
static MCP_PROTOCOL: Words = words(&["auto", "2025-11-25", "2026-07-28"]);
static PROFILE: Words = words(&["default", "strict"]);
static ACCESS: Words = words(&["read", "read_write"]);

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
    key(
        "tools.file_system.directories[].name",
        Kind::Text,
        "",
        "reports",
        "Name by which agents know a directory that `file_system` may touch.",
    ),
    key("tools.file_system.directories[].path", Kind::Path, "", "/srv/reports", "Where it is; nothing outside of it can be reached."),
    key("tools.file_system.directories[].access", Kind::Choice(&ACCESS), "read", "read_write", "Whether agents may change what is in it."),
    key(
        "tools.file_system.directories[].max_size",
        Kind::Size(KB, 1000 * TB),
        "1GB",
        "10GB",
        "Disk quota: the most bytes that may lie in it after a write.",
    ),
    key("tools.database.files[].name", Kind::Text, "", "orders", "Name by which agents know a SQLite database that `database` may open."),
    key("tools.database.files[].path", Kind::Path, "", "/srv/orders.db", "Where it is."),
    key("tools.database.files[].access", Kind::Choice(&ACCESS), "read", "read_write", "Whether agents may change what is in it."),
    key("tools.database.files[].max_size", Kind::Size(KB, 1000 * TB), "1GB", "10GB", "Disk quota: the largest that it may become."),
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
        "tools.sandbox.readable_directories",
        Kind::Texts,
        "[]",
        "[/srv/data]",
        "Directories of the host, with all below, that tools of workspaces may be granted to read.",
    ),
    key("tools.sandbox.writable_directories", Kind::Texts, "[]", "[/srv/out]", "Those that they may be granted to write too."),
    key(
        "tools.sandbox.private_hosts",
        Kind::Hosts,
        "[]",
        "[erp.internal:8443]",
        "Hosts that tools of workspaces may be granted to reach although their address is private or loopback.",
    ),
    key(
        "tools.sandbox.agent_window",
        Kind::Time(SECOND, 24 * HOUR),
        "1m",
        "10m",
        "The window over which an agent's tool calls are bounded together.",
    ),
    key(
        "tools.sandbox.agent_calls",
        Kind::Whole(0, 1_000_000_000),
        "0",
        "600",
        "Most calls of WebAssembly tools by one agent within the window; 0 is no bound.",
    ),
    key(
        "tools.sandbox.agent_cpu",
        Kind::Time(1, 24 * HOUR),
        "1h",
        "30s",
        "Processor time of one agent's WebAssembly tools within the window.",
    ),
    key(
        "tools.sandbox.agent_egress",
        Kind::Size(0, 1 << 50),
        "1GiB",
        "10MiB",
        "What one agent's WebAssembly tools may send to the network within the window.",
    ),
    key(
        "tools.sandbox.agent_disk",
        Kind::Size(0, 1 << 50),
        "1GiB",
        "100MiB",
        "What one agent's WebAssembly tools may write to disk within the window.",
    ),
    key("integrations.mcp.enabled", Kind::Flag, "true", "false", "Whether the MCP servers are connected."),
    key(
        "integrations.mcp.circuit_breaker.threshold",
        Kind::Whole(1, 1000),
        "5",
        "3",
        "After so many failures in a row an MCP server is left alone.",
    ),
    key(
        "integrations.mcp.circuit_breaker.timeout",
        Kind::Time(100, HOUR),
        "30s",
        "10s",
        "How long it is left alone; each further time in a row so much longer, up to ten times as long.",
    ),
    key("integrations.mcp.servers[].name", Kind::Text, "", "github", "The name of the tool server that it is here."),
    key("integrations.mcp.servers[].url", Kind::Url, "", "https://example.com/mcp", "Its endpoint, which speaks streamable HTTP."),
    key("integrations.mcp.servers[].headers.*", Kind::Secret, "", "value", "A header of every request."),
    key(
        "integrations.mcp.servers[].header_secrets.*",
        Kind::Text,
        "",
        "tickets",
        "The same by the name of an entry of `mcp` in the secrets file.",
    ),
    key(
        "integrations.mcp.servers[].bearer_secret",
        Kind::Text,
        "",
        "tickets",
        "The bearer token, by the name of an entry of `mcp` in the secrets file.",
    ),
    key(
        "integrations.mcp.servers[].command",
        Kind::Text,
        "",
        "npx",
        "Instead of a URL: the program that is started, by its path or its name in `PATH`.",
    ),
    key("integrations.mcp.servers[].args", Kind::Texts, "", "[-y, server-github]", "Its arguments."),
    key(
        "integrations.mcp.servers[].env.*",
        Kind::Secret,
        "",
        "${GITHUB_TOKEN}",
        "A variable of its environment; of the server's own it gets `PATH`, `HOME`, `LANG`, `LC_ALL`, `LC_CTYPE`, `TMPDIR` and `TZ`.",
    ),
    key(
        "integrations.mcp.servers[].env_secrets.*",
        Kind::Text,
        "",
        "github",
        "The same by the name of an entry of `mcp` in the secrets file.",
    ),
    key("integrations.mcp.servers[].cwd", Kind::Path, "", "/srv/tools", "Where it runs."),
    key(
        "integrations.mcp.servers[].capabilities",
        Kind::Texts,
        "",
        "[web_search, web_fetch]",
        "Names under which agents may ask for its tools: a tool of the name, all of them where it has none of it.",
    ),
    key(
        "integrations.mcp.servers[].protocol",
        Kind::Choice(&MCP_PROTOCOL),
        "auto",
        "2025-11-25",
        "Version of the protocol; `auto` is the newest that both sides know.",
    ),
    key("integrations.mcp.servers[].timeout", Kind::Time(100, HOUR), "30s", "2m", "Longest time of a call without a sign of progress."),
    key(
        "integrations.mcp.servers[].connect_timeout",
        Kind::Time(100, HOUR),
        "30s",
        "2m",
        "Longest time until it can be talked to, and for each of its lists.",
    ),
    key(
        "integrations.mcp.servers[].trust_annotations",
        Kind::Flag,
        "true",
        "false",
        "Whether it is believed what it says of its tools' side effects, which decides on approvals and on calls that a stop interrupted.",
    ),
    key(
        "security.secrets_file",
        Kind::Path,
        "",
        "secrets.yaml",
        "File with tokens, provider keys and other secrets; only its owner may read it (mode 0600).",
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
