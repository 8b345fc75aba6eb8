//! From JSON to a component's values.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use caxton_types::nearest;
use serde_json::{Map, Value};
use wasmtime::component::Val;

use super::shape::{Int, Shape};

/// The values of one call: each takes tens of bytes of the host, however short its JSON is.
const VALUES_MAX: usize = 1 << 20;
/// With padding or without: models leave it out.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// What does not fit, and where.
#[derive(Debug)]
pub(crate) struct Mistake {
    /// From the inside out.
    path: Vec<String>,
    reason: String,
}

/// The values of a call's arguments, in the order of the parameters.
pub(crate) fn arguments(params: &[(Box<str>, Shape)], json: &str) -> Result<Vec<Val>, String> {
    let arguments: Value = serde_json::from_str(json).map_err(|error| format!("the arguments are not JSON: {error}"))?;
    let Value::Object(arguments) = arguments else {
        return Err(format!("the arguments must be an object, not {}", kind(&arguments)));
    };
    let mut reader = Reader { values_left: VALUES_MAX };
    let fields = reader.fields(params, &arguments).map_err(|mistake| mistake.to_string())?;
    Ok(fields.into_iter().map(|(_, val)| val).collect())
}

struct Reader {
    values_left: usize,
}

impl Reader {
    fn value(&mut self, shape: &Shape, json: &Value) -> Result<Val, Mistake> {
        self.spend(1)?;
        let other = |expected: &str| Err(Mistake::new(format!("must be {expected}, not {}", kind(json))));
        match (shape, json) {
            (Shape::Bool, Value::Bool(value)) => Ok(Val::Bool(*value)),
            (Shape::Bool, _) => other("a boolean"),
            (Shape::Int(int), _) => integer(*int, json),
            (Shape::Float32, _) => float32(json),
            (Shape::Float64, _) => float64(json).map(Val::Float64),
            (Shape::Char, Value::String(text)) => one_char(text),
            (Shape::Char, _) => other("a string of one character"),
            (Shape::String, Value::String(text)) => Ok(Val::String(text.clone())),
            (Shape::String, _) => other("a string"),
            (Shape::Bytes, Value::String(text)) => self.bytes(text),
            (Shape::Bytes, _) => other("a string in base64"),
            (Shape::List(element), Value::Array(items)) => Ok(Val::List(self.list(|_| Some(element), items)?)),
            (Shape::List(_), _) => other("an array"),
            (Shape::Tuple(shapes), Value::Array(items)) if items.len() == shapes.len() => {
                Ok(Val::Tuple(self.list(|index| shapes.get(index), items)?))
            }
            (Shape::Tuple(shapes), _) => other(&format!("an array of {}", shapes.len())),
            (Shape::Record(fields), Value::Object(map)) => Ok(Val::Record(self.fields(fields, map)?)),
            (Shape::Record(_), _) => other("an object"),
            (Shape::Variant(cases), Value::Object(map)) => self.variant(cases, map),
            (Shape::Variant(_), _) => other("an object with `tag`"),
            (Shape::Enum(names), Value::String(name)) => Ok(Val::Enum(one_of(names, name)?.to_owned())),
            (Shape::Enum(_), _) => other("a string"),
            (Shape::Flags(names), Value::Array(items)) => self.flags(names, items),
            (Shape::Flags(_), _) => other("an array of names"),
            (Shape::Option(_), Value::Null) => Ok(Val::Option(None)),
            (Shape::Option(inner), _) => self.some(inner, json),
            (Shape::Result(ok, failure), Value::Object(map)) => self.result(ok.as_deref(), failure.as_deref(), map),
            (Shape::Result(..), _) => other("an object with `ok` or `err`"),
        }
    }

    fn spend(&mut self, values: usize) -> Result<(), Mistake> {
        self.values_left = self
            .values_left
            .checked_sub(values)
            .ok_or_else(|| Mistake::new(format!("the arguments have more than {VALUES_MAX} values")))?;
        Ok(())
    }

