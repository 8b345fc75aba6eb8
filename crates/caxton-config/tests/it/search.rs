//! Which file is the base.

use crate::world::{World, world};

const PORT: &str = "server: {port: 1}\n";

fn port(world: &World) -> u16 {
    world.loaded().config.server.port
}

#[test]
fn no_file_is_fine() {
    let loaded = world().loaded();
    assert_eq!((&*loaded.config.server.host, loaded.config.server.port), ("127.0.0.1", 8080));
    assert_eq!(loaded.config.data_dir.to_str().unwrap(), "/home/ada/.local/share/caxton");
    assert!(loaded.files.is_empty() && loaded.warnings.is_empty());
}

#[test]
fn the_first_file_found_is_the_base() {
    let yaml = |port: u16| format!("server: {{port: {port}}}\n");
    let mut all = world();
    let toml = "[server]\nport = 3\n".to_owned();
    let places = [
        ("/etc/caxton/config.toml", "[server]\nport = 7\n".to_owned()),
        ("/etc/caxton/config.yaml", yaml(6)),
        ("/home/ada/.config/caxton/config.yaml", yaml(5)),
        ("caxton.toml", toml),
        ("caxton.yml", yaml(2)),
        ("caxton.yaml", yaml(1)),
    ];
    for ((path, text), expected) in places.iter().zip([7, 6, 5, 3, 2, 1]) {
        all = all.file(path, text);
        assert_eq!(port(&all), expected, "{path}");
    }
    all = all.file("old.yaml", &yaml(10)).env("CAXTON_CONFIG", "old.yaml");
    assert_eq!(port(&all), 10);
    all = all.file("/x/new.yaml", &yaml(11)).env("CAXTON_CONFIG_PATH", "/x/new.yaml");
    assert_eq!(port(&all), 11);
    all = all.file("flag.toml", "server.port = 12").options(|options| options.config = Some("flag.toml".into()));
    assert_eq!(port(&all), 12);
}

#[test]
fn a_workspaces_file_is_not_the_servers() {
    for text in ["[workspace]\nname = \"abc\"\n", "[remotes.prod]\nurl = \"https://x.example\"\n", ""] {
        let world = world().file("caxton.toml", text).file("/etc/caxton/config.yaml", PORT);
        assert_eq!(port(&world), 1, "{text}");
    }
}

#[test]
fn what_is_named_must_exist() {
    let named = world().options(|options| options.config = Some("no.yaml".into()));
    assert_eq!(named.error(), "/w/no.yaml: the configuration file does not exist (--config)");
    assert!(world().env("CAXTON_CONFIG_PATH", "no.yaml").error().contains("(CAXTON_CONFIG_PATH)"));
    for change in
        [|world: World| world.options(|o| o.profile = Some("dev".into())), |world: World| world.options(|o| o.env = Some("dev".into()))]
    {
        assert!(change(world()).error().contains("config-dev.yaml"));
    }
    let outside = world().options(|options| options.profile = Some("../../etc/x".into()));
    assert!(outside.error().contains("is not a name"));
    assert!(world().file("c.json", "{}").options(|options| options.config = Some("c.json".into())).error().contains("`.yaml`"));
}

#[test]
fn paths_start_where_their_file_stands() {
    let dir = |world: &World| world.loaded().config.data_dir.display().to_string();
    let file = "resources: {disk: {data_dir: data}}\n";
    let named = world().file("conf/c.yaml", file).options(|options| options.config = Some("conf/c.yaml".into()));
    assert_eq!(dir(&named), "/w/conf/data");
    assert_eq!(dir(&named.clone().set("resources.disk.data_dir=data")), "/w/data");
    assert_eq!(dir(&named.set("resources.disk.data_dir=~/data")), "/home/ada/data");
    assert_eq!(dir(&world().file("/etc/caxton/config.yaml", file)), "/etc/caxton/data");
    assert_eq!(dir(&world().env("XDG_DATA_HOME", "/xdg")), "/xdg/caxton");
}

#[cfg(unix)]
#[test]
fn the_real_file_system_tells_who_may_read() {
    use caxton_config::server::{Options, Sources, load};
    use std::{fs, os::unix::fs::PermissionsExt as _};

    let dir = tempfile::tempdir().unwrap();
    let (config, secrets) = (dir.path().join("c.yaml"), dir.path().join("secrets.yaml"));
    fs::write(&config, "security: {secrets_file: secrets.yaml}\n").unwrap();
    fs::write(&secrets, "api_keys: {openai: sk-1}\n").unwrap();
    let sources = Sources { env: &|_| None, ..Sources::process().unwrap() };
    let loaded = |config: &std::path::Path| load(&Options { config: Some(config.into()), ..Options::default() }, &sources);
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o644)).unwrap();
    let error = loaded(&config).unwrap_err().to_string();
    assert!(error.contains("(mode 0644)") && error.contains("chmod 600 "), "{error}");
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(loaded(&config).unwrap().secrets.api_keys["openai"].expose(), "sk-1");
    assert!(loaded(dir.path()).unwrap_err().to_string().contains("it is a directory"));
    fs::write(&config, [0xff]).unwrap();
    assert!(loaded(&config).unwrap_err().to_string().contains("cannot be read"));
}
