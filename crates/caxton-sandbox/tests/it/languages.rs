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

/// The guest of a language; none where it was not built, which CI does not accept.
fn guest(language: &str) -> Option<PathBuf> {
    let path = env::var_os("CAXTON_GUESTS").map(|folder| PathBuf::from(folder).join(format!("{language}.wasm")));
    let found = path.filter(|path| path.is_file());
    let needed = match language {
        "go" => env::var_os("CAXTON_GUESTS_ALL").is_some(),
        _ => env::var_os("CI").is_some_and(|ci| ci == "true"),
    };
    assert!(found.is_some() || !needed, "the guest in {language} was not built; `cargo xtask test` builds it");
    if found.is_none() {
        eprintln!("left out: `cargo xtask test` builds the guest in {language} and runs this test with it");
    }
    found
}

async fn check(language: &str) {
    let Some(path) = guest(language) else { return };
    // The libraries of CPython import sockets, whether a tool uses them or not. Without hosts they lead nowhere.
    let permissions = Permissions { sockets: language == "python", ..Permissions::default() };
    let guest = Guest::load(&path, &permissions).await;
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
