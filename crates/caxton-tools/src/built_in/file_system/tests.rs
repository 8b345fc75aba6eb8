use super::*;
use caxton_types::{Access, unit::ByteSize};
use proptest::prelude::*;
use serde_json::json;
use std::{fs, os::unix::fs::symlink, path::Path};
use tempfile::TempDir;

struct Bench {
    dir: TempDir,
    place: Place,
}

impl Bench {
    /// A granted directory beside a secret.
    fn new(access: Access, len_max: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        fs::write(dir.path().join("secret"), "canary").unwrap();
        let granted = Granted { name: "in".into(), path: dir.path().join("in"), access, len_max: ByteSize::new(len_max) };
        Self { dir, place: Place { granted, used: Mutex::default() } }
    }

    fn inside(&self) -> std::path::PathBuf {
        self.dir.path().join("in")
    }

    fn call(&self, tool: &str, arguments: Value) -> Result<Value, Refusal> {
        let own: Arguments = serde_json::from_value(arguments).unwrap();
        perform(tool, &self.place, own, &mut Watch::endless()).map(|answer| answer.result.structured.unwrap())
    }

    fn refused(&self, tool: &str, arguments: Value) -> (Code, String) {
        let refusal = self.call(tool, arguments.clone()).expect_err(&arguments.to_string());
        assert!(refusal.hint.is_some(), "{refusal:?}");
        (refusal.code, refusal.reason)
    }
}

