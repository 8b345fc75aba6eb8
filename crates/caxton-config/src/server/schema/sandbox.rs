//! Keys of the sandbox.

use super::{HOUR, Key, Kind, MB, SECOND, Words, key, words};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

static PROFILE: Words = words(&["default", "strict"]);

pub(super) static KEYS: &[Key] = &[
    key("tools.sandbox.memory", Kind::Size(64 << 10, 4 << 30), "64MiB", "256MiB", "Memory of one call of a WebAssembly tool."),
    key("tools.sandbox.timeout", Kind::Time(1, HOUR), "30s", "5s", "Longest time of one call of a WebAssembly tool."),
    key("tools.sandbox.cpu", Kind::Time(1, HOUR), "30s", "2s", "Processor time of one call of a WebAssembly tool; waiting does not count."),
    key(
        "tools.sandbox.table_entries",
        Kind::Whole(100, 10_000_000),
        "100000",
        "20000",
        "Most entries of the tables of one call, such as pointers to functions.",
    ),
    key(
        "tools.sandbox.stack_size",
        Kind::Size(64 * KIB, 8 * MIB),
        "256KiB",
        "1MiB",
        "How deep the calls inside of a tool may go, as bytes of its stack.",
    ),
    key("tools.sandbox.result_size", Kind::Size(KIB, 64 * MIB), "1MiB", "4MiB", "Largest result of one call, as JSON."),
    key(
        "tools.sandbox.host_call_size",
        Kind::Size(64 * KIB, 64 * MIB),
        "4MiB",
        "8MiB",
        "Most that a tool hands to its host at once, such as what it writes or sends.",
    ),
    key("tools.sandbox.printed_size", Kind::Size(0, GIB), "1MiB", "64KiB", "Most that one call prints."),
    key(
        "tools.sandbox.open_files",
        Kind::Whole(0, 10_000),
        "64",
        "256",
        "Most files and directories that one call has open, besides those that are granted.",
    ),
    key(
        "tools.sandbox.disk",
        Kind::Size(0, 1 << 50),
        "64MiB",
        "1GiB",
        "Most that one call writes to disk; each file or directory that it makes counts 4KiB more.",
    ),
    key("tools.sandbox.requests", Kind::Whole(0, 100_000), "32", "4", "Most HTTP requests and connections of one call."),
    key(
        "tools.sandbox.egress",
        Kind::Size(0, 1 << 50),
        "8MiB",
        "64KiB",
        "Most that one call sends to the network, headers and TLS included.",
    ),
    key("tools.sandbox.ingress", Kind::Size(0, 1 << 50), "32MiB", "256MiB", "Most that one call receives from there."),
    key("tools.sandbox.instances", Kind::Whole(1, 10_000), "64", "256", "Most calls of WebAssembly tools at the same time; more wait."),
    key("tools.sandbox.queue_size", Kind::Whole(0, 1_000_000), "1024", "64", "Most calls that wait for an instance; more are refused."),
    key("tools.sandbox.queue_timeout", Kind::Time(1, HOUR), "30s", "2s", "Longest time that a call waits for one."),
    key(
        "tools.sandbox.waiting_instances",
        Kind::Whole(0, 10_000),
        "32",
        "128",
        "Of the instances, how many of all tools with `reuse` may wait for their next call.",
    ),
    key("tools.sandbox.component_size", Kind::Size(64 * KIB, 64 * MB), "32MiB", "4MiB", "Largest component that is compiled."),
    key(
        "tools.sandbox.compilations",
        Kind::Whole(1, 64),
        "1",
        "2",
        "Components compiled at the same time; each takes every processor that is free.",
    ),
    key(
        "tools.sandbox.cache_size",
        Kind::Size(0, 1 << 50),
        "1GiB",
        "256MiB",
        "Most compiled code that is kept on disk; the oldest goes first, but none that is in use.",
    ),
    key(
        "tools.sandbox.code_idle",
        Kind::Time(SECOND, 24 * HOUR),
        "10m",
        "1m",
        "How long the code of a tool that nobody calls stays in memory; it comes back from disk.",
    ),
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
];
