//! Arguments are checked against the tool's own schema before the tool sees them.

use jsonschema::Validator;
use serde_json::Value;

/// The most complaints that a model is told at once.
const COMPLAINTS_MAX: usize = 5;

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

/// What is wrong with the arguments, in words that a model can act on.
pub(crate) fn complain(validator: &Validator, arguments: &Value) -> Result<(), String> {
    // Most are as they are wanted, and to say only so is less work.
    if validator.is_valid(arguments) {
        return Ok(());
    }
    let complaints: Vec<String> = validator
        .iter_errors(arguments)
        .take(COMPLAINTS_MAX)
        .map(|error| {
            let path = error.instance_path().to_string();
            if path.is_empty() { error.to_string() } else { format!("at `{path}`: {error}") }
        })
        .collect();
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("; ")) }
}
