//! Random turns as a driver records them: run again they do the same, and a record that was changed anywhere is found out at that step.

mod script;

use caxton_runtime::{Entry, JournalHash, Recording, retrace};
use caxton_types::{Intent, StepId};
use proptest::prelude::*;
use script::{Script, record};
use serde_json::{Value, json};
use std::mem;

/// The intents of a recording, each with its place among the entries.
fn intents(recording: &Recording) -> Vec<(usize, StepId, Value)> {
    let intent = |(at, entry): (usize, &Entry)| match entry {
        Entry::Intended(step, intent) => Some((at, *step, serde_json::to_value(intent).unwrap())),
        Entry::Ended(..) | Entry::Cancelled(_) => None,
    };
    recording.entries.iter().enumerate().filter_map(intent).collect()
}

/// Where the leaves of a value are, as JSON Pointers; an empty list or object is a leaf.
fn leaves(value: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                map.iter().for_each(|(key, value)| walk(value, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), found));
            }
            Value::Array(list) if !list.is_empty() => {
                list.iter().enumerate().for_each(|(at, value)| walk(value, &format!("{path}/{at}"), found));
            }
            _ => found.push(path.to_owned()),
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

/// Other values for a leaf; at least one of them is of the leaf's own form.
fn others(leaf: &Value) -> Vec<Value> {
    match leaf {
        Value::Null => vec![json!(1), json!("x"), json!({})],
        Value::Bool(truth) => vec![json!(!truth)],
        Value::Number(number) if number.is_f64() => vec![json!(number.as_f64().unwrap() + 0.25)],
        Value::Number(number) => vec![json!(number.as_i64().unwrap() + 1), json!(number.as_i64().unwrap() + 1000)],
        Value::String(text) => {
            // One more letter, one other letter (ids, names and times stay what they are), another word of the journal.
            let one_off = |from: char, to: char| text.rfind(from).map(|at| json!([&text[..at], &text[at + 1..]].join(&to.to_string())));
            let words = ["inform", "request", "failure", "completed", "failed", "workspace", "agent", "user", "assistant"];
            let words = words.iter().filter(|word| *word != text).map(|word| json!(word));
            [Some(json!(format!("{text}x"))), one_off('0', '1'), one_off('1', '2'), one_off('a', 'b')]
                .into_iter()
                .flatten()
                .chain(words)
                .collect()
        }
        Value::Array(_) => vec![json!(["x"]), json!([1])],
        Value::Object(_) => vec![json!({"x": 1})],
    }
}

/// Changes one leaf of one intent in every way and demands that each is found out there; returns in how many ways.
fn is_found_out(recording: &mut Recording, (at, step, recorded): &(usize, StepId, Value), leaf: &str) -> usize {
    let whole = JournalHash::of(&recording.entries).finish();
    let mut found = 0;
    for other in others(recorded.pointer(leaf).unwrap()) {
        let mut changed = recorded.clone();
        *changed.pointer_mut(leaf).unwrap() = other;
        // What is no intent at all is not even read from the journal.
        let Ok(intent) = serde_json::from_value::<Intent>(changed.clone()) else { continue };
        if serde_json::to_value(&intent).unwrap() == *recorded {
            // Another spelling of the same: a member that no intent has, a bit of a trace that nobody has given a meaning.
            continue;
        }
        let genuine = mem::replace(&mut recording.entries[*at], Entry::Intended(*step, intent));
        let replayed = recording.replay();
        recording.entries[*at] = genuine;
        let mismatch = replayed.mismatch.unwrap_or_else(|| panic!("{leaf} of step {step} may be {changed} instead of {recorded}"));
        assert_eq!(mismatch.step, *step, "{leaf}: found out late");
        assert_eq!(serde_json::to_value(mismatch.asked).unwrap(), *recorded, "what should be there is told");
        assert!(!mismatch.differences.is_empty() || mismatch.nearest != Some(*step), "what differs is told");
        assert_ne!(replayed.recorded, whole, "the hash of the record tells it as well");
        assert_ne!(replayed.replayed, replayed.recorded);
        found += 1;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_recorded_turn_replays_to_the_same_hash(script in Script::any(), pick in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        let mut recording = record(&script);
        let replayed = recording.replay();
        prop_assert_eq!(&replayed.mismatch, &None);
        prop_assert_eq!(replayed.replayed, replayed.recorded);
        prop_assert_eq!(replayed.steps, intents(&recording).len());
        // What a file keeps of it is the whole of it.
        let kept: Recording = serde_json::from_value(serde_json::to_value(&recording).unwrap()).unwrap();
        prop_assert_eq!(&kept, &recording);
        prop_assert_eq!(kept.replay(), replayed);
        // As if the server had stopped after any entry: that much replays as well, and the turn still wants what came next.
        let mut stopped = recording.clone();
        stopped.entries.truncate(cut.index(recording.entries.len()));
        stopped.end = None;
        let half = stopped.replay();
        prop_assert_eq!(&half.mismatch, &None);
        prop_assert_eq!(half.replayed, half.recorded);
        let stands = retrace(stopped.begin.clone(), stopped.entries.clone()).unwrap();
        if let Some(Entry::Intended(step, intent)) = recording.entries.get(stopped.entries.len()) {
            prop_assert!(stands.next.iter().any(|(next, effect)| next == step && effect.is(intent)));
        }
        // One leaf of one intent.
        let all = intents(&recording);
        let one = pick.get(all.as_slice());
        let leaves = leaves(&one.2);
        let leaf: &String = pick.get(&leaves);
        is_found_out(&mut recording, one, leaf);
    }

    #[test]
    fn the_order_in_which_parallel_steps_end_is_no_part_of_the_hash(mut script in Script::any(), picks in prop::collection::vec(any::<prop::sample::Index>(), 60)) {
        script.cancel_after = None;
        let hash = record(&script).replay().replayed;
        script.picks = picks;
        prop_assert_eq!(record(&script).replay().replayed, hash);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_change_to_any_leaf_of_any_intent_is_found_out_at_its_step(script in Script::any()) {
        let mut recording = record(&script);
        for one in intents(&recording) {
            for leaf in leaves(&one.2) {
                let found = is_found_out(&mut recording, &one, &leaf);
                // The word that says which effect it is cannot become another's: the fields would not fit.
                prop_assert!(found > 0 || matches!(one.2.pointer(&leaf), Some(Value::Object(_) | Value::Array(_))) || leaf == "/effect", "nothing was tried at {} of {}", leaf, one.2);
            }
        }
    }
}

#[test]
fn a_step_that_is_missing_doubled_or_moved_is_found_out() {
    let script = Script::with_two_rounds();
    let recording = record(&script);
    assert_eq!(recording.replay().mismatch, None);
    for (at, step, _) in intents(&recording) {
        let mut without = recording.clone();
        without.entries.remove(at);
        let replayed = without.replay();
        // The end of the turn has no outcome: without it the record is that of an open turn.
        assert_eq!(replayed.mismatch.map(|mismatch| mismatch.step), (at + 1 < recording.entries.len()).then_some(step));
        let mut twice = recording.clone();
        twice.entries.insert(at, recording.entries[at].clone());
        assert_eq!(twice.replay().mismatch.map(|mismatch| mismatch.step), Some(step));
        let mut elsewhere = recording.clone();
        if let Entry::Intended(step, _) = &mut elsewhere.entries[at] {
            step.0 += 100;
        }
        assert_eq!(elsewhere.replay().mismatch.map(|mismatch| mismatch.step), Some(StepId(step.0 + 100)));
    }
}
