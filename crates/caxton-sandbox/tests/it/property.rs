//! The CSV tool against an independent computation, over files of random names, types and values.

use std::{collections::BTreeMap, sync::OnceLock};

use caxton_sandbox::{Attachment, Call, Component};
use proptest::{collection::vec, prelude::*, test_runner::Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    conformance::same,
    support::{csv_stats, load},
};

/// A file as it is meant: a number column with holes and strange cells, and a column to group by.
#[derive(Debug, Clone)]
struct Meant {
    names: (String, String),
    delimiter: u8,
    rows: Vec<(Cell, String)>,
}

#[derive(Debug, Clone)]
enum Cell {
    Number(f64),
    Empty,
    Text(&'static str),
}

impl Cell {
    fn written(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Empty => String::new(),
            Self::Text(text) => (*text).to_owned(),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Empty | Self::Text(_) => None,
        }
    }
}

fn cells() -> impl Strategy<Value = Cell> {
    prop_oneof![
        4 => (-1_000_000_i32..1_000_000).prop_map(|number| Cell::Number(f64::from(number) / 64.0)),
        2 => (-20_i32..20).prop_map(|number| Cell::Number(f64::from(number))),
        1 => Just(Cell::Empty),
        1 => prop::sample::select(vec!["n/a", "1,5", "NaN", "inf", "0x1", "12 km", "\"", "a\nb"]).prop_map(Cell::Text),
    ]
}

fn files() -> impl Strategy<Value = Meant> {
    let names = ("[a-zé ]{0,6}[a-zé]", "[A-Z,;\"]{0,6}[A-Z]");
    let groups = prop::sample::select(vec!["", "north", "South", "a,b;c\t\"d\"", "two\r\nlines", "Ünïcode", "7"]);
    let rows = vec((cells(), groups.prop_map(str::to_owned)), 0..60);
    (names, prop::sample::select(b",;\t".to_vec()), rows).prop_map(|(names, delimiter, rows)| Meant { names, delimiter, rows })
}

fn write(meant: &Meant) -> Vec<u8> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let delimiter = char::from(meant.delimiter);
    let header = format!("{}{delimiter}{}\n", quoted(&meant.names.0), quoted(&meant.names.1));
    let mut writer = csv::WriterBuilder::new().delimiter(meant.delimiter).from_writer(header.into_bytes());
    for (cell, group) in &meant.rows {
        writer.write_record([&cell.written(), group]).unwrap();
    }
    writer.into_inner().unwrap()
}

fn compute(operation: &str, numbers: &[f64]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let count = numbers.len() as f64;
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let mean = numbers.iter().sum::<f64>() / count;
    match operation {
        "sum" => (count > 0.0).then(|| numbers.iter().sum()),
        "mean" => (count > 0.0).then_some(mean),
        "min" => sorted.first().copied(),
        "max" => sorted.last().copied(),
        "median" if sorted.len() % 2 == 1 => Some(sorted[middle]),
        "median" => (count > 0.0).then(|| f64::midpoint(sorted[middle - 1], sorted[middle])),
        "stddev" => (count > 1.0).then(|| (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt()),
        other => panic!("{other} is not computed here"),
    }
}

fn ask(meant: &Meant, arguments: &Value) -> Value {
    static TOOL: OnceLock<(Runtime, Component)> = OnceLock::new();
    let (runtime, component) = TOOL.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let component = runtime.block_on(load(csv_stats()));
        (runtime, component)
    });
    let mut call = Call::new("stats", arguments.to_string());
    call.attachments.push(Attachment::bytes("data.csv", write(meant)));
    let outcome = runtime.block_on(component.call(call)).unwrap();
    serde_json::from_str::<Value>(&outcome.result_json).unwrap()["structuredContent"].take()
}

proptest! {
    #![proptest_config(Config { cases: 96, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_tool_computes_what_we_compute(
        meant in files(),
        operation in prop::sample::select(vec!["sum", "mean", "min", "max", "median", "stddev"]),
    ) {
        let whole = ask(&meant, &json!({"file": "data.csv", "operation": operation, "column": meant.names.0}));
        let numbers: Vec<f64> = meant.rows.iter().filter_map(|(cell, _)| cell.number()).collect();
        prop_assert!(same(&whole["value"], &json!(compute(operation, &numbers))), "{whole}");
        prop_assert_eq!(&whole["rows"], meant.rows.len());
        prop_assert_eq!(&whole["numbers"], numbers.len());
        prop_assert_eq!(&whole["empty"], meant.rows.iter().filter(|(cell, _)| matches!(cell, Cell::Empty)).count());
        prop_assert_eq!(&whole["skipped"], meant.rows.iter().filter(|(cell, _)| matches!(cell, Cell::Text(_))).count());

        let mut expected: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (cell, group) in &meant.rows {
            expected.entry(group).or_default().extend(cell.number());
        }
        let grouped = ask(&meant, &json!({"file": "data.csv", "operation": operation, "column": meant.names.0, "group_by": meant.names.1}));
        let groups = grouped["groups"].as_array().unwrap();
        prop_assert_eq!(groups.len(), expected.len());
        for group in groups {
            let numbers = &expected[group["group"].as_str().unwrap()];
            prop_assert!(same(&group["value"], &json!(compute(operation, numbers))), "{group}");
        }
        let values: Vec<Option<f64>> = groups.iter().map(|group| group["value"].as_f64()).collect();
        prop_assert!(values.is_sorted_by(|left, right| right.is_none() || left >= right), "{values:?}");
    }

    #[test]
    fn a_filter_passes_what_we_pass(meant in files(), bound in -1000_i32..1000) {
        for (op, passes) in [("lt", (|a, b| a < b) as fn(f64, f64) -> bool), ("ge", |a, b| a >= b), ("le", |a, b| a <= b)] {
            let filter = json!([{"column": meant.names.0, "op": op, "value": bound}]);
            let counted = ask(&meant, &json!({"file": "data.csv", "operation": "count", "filter": filter}));
            let expected = meant.rows.iter().filter(|(cell, _)| cell.number().is_some_and(|number| passes(number, bound.into()))).count();
            prop_assert_eq!(&counted["value"], expected);
        }
        for text in ["NORTH", "ünïcode", "7", "two\r\nlines"] {
            let filter = json!([{"column": meant.names.1, "op": "eq", "value": text}]);
            let counted = ask(&meant, &json!({"file": "data.csv", "operation": "count", "filter": filter}));
            let expected = meant.rows.iter().filter(|(_, group)| group.to_lowercase() == text.to_lowercase()).count();
            prop_assert_eq!(&counted["value"], expected);
        }
    }
}
