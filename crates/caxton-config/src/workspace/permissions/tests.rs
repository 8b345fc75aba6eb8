use super::{
    super::{CallLimits, ToolManifest},
    *,
};
use caxton_types::{EnvGrant, MemoryGrant, Permissions, Scheme, Scope, WorkspaceName};
use proptest::prelude::*;
use std::path::Path;

/// In the form of Wassette's own examples.
const WASSETTE: &str = r#"version: "1.0"
description: "Permission policy for a tool that fetches and files things"
permissions:
  storage:
    allow:
      - uri: "fs://work/agent/**"
        access: ["read", "write"]
      - uri: "fs:///srv/data"
        access: ["read"]
    deny:
      - uri: "fs://work/agent/private"
        access: ["read"]
  network:
    allow:
      - host: "api.example.com"
      - host: "https://rss.example.org/"
      - cidr: "203.0.113.0/24"
    deny:
      - host: "internal.example.com"
  environment:
    allow:
      - key: "WEATHER_KEY"
  runtime:
    docker:
      security:
        privileged: false
        capabilities:
          drop: ["ALL"]
  resources:
    limits:
      cpu: "500m"
      memory: "128Mi"
  ipc: {}
"#;

fn policy(text: &str) -> Result<ToolManifest, String> {
    ToolManifest::default().with_policy(text, "tools/feeds/policy.yaml").map_err(|problems| problems.to_string())
}

fn ceiling() -> Ceiling {
    Ceiling {
        readable: vec!["/srv".into()],
        writable: vec!["/srv/out".into()],
        private_hosts: vec!["erp.internal:8443".into()],
        secrets: ["WEATHER_KEY", "default/token"].map(Into::into).into(),
        own: "/data/tools".into(),
        lenient: false,
    }
}

fn granted(text: &str) -> Result<Permissions, String> {
    let manifest = policy(text)?;
    let problems = manifest.check_wanted();
    problems.or(()).map_err(|problems| problems.to_string())?;
    manifest.grant(&ceiling(), &WorkspaceName::default(), "feeds").map_err(|problems| problems.to_string())
}

fn rule(scheme: Option<Scheme>, host: &str) -> HostRule {
    HostRule { scheme, host: host.into(), port: None, methods: vec![], private: false }
}

#[test]
fn a_policy_of_wassette_is_read_unchanged() {
    let manifest = policy(WASSETTE).unwrap();
    assert_eq!(manifest.memory, Some(ByteSize::mib(128)));
    let warnings: Vec<String> = manifest.warnings().map(|warning| warning.message).collect();
    assert!(
        warnings.len() == 2 && warnings.iter().any(|text| text.contains("cpu")) && warnings.iter().any(|text| text.contains("runtime"))
    );
    let permissions = granted(WASSETTE).unwrap();
    let own = |path: &str| PathBuf::from("/data/tools/default/feeds").join(path);
    let directory = |host: PathBuf, guest: &str, access| caxton_types::DirectoryGrant { host, guest: guest.into(), access };
    assert_eq!(
        permissions,
        Permissions {
            directories: vec![
                directory(own("work/agent"), "/work/agent", Access::ReadWrite),
                directory("/srv/data".into(), "/srv/data", Access::Read),
            ],
            denied_paths: vec![own("work/agent/private")],
            hosts: vec![rule(None, "api.example.com"), rule(Some(Scheme::Https), "rss.example.org"), rule(None, "203.0.113.0/24")],
            denied_hosts: vec![rule(None, "internal.example.com")],
            environment: vec![EnvGrant { name: "WEATHER_KEY".into(), source: EnvSource::Secret("WEATHER_KEY".into()) }],
            ..Permissions::default()
        }
    );
}

fn storage(allow: &str, deny: &str) -> String {
    format!("version: 1.0\npermissions:\n  storage:\n    allow: [{allow}]\n    deny: [{deny}]\n")
}

