//! One correction of a call whose error names what it would have taken.

use super::token::words_of;
use serde_json::Value;

/// The arguments with one text replaced by the candidate that is the same word in another spelling. Anything further would be a guess.
pub(super) fn mend(arguments: &Value, error: &str) -> Option<Value> {
    let candidates: Vec<&str> = error
        .split([',', ';', ':', '`', '"', '\n', '(', ')'])
        .map(|part| part.trim().trim_matches(['\'', '.', '[', ']']))
        .filter(|part| !part.is_empty())
        .collect();
    let mut mended = arguments.clone();
    replace(&mut mended, &candidates, error).then_some(mended)
}

fn replace(value: &mut Value, candidates: &[&str], error: &str) -> bool {
    match value {
        Value::String(text) => {
            let spelled = |candidate: &&&str| **candidate != text && words_of(candidate) == words_of(text);
            let mut same = candidates.iter().filter(spelled);
            let Some(candidate) = same.next() else { return false };
            // The error must be about this text, and about one candidate only.
            if !error.contains(text.as_str()) || same.any(|other| other != candidate) {
                return false;
            }
            *text = (*candidate).to_owned();
            true
        }
        Value::Array(items) => items.iter_mut().any(|item| replace(item, candidates, error)),
        Value::Object(fields) => fields.values_mut().any(|item| replace(item, candidates, error)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn another_spelling_is_taken_and_another_word_is_not() {
        let arguments = json!({"file": "a.csv", "column": "tree height"});
        let error = "`a.csv` has no column `tree height`; nearest: Tree_Height, tree_age";
        assert_eq!(mend(&arguments, error), Some(json!({"file": "a.csv", "column": "Tree_Height"})));
        assert_eq!(mend(&arguments, "`a.csv` has no column `tree height`; nearest: tree_age"), None);
        assert_eq!(mend(&arguments, "the file is empty"), None);
    }
}
