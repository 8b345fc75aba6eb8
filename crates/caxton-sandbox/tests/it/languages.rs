//! What a guest must do in whatever language it is written: one table, for the guests of `sdk/conformance`.
//!
//! `cargo xtask test` builds them with `caxton build` and names their folder in `CAXTON_GUESTS`.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use caxton_sandbox::{Attachment, Call, CallOutcome, Component, Error, Sandbox};
use caxton_types::{Permissions, error::ResourceError, unit::ByteSize};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::sandbox;

/// Texts that break whoever counts bytes as letters, ends texts at NUL, or escapes JSON by hand.
const TEXTS: [&str; 8] = [
    "",
    "Ünïcödé, ẞtraße, İstanbul",
    "日本語 العربية עברית",
    "👩‍👩‍👧‍👦 🇳🇴 e\u{301} \u{10ffff}",
    "\"quoted\" \\ back/slash",
    "tab\tline\nreturn\rbell\u{7}null\u{0}end",
    "\u{2028}\u{2029}\u{feff}\u{fffd}",
    "{\"json\": [1, null]}",
];

struct Guest {
    component: Component,
    _folder: TempDir,
}

impl Guest {
    async fn load(path: &Path, permissions: &Permissions) -> Self {
        // What a large guest is compiled to is kept beside it: it is the same in every run.
        let compiled = path.with_file_name("compiled");
        let (sandbox, folder): (Sandbox, TempDir) = sandbox(|options| options.compiled_dir = Some(compiled));
        let wasm = std::fs::read(path).unwrap();
        Self { component: sandbox.load_granted("guest", wasm, permissions).await.unwrap(), _folder: folder }
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<CallOutcome, Error> {
        self.component.call(Call::new(tool, arguments.to_string())).await
    }

    async fn text(&self, tool: &str, arguments: Value) -> String {
        text_of(&self.call(tool, arguments).await.unwrap())
    }

    async fn error(&self, tool: &str, arguments: Value) -> Error {
        self.call(tool, arguments).await.unwrap_err()
    }
}

fn text_of(outcome: &CallOutcome) -> String {
    let result: Value = serde_json::from_str(&outcome.result_json).unwrap();
    assert_ne!(result["isError"], true, "{result}");
    assert_eq!(result["content"][0]["type"], "text");
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

/// A guest that was built; none where it was not, which CI does not accept.
fn guest(name: &str) -> Option<PathBuf> {
    let path = env::var_os("CAXTON_GUESTS").map(|folder| PathBuf::from(folder).join(format!("{name}.wasm")));
    let found = path.filter(|path| path.is_file());
    let needed = match name {
        "go" | "hello-go" | "calendar" => env::var_os("CAXTON_GUESTS_ALL").is_some(),
        _ => env::var_os("CI").is_some_and(|ci| ci == "true"),
    };
    assert!(found.is_some() || !needed, "the guest `{name}` was not built; `cargo xtask test` builds it");
    if found.is_none() {
        eprintln!("left out: `cargo xtask test` builds the guest `{name}` and runs this test with it");
    }
    found
}

/// The libraries of `CPython` import sockets, whether a tool uses them or not. Without hosts they lead nowhere.
fn permissions(language: &str) -> Permissions {
    Permissions { sockets: language == "python", ..Permissions::default() }
}

async fn check(language: &str) {
    let Some(path) = guest(language) else { return };
    let guest = Guest::load(&path, &permissions(language)).await;
    schema(&guest);
    call(&guest).await;
    error(&guest).await;
    big_payload(&guest).await;
    unicode(&guest).await;
    trap(&guest).await;
    deadline(&guest).await;
    denial(&guest).await;
}

fn schema(guest: &Guest) {
    let tools = guest.component.tools();
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["hello", "echo", "fail", "big", "spin", "trap", "read", "env", "connect"]);
    let hello = &tools[0];
    assert_eq!(hello.description, "Greets somebody by name.");
    assert!(hello.annotations.read_only_hint && !tools[1].annotations.read_only_hint);
    let schema = &hello.input_schema;
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["properties"]["name"]["type"], "string");
    assert_eq!(schema["required"], json!(["name"]));
    assert_eq!(tools[3].input_schema["properties"]["kib"]["type"], "integer");
}

async fn call(guest: &Guest) {
    assert_eq!(guest.text("hello", json!({"name": "Ada"})).await, "Hello, Ada!");
    // A fresh instance each: what one call did is nothing that the next one meets.
    for name in ["Grace", "Edsger"] {
        assert_eq!(guest.text("hello", json!({ "name": name })).await, format!("Hello, {name}!"));
    }
}

async fn error(guest: &Guest) {
    let invalid = guest.error("fail", json!({"kind": "invalid"})).await;
    assert!(matches!(&invalid, Error::InvalidArguments(text) if text == "as asked: invalid"), "{invalid:?}");
    let failed = guest.error("fail", json!({"kind": "failed"})).await;
    assert!(matches!(&failed, Error::Failed(text) if text == "as asked: failed"), "{failed:?}");
    let missing = guest.error("hello", json!({})).await;
    assert!(matches!(&missing, Error::InvalidArguments(text) if text.contains("name")), "{missing:?}");
    let wrong = guest.error("hello", json!({"name": 7})).await;
    assert!(matches!(&wrong, Error::InvalidArguments(text) if text.contains("name")), "{wrong:?}");
}

