//! Components of any world: their functions as tools, with values of any type.

use std::sync::OnceLock;

use caxton_sandbox::{Call, Component, Error, Limits};
use caxton_types::{Access, Code, Fault, MemoryGrant, Permissions, Scope, error::ResourceError, unit::ByteSize};
use proptest::{collection::vec, option, prelude::*, test_runner::Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    guest::component,
    support::{load, shared},
};

/// What every guest here has: memory, and a way to ask for some of it.
const USUAL: &str = r#"(memory (export "memory") 16)
    (global $next (mut i32) (i32.const 4096))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (global.set $next (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (local.get 3))))"#;

fn guest(wit: &str, functions: &str) -> Vec<u8> {
    component(&format!("(module {USUAL} {functions})"), wit, "w")
}

pub(crate) async fn call(component: &Component, tool: &str, arguments: Value) -> Value {
    let outcome = component.call(Call::new(tool, arguments.to_string())).await.unwrap();
    serde_json::from_str(&outcome.result_json).unwrap()
}

#[tokio::test]
async fn functions_at_the_root_and_in_interfaces_are_tools() {
    let wit = "package acme:maths@1.0.0;
        interface numbers { add: func(a: s32, b: option<s32>) -> s32;  halve: func(n: s64) -> result<s64, string>;  rest: func(); }
        world w { export numbers; export shout: func(text: string) -> string; }";
    let functions = r#"
        (data (i32.const 64) "it is odd")
        (func (export "acme:maths/numbers@1.0.0#add") (param i32 i32 i32) (result i32) (i32.add (local.get 0) (local.get 2)))
        (func (export "acme:maths/numbers@1.0.0#halve") (param $n i64) (result i32)
            (if (result i32) (i64.eqz (i64.and (local.get $n) (i64.const 1)))
                (then (i32.store8 (i32.const 16) (i32.const 0)) (i64.store (i32.const 24) (i64.shr_s (local.get $n) (i64.const 1))) (i32.const 16))
                (else (i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 24) (i32.const 64)) (i32.store (i32.const 28) (i32.const 9)) (i32.const 16))))
        (func (export "acme:maths/numbers@1.0.0#rest"))
        (func (export "shout") (param i32 i32) (result i32)
            (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))"#;
    let component = load(guest(wit, functions)).await;
    let names: Vec<&str> = component.tools().iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["numbers_add", "numbers_halve", "numbers_rest", "shout"]);
    let add = &component.tools()[0];
    assert_eq!(add.description, "Calls `add` of `acme:maths/numbers@1.0.0`.");
    assert_eq!(add.input_schema["required"], json!(["a"]));
    assert!(component.tools()[2].output_schema.is_none());

    let answer = call(&component, "numbers_add", json!({"a": 2, "b": 40})).await;
    assert_eq!(answer, json!({"content": [{"type": "text", "text": "42"}], "structuredContent": {"result": 42}}));
    assert_eq!(call(&component, "numbers_add", json!({"a": 2})).await["structuredContent"]["result"], 2);
    let halved = call(&component, "numbers_halve", json!({"n": "-9223372036854775808"})).await;
    assert_eq!(halved["structuredContent"], json!({"result": "-4611686018427387904"}));
    let odd = json!({"content": [{"type": "text", "text": "it is odd"}], "structuredContent": {"error": "it is odd"}, "isError": true});
    assert_eq!(call(&component, "numbers_halve", json!({"n": 3})).await, odd);
    assert_eq!(call(&component, "numbers_rest", json!({})).await, json!({"content": [{"type": "text", "text": "done"}]}));
    assert_eq!(call(&component, "shout", json!({"text": "hé"})).await["content"][0]["text"], "hé");

    let error = component.call(Call::new("numbers_add", r#"{"a":"2"}"#)).await.unwrap_err();
    let expected = "`a` must be an integer from -2147483648 to 2147483647, not a string";
    assert_eq!((error.code(), error.to_string().as_str()), (Code::Invalid, expected));
}

#[tokio::test]
async fn a_call_of_the_host_and_a_result_have_each_its_own_bound() {
    let wit =
        "package a:b; world w { import caxton:host/memory@0.1.0; export hand: func(len: u32); export give: func(len: u32) -> list<u8>; }";
    let functions = r#"(func (export "hand") (param i32)
            (call $remember (i32.const 4096) (local.get 0) (i32.const 4096) (i32.const 1) (i32.const 16)))
        (func (export "give") (param i32) (result i32)
            (i32.store (i32.const 16) (i32.const 4096)) (i32.store (i32.const 20) (local.get 0)) (i32.const 16))"#;
    let import = r#"(import "caxton:host/memory@0.1.0" "remember" (func $remember (param i32 i32 i32 i32 i32)))"#;
    let memory = vec![MemoryGrant { scope: Scope::Agent, access: Access::ReadWrite }];
    let wasm = component(&format!("(module {import} {USUAL} {functions})"), wit, "w");
    let component = shared().load_granted("guest", wasm, &Permissions { memory, ..Permissions::default() }).await.unwrap();
    let limits = Limits { host_call: ByteSize::new(64 << 10), output: ByteSize::new(64 << 10), ..Limits::default() };
    let limit = async |tool: &str, len: usize| {
        let ended = component.perform(Call { limits, ..Call::new(tool, json!({"len": len}).to_string()) }).await;
        match ended.result {
            Err(Error::Limit(limit)) => Some(limit),
            _ => None,
        }
    };
    assert_eq!(limit("hand", 60 << 10).await, None);
    assert_eq!(limit("hand", 70 << 10).await, Some(ResourceError::HostCallLimitExceeded { limit: limits.host_call }));
    assert_eq!(limit("give", 10 << 10).await, None);
    for len in [70 << 10, 900 << 10] {
        assert_eq!(limit("give", len).await, Some(ResourceError::OutputLimitExceeded { limit: limits.output }));
    }
}

