//! The built-in `stats_calculator`: figures about numbers, given as such or in a column of a table.

mod moments;
mod pairs;
mod quantile;
mod spread;
mod summary;
mod values;

pub(crate) use self::{moments::Moments, spread::spread};

use self::{pairs::Method, values::Series};
use super::{
    Answer, BuiltIn, Refusal, Traffic,
    define::{Definition, READS, arguments, merged},
    table::{self, Given, Source},
    work,
};
use crate::{CallContext, Error};
use async_trait::async_trait;
use caxton_types::ToolDefinition;
use serde::Deserialize;
use serde_json::{Value, json};

const SERVER: &str = "stats_calculator";
const NUMBERS_MAX: usize = 100_000;

#[derive(Debug)]
pub(crate) struct StatsCalculator([ToolDefinition; 4]);

/// What all of its tools may be given.
#[derive(Debug, Deserialize)]
struct Arguments {
    numbers: Option<Vec<f64>>,
    columns: Option<Vec<String>>,
    group_by: Option<String>,
    percentiles: Option<Vec<f64>>,
    values: Option<Series>,
    bins: Option<usize>,
    x: Option<Series>,
    y: Option<Series>,
    #[serde(default)]
    method: Method,
}

impl StatsCalculator {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self([describe()?, histogram()?, correlate()?, regress()?]))
    }
}

#[async_trait]
impl BuiltIn for StatsCalculator {
    fn definitions(&self) -> Vec<ToolDefinition> {
        self.0.to_vec()
    }

    async fn call(&self, tool: &ToolDefinition, given: &Value, context: &CallContext<'_>, _: &Traffic) -> Result<Answer, Error> {
        let refused = |refusal| Error::Refused { tool: tool.id.clone(), refusal };
        let own: Arguments = arguments(given).map_err(refused)?;
        let table = find(given, &own, context).map_err(refused)?;
        let name = tool.id.tool().to_owned();
        work::compute(tool, context, move |watch| match name.as_str() {
            "describe" => summary::describe(table, own.numbers, own.columns.as_deref(), own.group_by.as_deref(), own.percentiles, watch),
            "histogram" => spread::histogram(table, own.values, own.bins, watch),
            "correlate" => pairs::correlate(table, own.columns, own.x, own.y, own.method, watch),
            _ => pairs::regress(table, own.x, own.y, watch),
        })
        .await
    }
}

/// The table, where anything that is asked for is in one.
fn find(given: &Value, own: &Arguments, context: &CallContext<'_>) -> Result<Option<Given>, Refusal> {
    let source: Source = arguments(given)?;
    let names_column = [&own.values, &own.x, &own.y].iter().any(|series| matches!(series, Some(Series::Column(_))));
    let has_numbers =
        own.numbers.is_some() || [&own.values, &own.x, &own.y].iter().any(|series| matches!(series, Some(Series::Numbers(_))));
    let wants_table = names_column || own.columns.is_some() || own.group_by.is_some() || !has_numbers;
    if has_numbers && (source.is_given() || wants_table) {
        return Err(Refusal::invalid("both numbers and a table are given")
            .hint("give the numbers themselves, or a table and the names of its columns"));
    }
    wants_table.then(|| source.find(context)).transpose()
}

fn numbers(description: &str) -> Value {
    json!({"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": NUMBERS_MAX, "description": description})
}

/// Numbers, or the name of a column that holds them.
fn series(description: &str) -> Value {
    json!({"type": ["array", "string"], "items": {"type": "number"}, "minItems": 1, "maxItems": NUMBERS_MAX, "minLength": 1, "description": description})
}

fn describe() -> Result<ToolDefinition, Error> {
    let own = json!({
        "numbers": numbers("the numbers, instead of a table"),
        "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 100, "description": "columns of the table; all that hold numbers where absent"},
        "group_by": {"type": "string", "description": "a column: the figures are given for each of its values"},
        "percentiles": {
            "type": "array", "items": {"type": "number", "minimum": 0, "maximum": 100}, "maxItems": 100, "default": summary::PERCENTILES,
            "description": "by linear interpolation between the two nearest values (Hyndman and Fan's type 7)"
        }
    });
    Definition {
        server: SERVER,
        tool: "describe",
        description:
            "Count, sum, mean, median, smallest, largest, variance, standard deviation and percentiles of numbers or of a table's columns, \
                      in groups where wanted."
                .into(),
        properties: merged([table::properties(), own]),
        required: &[],
        gives: json!({"results": {"type": "array", "items": {"type": "object"}}, "method": {"type": "string"}}),
        annotations: READS,
    }
    .build()
}

fn histogram() -> Result<ToolDefinition, Error> {
    let own = json!({
        "values": series("the numbers, or the name of a column of the table"),
        "bins": {"type": "integer", "minimum": 1, "maximum": spread::BINS_MAX, "description": "how many classes; found out where absent (the narrower of Sturges' and Freedman and Diaconis' rules)"}
    });
    Definition {
        server: SERVER,
        tool: "histogram",
        description: "Counts how many numbers fall into each of several classes of equal width.".into(),
        properties: merged([table::properties(), own]),
        required: &["values"],
        gives: json!({"count": {"type": "integer"}, "missing": {"type": "integer"}, "bins": {"type": "array", "items": {"type": "object"}}}),
        annotations: READS,
    }
    .build()
}

fn correlate() -> Result<ToolDefinition, Error> {
    let own = json!({
        "columns": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": pairs::COLUMNS_MAX, "description": "columns of the table, each compared with each"},
        "x": series("instead of `columns`: numbers, or the name of a column"),
        "y": series("what is compared with `x`"),
        "method": {"type": "string", "enum": ["pearson", "spearman"], "default": "pearson"}
    });
    Definition {
        server: SERVER,
        tool: "correlate",
        description: "The correlation of two series of numbers, or of each pair of several columns; rows where one is missing are left out of that pair."
            .into(),
        properties: merged([table::properties(), own]),
        required: &[],
        gives: json!({"method": {"type": "string"}, "pairs": {"type": "array", "items": {"type": "object"}}}),
        annotations: READS,
    }
    .build()
}

fn regress() -> Result<ToolDefinition, Error> {
    let own = json!({
        "x": series("what explains: numbers, or the name of a column"),
        "y": series("what is explained")
    });
    Definition {
        server: SERVER,
        tool: "regress",
        description: "The straight line y = intercept + slope * x that fits best (least squares), and how well it does.".into(),
        properties: merged([table::properties(), own]),
        required: &["x", "y"],
        gives: json!({
            "slope": {"type": "number"}, "intercept": {"type": "number"}, "r_squared": {"type": ["number", "null"]}, "count": {"type": "integer"},
            "missing": {"type": "integer"}, "standard_error_of_slope": {"type": ["number", "null"]}, "residual_standard_error": {"type": ["number", "null"]}
        }),
        annotations: READS,
    }
    .build()
}

#[cfg(test)]
mod tests;