async fn big_payload(guest: &Guest) {
    assert_eq!(guest.text("big", json!({"kib": 900})).await, "x".repeat(900 << 10));
    let mut call = Call::new("big", json!({"kib": 100}).to_string());
    call.limits.output = ByteSize::new(64 << 10);
    let error = guest.component.call(call).await.unwrap_err();
    assert!(matches!(error, Error::Limit(ResourceError::OutputLimitExceeded { .. })), "{error:?}");
    let long = "ä".repeat(200 << 10);
    assert_eq!(guest.text("echo", json!({ "text": long })).await, long);
}

async fn unicode(guest: &Guest) {
    for text in TEXTS {
        assert_eq!(guest.text("echo", json!({ "text": text })).await, text);
    }
    // Written with escapes, as other hosts do.
    let call = Call::new("echo", r#"{"text":"\u00fc \ud83d\ude00 \/ \u0000"}"#);
    assert_eq!(text_of(&guest.component.call(call).await.unwrap()), "ü 😀 / \u{0}");
}

async fn trap(guest: &Guest) {
    let error = guest.error("trap", json!({})).await;
    assert!(matches!(error, Error::Trap(_)), "{error:?}");
    assert_eq!(guest.text("hello", json!({"name": "Ada"})).await, "Hello, Ada!");
}

async fn deadline(guest: &Guest) {
    let mut call = Call::new("spin", "{}");
    call.limits.wall = Duration::from_millis(100);
    let error = guest.component.call(call).await.unwrap_err();
    assert!(matches!(error, Error::Limit(ResourceError::TimeLimitExceeded { .. })), "{error:?}");
}

/// Each denial has a twin that is granted: the guest does try, and the grant is what decides.
async fn denial(guest: &Guest) {
    let refused = |error: Error| assert!(matches!(&error, Error::Failed(text) if text.starts_with("refused: ")), "{error:?}");
    for path in ["/etc/hostname", "/attachments/note.txt", "/attachments/../etc/hostname", "../etc/hostname"] {
        refused(guest.error("read", json!({ "path": path })).await);
    }
    let with_note = |path: &str| {
        let mut call = Call::new("read", json!({ "path": path }).to_string());
        call.attachments.push(Attachment::bytes("note.txt", "granted ✓".as_bytes().to_vec()));
        guest.component.call(call)
    };
    assert_eq!(text_of(&with_note("/attachments/note.txt").await.unwrap()), "granted ✓");
    for path in ["/etc/hostname", "/attachments/../etc/hostname", "/attachments/../note.txt"] {
        refused(with_note(path).await.unwrap_err());
    }

    for name in ["PATH", "HOME", "CAXTON_IDEMPOTENCY_KEY"] {
        refused(guest.error("env", json!({ "name": name })).await);
    }
    let mut keyed = Call::new("env", json!({"name": "CAXTON_IDEMPOTENCY_KEY"}).to_string());
    keyed.idempotency_key = Some("trn_1/2".into());
    assert_eq!(text_of(&guest.component.call(keyed).await.unwrap()), "trn_1/2");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    match guest.error("connect", json!({ "address": address })).await {
        // WASI's first version has no word for connecting: whoever uses what it has of sockets ends there.
        Error::Trap(_) => {}
        error => refused(error),
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody reached it");
}

#[tokio::test]
async fn conformance_of_the_guest_in_c() {
    check("c").await;
}

#[tokio::test]
async fn conformance_of_the_guest_in_rust() {
    check("rust").await;
}

#[tokio::test]
async fn conformance_of_the_guest_in_javascript() {
    check("js").await;
}

#[tokio::test]
async fn conformance_of_the_guest_in_python() {
    check("python").await;
}

/// Built by `cargo xtask test --all-guests` only.
#[tokio::test]
async fn conformance_of_the_guest_in_go() {
    check("go").await;
}

/// What `caxton init --template` makes of a language's template greets.
async fn check_template(language: &str) {
    let Some(path) = guest(&format!("hello-{language}")) else { return };
    let guest = Guest::load(&path, &permissions(language)).await;
    assert_eq!(guest.component.tools().len(), 1);
    let hello = &guest.component.tools()[0];
    assert!(hello.annotations.read_only_hint);
    assert_eq!(hello.input_schema["properties"]["name"]["description"], "Who is greeted");
    assert_eq!(guest.text("hello", json!({"name": "Ada"})).await, "Hello, Ada!");
}

#[tokio::test]
async fn templates_of_tools_greet() {
    for language in ["c", "rust", "js", "python", "go"] {
        check_template(language).await;
    }
}

/// The `structuredContent` of an answer.
fn data_of(outcome: &CallOutcome) -> Value {
    serde_json::from_str::<Value>(&outcome.result_json).unwrap()["structuredContent"].take()
}

#[tokio::test]
async fn checksums_are_those_of_the_standards() {
    let Some(path) = guest("checksum") else { return };
    let guest = Guest::load(&path, &permissions("c")).await;
    let million = "a".repeat(1_000_000);
    for (text, sha256, crc32) in [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "00000000"),
        ("123456789", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225", "cbf43926"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            "171a3f5f",
        ),
        (&million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "dc25bfbc"),
    ] {
        let data = data_of(&guest.call("checksum", json!({ "text": text })).await.unwrap());
        assert_eq!(data, json!({"sha256": sha256, "crc32": crc32, "bytes": text.len()}));
        let mut call = Call::new("checksum", json!({"file": "a.bin"}).to_string());
        call.attachments.push(Attachment::bytes("a.bin", text.as_bytes().to_vec()));
        assert_eq!(data_of(&guest.component.call(call).await.unwrap()), data);
    }
    assert!(matches!(guest.error("checksum", json!({"file": "../a"})).await, Error::InvalidArguments(_)));
}

#[tokio::test]
async fn json_paths_find_what_they_name() {
    let Some(path) = guest("json-query") else { return };
    let guest = Guest::load(&path, &permissions("js")).await;
    let document = r#"{"orders": [{"id": 1, "total": 9.5}, {"id": 2, "total": 3}, {"id": 3}], "name": "Ünï", "a'b": null}"#;
    for (path, values, first) in [
        ("$.orders[*].total", json!([9.5, 3]), "$['orders'][0]['total']"),
        ("$..id", json!([1, 2, 3]), "$['orders'][0]['id']"),
        ("$.orders[-1].id", json!([3]), "$['orders'][2]['id']"),
        ("$.orders[0:3:2]['id']", json!([1, 3]), "$['orders'][0]['id']"),
        ("$.orders[::-1].id", json!([3, 2, 1]), "$['orders'][2]['id']"),
        ("$['name', 'a\\'b']", json!(["Ünï", null]), "$['name']"),
    ] {
        let mut call = Call::new("query", json!({"path": path, "file": "d.json"}).to_string());
        call.attachments.push(Attachment::bytes("d.json", document.as_bytes().to_vec()));
        let data = data_of(&guest.component.call(call).await.unwrap());
        let found: Vec<Value> = data["found"].as_array().unwrap().iter().map(|one| one["value"].clone()).collect();
        assert_eq!(Value::Array(found), values, "{path}");
        assert_eq!(data["found"][0]["path"], first);
    }
    for arguments in [json!({"path": "orders", "json": "{}"}), json!({"path": "$.a[", "json": "{}"}), json!({"path": "$", "json": "{"})] {
        assert!(matches!(guest.error("query", arguments).await, Error::InvalidArguments(_)));
    }
}

#[tokio::test]
async fn lines_are_fitted() {
    let Some(path) = guest("regression") else { return };
    let guest = Guest::load(&path, &permissions("python")).await;
    let data = data_of(&guest.call("fit", json!({"x": [1, 2, 3, 4], "y": [3, 5, 7, 9], "at": 10})).await.unwrap());
    assert_eq!(data, json!({"slope": 2.0, "intercept": 1.0, "r2": 1.0, "points": 4, "at": {"x": 10, "y": 21.0}}));
    let data = data_of(&guest.call("summary", json!({"values": [1, 2, 3, 4, 10]})).await.unwrap());
    assert_eq!((&data["mean"], &data["median"], &data["quartiles"]), (&json!(4.0), &json!(3.0), &json!([2.0, 4.0])));
    let error = guest.error("correlate", json!({"x": [1, 2], "y": [1]})).await;
    assert!(matches!(&error, Error::InvalidArguments(text) if text.contains("2 numbers")), "{error:?}");
}

/// Built by `cargo xtask test --all-guests` only.
#[tokio::test]
async fn dates_are_computed() {
    let Some(path) = guest("calendar") else { return };
    let guest = Guest::load(&path, &permissions("go")).await;
    for (arguments, date, weekday) in [
        (json!({"date": "2026-01-31", "months": 1}), "2026-02-28", "Saturday"),
        (json!({"date": "2024-02-29", "years": 1}), "2025-02-28", "Friday"),
        (json!({"date": "2026-12-24", "workdays": 2, "holidays": ["2026-12-25"]}), "2026-12-29", "Tuesday"),
        (json!({"date": "2026-03-02", "workdays": -1}), "2026-02-27", "Friday"),
    ] {
        let data = data_of(&guest.call("add", arguments).await.unwrap());
        assert_eq!((&data["date"], &data["weekday"]), (&json!(date), &json!(weekday)));
    }
    let data = data_of(&guest.call("between", json!({"from": "2026-03-02", "to": "2026-03-16"})).await.unwrap());
    assert_eq!((&data["days"], &data["weeks"], &data["workdays"]), (&json!(14), &json!(2), &json!(10)));
}
