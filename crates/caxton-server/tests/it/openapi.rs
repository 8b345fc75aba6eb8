//! `openapi/caxton.json` is what the handlers say. `UPDATE=1 cargo test -p caxton-server openapi` writes it.

use crate::support::start;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

fn document() -> Value {
    serde_json::from_str(caxton_server::openapi()).unwrap()
}

#[test]
fn the_committed_description_is_that_of_the_handlers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/caxton.json");
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, caxton_server::openapi()).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == caxton_server::openapi(),
        "openapi/caxton.json is not up to date: run `UPDATE=1 cargo test -p caxton-server openapi`"
    );
}

#[test]
fn every_operation_is_described_in_full() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "`{id}` is there twice");
            assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(["400", "403", "500", "503"].iter().all(|status| responses.contains_key(*status)), "{method} {path}");
            let placeholders = path.matches('{').count();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            assert_eq!(parameters.filter(|parameter| parameter["in"] == "path").count(), placeholders, "{method} {path}");
        }
    }
    assert!(ids.len() >= 22, "{ids:?}");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let text: Value = server.get("/openapi.json").send().await.unwrap().json().await.unwrap();
    assert_eq!(text, document());
    server.stop().await;
}
