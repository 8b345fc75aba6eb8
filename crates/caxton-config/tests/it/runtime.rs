//! Reading and changing values of a configuration that counts, and what its keys mean together.

use crate::world::{World, world};
use caxton_config::server::{LogFormat, StorageKind};
use caxton_types::Durability;
use serde_json::json;

#[test]
fn values_are_read_by_key() {
    let loaded = world().file("caxton.yaml", "server: {port: 1}\n").loaded();
    assert_eq!(loaded.get(Some("server")).unwrap(), json!({"host": "127.0.0.1", "port": 1}));
    assert_eq!(loaded.get(Some("llm.default")).unwrap(), json!(null), "known, and not given");
    assert!(loaded.get(None).unwrap().get("messaging").is_some());
    assert_eq!(loaded.get(Some("server.prt")).unwrap_err().to_string(), "unknown key `server.prt`\n  help: did you mean `server.port`?");
    let origins = loaded.effective(Some("server")).unwrap();
    assert_eq!(origins.iter().map(|value| value.origin.as_str()).collect::<Vec<_>>(), ["default", "caxton.yaml:1:16"]);
}

#[test]
fn live_keys_change_and_others_do_not() {
    let loaded = world().loaded();
    let change = loaded.set("observability.logging.level", &json!("debug")).unwrap();
    assert_eq!((change.old, change.new), (json!("info"), json!("debug")));
    assert_eq!(&*change.loaded.config.logging.level, "debug");
    assert_eq!(change.loaded.effective(Some("observability.logging.level")).unwrap()[0].origin, "config set");
    let refused = |world: World, key: &str, value| world.loaded().set(key, &value).unwrap_err().to_string();
    assert_eq!(
        refused(world(), "server.port", json!(1)),
        "`server.port` takes effect at a start only\n  help: write it into the configuration file, then restart the server"
    );
    assert_eq!(
        refused(world().env("RUST_LOG", "warn"), "observability.logging.level", json!("info")),
        "`observability.logging.level` is decided by RUST_LOG, which outranks a change\n  help: restart the server without RUST_LOG"
    );
    assert!(refused(world(), "observability.logging.level", json!("loud")).contains("is not a log level"));
    assert!(refused(world(), "observability.loging.level", json!("info")).contains("did you mean `observability.logging.level`?"));
}

#[test]
fn persistence_is_one_durability() {
    let storage = |text: &str| world().file("caxton.yaml", text).loaded().config.storage;
    assert_eq!(storage("").durability, Durability::Full);
    assert_eq!(storage("storage: {durability: normal}").durability, Durability::Normal);
    assert_eq!(storage("messaging: {enable_persistence: false}").durability, Durability::Memory);
    let memory = storage("storage: {type: memory}");
    assert_eq!((memory.kind, memory.durability), (StorageKind::Memory, Durability::Memory));
    let workspaces = world().file("caxton.yaml", "workspaces: {fast-lane: {durability: normal}}").loaded().config;
    assert_eq!(workspaces.durability(&"fast-lane".parse().unwrap()), Durability::Normal);
    assert_eq!(workspaces.durability(&"default".parse().unwrap()), Durability::Full);
}

#[test]
fn substituted_numbers_are_numbers() {
    let text = "server: {port: \"${PORT:-9000}\"}\nobservability:\n  logging: {format: \"${FORMAT:-text}\"}\nmessaging: {enable_persistence: \"${KEEP:-true}\"}\n";
    let config = world().file("caxton.yaml", text).loaded().config;
    assert_eq!((config.server.port, config.logging.format), (9000, LogFormat::Pretty));
    assert_eq!(world().env("PORT", "1").file("caxton.yaml", text).loaded().config.server.port, 1);
    assert!(world().file("caxton.yaml", "server: {port: \"9000\"}").error().contains("expected a whole number, found the text `9000`"));
}

#[test]
fn the_guides_examples_load_or_say_what_is_not_there_yet() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/guide");
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let vars = ["DB_PASSWORD", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET"].into_iter().fold(world(), |world, name| world.env(name, "x"));
        let world = vars.file("caxton.yaml", &text).file("base.yaml", "server: {host: 127.0.0.1}\n");
        match world.load() {
            Ok(_) => assert!(["minimal.yaml", "port-in-use.yaml"].contains(&name), "{name}"),
            Err(problems) => {
                for problem in &problems {
                    assert!(problem.message.ends_with("is not supported yet"), "{name}: {problem}");
                    assert!(problem.position.is_some());
                }
            }
        }
    }
}
