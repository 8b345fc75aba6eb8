//! Reading a tool's arguments: strict about names, forgiving about how a model writes a value.

use crate::{
    json::Json,
    number,
    tools::{Error, listed},
};

pub(crate) struct Arguments(Vec<(String, Json)>);

impl Arguments {
    pub(crate) fn parse(text: &str, known: &[&str]) -> Result<Self, Error> {
        let value = Json::parse(text).map_err(|error| Error::Invalid(format!("the arguments are {error}")))?;
        let arguments = Self::of(value, "the arguments")?;
        arguments.only(known)?;
        Ok(arguments)
    }

    pub(crate) fn of(value: Json, what: &str) -> Result<Self, Error> {
        match value {
            Json::Object(fields) => Ok(Self(fields)),
            _ => Err(Error::Invalid(format!("{what} must be a JSON object"))),
        }
    }

    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Error> {
        match self.0.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, _)) => Err(Error::Invalid(format!("unknown argument `{key}`; known are {}", listed(&mut known.iter().copied())))),
            None => Ok(()),
        }
    }

    /// An argument; null is the same as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        let found = self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value);
        found.filter(|value| **value != Json::Null)
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(Error::Invalid(format!("`{key}` must be a string"))),
        }
    }

    pub(crate) fn required(&self, key: &str) -> Result<&str, Error> {
        self.text(key)?.ok_or_else(|| Error::Invalid(format!("`{key}` is missing")))
    }

    /// A number, also as text.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, Error> {
        let number = match self.get(key) {
            None => return Ok(None),
            Some(Json::Number(number)) => Some(*number),
            Some(Json::Text(text)) => number::parse(text.as_bytes()),
            Some(_) => None,
        };
        number.map(Some).ok_or_else(|| Error::Invalid(format!("`{key}` must be a number")))
    }

    pub(crate) fn list(&self, key: &str) -> Result<&[Json], Error> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Json::Array(items)) => Ok(items),
            Some(_) => Err(Error::Invalid(format!("`{key}` must be an array"))),
        }
    }

    /// How many results are wanted: 20 unless told.
    pub(crate) fn limit(&self) -> Result<usize, Error> {
        let limit = self.number("limit")?.unwrap_or(20.0);
        if limit.fract() != 0.0 || !(1.0..=1000.0).contains(&limit) {
            return Err(Error::Invalid("`limit` must be a whole number from 1 to 1000".to_owned()));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 1 and 1000, as just checked.
        Ok(limit as usize)
    }

    /// Whether the largest come first.
    pub(crate) fn descending(&self, unless_told: bool) -> Result<bool, Error> {
        match self.text("order")? {
            None => Ok(unless_told),
            Some("asc") => Ok(false),
            Some("desc") => Ok(true),
            Some(other) => Err(Error::Invalid(format!("`order` is `{other}`; it must be asc or desc"))),
        }
    }
}
