//! Keys of the server itself: where it listens, what it keeps, what it tells, its limits.

use super::{HOUR, KB, Key, Kind, MB, Words, key, live, words};

static STORAGE: Words = Words { all: &["sqlite", "memory"], aliases: &[], unbuilt: &["postgres", "etcd"] };
static LOCAL_STATE: Words = words(&["sqlite"]);
static JOURNAL_MODE: Words = words(&["WAL"]);
static DURABILITY: Words = words(&["full", "normal", "memory"]);
static LOG_FORMAT: Words = Words { all: &["json", "pretty", "compact"], aliases: &[("text", "pretty")], unbuilt: &[] };
static LOG_OUTPUT: Words = Words { all: &["stdout", "stderr"], aliases: &[], unbuilt: &["file"] };

pub(super) static KEYS: &[Key] = &[
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
    key(
        "runtime.approval_timeout",
        Kind::Time(1, 30 * 24 * HOUR),
        "1d",
        "4h",
        "How long people have to decide about a call, a second attempt, a failover or what an MCP server asks; after that nothing is done.",
    ),
    key(
        "runtime.agent_pool_size",
        Kind::Whole(0, 10_000),
        "0",
        "10",
        "Instances of each WebAssembly tool with `reuse` that are started when it is deployed, and stay to wait for calls.",
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
];
