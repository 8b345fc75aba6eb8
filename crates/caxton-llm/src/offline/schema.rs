//! What a tool's arguments are for, read from its JSON Schema alone: formats, enums, names and descriptions.

use super::{
    token::{stem, words_of},
    vocabulary::{Comparison, Operation},
};
use caxton_types::ToolDefinition;
use serde_json::{Map, Value};

/// What one argument is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Purpose {
    /// `format: attachment`: the name of an attached file.
    Attachment,
    /// `format: column`: the column that is computed over.
    Measure,
    /// A column to group by.
    Group,
    /// A column that only orders or selects what is shown.
    OtherColumn,
    /// An enum of operations, with the schema's own words for them.
    Operations(Vec<(Operation, Value)>),
    /// An enum of two orders.
    Order {
        ascending: Value,
        descending: Value,
    },
    /// How many results.
    Limit,
    /// Which percentile, and what it is multiplied with: a quantile goes from 0 to 1.
    Percentile {
        scale: f64,
    },
    /// An array of conditions.
    Conditions(Conditions),
    /// `format: uri`.
    Uri,
    /// One of these.
    Choice(Vec<Value>),
    Number {
        whole: bool,
        low: f64,
        high: f64,
    },
    Flag,
    Text,
    /// Nothing that a planner can fill.
    Other,
}

/// The shape of one condition: the names of its members and the schema's words for comparisons.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conditions {
    pub(super) column: String,
    pub(super) comparison: Option<(String, Vec<(Comparison, Value)>)>,
    pub(super) value: String,
    /// The JSON types that a value may have.
    pub(super) types: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) purpose: Purpose,
    pub(super) required: bool,
    pub(super) default: Option<Value>,
    /// The stems of its name and description.
    pub(super) words: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Tool<'a> {
    pub(super) definition: &'a ToolDefinition,
    pub(super) arguments: Vec<Argument>,
}

impl<'a> Tool<'a> {
    pub(super) fn read(definition: &'a ToolDefinition) -> Self {
        let schema = &definition.input_schema;
        let required: Vec<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let mut arguments: Vec<Argument> = properties
            .iter()
            .map(|(name, schema)| Argument {
                name: name.clone(),
                purpose: purpose(name, schema),
                required: required.contains(&name.as_str()),
                default: schema.get("default").cloned(),
                words: [words_of(name), words_of(text(schema, "description"))].concat().iter().map(|word| stem(word)).collect(),
            })
            .collect();
        // One column is computed over; where several could be, it is the one that is called most plainly.
        let measures = arguments.iter().filter(|argument| argument.purpose == Purpose::Measure).count();
        if measures > 1 {
            let plain =
                arguments.iter().position(|argument| argument.purpose == Purpose::Measure && PLAIN.contains(&argument.name.as_str()));
            for (at, argument) in arguments.iter_mut().enumerate() {
                if argument.purpose == Purpose::Measure && Some(at) != plain {
                    argument.purpose = Purpose::OtherColumn;
                }
            }
        }
        Self { definition, arguments }
    }

    pub(super) fn find<T>(&self, wanted: impl Fn(&Purpose) -> Option<T>) -> Option<(&Argument, T)> {
        self.arguments.iter().find_map(|argument| wanted(&argument.purpose).map(|found| (argument, found)))
    }

    pub(super) fn has(&self, purpose: &Purpose) -> Option<&Argument> {
        self.arguments.iter().find(|argument| argument.purpose == *purpose)
    }

    /// Whether it computes figures over the columns of an attached file.
    pub(super) fn computes(&self) -> bool {
        let operations = self.find(|purpose| matches!(purpose, Purpose::Operations(_)).then_some(()));
        operations.is_some() && self.has(&Purpose::Attachment).is_some()
    }

    /// Whether an attached file is all that it takes.
    pub(super) fn takes_file_only(&self) -> bool {
        self.has(&Purpose::Attachment).is_some()
            && self.arguments.iter().all(|a| a.purpose == Purpose::Attachment || !a.required)
            && self
                .arguments
                .iter()
                .filter(|a| a.purpose != Purpose::Attachment)
                .all(|a| matches!(a.purpose, Purpose::Limit | Purpose::Flag))
    }

