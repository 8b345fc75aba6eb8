//! Tables as JSON: a list of objects, or an object a line. Read as a stream, the order of the members kept.

use super::{COLUMNS_MAX, row::Meter};
use crate::built_in::Refusal;
use serde::{
    Deserialize, Deserializer as _,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, Value};
use std::{fmt, io::Read};

/// The members of one object, in their order; of too many, one too many.
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
                    if members.len() <= COLUMNS_MAX {
                        members.push(member);
                    }
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
pub(super) fn read_list(input: impl Read, name: &str, each: Each<'_>) -> Result<(), Refusal> {
    let (meter, mut stopped) = (Meter::default(), None);
    let mut json = Deserializer::from_reader(meter.bound(input));
    let each = &mut |object| {
        meter.row();
        each(object)
    };
    let read = json.deserialize_seq(Elements { each, stopped: &mut stopped }).and_then(|()| json.end());
    match (read, stopped) {
        (_, Some(refusal)) => Err(refusal),
        (Err(error), None) => Err(meter.refusal(name).unwrap_or_else(|| broken(name, &error))),
        (Ok(()), None) => Ok(()),
    }
}

/// Reads an object a line.
pub(super) fn read_lines(input: impl Read, name: &str, each: Each<'_>) -> Result<(), Refusal> {
    let meter = Meter::default();
    for object in Deserializer::from_reader(meter.bound(input)).into_iter::<Object>() {
        let object = object.map_err(|error| meter.refusal(name).unwrap_or_else(|| broken(name, &error)))?;
        meter.row();
        each(object)?;
    }
    Ok(())
}

fn broken(name: &str, error: &serde_json::Error) -> Refusal {
    // serde_json puts the place behind its message.
    let refusal = Refusal::invalid(format!("`{name}` cannot be read: {error}"));
    refusal.hint("a table in JSON is a list of objects (`json`) or one object a line (`ndjson`)")
}
