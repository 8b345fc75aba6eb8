//! Every kind of fact has a fixture that must decode for ever.

use caxton_types::{Event, Fact};
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_fixture_decodes_and_is_written_the_same_today() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("journal/fixtures/v1");
    let mut kinds = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let event: Event = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let again: serde_json::Value = serde_json::to_value(&event).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(&text).unwrap(), "{}", path.display());
        // A later form of the same fact has a name of its own behind the kind.
        assert_eq!(path.file_name().unwrap().to_str().unwrap().split('.').next(), Some(event.new.fact.kind()));
        kinds.insert(event.new.fact.kind());
    }
    // A new kind of fact comes with its fixture: serde names every variant in the error for an unknown one.
    let unknown = serde_json::from_value::<Fact>(serde_json::json!({"type": "?"})).unwrap_err().to_string();
    let expected: BTreeSet<_> = unknown.split('`').skip(3).step_by(2).collect();
    assert_eq!(kinds, expected);
}