#[test]
fn our_keys_say_more() {
    let text = "permissions:\n  network:\n    sockets: true\n    allow:\n      - {host: 'erp.internal:8443', methods: [get], private: true}\n\
                \n  environment: {allow: [{key: MODE, value: fast}, {key: T, secret: token}]}\n  resources: {memory: 16MiB, timeout_ms: 1500}\n";
    let manifest = policy(text).unwrap();
    assert_eq!((manifest.memory, manifest.timeout), (Some(ByteSize::mib(16)), Some(Period::from_millis(1500))));
    let permissions = granted(text).unwrap();
    let erp = HostRule { port: Some(8443), methods: vec!["GET".into()], private: true, ..rule(None, "erp.internal") };
    assert_eq!((permissions.hosts, permissions.sockets), (vec![erp], true));
    assert_eq!(permissions.environment[1].source, EnvSource::Secret("default/token".into()), "a workspace's own secret comes first");
    let text = storage("{uri: 'fs:///srv/data', access: [read], guest: /in}", "");
    assert_eq!(&*granted(&text).unwrap().directories[0].guest, "/in");
}

#[test]
fn a_mistake_is_shown_where_it_stands() {
    let check = |text: &str, expected: &str| {
        let found = granted(text).unwrap_err();
        assert!(found.contains(expected), "{expected:?} is not in\n{found}");
    };
    check(
        "permissions:\n  storge: {}\n",
        "tools/feeds/policy.yaml:2:3: unknown key `permissions.storge`\n  |\n2 |   storge: {}\n  |   ^^^^^^\n  help: did you mean `storage`?",
    );
    check("permission: {}\n", "did you mean `permissions`?");
    check("version: '2.0'\n", "expected `1.0`, found `2.0`");
    check(&storage("{uri: 'fs://a', acess: [read]}", ""), "did you mean `access`?");
    check(&storage("{uri: 'fs://a'}", ""), "`permissions.storage.allow.1` has no `access`");
    check(&storage("{uri: 'fs://a', access: [execute]}", ""), "`execute` is not one of `read`, `write`");
    check(&storage("{uri: /srv/data, access: [read]}", ""), "is no `fs://` URI");
    check(&storage("{uri: 'fs://a/../../b', access: [read]}", ""), "leaves the directory");
    check(&storage("{uri: 'fs://a/*/b', access: [read]}", ""), "one `*` may stand in the last part");
    check(&storage("{uri: 'fs://a/**/*.csv', access: [read]}", ""), "one `*` may stand in the last part");
    check(&storage("{uri: 'fs://a/*.tar.*', access: [read]}", ""), "one `*` may stand in the last part");
    check(
        &storage("{uri: 'fs://a/[ab].csv', access: [read]}", ""),
        "has a '[': name a directory, a file, or files as in `fs://logs/*.log`",
    );
    check(&storage("{uri: 'fs://a/*.csv', access: [read, write]}", ""), "are granted for reading only");
    check(&storage("{uri: 'fs://a/*.csv', access: [write]}", ""), "are granted for reading only");
    check(
        &storage("{uri: 'fs://a', access: [read]}", "{uri: 'fs://a/*.key', access: [read]}"),
        "a rule that denies names a directory or a file",
    );
    check(&storage("{uri: 'fs:///*.csv', access: [read]}", ""), "is the whole file system");
    check(&storage("{uri: 'fs:///**', access: [read]}", ""), "is the whole file system");
    check(
        &storage("{uri: 'fs://a', access: [read]}, {uri: 'fs://b', access: [read], guest: /a}", ""),
        "two directories are to be found at `/a`",
    );
    let network = |rule: &str| format!("permissions:\n  network:\n    allow: [{rule}]\n");
    check(&network("{host: '*'}"), "`*` is every host there is, and can only be denied");
    check(&network("{host: 'https://*'}"), "`*` is every host there is, and can only be denied");
    check(&network("{host: a.example, defaults: true}"), "`defaults` stands alone");
    check(&network("{defaults: all}"), "`permissions.network.allow.1.defaults`: expected true or false");
    let deny = |rule: &str| format!("permissions:\n  network:\n    deny: [{rule}]\n");
    check(&deny("{defaults: true}"), "is not known here, and so cannot be denied");
    check(&deny("{host: 'https://*'}"), "`*` denies every host and stands alone");
    check(&deny("{host: '*', methods: [POST]}"), "`*` denies every host whatever the method");
    let memory = |text: &str| format!("permissions: {{resources: {{memory: {text}}}}}");
    check(&memory("67108864"), "`permissions.resources.memory`: a number without a unit counts megabytes: expected from 1 to 4096");
    check(&memory("0"), "counts megabytes: expected from 1 to 4096, found 0");
    check(&memory("0.5"), "expected megabytes as a whole number, or a size such as `64MiB`");
    check(&memory("1KiB"), "expected from 64KiB to 4GiB, found 1KiB");
    check(&network("{host: 'ftp://a.example'}"), "`ftp` is neither");
    check(&network("{host: 'https://me:pw@a.example'}"), "credentials have no place here");
    check(&network("{host: 'a b'}"), "is no host such as");
    check(&network("{cidr: '203.0.113.0/33'}"), "is no network such as");
    check(&network("{host: a.example, cidr: '203.0.113.0/24'}"), "needs a `host` or a `cidr`");
    check(&network("{host: a.example, methods: [FETCH]}"), "`FETCH` is not one of `GET`");
    check("permissions: {environment: {allow: [{key: A, value: x, secret: y}]}}", "has both a `value` and a `secret`");
    check("permissions: {memory: {agent: write}}", "`write` is not one of `read`, `read_write`");
    check("permissions: {memory: {global: read}}", "`permissions.memory.global` is not supported yet");
    check("permissions: {tools: http_client}", "`permissions.tools`: expected a list of texts, found a text");
    check("permissions: {tools: [http_client]}", "write `server/tool` for one tool, `server/*` for all of a server");
    check("permissions: {tools: ['*/*']}", "`permissions.tools`: ");
    check("permissions: {tools: [a/b, a/c, a/b]}", "`permissions.tools` names `a/b` twice");
    check("permissions: {resources: {instances: 3}}", "`permissions.resources.instances` is not supported yet");
}

