//! What the CSV tool must answer: one table, for the committed component and for one rebuilt from source.

use std::{collections::BTreeMap, env, fs};

use caxton_sandbox::{Attachment, Call};
use caxton_types::Fault;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{csv_stats, shared};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    files: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    tool: String,
    arguments: Value,
    structured: Option<Value>,
    text: Option<String>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    code: String,
    text: String,
}

#[tokio::test]
async fn conformance_of_the_committed_tool() {
    check(csv_stats()).await;
}

/// Without `CAXTON_GUEST_REBUILT` there is none, and the committed one is checked again.
#[tokio::test]
async fn conformance_of_the_rebuilt_tool() {
    check(env::var_os("CAXTON_GUEST_REBUILT").map_or_else(csv_stats, |path| fs::read(path).unwrap())).await;
}

async fn check(wasm: Vec<u8>) {
    let table: Table = serde_json::from_str(include_str!("../conformance/csv-stats.json")).unwrap();
    let component = shared().load("csv-stats", wasm).await.unwrap();
    let attachments: Vec<Attachment> =
        table.files.iter().map(|(name, content)| Attachment::bytes(name, content.clone().into_bytes())).collect();
    let mut wrong = Vec::new();
    for case in &table.cases {
        let mut call = Call::new(&case.tool, case.arguments.to_string());
        call.attachments.clone_from(&attachments);
        let seen = component.call(call).await;
        let fits = match (&seen, &case.structured, &case.error) {
            (Ok(outcome), Some(structured), None) => {
                let result: Value = serde_json::from_str(&outcome.result_json).unwrap();
                let text = &result["content"][0]["text"];
                same(&result["structuredContent"], structured)
                    && result["isError"] == false
                    && case.text.as_ref().map_or(text.is_string(), |wanted| text == wanted)
            }
            (Err(error), None, Some(refusal)) => error.code().as_str() == refusal.code && error.to_string().starts_with(&refusal.text),
            _ => false,
        };
        if !fits {
            wrong.push(format!("{}: {:?}", case.name, seen.map(|outcome| outcome.result_json).map_err(|error| error.to_string())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table.cases.len() > 40);
}

/// Equal, numbers to within what the order of additions may change.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap(), right.as_f64().unwrap());
            (left - right).abs() <= 1e-9 * left.abs().max(right.abs()).max(1e-3)
        }
        (Value::Array(left), Value::Array(right)) => left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(l, r)),
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len() && left.iter().all(|(key, l)| right.get(key).is_some_and(|r| same(l, r)))
        }
        _ => left == right,
    }
}
