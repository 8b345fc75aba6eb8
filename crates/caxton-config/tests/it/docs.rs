//! The documentation against the code. `UPDATE_GOLDEN=1` writes the table of keys anew.

use crate::world::world;
use caxton_config::{
    agent,
    server::{Key, keys},
    workspace::{ToolManifest, WorkspaceSettings},
};
use std::{fmt::Write as _, fs};

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
const AGENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/agents.md");
const GRANTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/grants.md");
const BEGIN: &str = "<!-- keys: begin -->\n";
const END: &str = "<!-- keys: end -->\n";

fn row(key: &Key) -> String {
    let default = if key.default.is_empty() { "–".into() } else { format!("`{}`", key.default) };
    let live = if key.live { " Changes while the server runs." } else { "" };
    format!("| `{}` | {} | {default} | `{}` | {}{live} |\n", key.path.replace('*', "NAME"), key.kind.unit(), key.example, key.doc)
}

fn table() -> String {
    let mut text = String::from("| Key | Value | Default | Example | What it does |\n|---|---|---|---|---|\n");
    for key in keys() {
        text.push_str(&row(key));
    }
    text
}

#[test]
fn the_table_of_keys_is_the_schema() {
    let text = fs::read_to_string(CONFIGURATION).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (found, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(CONFIGURATION, format!("{head}{BEGIN}{}{END}{tail}", table())).unwrap();
        return;
    }
    assert_eq!(found, table(), "run with UPDATE_GOLDEN=1");
}

#[test]
fn every_example_and_every_default_is_valid() {
    for key in keys().filter(|key| !key.path.contains(['*', '['])) {
        for value in [key.example, key.default].into_iter().filter(|value| !value.is_empty()) {
            let mut world = world().set(&format!("{}={value}", key.path)).file_mode("secrets.yaml", "", 0o600);
            if key.path == "llm.default" {
                world = world.set("llm.providers=[{name: openai, type: openai, api_key: x, model: m}]");
            }
            let loaded = world.load().unwrap_or_else(|error| panic!("{}: {error}", key.path));
            assert!(loaded.get(Some(key.path)).is_ok());
        }
    }
    let provider = |key: &&Key| key.path.starts_with("llm.providers[]");
    let mut text = String::from("llm:\n  providers:\n    -\n");
    for key in keys().filter(provider).filter(|key| !key.path.ends_with("api_key_env")) {
        writeln!(text, "      {}: {}", key.path.rsplit('.').next().unwrap(), key.example).unwrap();
    }
    let world = world().env("OPENAI_API_KEY", "x").file("caxton.yaml", &text);
    assert_eq!(world.loaded().config.llm.providers[0].timeout.to_string(), "2m");
}

#[test]
fn every_key_changes_what_the_server_is_told() {
    let default = world().loaded().config;
    let fixed = |key: &&Key| !key.path.contains(['*', '[']) && key.example != key.default;
    for key in keys().filter(fixed).filter(|key| !matches!(key.path, "llm.default" | "security.secrets_file")) {
        let config = world().set(&format!("{}={}", key.path, key.example)).loaded().config;
        assert_ne!(config, default, "{}", key.path);
    }
}

/// The fenced blocks of a language.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_examples_of_the_configuration_page_load() {
    let text = fs::read_to_string(CONFIGURATION).unwrap();
    let examples: Vec<_> = blocks(&text, "yaml").into_iter().map(|block| ("caxton.yaml", block)).collect();
    assert!(examples.len() > 3);
    for (name, block) in examples.into_iter().chain(blocks(&text, "toml").into_iter().map(|block| ("caxton.toml", block))) {
        if block.starts_with("# secrets.yaml") {
            assert!(caxton_config::Secrets::parse("secrets.yaml", block, Some(0o600)).is_ok());
            continue;
        }
        let world =
            world().file(name, block).file("base.yaml", "server: {port: 1}\n").file_mode("secrets.yaml", "mcp: {tickets: x}\n", 0o600);
        let world = world.env("OPENAI_API_KEY", "x").env("ANTHROPIC_API_KEY", "x").options(|options| options.config = Some(name.into()));
        world.load().unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}

#[test]
fn the_examples_of_the_agents_page_load() {
    let text = fs::read_to_string(AGENTS).unwrap();
    let examples = blocks(&text, "toml");
    assert!(examples.len() > 3);
    for block in examples {
        let result = match block.lines().next().unwrap() {
            "# caxton.toml" => WorkspaceSettings::parse(block, "caxton.toml").map(drop),
            "# tool.toml" => ToolManifest::parse(block, "tool.toml").map(drop),
            _ => agent::parse_with(block, "agent.toml", &|_| Some("text".into())).map(drop),
        };
        result.unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}

#[test]
fn the_examples_of_the_page_on_grants_load() {
    let text = fs::read_to_string(GRANTS).unwrap();
    let [policy, ..] = &blocks(&text, "yaml")[..] else { panic!("a policy is there") };
    let written = ToolManifest::default().with_policy(policy, "policy.yaml").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((written.limits.requests, written.memory.map(|size| size.to_string()).as_deref()), (Some(8), Some("64MiB")));
    let [manifest, ..] = &blocks(&text, "toml")[..] else { panic!("a manifest is there") };
    let written = ToolManifest::parse(manifest, "tool.toml").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((written.limits.requests, written.instances, written.wanted().hosts.len()), (Some(8), Some(8), 1));
}

#[test]
fn the_page_on_grants_names_every_limit_of_a_call() {
    let text = fs::read_to_string(GRANTS).unwrap();
    // Where code is kept and how much waits is no limit of a call.
    let others = ["instances", "queue_", "waiting_", "component_size", "compilations", "cache_size", "code_idle"];
    let keys = keys().filter_map(|key| key.path.strip_prefix("tools.sandbox."));
    for key in keys.filter(|key| !others.iter().any(|other| key.starts_with(other))) {
        assert!(text.contains(&format!("`{key}`")) || text.contains(&format!("`tools.sandbox.{key}`")), "{key}");
    }
}
