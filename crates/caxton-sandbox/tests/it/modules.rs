//! Core modules: wrapped as they are loaded, then like any component.

use std::time::Duration;

use caxton_sandbox::{Call, Component};
use caxton_types::{Code, Fault, unit::ByteSize};
use serde_json::{Value, json};

use crate::{
    guest::{Guest, module_text},
    support::{load, sandbox, shared},
};

/// A module that takes calls as JSON and answers with what `body` leaves in `$ptr` and `$len`; it begins with the call.
fn module(fields: &str, body: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
            {fields}
            (memory (export "memory") 2)
            (global $next (mut i32) (i32.const 4096))
            (global $ptr (mut i32) (i32.const 0)) (global $len (mut i32) (i32.const 0))
            (func (export "allocate") (param i32) (result i32)
                (global.get $next) (global.set $next (i32.add (global.get $next) (local.get 0))))
            (func (export "get_response_ptr") (result i32) (global.get $ptr))
            (func (export "get_response_len") (result i32) (global.get $len))
            (func (export "handle_tool_call") (param i32 i32) (result i32)
                (global.set $ptr (local.get 0)) (global.set $len (local.get 1))
                {body}))"#
    ))
    .unwrap()
}

async fn call(component: &Component, tool: &str, arguments: Value) -> Value {
    let outcome = component.call(Call::new(tool, arguments.to_string())).await.unwrap();
    serde_json::from_str(&outcome.result_json).unwrap()
}

#[tokio::test]
async fn a_module_takes_calls_as_json() {
    let component = load(module("", "(i32.const 0)")).await;
    let names: Vec<&str> = component.tools().iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["call"]);
    let answer = call(&component, "call", json!({"a": [1, "ü"]})).await;
    assert_eq!(answer["structuredContent"], json!({"name": "call", "arguments": {"a": [1, "ü"]}}));
    let mut keyed = Call::new("call", "{}");
    keyed.idempotency_key = Some("trn_1/2".to_owned());
    let answer = component.call(keyed).await.unwrap().result_json;
    assert!(answer.contains(r#""idempotency_key":"trn_1/2""#), "{answer}");
    let error = component.call(Call::new("call", "{} {}")).await.unwrap_err();
    assert_eq!(error.code(), Code::Invalid, "{error}");
}

#[tokio::test]
async fn a_module_lists_its_tools() {
    let listed = r#"[{"name":"add","description":"Adds.","inputSchema":{"type":"object","required":["a"]},"annotations":{"readOnlyHint":true}},{"name":"sub"}]"#;
    let fields = format!(
        r#"(data (i32.const 64) "{}")
        (func (export "list_tools") (result i32) (global.set $ptr (i32.const 64)) (global.set $len (i32.const {})) (i32.const 0))"#,
        listed.replace('"', "\\\""),
        listed.len()
    );
    let component = load(module(&fields, "(i32.const 0)")).await;
    let [add, sub] = component.tools() else { panic!("{:?}", component.tools()) };
    assert_eq!((add.name.as_str(), add.description.as_str(), sub.name.as_str()), ("add", "Adds.", "sub"));
    assert_eq!(add.input_schema["required"], json!(["a"]));
    assert!(add.annotations.read_only_hint);
    assert_eq!(call(&component, "sub", json!({})).await["structuredContent"]["name"], "sub");
    let failing = module(r#"(func (export "list_tools") (result i32) (i32.const 3))"#, "(i32.const 0)");
    let error = shared().load("guest", failing).await.unwrap_err().to_string();
    assert_eq!(error, "the tool crashed: `list_tools` failed with code 3: ");
}

#[tokio::test]
async fn a_code_is_an_error_and_a_result_may_be_one_of_mcp() {
    let text = |text: &str, code: u32| {
        let fields = format!(r#"(data (i32.const 64) "{}")"#, text.replace('"', "\\\""));
        let len = text.len();
        module(&fields, &format!("(global.set $ptr (i32.const 64)) (global.set $len (i32.const {len})) (i32.const {code})"))
    };
    let error = load(text("no luck", 7)).await.call(Call::new("call", "{}")).await.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (Code::Internal, "the tool failed with code 7: no luck"));
    let error = load(text("no json", 0)).await.call(Call::new("call", "{}")).await.unwrap_err();
    assert!(error.to_string().starts_with("the tool's response is not JSON"), "{error}");
    let result = json!({"content": [{"type": "text", "text": "hi"}], "isError": true});
    assert_eq!(call(&load(text(&result.to_string(), 0)).await, "call", json!({})).await, result);
    let plain = call(&load(text("\"hi\"", 0)).await, "call", json!({})).await;
    assert_eq!(plain, json!({"content": [{"type": "text", "text": "hi"}]}));
}

#[tokio::test]
async fn a_module_has_the_limits_of_all() {
    let mut call = Call::new("call", "{}");
    call.limits.wall = Duration::from_millis(50);
    let error = load(module("", "(loop (br 0)) (unreachable)")).await.call(call).await.unwrap_err();
    assert_eq!(error.code(), Code::Deadline);
    let mut call = Call::new("call", "{}");
    call.limits.memory = ByteSize::mib(4);
    let bomb = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let error = load(module("", bomb)).await.call(call).await.unwrap_err();
    assert_eq!(error.to_string(), "the memory limit of 4MiB is exceeded");
    let far = "(global.set $ptr (i32.const 0x7fff0000)) (i32.const 0)";
    let error = load(module("", far)).await.call(Call::new("call", "{}")).await.unwrap_err();
    assert!(error.to_string().starts_with("the tool crashed: "), "{error}");
}

#[tokio::test]
async fn preview_1_is_there_and_its_sockets_are_not() {
    let fields = r#"(import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (data (i32.const 1024) "etc/passwd") (data (i32.const 64) "0")"#;
    // Answers with 0; or with the number of what went otherwise than it should.
    let body = "(global.set $ptr (i32.const 64)) (global.set $len (i32.const 1))
        (if (call $clock (i32.const 0) (i64.const 1) (i32.const 512)) (then (return (i32.const 1))))
        (if (call $random (i32.const 520) (i32.const 16)) (then (return (i32.const 2))))
        (if (i64.eqz (i64.load (i32.const 520))) (then (return (i32.const 3))))
        (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 10) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 540)))
            (then (return (i32.const 4))))
        (i32.const 0)";
    let component = load(module(fields, body)).await;
    assert_eq!(call(&component, "call", json!({})).await["content"][0]["text"], "0");
    let accept = r#"(import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))"#;
    let component = load(module(accept, "(call $accept (i32.const 3) (i32.const 0) (i32.const 540))")).await;
    assert!(component.call(Call::new("call", "{}")).await.is_err());
}

