//! Components made of components.

use caxton_types::{Code, Fault};
use serde_json::json;

use crate::{
    reflect::call,
    support::{load, sandbox},
};

#[tokio::test]
async fn a_component_made_of_components_runs() {
    let composed = wat::parse_str(
        r#"(component
            (component $double
                (core module $m (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))
                (core instance $i (instantiate $m))
                (func (export "double") (param "n" u32) (result u32) (canon lift (core func $i "double"))))
            (component $twice
                (import "double" (func $double (param "n" u32) (result u32)))
                (core func $double' (canon lower (func $double)))
                (core module $m
                    (import "" "double" (func $double (param i32) (result i32)))
                    (func (export "twice") (param i32) (result i32) (call $double (call $double (local.get 0)))))
                (core instance $i (instantiate $m (with "" (instance (export "double" (func $double'))))))
                (func (export "quadruple") (param "n" u32) (result u32) (canon lift (core func $i "twice"))))
            (instance $double (instantiate $double))
            (instance $twice (instantiate $twice (with "double" (func $double "double"))))
            (export "quadruple" (func $twice "quadruple")))"#,
    );
    let component = load(composed.unwrap()).await;
    assert_eq!(call(&component, "quadruple", json!({"n": 10})).await["structuredContent"]["result"], 40);
}

/// A component of as many parts, each with a memory; it answers with 7 after having gone through all of them.
fn chain(parts: usize) -> Vec<u8> {
    let mut text = String::from("(component ");
    for part in 0..parts {
        let inner = if part == 0 {
            String::new()
        } else {
            "(import \"f\" (func $f (result u32))) (core func $f' (canon lower (func $f)))".to_owned()
        };
        let (import, body, with) = if part == 0 {
            ("", "(i32.const 7)", "")
        } else {
            (r#"(import "" "f" (func $f (result i32)))"#, "(call $f)", r#"(with "" (instance (export "f" (func $f'))))"#)
        };
        let before = part.checked_sub(1).map_or_else(String::new, |before| format!("(with \"f\" (func $i{before} \"f\"))"));
        text.push_str(
            &[
                format!("(component $c{part} {inner} (core module $m {import} (memory 1) (func (export \"f\") (result i32) {body}))"),
                format!("(core instance $i (instantiate $m {with})) (func (export \"f\") (result u32) (canon lift (core func $i \"f\"))))"),
                format!("(instance $i{part} (instantiate $c{part} {before}))"),
            ]
            .concat(),
        );
    }
    wat::parse_str(format!("{text} (export \"f\" (func $i{} \"f\")))", parts - 1)).unwrap()
}

#[tokio::test]
async fn a_component_of_many_parts_takes_more_of_the_sandbox() {
    let (sandbox, _folder) = sandbox(|options| options.slots = 4);
    let component = sandbox.load("chain", chain(7)).await.unwrap();
    // Four slots of two memories each: one call at a time, and none is refused.
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let component = component.clone();
        all.spawn(async move { call(&component, "f", json!({})).await["structuredContent"]["result"].clone() });
    }
    assert_eq!(all.join_all().await, [7, 7, 7]);
    let error = sandbox.load("chain", chain(9)).await.unwrap_err();
    assert_eq!(error.code(), Code::Invalid, "{error}");
}