#[test]
fn files_are_written_read_moved_and_removed() {
    let bench = Bench::new(Access::ReadWrite, 1000);
    assert_eq!(bench.call("create_dir", json!({"path": "a/b"})).unwrap()["created"], true);
    assert_eq!(
        bench.call("write", json!({"path": "a/b/c.txt", "text": "grüße\n"})).unwrap(),
        json!({"path": "a/b/c.txt", "size": 8, "created": true})
    );
    assert_eq!(bench.call("append", json!({"path": "a/b/c.txt", "base64": "b2s="})).unwrap()["size"], 10);
    assert_eq!(
        bench.call("read", json!({"path": "a/b/c.txt"})).unwrap(),
        json!({"encoding": "text", "content": "grüße\nok", "size": 10, "offset": 0, "next_offset": null})
    );
    // A range that ends within a character ends before it.
    assert_eq!(bench.call("read", json!({"path": "a/b/c.txt", "length": 3})).unwrap()["next_offset"], 2);
    assert_eq!(bench.call("read", json!({"path": "a/b/c.txt", "offset": 8, "encoding": "base64"})).unwrap()["content"], "b2s=");
    assert_eq!(bench.call("move", json!({"path": "a/b/c.txt", "to": "d.txt"})).unwrap(), json!({"path": "d.txt", "from": "a/b/c.txt"}));
    let listed = bench.call("list", json!({"recursive": true})).unwrap();
    let paths: Vec<_> = listed["entries"].as_array().unwrap().iter().map(|entry| json!([entry["path"], entry["kind"]])).collect();
    assert_eq!(json!(paths), json!([["a", "directory"], ["d.txt", "file"], ["a/b", "directory"]]));
    assert_eq!(
        bench.call("search", json!({"contains": "OK", "ignore_case": true})).unwrap()["matches"],
        json!([{"path": "d.txt", "line": 2, "text": "ok"}])
    );
    assert_eq!(bench.call("search", json!({"glob": "*.txt"})).unwrap()["matches"], json!([{"path": "d.txt"}]));
    assert_eq!(bench.call("remove", json!({"path": "a", "recursive": true})).unwrap()["removed"], true);
    assert_eq!(bench.call("remove", json!({"path": "a"})).unwrap()["removed"], false);
    assert_eq!(bench.call("stat", json!({"path": "a"})).unwrap()["exists"], false);
    assert_eq!(bench.call("stat", json!({"path": "d.txt"})).unwrap()["size"], 10);
    assert_eq!(fs::read_dir(bench.inside()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn what_does_not_fit_is_refused_with_a_next_step() {
    let bench = Bench::new(Access::ReadWrite, 10);
    bench.call("write", json!({"path": "a", "text": "12345678"})).unwrap();
    let (code, reason) = bench.refused("write", json!({"path": "b", "text": "123"}));
    assert_eq!((code, reason.contains("the disk quota of `in` is 10B")), (Code::Exhausted, true), "{reason}");
    assert_eq!(bench.refused("append", json!({"path": "a", "text": "123"})).0, Code::Exhausted);
    bench.call("write", json!({"path": "a", "text": "1234567890"})).unwrap();
    assert_eq!(bench.refused("write", json!({"path": "a", "text": "", "only_new": true})).0, Code::Conflict);
    bench.call("remove", json!({"path": "a"})).unwrap();
    bench.call("write", json!({"path": "b", "text": "123", "only_new": true})).unwrap();
    assert_eq!(bench.refused("move", json!({"path": "b", "to": "."})).0, Code::Denied);
    assert_eq!(bench.refused("remove", json!({"path": "./"})).0, Code::Denied);
    assert_eq!(bench.refused("read", json!({"path": "c"})).0, Code::NotFound);
    assert_eq!(bench.refused("read", json!({"path": "."})).0, Code::Conflict);
    assert_eq!(bench.refused("write", json!({"path": "c"})), (Code::Invalid, "it is not said what to write".into()));
    fs::write(bench.inside().join("bytes"), [0xff, 0xfe]).unwrap();
    assert_eq!(bench.refused("read", json!({"path": "bytes"})), (Code::Invalid, "`bytes` is no text: byte 0 is not UTF-8".into()));
    let reader = Bench::new(Access::Read, 10);
    for (tool, arguments) in
        [("write", json!({"path": "a", "text": ""})), ("remove", json!({"path": "a"})), ("create_dir", json!({"path": "a"}))]
    {
        assert_eq!(reader.refused(tool, arguments), (Code::Denied, "`in` may only be read".into()));
    }
}

#[test]
fn without_a_grant_the_tool_says_how_there_is_one() {
    let none: [Granted; 0] = [];
    let refusal = KIND.find(&none, Some("x")).unwrap_err();
    assert_eq!(refusal.code, Code::Denied);
    assert!(refusal.hint.unwrap().contains("`tools.file_system.directories`"));
}

/// Whatever is asked for, the secret beside the directory is neither read nor touched, nor is anything made beside it.
fn stays_inside(bench: &Bench, path: &str) {
    let contents = |outcome: Result<Value, Refusal>| outcome.map(|value| value.to_string()).unwrap_or_default();
    for tool in ["read", "list", "stat", "search"] {
        let found = contents(bench.call(tool, json!({"path": path, "recursive": true, "contains": "canary"})));
        assert!(!found.contains("canary") || tool == "search" && !found.contains("\"text\""), "{tool} {path}: {found}");
    }
    for tool in ["write", "append", "create_dir", "remove"] {
        contents(bench.call(tool, json!({"path": path, "text": "x", "recursive": true})));
    }
    contents(bench.call("move", json!({"path": path, "to": "stolen", "replace": true})));
    contents(bench.call("write", json!({"path": "plain", "text": "x"})));
    contents(bench.call("move", json!({"path": "plain", "to": path, "replace": true})));
    assert_eq!(fs::read_to_string(bench.dir.path().join("secret")).unwrap(), "canary", "{path}");
    let beside: Vec<_> = fs::read_dir(bench.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "{path}: {beside:?}");
    let stolen = bench.inside().join("stolen");
    assert!(
        !stolen.exists() || fs::read_to_string(stolen).is_ok_and(|text| text != "canary") || bench.inside().join("stolen").is_dir(),
        "{path}"
    );
}

fn with_links() -> Bench {
    let bench = Bench::new(Access::ReadWrite, 1_000_000);
    let inside = bench.inside();
    fs::create_dir_all(inside.join("sub")).unwrap();
    symlink("../secret", inside.join("link")).unwrap();
    symlink(bench.dir.path().join("secret"), inside.join("absolute")).unwrap();
    symlink("..", inside.join("up")).unwrap();
    symlink("../..", inside.join("sub/up")).unwrap();
    symlink(Path::new("link"), inside.join("chain")).unwrap();
    bench
}

#[test]
fn no_link_and_no_path_leads_out() {
    let secret = with_links().dir.path().join("secret").display().to_string();
    for path in [
        "link",
        "absolute",
        "up/secret",
        "sub/up/secret",
        "chain",
        "../secret",
        "sub/../../secret",
        "/etc/passwd",
        "//etc/passwd",
        &secret,
        "up",
        "./../in/../secret",
    ] {
        let bench = with_links();
        assert!(bench.call("read", json!({"path": path})).is_err(), "{path}");
        stays_inside(&bench, path);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_path_leads_out(parts in proptest::collection::vec(proptest::sample::select(vec!["..", ".", "", "sub", "link", "absolute", "up", "chain", "secret", "in", "a\\b", "…", "/"]), 1..7)) {
        stays_inside(&with_links(), &parts.join("/"));
    }
}
