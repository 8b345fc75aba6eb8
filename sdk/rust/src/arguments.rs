//! What a tool is called with.

use crate::Error;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The arguments of a call: a JSON object, whose members are taken by name and type.
#[derive(Debug, Clone, PartialEq)]
pub struct Arguments(Map<String, Value>);

impl Arguments {
    pub(crate) fn parse(json: &str) -> Result<Self, Error> {
        serde_json::from_str(json).map(Self).map_err(|error| Error::Invalid(format!("the arguments are no JSON object: {error}")))
    }

    /// An argument as it is; `None` where it is missing or null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<&str, Error> {
        self.take(name, "a text", Value::as_str)
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Result<i64, Error> {
        self.take(name, "a whole number", Value::as_i64)
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<f64, Error> {
        self.take(name, "a number", Value::as_f64)
    }

    /// Yes or no.
    pub fn bool(&self, name: &str) -> Result<bool, Error> {
        self.take(name, "true or false", Value::as_bool)
    }

    /// A list.
    pub fn list(&self, name: &str) -> Result<&[Value], Error> {
        self.take(name, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    /// All of them as a type of one's own (with `serde` and its `derive`).
    pub fn to_type<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_value(Value::Object(self.0.clone())).map_err(|error| Error::Invalid(error.to_string()))
    }

    fn take<'v, T>(&'v self, name: &str, what: &str, of: impl FnOnce(&'v Value) -> Option<T>) -> Result<T, Error> {
        let value = self.get(name).ok_or_else(|| Error::Invalid(format!("`{name}` is missing")))?;
        of(value).ok_or_else(|| Error::Invalid(format!("`{name}` must be {what}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_taken_by_name_and_type() {
        let arguments = Arguments::parse(r#"{"text":"a","n":3,"x":1.5,"yes":true,"list":[1],"none":null}"#).unwrap();
        assert_eq!(arguments.text("text"), Ok("a"));
        assert_eq!((arguments.integer("n"), arguments.number("n"), arguments.number("x")), (Ok(3), Ok(3.0), Ok(1.5)));
        assert_eq!((arguments.bool("yes"), arguments.list("list").map(<[Value]>::len)), (Ok(true), Ok(1)));
        assert_eq!(arguments.integer("x"), Err(Error::Invalid("`x` must be a whole number".to_owned())));
        assert_eq!(arguments.text("none"), Err(Error::Invalid("`none` is missing".to_owned())));
        assert!(matches!(Arguments::parse("[]"), Err(Error::Invalid(_))));
    }
}