#[tokio::test]
async fn functions_with_resources_are_not_offered() {
    let wit = "package a:b; interface i { resource r { poke: func(); }  take: func(r: r);  plain: func() -> bool; } world w { export i; }";
    let functions = r#"(func (export "a:b/i#[method]r.poke") (param i32)) (func (export "a:b/i#take") (param i32))
        (func (export "a:b/i#plain") (result i32) (i32.const 1))"#;
    let component = load(guest(wit, functions)).await;
    assert_eq!(component.tools().len(), 1);
    assert_eq!(call(&component, "i_plain", json!({})).await["structuredContent"], json!({"result": true}));
    // Nothing is left to offer.
    let wit = "package a:b; interface i { resource r { poke: func(); } } world w { export i; }";
    let error = shared().load("guest", guest(wit, r#"(func (export "a:b/i#[method]r.poke") (param i32))"#)).await.unwrap_err();
    assert_eq!(error.to_string(), "component `guest` exports no tool; it exports a:b/i");
}

#[tokio::test]
async fn what_a_toolchain_left_there_is_not_offered() {
    let wit = "package a:b; world w { export init: func(); export run: func(); }";
    let functions = r#"(func (export "init")) (func (export "run"))"#;
    let names = async |functions: &str| {
        let component = load(guest(wit, functions)).await;
        component.tools().iter().map(|tool| tool.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(functions).await, ["init", "run"]);
    let engine = r#"(global (export "componentize_qjs_runtime.wasm:memory_base") i32 (i32.const 0))"#;
    assert_eq!(names(&format!("{engine} {functions}")).await, ["run"]);
}

#[tokio::test]
async fn a_type_that_unfolds_without_end_is_not_offered() {
    let records: Vec<String> = (1..14).map(|level| format!("record r{level} {{ a: r{}, b: r{0} }}", level - 1)).collect();
    let wit = format!(
        "package a:b; interface i {{ record r0 {{ a: bool, b: bool }} {} large: func(it: list<r13>); small: func(); }} world w {{ export i; }}",
        records.join(" ")
    );
    let functions = r#"(func (export "a:b/i#large") (param i32 i32)) (func (export "a:b/i#small"))"#;
    let component = load(guest(&wit, functions)).await;
    assert_eq!(component.tools().iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["i_small"]);
}

#[tokio::test]
async fn bytes_travel_as_base64_and_results_end_at_their_limit() {
    let wit = "package a:b; world w { export echo: func(it: list<u8>) -> list<u8>; }";
    let functions = r#"(func (export "echo") (param i32 i32) (result i32)
        (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))"#;
    let component = load(guest(wit, functions)).await;
    assert_eq!(call(&component, "echo", json!({"it": "AAH/"})).await["structuredContent"]["result"], "AAH/");
    assert_eq!(call(&component, "echo", json!({"it": "AA"})).await["structuredContent"]["result"], "AA==");
    let long = "AAAA".repeat(25_000);
    let mut limited = Call::new("echo", json!({"it": long}).to_string());
    assert!(component.call(limited.clone()).await.unwrap().result_json.contains(&long));
    limited.limits.output = ByteSize::new(64 << 10);
    assert_eq!(component.call(limited).await.unwrap_err().to_string(), "the result has more than 64KiB");
}

/// A type in WIT, with a strategy for the JSON that a function gives back unchanged.
#[derive(Debug, Clone)]
enum Ty {
    Plain(&'static str),
    List(Box<Ty>),
    Option(Box<Ty>),
    Tuple(Vec<Ty>),
    Record(Vec<Ty>),
    Variant(Vec<Option<Ty>>),
    Result(Option<Box<Ty>>, Option<Box<Ty>>),
    Enum(usize),
    Flags(usize),
}

fn types() -> impl Strategy<Value = Ty> {
    let plain = ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"];
    let leaf = prop_oneof![
        prop::sample::select(plain.to_vec()).prop_map(Ty::Plain),
        (1..40_usize).prop_map(Ty::Enum),
        (1..33_usize).prop_map(Ty::Flags),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Ty::List),
            boxed().prop_map(Ty::Option),
            vec(inner.clone(), 1..5).prop_map(Ty::Tuple),
            vec(inner.clone(), 1..5).prop_map(Ty::Record),
            vec(option::of(inner.clone()), 1..5).prop_map(Ty::Variant),
            (option::of(boxed()), option::of(boxed())).prop_map(|(ok, failure)| Ty::Result(ok, failure)),
        ]
    })
}