/// Wassette's own keys and forms, none of which is an error; each with what it comes to, and what is said of what does nothing here.
#[test]
fn what_wassette_allows_to_write_is_read() {
    let check = |permissions: &str, warned: &[&str]| -> (ToolManifest, Permissions) {
        let text = format!(
            "$schema: https://raw.githubusercontent.com/microsoft/policy-mcp/main/schema/policy-v1.0.schema.json\nversion: \"1.1\"\n\
             description: \"One of them\"\npermissions: {permissions}\n"
        );
        let manifest = policy(&text).unwrap();
        let warnings: Vec<String> = manifest.warnings().map(|warning| warning.message).collect();
        let fits = warnings.len() == warned.len() && warnings.iter().zip(warned).all(|(found, expected)| found.contains(expected));
        assert!(fits, "{permissions}: {warnings:#?}");
        (manifest, granted(&text).unwrap())
    };
    let memory = |permissions: &str, warned: &[&str]| check(permissions, warned).0.memory;
    let hosts = |permissions: &str, warned: &[&str]| {
        let granted = check(permissions, warned).1;
        (granted.hosts, granted.denied_hosts)
    };
    let access = |permissions: &str, warned: &[&str]| {
        check(permissions, warned).1.directories.iter().map(|directory| directory.access).collect::<Vec<_>>()
    };
    check("{}", &[]);
    check("\n  ipc:\n    allow:\n    - uri: \"pipe://app-service\"\n", &["`permissions.ipc` grants nothing"]);
    check("\n  runtime:\n    docker:\n    hyperlight:\n  storage:\n    allow:\n    deny:\n", &[]);
    check("{runtime: {wasm: {engine: wasmtime, wasi: {inherit_env: true}}}}", &["`permissions.runtime` grants nothing"]);

    let io = "{resources: {cpu: 50.0, memory: 1024, io: 1000}}";
    assert_eq!(memory(io, &["resources.cpu` bounds nothing", "resources.io` bounds nothing"]), Some(ByteSize::mib(1024)));
    assert_eq!(memory("{resources: {memory: 1}}", &[]), Some(ByteSize::mib(1)));
    assert_eq!(memory("{resources: {memory: 128MB}}", &[]), Some(ByteSize::new(128_000_000)));
    for (written, expected) in [("512Mi", ByteSize::mib(512)), ("1Gi", ByteSize::mib(1024)), ("256", ByteSize::mib(256))] {
        assert_eq!(memory(&format!("{{resources: {{limits: {{memory: {written}}}}}}}"), &[]), Some(expected));
    }
    let both = "{resources: {memory: 64, limits: {cpu: \"500m\", memory: \"1Gi\"}}}";
    assert_eq!(memory(both, &["limits.cpu` bounds nothing"]), Some(ByteSize::mib(64)), "the tighter of the two");

    let a = || rule(None, "a.example");
    let defaults = "\n  network:\n    allow:\n    - defaults: true\n    - host: \"a.example\"\n";
    assert_eq!(hosts(defaults, &["`permissions.network.allow.1.defaults` grants nothing here"]), (vec![a()], vec![]));
    let but = "{network: {allow: [{host: a.example}], deny: [{host: \"*.b.example\"}, {cidr: \"169.254.0.0/16\"}]}}";
    assert_eq!(hosts(but, &[]), (vec![a()], vec![rule(None, "*.b.example"), rule(None, "169.254.0.0/16")]));
    let all = "{network: {allow: [{host: a.example}], deny: [{host: \"*\"}, {cidr: \"0.0.0.0/0\"}]}}";
    assert_eq!(hosts(all, &["`*` denies every host"]), (vec![], vec![]));
    assert_eq!(hosts("{network: {deny: [{host: \"*\"}]}}", &[]), (vec![], vec![]));

    let write = "{storage: {allow: [{uri: \"fs://logs/**\", access: [write]}, {uri: \"fs://in/*\", access: [read]}]}}";
    assert_eq!(access(write, &["`access: [write]` grants reading too"]), [Access::ReadWrite, Access::Read]);
    let twice = "{storage: {allow: [{uri: \"fs://a\", access: [read, write, read, write]}]}}";
    assert_eq!(access(twice, &[]), [Access::ReadWrite]);
    let not_read = "{storage: {allow: [{uri: \"fs://a\", access: [write]}], deny: [{uri: \"fs://a\", access: [read]}]}}";
    assert_eq!(access(not_read, &["grants reading too"]), [], "nothing is read that is denied");
}

