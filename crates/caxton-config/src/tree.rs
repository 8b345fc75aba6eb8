//! One tree for YAML and TOML, whose every node knows where it was written.

pub(crate) mod literal;
mod toml;
mod yaml;

use crate::{
    Diagnostic, Secret,
    source::{Place, Source},
};
use serde_json::Value as Json;
use std::{collections::BTreeMap, sync::Arc};

/// How deep maps and lists may nest.
const DEPTH_MAX: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) place: Place,
    /// Whether a variable was put in: then a number may stand in a text.
    pub(crate) substituted: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Whole(i64),
    Decimal(f64),
    Text(Box<str>),
    Secret(Secret),
    List(Vec<Node>),
    Map(Map),
}

pub(crate) type Map = BTreeMap<Box<str>, Entry>;

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Where the key stands.
    pub(crate) key: Place,
    pub(crate) node: Node,
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Yaml,
    Toml,
}

impl Format {
    /// By the extension of the file's name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }
}

/// Reads a text; its root is a map.
pub(crate) fn parse(source: &Arc<Source>, format: Format) -> Result<Node, Diagnostic> {
    if source.text().len() > crate::source::TEXT_LEN_MAX {
        return Err(source.top().error("the file is larger than 1 MiB"));
    }
    let node = match format {
        Format::Yaml => yaml::parse(source)?,
        Format::Toml => toml::parse(source)?,
    };
    match node.value {
        Value::Map(_) => Ok(node),
        Value::Null => Ok(Node::map(Map::new(), source.top())),
        _ => Err(node.place.error(format!("expected keys with values, found {}", node.kind()))),
    }
}

/// Reads the value of a flag: a YAML scalar, or a list or map in JSON's form.
pub(crate) fn parse_value(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    yaml::parse(source)
}

impl Node {
    pub(crate) fn new(value: Value, place: Place) -> Self {
        Self { value, place, substituted: false }
    }

    pub(crate) fn map(map: Map, place: Place) -> Self {
        Self::new(Value::Map(map), place)
    }

    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Whole(_) => "a whole number",
            Value::Decimal(_) => "a decimal number",
            Value::Text(_) | Value::Secret(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a table of keys",
        }
    }

    pub(crate) fn entries(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    pub(crate) fn child(&self, key: &str) -> Option<&Entry> {
        self.entries()?.get(key)
    }

    pub(crate) fn child_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Value::Map(map) = &mut self.value else {
            return None;
        };
        map.get_mut(key).map(|entry| &mut entry.node)
    }

    /// The node under a dotted path of map keys.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, key| node.child(key).map(|entry| &entry.node))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// A chain of maps with this node at the end of the dotted path.
    pub(crate) fn under(self, path: &str) -> Self {
        path.rsplit('.').fold(self, |node, key| {
            let place = node.place.clone();
            Self::map(Map::from([(key.into(), Entry { key: place.clone(), node })]), place)
        })
    }

    /// Lays `over` on this: maps merge, anything else is replaced; nothing replaces nothing.
    pub(crate) fn merge(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (_, Value::Null) => {}
            (Value::Map(below), Value::Map(above)) => {
                for (name, entry) in above {
                    match below.get_mut(&name) {
                        Some(known) => {
                            if !matches!(entry.node.value, Value::Null) {
                                known.key = entry.key;
                            }
                            known.node.merge(entry.node);
                        }
                        None => drop(below.insert(name, entry)),
                    }
                }
            }
            (_, value) => *self = Self { value, ..over },
        }
    }

    /// As JSON; secrets are masked.
    pub(crate) fn json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Whole(value) => (*value).into(),
            Value::Decimal(value) => (*value).into(),
            Value::Text(value) => Json::String(value.to_string()),
            Value::Secret(value) => Json::String(value.to_string()),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(map) => map.iter().map(|(key, entry)| (key.to_string(), entry.node.json())).collect(),
        }
    }

    /// The node that a JSON value is.
    pub(crate) fn of_json(json: &Json, place: &Place) -> Self {
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => number.as_i64().map_or_else(|| Value::Decimal(number.as_f64().unwrap_or(f64::NAN)), Value::Whole),
            Json::String(text) => Value::Text(text.as_str().into()),
            Json::Array(items) => Value::List(items.iter().map(|item| Self::of_json(item, place)).collect()),
            Json::Object(map) => Value::Map(
                map.iter()
                    .map(|(key, item)| (key.as_str().into(), Entry { key: place.clone(), node: Self::of_json(item, place) }))
                    .collect(),
            ),
        };
        Self::new(value, place.clone())
    }
}