impl Ty {
    /// The type's name; what must be declared for it is added.
    fn wit(&self, declared: &mut Vec<String>) -> String {
        let declare = |kind: &str, declared: &mut Vec<String>, body: Vec<String>| {
            let name = format!("t{}", declared.len());
            declared.push(format!("{kind} {name} {{ {} }}", body.join(", ")));
            name
        };
        match self {
            Self::Plain(name) => (*name).to_owned(),
            Self::List(inner) => format!("list<{}>", inner.wit(declared)),
            Self::Option(inner) => format!("option<{}>", inner.wit(declared)),
            Self::Tuple(all) => format!("tuple<{}>", all.iter().map(|ty| ty.wit(declared)).collect::<Vec<_>>().join(", ")),
            Self::Record(all) => {
                let fields = all.iter().enumerate().map(|(at, ty)| format!("f{at}: {}", ty.wit(declared))).collect();
                declare("record", declared, fields)
            }
            Self::Variant(all) => {
                let cases = all.iter().enumerate().map(|(at, ty)| {
                    let payload = ty.as_ref().map_or_else(String::new, |ty| format!("({})", ty.wit(declared)));
                    format!("c{at}{payload}")
                });
                let cases = cases.collect();
                declare("variant", declared, cases)
            }
            Self::Result(ok, failure) => {
                let mut payload = |ty: &Option<Box<Self>>| ty.as_ref().map_or_else(|| "_".to_owned(), |ty| ty.wit(declared));
                let (ok, failure) = (payload(ok), payload(failure));
                match (ok.as_str(), failure.as_str()) {
                    ("_", "_") => "result".to_owned(),
                    (_, "_") => format!("result<{ok}>"),
                    _ => format!("result<{ok}, {failure}>"),
                }
            }
            Self::Enum(count) => declare("enum", declared, (0..*count).map(|at| format!("n{at}")).collect()),
            Self::Flags(count) => declare("flags", declared, (0..*count).map(|at| format!("n{at}")).collect()),
        }
    }

