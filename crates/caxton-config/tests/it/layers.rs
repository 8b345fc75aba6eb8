//! Which layer wins, and where a value is from.

use crate::world::{World, world};
use caxton_config::server::Flag;
use serde_json::json;

const KEY: &str = "observability.logging.level";

fn effective(world: &World, key: &str) -> (String, String) {
    let loaded = world.loaded();
    let all = loaded.effective(Some(key)).unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    (all[0].value.as_str().map_or_else(|| all[0].value.to_string(), Into::into), all[0].origin.clone())
}

#[test]
fn flags_over_environment_over_live_changes_over_files_over_defaults() {
    type Add = fn(World) -> World;
    let layers: [(&str, &str, Add); 5] = [
        ("info", "default", |world| world),
        ("warn", "caxton.yaml:3:12", |world| world.file("caxton.yaml", "observability:\n  logging:\n    level: warn\n")),
        ("debug", "config set", |world| world.live(KEY, "debug")),
        ("error", "RUST_LOG", |world| world.env("RUST_LOG", "error")),
        ("trace", "--set observability.logging.level", |world| world.set("observability.logging.level=trace")),
    ];
    for present in 0u8..16 {
        let on = |index: usize| index == 0 || present & (1 << (index - 1)) != 0;
        let world = layers.iter().enumerate().filter(|(index, _)| on(*index)).fold(world(), |world, (_, layer)| layer.2(world));
        let highest = (0..layers.len()).rev().find(|index| on(*index)).unwrap();
        assert_eq!(effective(&world, KEY), (layers[highest].0.into(), layers[highest].1.into()), "{present:b}");
    }
}

#[test]
fn files_lie_over_each_other() {
    let files = world()
        .file("caxton.yaml", "extends: below/base.yaml\nserver: {port: 2}\ntools: {http_client: {allowed_hosts: [b.example]}}\n")
        .file(
            "below/base.yaml",
            "server: {port: 1, host: localhost}\ntools: {http_client: {allowed_hosts: [a.example, c.example], timeout: 1s}}\n",
        )
        .file("config-dev.toml", "[server]\nport = 3\n")
        .file("config-staging.yaml", "server: {port: 4}\n");
    let port = |world: &World| effective(world, "server.port");
    assert_eq!(port(&files), ("2".into(), "caxton.yaml:2:16".into()));
    let loaded = files.loaded();
    assert_eq!(&*loaded.config.server.host, "localhost", "maps merge");
    assert_eq!(loaded.config.tools.http_client.allowed_hosts, ["b.example".into()], "lists replace");
    assert_eq!(loaded.config.tools.http_client.timeout.to_string(), "1s");
    let dev = files.clone().options(|options| options.profile = Some("dev".into()));
    assert_eq!(port(&dev), ("3".into(), "config-dev.toml:2:8".into()));
    assert_eq!(&*dev.loaded().config.server.host, "localhost", "a profile lies over the base");
    let staging = dev.options(|options| options.env = Some("staging".into()));
    assert_eq!(port(&staging).0, "4");
    assert_eq!(port(&files.clone().env("CAXTON_ENV", "staging")).0, "4");
    assert_eq!(port(&files.env("CAXTON_ENV", "production")).0, "2", "a variable names an environment that needs no file");
}

#[test]
fn a_profile_that_extends_says_itself_what_it_stands_on() {
    let world = world()
        .file("caxton.yaml", "server: {port: 1}\nruntime: {max_agents: 7}\n")
        .file("base.yaml", "server: {port: 2, host: localhost}\n")
        .file("config-dev.yaml", "extends: base.yaml\nserver: {host: 127.0.0.2}\n")
        .options(|options| options.profile = Some("dev".into()));
    let config = world.loaded().config;
    assert_eq!((config.server.port, &*config.server.host, config.runtime.max_agents), (2, "127.0.0.2", 1000));
    assert_eq!(world.loaded().files.len(), 2);
}

#[test]
fn set_takes_scalars_and_json() {
    for (set, key, expected) in [
        ("server.port=9000", "server.port", json!(9000)),
        ("server.host=0.0.0.0", "server.host", json!("0.0.0.0")),
        ("messaging.max_message_size=100KB", "messaging.max_message_size", json!("100KB")),
        ("messaging.enable_persistence=false", "messaging.enable_persistence", json!(false)),
        (
            "tools.http_client.allowed_hosts=[\"a.example\", b.example]",
            "tools.http_client.allowed_hosts",
            json!(["a.example", "b.example"]),
        ),
        ("llm.providers=[{name: x, type: offline}]", "llm.providers", json!([{"name": "x", "type": "offline"}])),
        ("observability.logging.level=caxton=debug,info", "observability.logging.level", json!("caxton=debug,info")),
        ("security.secrets_file=", "security.secrets_file", json!(null)),
    ] {
        let world = world().set(set);
        match world.load() {
            Ok(loaded) => assert_eq!(loaded.get(Some(key)).unwrap(), expected, "{set}"),
            Err(error) => assert_eq!(error.to_string(), format!("--set {key}: `{key}` is given no value"), "{set}"),
        }
    }
    let twice = world().set("server.port=1").set("server.port=2");
    assert_eq!(twice.loaded().config.server.port, 2);
    for bad in ["server.port", "server..port=1", "=1", "a b=1"] {
        assert!(world().set(bad).error().starts_with("--set "), "{bad}");
    }
    assert_eq!(world().set("server.prt=1").error(), "--set server.prt: unknown key `server.prt`\n  help: did you mean `server.port`?");
}

#[test]
fn flags_stand_for_keys() {
    let flag = Flag { name: "--port", key: "server.port", value: "0".into() };
    let world = world().env("CAXTON_PORT", "1").options(|options| options.flags.push(flag));
    assert_eq!(effective(&world, "server.port"), ("0".into(), "--port".into()));
    assert_eq!(world.set("server.port=2").loaded().config.server.port, 2);
}

#[test]
fn variables_stand_for_keys() {
    let config = world().env("CAXTON_HOST", "::1").env("CAXTON_PORT", "9").env("CAXTON_DATA_DIR", "data").loaded().config;
    assert_eq!((&*config.server.host, config.server.port, config.data_dir.to_str().unwrap()), ("::1", 9, "/w/data"));
    assert_eq!(world().env("CAXTON_PORT", "").loaded().config.server.port, 8080, "set and empty is not set");
    assert_eq!(world().env("CAXTON_PORT", "x").error(), "CAXTON_PORT: `server.port`: expected a whole number, found `x`");
    let loaded = world().env("CAXTON_METRICS_PORT", "9090").env("OTEL_SERVICE_NAME", "x").loaded();
    assert_eq!(loaded.warnings.len(), 2);
    assert!(loaded.warnings[0].to_string().contains("not supported yet"));
    assert!(world().env("CAXTON_AUTH_ENABLED", "true").error().contains("not supported yet"), "protection is never dropped silently");
    assert!(world().env("CAXTON_AUTH_ENABLED", "false").load().is_ok());
}

#[test]
fn a_live_change_that_no_longer_fits_is_dropped_with_a_warning() {
    let loaded = world().live("server.port", 1).live("gone.key", 2).live(KEY, "loud").loaded();
    assert_eq!(loaded.warnings.len(), 3);
    assert_eq!((loaded.config.server.port, &*loaded.config.logging.level), (8080, "info"));
}