#[test]
fn files_are_granted_by_a_pattern_or_with_their_directory() {
    let own = |path: &str| PathBuf::from("/data/tools/default/feeds").join(path);
    let check = |allow: &str, deny: &str, directories: &[(PathBuf, &str)], files: &[(PathBuf, &str)], denied: &[PathBuf]| {
        let found = granted(&storage(allow, deny)).unwrap();
        let places = |host: &PathBuf, guest: &str| (host.clone(), guest.to_owned());
        let expected = |all: &[(PathBuf, &str)]| all.iter().map(|(host, guest)| places(host, guest)).collect::<Vec<_>>();
        assert_eq!(found.directories.iter().map(|one| places(&one.host, &one.guest)).collect::<Vec<_>>(), expected(directories), "{allow}");
        assert_eq!(found.files.iter().map(|one| places(&one.host, &one.guest)).collect::<Vec<_>>(), expected(files), "{allow}");
        assert_eq!(found.denied_paths, denied, "{deny}");
    };
    let logs = "{uri: 'fs://var/log/*.log', access: [read]}";
    check(logs, "", &[], &[(own("var/log/*.log"), "/var/log/*.log")], &[]);
    check("{uri: 'fs://*.csv', access: [read]}", "", &[], &[(own("*.csv"), "/*.csv")], &[]);
    check("{uri: 'fs:///srv/data/*.csv', access: [read], guest: /in}", "", &[], &[("/srv/data/*.csv".into(), "/in/*.csv")], &[]);
    // What is denied is denied among them too; what only may not be written is read.
    check(logs, "{uri: 'fs://var/**', access: [read]}", &[], &[], &[]);
    let secret = "{uri: 'fs://var/log/secret.log', access: [read]}, {uri: 'fs://var/log/a.log', access: [write]}";
    check(logs, secret, &[], &[(own("var/log/*.log"), "/var/log/*.log")], &[own("var/log/secret.log")]);
    // A name may be a file's; where the directory that holds it is granted too, nothing is said.
    let file = "{uri: 'fs://work/agent/config.yaml', access: [read]}";
    check(file, "", &[(own("work/agent/config.yaml"), "/work/agent/config.yaml")], &[], &[]);
    let both = format!("{{uri: 'fs://work/agent/**', access: [read, write]}}, {file}");
    check(&both, "", &[(own("work/agent"), "/work/agent")], &[], &[]);
    let covered = format!("{{uri: 'fs://var', access: [read]}}, {logs}");
    check(&covered, "", &[(own("var"), "/var")], &[], &[]);
    let more = "{uri: 'fs://a', access: [read]}, {uri: 'fs://a/b.txt', access: [read, write]}, {uri: 'fs://a/c.txt', access: [read], guest: /c.txt}";
    check(more, "", &[(own("a"), "/a"), (own("a/b.txt"), "/a/b.txt"), (own("a/c.txt"), "/c.txt")], &[], &[]);

    let text = storage("{uri: 'fs://a.txt', access: [read]}, {uri: 'fs://b.d/**', access: [read]}, {uri: 'fs://c.d/', access: [read]}", "");
    let manifest = policy(&text).unwrap();
    let named = ["a.txt", "b.d", "c.d", "d"].map(|path| manifest.names_file(Path::new("/own"), &Path::new("/own").join(path)));
    assert_eq!(named, [true, false, false, false]);
    assert!(policy(&storage(logs, "")).unwrap().is_enclosed());
    assert!(!policy(&storage("{uri: 'fs:///srv/*.csv', access: [read]}", "")).unwrap().is_enclosed());
    let words = crate::workspace::permission_words(&granted(&storage(logs, "")).unwrap());
    assert_eq!(words, ["reads /data/tools/default/feeds/var/log/*.log as /var/log/*.log"]);
    let beyond = granted(&storage("{uri: 'fs:///etc/*.conf', access: [read]}", "")).unwrap_err();
    assert!(beyond.contains("the tool reads `/etc`"), "{beyond}");
    let twice = granted(&storage("{uri: 'fs://a/*.x', access: [read], guest: /in}, {uri: 'fs://b/*.x', access: [read], guest: /in}", ""));
    assert!(twice.unwrap_err().contains("are to be found at `/in/*.x`"));
}