    fn json(&self) -> BoxedStrategy<Value> {
        let payload = |ty: Option<&Self>| ty.map_or_else(|| Just(Value::Null).boxed(), Self::json);
        match self {
            Self::Plain(name) => plain(name),
            Self::List(inner) if matches!(**inner, Self::Plain("u8")) => {
                prop::sample::select(vec!["", "AA==", "AAH/", "//79/A=="]).prop_map(Value::from).boxed()
            }
            Self::List(inner) => vec(inner.json(), 0..4).prop_map(Value::from).boxed(),
            Self::Option(inner) => {
                let nested = matches!(**inner, Self::Option(_));
                let some = inner.json().prop_map(move |json| if nested { json!({"some": json}) } else { json });
                prop_oneof![Just(Value::Null), some].boxed()
            }
            Self::Tuple(all) => all.iter().map(Self::json).collect::<Vec<_>>().prop_map(Value::from).boxed(),
            Self::Record(all) => {
                let all: Vec<_> = all.iter().map(Self::json).collect();
                all.prop_map(|all| all.into_iter().enumerate().map(|(at, json)| (format!("f{at}"), json)).collect()).boxed()
            }
            Self::Variant(all) => {
                let cases = all.iter().enumerate().map(|(at, ty)| {
                    let carries = ty.is_some();
                    let case =
                        move |json| if carries { json!({"tag": format!("c{at}"), "val": json}) } else { json!({"tag": format!("c{at}")}) };
                    payload(ty.as_ref()).prop_map(case)
                });
                prop::strategy::Union::new(cases).boxed()
            }
            Self::Result(ok, failure) => prop_oneof![
                payload(ok.as_deref()).prop_map(|json| json!({"ok": json})),
                payload(failure.as_deref()).prop_map(|json| json!({"err": json})),
            ]
            .boxed(),
            Self::Enum(count) => (0..*count).prop_map(|at| format!("n{at}").into()).boxed(),
            Self::Flags(count) => {
                let names: Vec<String> = (0..*count).map(|at| format!("n{at}")).collect();
                prop::sample::subsequence(names, 0..=*count).prop_map(Value::from).boxed()
            }
        }
    }
}

fn plain(name: &str) -> BoxedStrategy<Value> {
    let float = |all: Vec<Value>| prop::sample::select(all).boxed();
    let words = || vec![json!("NaN"), json!("Infinity"), json!("-Infinity"), json!(0.1), json!(-1.5)];
    match name {
        "bool" => any::<bool>().prop_map(Value::from).boxed(),
        "s8" => any::<i8>().prop_map(Value::from).boxed(),
        "u8" => any::<u8>().prop_map(Value::from).boxed(),
        "s16" => any::<i16>().prop_map(Value::from).boxed(),
        "u16" => any::<u16>().prop_map(Value::from).boxed(),
        "s32" => any::<i32>().prop_map(Value::from).boxed(),
        "u32" => any::<u32>().prop_map(Value::from).boxed(),
        "s64" => prop_oneof![any::<i32>().prop_map(Value::from), (i64::MIN..-(1 << 53)).prop_map(|wide| wide.to_string().into())].boxed(),
        "u64" => prop_oneof![any::<u32>().prop_map(Value::from), (1_u64 << 54..).prop_map(|wide| wide.to_string().into())].boxed(),
        "f32" => float(words()),
        "f64" => prop_oneof![float(words()), any::<i32>().prop_map(|number| json!(f64::from(number) / 1024.0))].boxed(),
        "char" => any::<char>().prop_map(|one| one.to_string().into()).boxed(),
        _ => any::<String>().prop_map(Value::from).boxed(),
    }
}

/// A component with one function that gives its argument back.
fn echo(ty: &Ty) -> Vec<u8> {
    let mut declared = Vec::new();
    let name = ty.wit(&mut declared);
    let wit = format!(
        "package a:b; interface i {{ {} record item {{ it: {name} }} echo: func(items: list<item>) -> list<item>; }} world w {{ export i; }}",
        declared.join(" ")
    );
    let functions = r#"(func (export "a:b/i#echo") (param i32 i32) (result i32)
        (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))"#;
    guest(&wit, functions)
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]

    #[test]
    fn values_of_any_type_go_through_a_component_unchanged(
        (ty, items) in types().prop_flat_map(|ty| { let items = vec(ty.json(), 1..4); (Just(ty), items) }),
    ) {
        let items: Vec<Value> = items.into_iter().map(|it| json!({"it": it})).collect();
        let arguments = json!({"items": items});
        let (component, answer) = runtime().block_on(async {
            let component = load(echo(&ty)).await;
            let answer = call(&component, "i_echo", arguments.clone()).await;
            (component, answer)
        });
        prop_assert_eq!(&answer["structuredContent"]["result"], &arguments["items"]);
        let tool = &component.tools()[0];
        let fits = |schema: &Value, json: &Value| jsonschema::validator_for(schema).unwrap().is_valid(json);
        prop_assert!(fits(&tool.input_schema, &arguments));
        prop_assert!(fits(tool.output_schema.as_ref().unwrap(), &answer["structuredContent"]));
    }
}
