//! From a component's values to JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value, json};
use wasmtime::component::Val;

use super::shape::Shape;

/// Beyond this a double, which is what most readers of JSON have for a number, is not exact.
const EXACT_MAX: u64 = 1 << 53;

/// The value is of another type than its shape says: never so, as both come from the component's own type.
#[derive(Debug, thiserror::Error)]
#[error("the value is of another type than the function declares")]
pub(crate) struct OtherType;

/// The JSON of a value.
pub(crate) fn value(shape: &Shape, val: &Val) -> Result<Value, OtherType> {
    Ok(match (shape, val) {
        (Shape::Bool, Val::Bool(value)) => Value::Bool(*value),
        (Shape::Int(_), _) => integer(val)?,
        (Shape::Float32, Val::Float32(value)) => float(shortest(*value)),
        (Shape::Float64, Val::Float64(value)) => float(*value),
        (Shape::Char, Val::Char(value)) => Value::String(value.to_string()),
        (Shape::String, Val::String(value)) => Value::String(value.clone()),
        (Shape::Bytes, Val::List(values)) => Value::String(STANDARD.encode(bytes(values)?)),
        (Shape::List(element), Val::List(values)) => Value::Array(values.iter().map(|val| value(element, val)).collect::<Result<_, _>>()?),
        (Shape::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
            let pairs = fields.iter().zip(values).map(|((name, shape), (_, val))| Ok((name.to_string(), value(shape, val)?)));
            Value::Object(pairs.collect::<Result<Map<_, _>, _>>()?)
        }
        (Shape::Tuple(shapes), Val::Tuple(values)) if shapes.len() == values.len() => {
            Value::Array(shapes.iter().zip(values).map(|(shape, val)| value(shape, val)).collect::<Result<_, _>>()?)
        }
        (Shape::Variant(cases), Val::Variant(name, payload)) => {
            let (_, shape) = cases.iter().find(|(case, _)| **case == **name).ok_or(OtherType)?;
            match (shape, payload) {
                (None, None) => json!({"tag": name}),
                (Some(shape), Some(val)) => json!({"tag": name, "val": value(shape, val)?}),
                _ => return Err(OtherType),
            }
        }
        (Shape::Enum(_), Val::Enum(name)) => Value::String(name.clone()),
        (Shape::Flags(names), Val::Flags(set)) => {
            Value::Array(names.iter().filter(|name| set.iter().any(|one| **one == ***name)).map(|name| json!(name)).collect())
        }
        (Shape::Option(inner), Val::Option(inside)) => match inside {
            None => Value::Null,
            Some(val) if inner.is_optional() => json!({"some": value(inner, val)?}),
            Some(val) => value(inner, val)?,
        },
        (Shape::Result(ok, failure), Val::Result(result)) => match result {
            Ok(val) => json!({"ok": payload(ok.as_deref(), val.as_deref())?}),
            Err(val) => json!({"err": payload(failure.as_deref(), val.as_deref())?}),
        },
        _ => return Err(OtherType),
    })
}

/// What a case carries; null where it carries nothing.
pub(crate) fn payload(shape: Option<&Shape>, val: Option<&Val>) -> Result<Value, OtherType> {
    match (shape, val) {
        (None, None) => Ok(Value::Null),
        (Some(shape), Some(val)) => value(shape, val),
        _ => Err(OtherType),
    }
}

fn integer(val: &Val) -> Result<Value, OtherType> {
    Ok(match *val {
        Val::S8(value) => value.into(),
        Val::U8(value) => value.into(),
        Val::S16(value) => value.into(),
        Val::U16(value) => value.into(),
        Val::S32(value) => value.into(),
        Val::U32(value) => value.into(),
        Val::S64(value) if value.unsigned_abs() <= EXACT_MAX => value.into(),
        Val::S64(value) => Value::String(value.to_string()),
        Val::U64(value) if value <= EXACT_MAX => value.into(),
        Val::U64(value) => Value::String(value.to_string()),
        _ => return Err(OtherType),
    })
}

fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => json!("NaN"),
        None if value > 0.0 => json!("Infinity"),
        None => json!("-Infinity"),
    }
}

/// The double that is written shortest among those that become this value again: 0.1, not 0.10000000149011612.
fn shortest(value: f32) -> f64 {
    let near = value.to_string().parse::<f64>().unwrap_or(f64::from(value));
    #[expect(clippy::cast_possible_truncation, reason = "whether it changes is the question")]
    let back = near as f32;
    if back.to_bits() == value.to_bits() { near } else { f64::from(value) }
}

fn bytes(values: &[Val]) -> Result<Vec<u8>, OtherType> {
    values.iter().map(|val| if let Val::U8(byte) = val { Ok(*byte) } else { Err(OtherType) }).collect()
}