#[test]
fn what_goes_beyond_the_ceiling_names_the_key_that_would_allow_it() {
    let check = |text: &str, expected: [&str; 2]| {
        let found = granted(text).unwrap_err();
        assert!(expected.iter().all(|part| found.contains(part)), "{expected:?} is not in\n{found}");
    };
    let rule = |uri: &str, access: &str| storage(&format!("{{uri: '{uri}', access: [{access}]}}"), "");
    check(&rule("fs:///etc", "read"), ["policy.yaml:4:13: the tool reads `/etc`", "`tools.sandbox.readable_directories`"]);
    check(&rule("fs:///srvice", "read"), ["reads `/srvice`", "readable"]);
    check(&rule("fs:///srv/data", "read, write"), ["reads and writes `/srv/data`", "`tools.sandbox.writable_directories`"]);
    for text in [rule("fs:///srv/out/x", "read, write"), rule("fs:///srv/out", "read"), rule("fs://anything", "read, write")] {
        granted(&text).unwrap();
    }
    let network = "permissions: {network: {allow: [{host: erp.internal, private: true}]}}";
    check(network, ["reaches `erp.internal` at a private address", "`tools.sandbox.private_hosts`"]);
    check("permissions: {environment: {allow: [{key: PATH}]}}", ["wants the secret `PATH`", "`tools.PATH`"]);
}