    fn list<'s>(&mut self, shape: impl Fn(usize) -> Option<&'s Shape>, items: &[Value]) -> Result<Vec<Val>, Mistake> {
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let shape = shape(index).ok_or_else(|| Mistake::new("is one too many".to_owned()))?;
            values.push(self.value(shape, item).map_err(|mistake| mistake.inside(format!("[{index}]")))?);
        }
        Ok(values)
    }

    fn fields(&mut self, fields: &[(Box<str>, Shape)], map: &Map<String, Value>) -> Result<Vec<(String, Val)>, Mistake> {
        if let Some(unknown) = map.keys().find(|key| !fields.iter().any(|(name, _)| **name == ***key)) {
            let near = nearest(unknown, fields.iter().map(|(name, _)| name.as_ref()));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(Mistake::new(format!("has no `{unknown}`{near}")));
        }
        let mut values = Vec::with_capacity(fields.len());
        for (name, shape) in fields {
            let val = match map.get(name.as_ref()) {
                Some(json) => self.value(shape, json).map_err(|mistake| mistake.inside(format!(".{name}")))?,
                None if shape.is_optional() => Val::Option(None),
                None => return Err(Mistake::new("is missing".to_owned()).inside(format!(".{name}"))),
            };
            values.push((name.to_string(), val));
        }
        Ok(values)
    }

    fn some(&mut self, inner: &Shape, json: &Value) -> Result<Val, Mistake> {
        let json = match (inner.is_optional(), json) {
            (false, json) => json,
            (true, Value::Object(map)) if map.len() == 1 && map.contains_key("some") => map.get("some").unwrap_or(&Value::Null),
            (true, json) => return Err(Mistake::new(format!("must be null or an object with `some`, not {}", kind(json)))),
        };
        Ok(Val::Option(Some(Box::new(self.value(inner, json)?))))
    }

    fn variant(&mut self, cases: &[(Box<str>, Option<Shape>)], map: &Map<String, Value>) -> Result<Val, Mistake> {
        let Some(Value::String(tag)) = map.get("tag") else {
            return Err(Mistake::new("must be an object whose `tag` is a string".to_owned()));
        };
        let names: Vec<Box<str>> = cases.iter().map(|(name, _)| name.clone()).collect();
        let tag = one_of(&names, tag).map_err(|mistake| mistake.inside(".tag".to_owned()))?;
        let payload = cases.iter().find(|(name, _)| **name == *tag).and_then(|(_, payload)| payload.as_ref());
        if let Some(unknown) = map.keys().find(|key| *key != "tag" && (*key != "val" || payload.is_none())) {
            return Err(Mistake::new(format!("has no `{unknown}` where `tag` is `{tag}`")));
        }
        let inside = |mistake: Mistake| mistake.inside(".val".to_owned());
        let val = match (payload, map.get("val")) {
            (None, _) => None,
            (Some(shape), Some(json)) => Some(self.value(shape, json).map_err(inside)?),
            (Some(shape), None) if shape.is_optional() => Some(Val::Option(None)),
            (Some(_), None) => return Err(inside(Mistake::new("is missing".to_owned()))),
        }
        .map(Box::new);
        Ok(Val::Variant(tag.to_owned(), val))
    }

    fn flags(&mut self, names: &[Box<str>], items: &[Value]) -> Result<Val, Mistake> {
        self.spend(items.len())?;
        let mut set: Vec<String> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = |mistake: Mistake| mistake.inside(format!("[{index}]"));
            let Value::String(name) = item else {
                return Err(at(Mistake::new(format!("must be a string, not {}", kind(item)))));
            };
            let name = one_of(names, name).map_err(at)?;
            if set.iter().any(|one| one == name) {
                return Err(at(Mistake::new(format!("names `{name}` again"))));
            }
            set.push(name.to_owned());
        }
        Ok(Val::Flags(set))
    }

    fn result(&mut self, ok: Option<&Shape>, failure: Option<&Shape>, map: &Map<String, Value>) -> Result<Val, Mistake> {
        let (key, shape, json) = match (map.get("ok"), map.get("err"), map.len()) {
            (Some(json), None, 1) => ("ok", ok, json),
            (None, Some(json), 1) => ("err", failure, json),
            _ => return Err(Mistake::new("must be an object with either `ok` or `err`".to_owned())),
        };
        let inside = |mistake: Mistake| mistake.inside(format!(".{key}"));
        let payload = match shape {
            Some(shape) => Some(Box::new(self.value(shape, json).map_err(inside)?)),
            None if json.is_null() => None,
            None => return Err(inside(Mistake::new(format!("must be null, not {}", kind(json))))),
        };
        Ok(Val::Result(if key == "ok" { Ok(payload) } else { Err(payload) }))
    }

    fn bytes(&mut self, text: &str) -> Result<Val, Mistake> {
        self.spend(text.len() / 4 * 3)?;
        let bytes = BASE64.decode(text).map_err(|error| Mistake::new(format!("is not base64: {error}")))?;
        Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
    }
}

