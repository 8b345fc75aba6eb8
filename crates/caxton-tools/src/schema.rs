//! Arguments are checked against the tool's own schema before the tool sees them.

use caxton_types::nearest;
use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

/// The most complaints that a model is told at once.
const COMPLAINTS_MAX: usize = 5;
/// In characters.
const COMPLAINT_LEN_MAX: usize = 4000;
/// Of what would have been right, and the length of each.
const CHOICES_MAX: usize = 24;
const SHOWN_LEN_MAX: usize = 80;

/// Compiles a schema; a reference to another document is refused, so that checking never leaves the process.
pub(crate) fn compile(schema: &Value) -> Result<Validator, String> {
    if !schema.is_object() {
        return Err("it is not an object".into());
    }
    jsonschema::validator_for(schema).map_err(|error| error.to_string())
}

/// Compiles a schema whose `format`s are checked too: what people write by hand is easily wrong there.
pub(crate) fn compile_strict(schema: &Value) -> Result<Validator, String> {
    if !schema.is_object() {
        return Err("it is not an object".into());
    }
    jsonschema::options().should_validate_formats(true).build(schema).map_err(|error| error.to_string())
}

/// What is wrong with the arguments, in words that a model can act on; `schema` is what the validator was made of.
pub(crate) fn complain(validator: &Validator, schema: &Value, arguments: &Value) -> Result<(), String> {
    // Most are as they are wanted, and to say only so is less work.
    if validator.is_valid(arguments) {
        return Ok(());
    }
    let complaints: Vec<String> = validator
        .iter_errors(arguments)
        .take(COMPLAINTS_MAX)
        .map(|error| {
            let (path, what) = (error.instance_path().to_string(), complaint(schema, &error));
            let whole = if path.is_empty() { what } else { format!("at `{path}`: {what}") };
            // It may quote the arguments, however large they are.
            whole.chars().take(COMPLAINT_LEN_MAX).collect()
        })
        .collect();
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("; ")) }
}

/// The library's words, except where they leave out what would have been right.
fn complaint(schema: &Value, error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> = options.as_array().into_iter().flatten().map(shown).collect();
            not_one_of(&shown(error.instance()), options.iter().map(String::as_str))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let place = error.schema_path().to_string();
            let place = place.strip_suffix("/additionalProperties").and_then(|place| schema.pointer(place));
            let Some(known) = place.and_then(|place| place.get("properties")?.as_object()) else { return error.to_string() };
            let told = unexpected.iter().take(COMPLAINTS_MAX).map(|name| not_one_of(name, known.keys().map(String::as_str)));
            told.collect::<Vec<_>>().join("; ")
        }
        _ => error.to_string(),
    }
}

/// Names all there are to choose from, and the one that was perhaps meant.
fn not_one_of<'c>(word: &str, choices: impl Iterator<Item = &'c str> + Clone) -> String {
    let quoted = |text: &str| format!("`{}`", text.chars().take(SHOWN_LEN_MAX).collect::<String>());
    let count = choices.clone().count();
    let mut all: Vec<String> = choices.clone().take(CHOICES_MAX).map(quoted).collect();
    if count > CHOICES_MAX {
        all.push(format!("{} more", count - CHOICES_MAX));
    }
    let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    let meant = nearest(word, choices).map(|near| format!("; did you mean {}?", quoted(near))).unwrap_or_default();
    format!("{} is not one of {all}{meant}", quoted(word))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn complaints(schema: &Value, arguments: &Value) -> String {
        complain(&compile(schema).unwrap(), schema, arguments).unwrap_err()
    }

    #[test]
    fn what_would_have_been_right_is_said() {
        let schema = json!({
            "properties": {
                "operation": {"enum": ["mean", "median", 3, "max", "min"]},
                "where": {"properties": {"column": {}}, "additionalProperties": false}
            },
            "additionalProperties": false
        });
        assert_eq!(
            complaints(&schema, &json!({"operation": "meen"})),
            "at `/operation`: `meen` is not one of `mean`, `median`, `3`, `max`, `min`; did you mean `mean`?"
        );
        assert_eq!(complaints(&schema, &json!({"file": "a.csv"})), "`file` is not one of `operation`, `where`");
        assert_eq!(
            complaints(&schema, &json!({"where": {"colum": 1}})),
            "at `/where`: `colum` is not one of `column`; did you mean `column`?"
        );
        // Where the schema does not lie as its path says, the library's words stand.
        let elsewhere = json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"x": {}}, "additionalProperties": false}}});
        assert!(complaints(&elsewhere, &json!({"y": 1})).contains("`y`"), "{}", complaints(&elsewhere, &json!({"y": 1})));
    }

    #[test]
    fn complaints_have_a_bound() {
        let many: Vec<String> = (0..1000).map(|number| format!("{number}-{}", "x".repeat(1000))).collect();
        let schema = json!({"properties": {"one": {"enum": many}}});
        let told = complaints(&schema, &json!({"one": "y".repeat(1 << 20)}));
        assert!(told.len() < 4096 && told.ends_with("976 more"), "{told}");
        let told = complaints(&json!({"properties": {"one": {"type": "number"}}}), &json!({"one": "y".repeat(1 << 20)}));
        assert!(told.len() < 4096 && told.starts_with("at `/one`: \"yyy"), "{told}");
    }
}
