//! What is loaded, what is refused and why, and what is kept.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use caxton_sandbox::{Binary, Error, Profile};
use caxton_types::{Code, Digest, Failure, Fault, unit::ByteSize};
use serde_json::Value;

use crate::{
    guest::{ECHO, Guest, component, tool, tool_with},
    support::{csv_stats, echo, sandbox, shared},
};

async fn refused(wasm: Vec<u8>) -> (String, String) {
    let error = shared().load("guest", wasm).await.unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default())
}

#[tokio::test]
async fn the_csv_tool_lists_its_tools() {
    let component = shared().load("csv-stats", csv_stats()).await.unwrap();
    let names: Vec<&str> = component.tools().iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["describe", "stats", "rows"]);
    assert!(component.tools().iter().all(|tool| tool.annotations.read_only_hint && tool.annotations.idempotent_hint));
    assert_eq!(component.tools()[1].input_schema["properties"]["file"]["format"], "attachment");
    assert!(csv_stats().len() <= 150_000);
}

#[tokio::test]
async fn what_is_no_component_is_said_to_be_none() {
    assert_eq!(refused(b"hello".to_vec()).await.0, "`guest` is no WebAssembly at all, not a WebAssembly component");
    let (error, hint) = refused(wat::parse_str("(module)").unwrap()).await;
    assert_eq!(error, "`guest` is a core module without component metadata, not a WebAssembly component");
    assert!(hint.contains("wasm32-wasip2"));
    let mut torn = tool(ECHO);
    torn.truncate(torn.len() / 2);
    assert!(refused(torn).await.0.starts_with("component `guest` is invalid: "));
    let (small, _folder) = sandbox(|options| options.component_size_max = ByteSize::new(100));
    assert_eq!(small.load("guest", tool(ECHO)).await.unwrap_err().code(), Code::TooLarge);
}

#[tokio::test]
async fn an_import_that_is_not_granted_is_named() {
    let import = ("interface extra { act: func(); }", "extra");
    let fields = r#"(import "caxton:tool/extra@0.1.0" "act" (func $act))"#;
    let body = format!("(call $act) {ECHO}");
    let (error, _) = refused(tool_with(&Guest { import: Some(import), fields, body: &body, ..Guest::default() })).await;
    assert_eq!(error, "component `guest` imports caxton:tool/extra@0.1.0, which no tool is granted");
}

#[tokio::test]
async fn a_component_of_another_kind_is_told_what_it_exports() {
    let wit = "package wasi:cli@0.2.6; interface run { run: func() -> result; } world w { export run; }";
    let run = r#"(module (func (export "wasi:cli/run@0.2.6#run") (result i32) (i32.const 0)))"#;
    let (error, _) = refused(component(run, wit, "w")).await;
    assert_eq!(error, "component `guest` exports no tool; it exports wasi:cli/run@0.2.6 (a command)");
}

#[tokio::test]
async fn tools_that_cannot_be_used_are_refused() {
    let prefix = "component `guest` offers a tool that cannot be used: ";
    let name = refused(tool_with(&Guest { name: "a b", ..Guest::default() })).await.0;
    assert_eq!(name, format!("{prefix}`a b` is no name for a tool (1 to 64 of a-z A-Z 0-9 _ -)"));
    let schema = refused(tool_with(&Guest { schema: "[]", ..Guest::default() })).await.0;
    assert_eq!(schema, format!("{prefix}the schema of `echo` is not a JSON object"));
}