#[tokio::test]
async fn a_module_of_our_world_needs_no_metadata() {
    let fields = r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#;
    let component = load(wat::parse_str(module_text(&Guest { fields, ..Guest::default() })).unwrap()).await;
    assert_eq!(component.call(Call::new("echo", r#"{"a":1}"#)).await.unwrap().result_json, r#"{"a":1}"#);
}

#[tokio::test]
async fn what_a_module_lacks_is_told() {
    let refused = async |text: &str| shared().load("guest", wat::parse_str(text).unwrap()).await.unwrap_err().to_string();
    let lacking = refused(r#"(module (func (export "handle_tool_call") (param i32 i32) (result i32) (i32.const 0)))"#).await;
    assert_eq!(
        lacking,
        "component `guest` is invalid: it exports `handle_tool_call`, and not all that belongs to it: the memory `memory`, \
         `allocate(len: i32) -> i32`, `get_response_ptr() -> i32`, `get_response_len() -> i32`"
    );
    let error = shared().load("guest", module(r#"(import "env" "emit" (func (param i32)))"#, "(i32.const 0)")).await.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (Code::Denied, "component `guest` imports env.emit, which no tool is granted"));
}

#[tokio::test]
async fn a_wrapped_module_is_compiled_once() {
    let folder = tempfile::tempdir().unwrap();
    let compiled = folder.path().join("compiled");
    for _ in 0..2 {
        let (sandbox, _folder) = sandbox(|options| options.compiled_dir = Some(compiled.clone()));
        let component = sandbox.load("guest", module("", "(i32.const 0)")).await.unwrap();
        assert_eq!(call(&component, "call", json!({})).await["structuredContent"]["name"], "call");
        assert_eq!(std::fs::read_dir(&compiled).unwrap().count(), 2);
    }
}
