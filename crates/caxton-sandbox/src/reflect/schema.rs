//! JSON Schemas of a function's arguments and of its structured result.

use serde_json::{Value, json};

use super::{ERROR, RESULT, shape::Shape};

/// The schema of the arguments, an object with a property for each parameter.
pub(crate) fn of_arguments(params: &[(Box<str>, Shape)]) -> Value {
    object(params.iter().map(|(name, shape)| (name.as_ref(), of(shape), !shape.is_optional())))
}

/// The schema of the structured result; none where a call that succeeds has nothing to tell.
pub(crate) fn of_result(result: Option<&Shape>) -> Option<Value> {
    let (ok, failure) = match result? {
        Shape::Result(ok, failure) => (ok.as_deref()?, Some(failure.as_deref())),
        shape => (shape, None),
    };
    let ok = match ok {
        Shape::Record(_) => of(ok),
        _ => object([(RESULT, of(ok), true)]),
    };
    let Some(failure) = failure else { return Some(ok) };
    let failure = failure.map_or_else(|| json!({"type": "null"}), of);
    Some(json!({"type": "object", "anyOf": [ok, object([(ERROR, failure, true)])]}))
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Int(int) => {
            let (least, greatest) = int.range();
            let (least, greatest) = (number(least), number(greatest));
            if int.is_wide() {
                let pattern = "^-?[0-9]{1,20}$";
                json!({"type": ["integer", "string"], "minimum": least, "maximum": greatest, "pattern": pattern})
            } else {
                json!({"type": "integer", "minimum": least, "maximum": greatest})
            }
        }
        Shape::Float32 | Shape::Float64 => {
            json!({"anyOf": [{"type": "number"}, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]})
        }
        Shape::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        Shape::String => json!({"type": "string"}),
        Shape::Bytes => json!({"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]*={0,2}$"}),
        Shape::List(element) => json!({"type": "array", "items": of(element)}),
        Shape::Record(fields) => object(fields.iter().map(|(name, shape)| (name.as_ref(), of(shape), !shape.is_optional()))),
        Shape::Tuple(shapes) => {
            let len = shapes.len();
            json!({"type": "array", "prefixItems": shapes.iter().map(of).collect::<Vec<_>>(), "items": false, "minItems": len})
        }
        Shape::Variant(cases) => json!({"anyOf": cases.iter().map(|(name, payload)| of_case(name, payload.as_ref())).collect::<Vec<_>>()}),
        Shape::Enum(names) => json!({"type": "string", "enum": names}),
        Shape::Flags(names) => json!({"type": "array", "items": {"type": "string", "enum": names}, "uniqueItems": true}),
        Shape::Option(inner) => json!({"anyOf": [{"type": "null"}, of_some(inner)]}),
        Shape::Result(ok, failure) => {
            let payload = |payload: &Option<Box<Shape>>| payload.as_deref().map_or_else(|| json!({"type": "null"}), of);
            json!({"anyOf": [object([("ok", payload(ok), true)]), object([("err", payload(failure), true)])]})
        }
    }
}

/// What stands for a value that is there: itself, unless null would then mean two things.
fn of_some(inner: &Shape) -> Value {
    if inner.is_optional() { object([("some", of(inner), true)]) } else { of(inner) }
}

fn of_case(name: &str, payload: Option<&Shape>) -> Value {
    let tag = ("tag", json!({"const": name}), true);
    match payload {
        None => object([tag]),
        Some(shape) => object([tag, ("val", of(shape), !shape.is_optional())]),
    }
}

fn object<'n>(properties: impl IntoIterator<Item = (&'n str, Value, bool)>) -> Value {
    let (mut all, mut required) = (serde_json::Map::new(), Vec::new());
    for (name, schema, is_required) in properties {
        all.insert(name.to_owned(), schema);
        if is_required {
            required.push(name);
        }
    }
    json!({"type": "object", "properties": all, "required": required, "additionalProperties": false})
}

/// A bound as a number; all of them fit one of the two.
fn number(bound: i128) -> Value {
    i64::try_from(bound).map_or_else(|_| u64::try_from(bound).map_or(Value::Null, Value::from), Value::from)
}