#[test]
fn both_files_say_the_same_or_only_one_speaks() {
    let toml = "[permissions.network]\nallow = [{ host = \"api.example.com\" }]\n[limits]\nmemory = \"16MiB\"\n";
    let manifest = ToolManifest::parse(toml, "tools/feeds/tool.toml").unwrap();
    let join = |policy: &str| manifest.clone().with_policy(policy, "tools/feeds/policy.yaml").map_err(|problems| problems.to_string());
    let same =
        join("permissions: {network: {allow: [{host: API.example.com}]}, storage: {allow: [{uri: 'fs://x', access: [read]}]}}").unwrap();
    assert_eq!((same.wanted().hosts.len(), same.wanted().directories.len(), same.memory), (1, 1, Some(ByteSize::mib(16))));
    let error = join("permissions: {network: {allow: [{host: other.example.com}]}}").unwrap_err();
    assert!(error.contains("`permissions.network` contradicts tools/feeds/tool.toml:"), "{error}");
    let error = join("permissions: {resources: {memory: 32MiB}}").unwrap_err();
    assert!(error.contains("`permissions.resources.memory` contradicts"), "{error}");
}

fn any_policy() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "permissions",
        "storage",
        "network",
        "environment",
        "allow",
        "deny",
        "uri",
        "access",
        "host",
        "cidr",
        "key",
        "resources",
        "fs://a",
        "fs:///srv",
        "read",
        "write",
        "https://a.example/x",
        "::1",
        "10.0.0.0/8",
        "memory",
        "1.0",
        "[",
        "]",
        "{",
        "}",
        ": ",
        "\n",
        "\n  ",
        "- ",
        ", ",
        "'",
        "~",
        "99999999999999999999",
        "*.a",
        "é",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

/// A directory of at most three parts, now on the host, now the tool's own.
fn any_path() -> impl Strategy<Value = String> {
    (any::<bool>(), prop::collection::vec("[abc]", 1..4))
        .prop_map(|(own, parts)| format!("fs://{}{}", if own { "" } else { "/srv/out/" }, parts.join("/")))
}