#[tokio::test]
async fn profiles_refuse_proposals_by_name() {
    let (strict, _folder) = sandbox(|options| options.profile = Profile::Strict);
    let copies = tool(&format!("(memory.copy (i32.const 0) (i32.const 8) (i32.const 8)) {ECHO}"));
    let error = strict.load("guest", copies.clone()).await.unwrap_err();
    assert_eq!(error.to_string(), "component `guest` needs bulk memory, which the `strict` profile refuses");
    let remedy = "build it with -C target-feature=-bulk-memory, or set `tools.sandbox.profile = \"default\"`";
    assert_eq!(error.hint().unwrap(), remedy);
    assert!(shared().load("guest", copies).await.is_ok());

    let simd = tool(&format!("(drop (v128.const i64x2 1 2)) {ECHO}"));
    let error = strict.load("guest", simd.clone()).await.unwrap_err();
    assert!(matches!(&error, Error::ProposalRefused { proposals, .. } if proposals == &["SIMD"]), "{error}");
    assert!(shared().load("guest", simd).await.is_ok());

    let error = strict.load("csv-stats", csv_stats()).await.unwrap_err();
    assert!(matches!(&error, Error::ProposalRefused { proposals, .. } if proposals.contains(&"bulk memory")), "{error}");
    let plain = strict.load("guest", tool(ECHO)).await.unwrap();
    assert_eq!(plain.call(echo("{}")).await.unwrap().result_json, "{}");

    for (module, proposal) in [
        ("(memory 1) (memory 1)", "multi-memory"),
        ("(memory i64 1)", "memory64"),
        ("(memory 1 2 shared)", "threads"),
        ("(tag $oops) (func (throw $oops))", "exceptions"),
        ("(func $f (return_call $f))", "tail calls"),
        ("(type $s (struct)) (func (drop (struct.new $s)))", "gc"),
        ("(memory 1 (pagesize 1))", "custom page sizes"),
        ("(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))", "relaxed SIMD"),
    ] {
        let guest = wat::parse_str(format!("(component (core module {module}))")).unwrap();
        let error = shared().load("guest", guest).await.unwrap_err();
        assert!(matches!(&error, Error::ProposalRefused { proposals, .. } if proposals == &[proposal]), "{proposal}: {error}");
    }
}

fn kept(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

#[tokio::test]
async fn compiled_code_is_kept_and_what_was_changed_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let compiled = folder.path().join("compiled");
    let start = || sandbox(|options| options.compiled_dir = Some(compiled.clone()));
    let works = async |wasm: Vec<u8>| {
        let (sandbox, _folder) = start();
        let component = sandbox.load("guest", wasm).await.unwrap();
        component.call(echo("{}")).await.unwrap().result_json == "{}"
    };
    assert!(works(tool(ECHO)).await);
    let first = kept(&compiled);
    assert_eq!(first.len(), 2);
    let code = first.keys().find(|name| name.contains(".cwasm")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&compiled).unwrap().permissions().mode() & 0o777, 0o700);
    }
    // What is there is used and not written again.
    let written = || std::fs::metadata(compiled.join(code)).unwrap().modified().unwrap();
    let when = written();
    assert!(works(tool(ECHO)).await);
    assert_eq!(written(), when);
    // A changed byte, a torn file, a changed digest, half of what stands beside it: none of them is run.
    let mut changed = first[code].clone();
    *changed.last_mut().unwrap() ^= 1;
    let beside = code.replace(".cwasm", ".json");
    let other_digest = about(&compiled.join(&beside), |about| (about["digest"], about["seen"]) = ("0".repeat(64).into(), Value::Null));
    for (name, content) in [(code, changed), (code, Vec::new()), (&beside, other_digest), (&beside, b"{".to_vec())] {
        std::fs::write(compiled.join(name), content).unwrap();
        assert!(works(tool(ECHO)).await);
        assert_eq!(kept(&compiled)[code], first[code]);
    }
    // Nothing beside it.
    std::fs::remove_file(compiled.join(&beside)).unwrap();
    assert!(works(tool(ECHO)).await);
    assert!(kept(&compiled).contains_key(&beside));
}

/// The one file of its kind.
fn the(folder: &Path, extension: &str) -> PathBuf {
    folder.join(kept(folder).into_keys().find(|name| name.contains(extension)).unwrap())
}

/// What stands beside compiled code, changed.
fn about(path: &Path, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut about = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut about);
    about.to_string().into_bytes()
}

#[cfg(unix)]
#[tokio::test]
async fn compiled_code_is_read_whole_once_while_nobody_writes_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let compiled = folder.path().join("compiled");
    let load = async || {
        let (sandbox, _folder) = sandbox(|options| options.compiled_dir = Some(compiled.clone()));
        sandbox.load("guest", tool(ECHO)).await.unwrap();
    };
    load().await;
    let (code, beside) = (the(&compiled, ".cwasm"), the(&compiled, ".json"));
    let said = || serde_json::from_slice::<Value>(&std::fs::read(&beside).unwrap()).unwrap();
    // Only after it stood still for some milliseconds is it taken for what it is.
    for _ in 0..1000 {
        load().await;
        if !said()["seen"].is_null() {
            break;
        }
    }
    let wrong = "0".repeat(64);
    std::fs::write(&beside, about(&beside, |about| about["digest"] = wrong.as_str().into())).unwrap();
    load().await;
    assert_eq!(said()["digest"], wrong, "it was read");
    // Written to, and be it with the same bytes, it is read again.
    std::fs::write(&code, std::fs::read(&code).unwrap()).unwrap();
    load().await;
    assert_ne!(said()["digest"], wrong, "it was not read");
}