    /// The stems of its name and description.
    pub(super) fn words(&self) -> Vec<String> {
        let id = &self.definition.id;
        let all = [words_of(id.server()), words_of(id.tool()), words_of(&self.definition.description)].concat();
        all.iter().map(|word| stem(word)).collect()
    }
}

const PLAIN: &[&str] = &["column", "field", "value", "measure", "metric", "col"];

fn text<'v>(schema: &'v Value, key: &str) -> &'v str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(schema: &'v Value, key: &str) -> &'v [Value] {
    schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A schema's types; `["string", "null"]` counts as both.
fn types(schema: &Value) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec![],
    }
}

fn purpose(name: &str, schema: &Value) -> Purpose {
    let types = types(schema);
    let is = |kind: &str| types.iter().any(|one| one == kind);
    let words = words_of(name);
    let named = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    if is("array") {
        return conditions(schema.get("items").unwrap_or(&Value::Null)).map_or(Purpose::Other, Purpose::Conditions);
    }
    let values = list(schema, "enum");
    if !values.is_empty() {
        return choice(values);
    }
    match text(schema, "format") {
        "attachment" => return Purpose::Attachment,
        "column" if named(&["group", "per", "by"]) && !named(&["sort", "order", "rank"]) => return Purpose::Group,
        "column" if named(&["sort", "order", "rank"]) => return Purpose::OtherColumn,
        "column" => return Purpose::Measure,
        "uri" | "url" | "iri" => return Purpose::Uri,
        _ => {}
    }
    if is("number") || is("integer") {
        let bound = |key: &str, other: f64| schema.get(key).and_then(Value::as_f64).unwrap_or(other);
        let (low, high) = (bound("minimum", f64::MIN), bound("maximum", f64::MAX));
        return if named(&["percentile", "quantile", "pct"]) {
            Purpose::Percentile { scale: if high <= 1.0 { 0.01 } else { 1.0 } }
        } else if named(&["limit", "top"]) || ["n", "max_results", "max_rows", "page_size"].contains(&name) {
            Purpose::Limit
        } else {
            Purpose::Number { whole: !is("number"), low, high }
        };
    }
    match types.first().map(String::as_str) {
        Some("boolean") => Purpose::Flag,
        Some("string") => Purpose::Text,
        _ => Purpose::Other,
    }
}

fn choice(values: &[Value]) -> Purpose {
    let spelled = |known: &[&str]| {
        values.iter().find(|value| value.as_str().is_some_and(|value| known.contains(&value.to_lowercase().as_str()))).cloned()
    };
    if let (Some(ascending), Some(descending)) = (spelled(&["asc", "ascending"]), spelled(&["desc", "descending"])) {
        return Purpose::Order { ascending, descending };
    }
    let operations: Vec<(Operation, Value)> =
        values.iter().filter_map(|value| Some((Operation::of_spelling(value.as_str()?)?, value.clone()))).collect();
    if operations.len() >= 2 { Purpose::Operations(operations) } else { Purpose::Choice(values.to_vec()) }
}

fn conditions(items: &Value) -> Option<Conditions> {
    let properties = items.get("properties")?.as_object()?;
    let (column, _) = properties.iter().find(|(_, schema)| text(schema, "format") == "column")?;
    let comparisons = |schema: &Value| -> Vec<(Comparison, Value)> {
        list(schema, "enum").iter().filter_map(|value| Some((Comparison::of_spelling(value.as_str()?)?, value.clone()))).collect()
    };
    let comparison = properties.iter().map(|(name, schema)| (name.clone(), comparisons(schema))).find(|(_, known)| !known.is_empty());
    let taken = comparison.as_ref().map(|(name, _)| name);
    let (value, schema) = properties.iter().find(|(name, _)| *name != column && Some(*name) != taken)?;
    let required = list(items, "required");
    let fillable =
        required.iter().filter_map(Value::as_str).all(|name| name == column || name == value || taken.is_some_and(|taken| taken == name));
    fillable.then(|| Conditions { column: column.clone(), comparison, value: value.clone(), types: types(schema) })
}