fn any_rules() -> impl Strategy<Value = Vec<(String, bool)>> {
    prop::collection::vec((any_path(), any::<bool>()), 0..5)
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![any_policy(), any::<String>()]) {
        let _ = granted(&text);
        let _ = ToolManifest::parse(&text, "tool.toml");
        let _ = (address::host(&text, Side::Allow), address::host(&text, Side::Deny), address::network(&text), files::parse(&text), files::guest(&text));
    }

    #[test]
    fn deny_wins(allow in any_rules(), deny in any_rules()) {
        let written = |rules: &[(String, bool)], denies: bool| {
            let access = |write: &bool| match (denies, *write) {
                (_, false) => "read",
                (true, true) => "write",
                (false, true) => "read, write",
            };
            let rule = |at: usize, (uri, write): &(String, bool)| {
                let guest = if denies { String::new() } else { format!(", guest: /g{at}") };
                format!("{{uri: '{uri}', access: [{}]{guest}}}", access(write))
            };
            rules.iter().enumerate().map(|(at, one)| rule(at, one)).collect::<Vec<_>>().join(", ")
        };
        let permissions = granted(&storage(&written(&allow, false), &written(&deny, true))).map_err(TestCaseError::fail)?;
        let own = ceiling().own_directory(&WorkspaceName::default(), "feeds");
        for (uri, only_writing) in &deny {
            let denied = match files::parse(uri).map_err(TestCaseError::fail)?.0 {
                Source::Own(path) => own.join(path),
                Source::Host(path) => path,
            };
            for grant in &permissions.directories {
                let inside = grant.host.starts_with(&denied);
                let harmless = *only_writing && grant.access == Access::Read;
                prop_assert!(!inside || harmless, "{grant:?} lies in {}", denied.display());
                let hidden = permissions.denied_paths.iter().any(|path| denied.starts_with(path));
                prop_assert!(!denied.starts_with(&grant.host) || hidden || harmless, "{} is seen in {grant:?}", denied.display());
            }
        }
    }
}

#[test]
fn what_a_call_may_use_is_written_in_either_file() {
    let written = |toml: &str, yaml: &str| {
        let manifest = ToolManifest::parse(toml, "tool.toml").map_err(|problems| problems.to_string())?;
        let policy = format!("permissions: {{resources: {{{yaml}}}}}");
        manifest.with_policy(&policy, "policy.yaml").map(|manifest| manifest.limits).map_err(|problems| problems.to_string())
    };
    let limits = written("[limits]\ncpu = \"2s\"\ndisk = 0\nopen_files = 3\n", "egress: 64KiB, requests: 4, open_files: 3").unwrap();
    let expected = CallLimits {
        cpu: Some(Period::from_secs(2)),
        disk: Some(ByteSize::new(0)),
        open_files: Some(3),
        egress: Some(ByteSize::new(64 << 10)),
        requests: Some(4),
        ..CallLimits::default()
    };
    assert_eq!(limits, expected);
    let error = written("[limits]\nopen_files = 4\n", "open_files: 3").unwrap_err();
    assert!(error.starts_with("policy.yaml:1:39: `permissions.resources.open_files` contradicts tool.toml:2"), "{error}");
    let error = written("[limits]\nopen_files = \"many\"\n", "").unwrap_err();
    assert!(error.starts_with("tool.toml:2:14: `limits.open_files`: expected a whole number"), "{error}");
    let error = written("[limits]\ninstances = 4\n", "").unwrap_err();
    assert!(error.starts_with("tool.toml:2:13: `limits.instances` counts instances that wait"), "{error}");
}

#[test]
fn memory_and_other_tools_are_granted_by_name() {
    let expected = Permissions {
        memory: vec![
            MemoryGrant { scope: Scope::Agent, access: Access::ReadWrite },
            MemoryGrant { scope: Scope::Workspace, access: Access::Read },
        ],
        tools: ["csv-stats/stats", "http_client/*"].map(|tool| tool.parse().unwrap()).into(),
        ..Permissions::default()
    };
    let yaml = "permissions:\n  memory: {workspace: read, agent: read_write}\n  tools: [http_client/*, csv-stats/stats]\n";
    assert_eq!(granted(yaml).unwrap(), expected);
    let toml = "[permissions]\nmemory = {agent = \"read_write\", workspace = \"read\"}\ntools = [\"csv-stats/stats\", \"http_client/*\"]\n";
    let manifest = ToolManifest::parse(toml, "tool.toml").unwrap().with_policy(yaml, "policy.yaml").unwrap();
    assert_eq!(manifest.wanted(), expected);
    assert!(!manifest.is_enclosed());
    let words = crate::workspace::permission_words(&expected);
    let told = [
        "searches memory of scope agent and adds to it",
        "searches memory of scope workspace",
        "calls csv-stats/stats",
        "calls http_client/*",
    ];
    assert_eq!(words, told);
}