#[tokio::test]
async fn what_was_compiled_needs_neither_its_bytes_nor_to_be_asked_for_its_tools() {
    let folder = tempfile::tempdir().unwrap();
    let compiled = folder.path().join("compiled");
    let start = || sandbox(|options| options.compiled_dir = Some(compiled.clone()));
    let (digest, size) = (Digest::of(&tool(ECHO)), tool(ECHO).len() as u64);
    let gone = || async { Err(Failure::new(Code::NotFound, "it is gone")) };

    let (empty, _scratch) = start();
    let error = empty.load("guest", Binary::stored(digest, size, gone())).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.code()), ("component `guest` could not be read: it is gone", Code::NotFound));
    let other = async { Ok(tool(&format!("(drop (i32.const 7)) {ECHO}")).into()) };
    let error = empty.load("guest", Binary::stored(digest, size, other)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("component `guest` is invalid: its bytes are not those of {digest}"));
    let large = empty.load("guest", Binary::stored(digest, 1 << 40, gone())).await.unwrap_err();
    assert_eq!(large.code(), Code::TooLarge);

    let (small, _scratch) = sandbox(|options| options.component_size_max = ByteSize::new(size - 1));
    let larger = Binary::stored(digest, 1, async { Ok(tool(ECHO).into()) });
    assert_eq!(small.load("guest", larger).await.unwrap_err().code(), Code::TooLarge, "whatever is said of its size");

    let first = empty.load("guest", Binary::stored(digest, size, async { Ok(tool(ECHO).into()) })).await.unwrap();
    let (full, _scratch) = start();
    let again = full.load("guest", Binary::stored(digest, size, gone())).await.unwrap();
    assert_eq!((again.digest(), again.tools()), (first.digest(), first.tools()));
    assert_eq!(again.call(echo("{}")).await.unwrap().result_json, "{}");
    let beside = the(&compiled, ".json");
    std::fs::write(&beside, about(&beside, |about| about["tools"][0]["description"] = "as it was kept".into())).unwrap();
    let (full, _scratch) = start();
    assert_eq!(full.load("guest", tool(ECHO)).await.unwrap().tools()[0].description, "as it was kept");
}

#[tokio::test]
async fn compiled_code_stays_within_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let compiled = folder.path().join("compiled");
    let (sandbox, _folder) = sandbox(|options| {
        options.compiled_dir = Some(compiled.clone());
        options.compiled_size_max = ByteSize::new(100_000);
    });
    for number in 0..8 {
        sandbox.load("guest", tool(&format!("(drop (i32.const {number})) {ECHO}"))).await.unwrap();
    }
    let total: usize = kept(&compiled).values().map(Vec::len).sum();
    assert!((1..=100_200).contains(&total), "{total}");
}

#[tokio::test]
async fn what_would_choke_the_compiler_is_refused_before_it_is_compiled() {
    // Compiled, this takes minutes and more than ten gigabytes.
    let types = "i64 ".repeat(1000);
    let values = "(i64.extend_i32_u (local.get 0)) ".repeat(1000);
    let table: Vec<String> = (1..=500).map(|target| target.to_string()).collect();
    let branch = format!("(if (local.get 0) (then {values} (br_table {} (local.get 0)))) ", table.join(" ")).repeat(8) + &values;
    let blocks = (0..500).fold(branch, |inner, _| format!("(block (result {types}) {inner})"));
    let fields = format!("(func (param i32) {blocks} {})", "drop ".repeat(1000));
    let bomb = tool_with(&Guest { fields: &fields, ..Guest::default() });
    assert!(bomb.len() < 100_000);
    let error = shared().load("guest", bomb).await.unwrap_err();
    assert!(error.to_string().starts_with("component `guest` is too complex: its branches and calls hand on 4"), "{error}");
    assert_eq!(error.code(), Code::TooLarge);
}