fn integer(int: Int, json: &Value) -> Result<Val, Mistake> {
    let number = match json {
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Some(i128::from(number)),
            (_, Some(number), _) => Some(i128::from(number)),
            // `3.0` is an integer in JSON Schema.
            #[expect(clippy::cast_possible_truncation, reason = "it is an integer, and within 64 bits")]
            (.., Some(number)) if number.fract() == 0.0 && number.abs() < 2_f64.powi(64) => Some(number as i128),
            _ => None,
        },
        Value::String(text) if int.is_wide() && !text.starts_with('+') && text.len() <= 21 => text.parse().ok(),
        _ => None,
    };
    number.and_then(|number| int.val(number)).ok_or_else(|| {
        let (least, greatest) = int.range();
        let found = if json.is_number() { json.to_string() } else { kind(json).to_owned() };
        Mistake::new(format!("must be an integer from {least} to {greatest}, not {found}"))
    })
}

fn float64(json: &Value) -> Result<f64, Mistake> {
    match json {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
    .ok_or_else(|| Mistake::new(format!("must be a number, `NaN`, `Infinity` or `-Infinity`, not {}", kind(json))))
}

fn float32(json: &Value) -> Result<Val, Mistake> {
    let wide = float64(json)?;
    #[expect(clippy::cast_possible_truncation, reason = "the nearest is meant")]
    let number = wide as f32;
    if wide.is_finite() && number.is_infinite() {
        return Err(Mistake::new(format!("must be at most {:e}, not {wide:e}", f32::MAX)));
    }
    Ok(Val::Float32(number))
}

fn one_char(text: &str) -> Result<Val, Mistake> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(one), None) => Ok(Val::Char(one)),
        _ => Err(Mistake::new("must be one character".to_owned())),
    }
}

fn one_of<'n>(names: &'n [Box<str>], name: &str) -> Result<&'n str, Mistake> {
    names.iter().map(AsRef::as_ref).find(|one| *one == name).ok_or_else(|| {
        let all: Vec<&str> = names.iter().map(AsRef::as_ref).take(20).collect();
        Mistake::new(format!("must be one of {}", all.join(", ")))
    })
}

fn kind(json: &Value) -> &'static str {
    match json {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

impl Mistake {
    fn new(reason: String) -> Self {
        Self { path: Vec::new(), reason }
    }

    fn inside(mut self, step: String) -> Self {
        self.path.push(step);
        self
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path: String = self.path.iter().rev().map(String::as_str).collect();
        let path = path.trim_start_matches('.');
        if path.is_empty() { write!(f, "the call {}", self.reason) } else { write!(f, "`{path}` {}", self.reason) }
    }
}
