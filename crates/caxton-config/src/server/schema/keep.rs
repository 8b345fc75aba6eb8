//! Keys of secrets, of how long things are kept, and of single workspaces.

use super::{CENTURY, HOUR, Key, Kind, MB, SECOND, TB, Words, key, words};

static DURABILITY: Words = words(&["full", "normal", "memory"]);

pub(super) static KEYS: &[Key] = &[
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
