//! Tables as JSON: a list of objects, or an object a line. Read as a stream, the order of the members kept.

use crate::built_in::Refusal;
use serde::{
    Deserialize, Deserializer as _,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, Value};
use std::{fmt, io::BufRead};

/// The members of one object, in their order.
pub(super) struct Object(pub(super) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object, for each row one")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

type Each<'f> = &'f mut dyn FnMut(Object) -> Result<(), Refusal>;

/// Hands over each element of a list.
struct Elements<'f, 's> {
    each: Each<'f>,
    stopped: &'s mut Option<Refusal>,
}

impl<'de> DeserializeSeed<'de> for Elements<'_, '_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(object) = list.next_element()? {
            if let Err(refusal) = (self.each)(object) {
                *self.stopped = Some(refusal);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// Reads `[{…}, …]`.
pub(super) fn read_list(input: impl BufRead, name: &str, each: Each<'_>) -> Result<(), Refusal> {
    let mut stopped = None;
    let mut json = Deserializer::from_reader(input);
    let read = json.deserialize_seq(Elements { each, stopped: &mut stopped }).and_then(|()| json.end());
    match (read, stopped) {
        (_, Some(refusal)) => Err(refusal),
        (Err(error), None) => Err(broken(name, &error)),
        (Ok(()), None) => Ok(()),
    }
}

/// Reads an object a line.
pub(super) fn read_lines(input: impl BufRead, name: &str, each: Each<'_>) -> Result<(), Refusal> {
    for object in Deserializer::from_reader(input).into_iter::<Object>() {
        each(object.map_err(|error| broken(name, &error))?)?;
    }
    Ok(())
}

fn broken(name: &str, error: &serde_json::Error) -> Refusal {
    // serde_json puts the place behind its message.
    let refusal = Refusal::invalid(format!("`{name}` cannot be read: {error}"));
    refusal.hint("a table in JSON is a list of objects (`json`) or one object a line (`ndjson`)")
}
