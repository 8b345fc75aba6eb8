//! A tool over tables for the tests, written from the description of such a tool: it reads the CSV text itself.

use caxton_types::{ToolDefinition, ToolId};
use serde_json::{Value, json};

/// The schema has the shape and the hints that tools over tables have; the names are this test's own.
pub(crate) fn definition() -> ToolDefinition {
    let column = |description: &str| json!({"type": "string", "format": "column", "description": description});
    ToolDefinition {
        id: ToolId::new("figures", "compute").unwrap(),
        description: "Computes one figure over a table, as a whole or per group".into(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "file": {"type": "string", "format": "attachment"},
                "operation": {"type": "string", "enum": ["count", "count_distinct", "sum", "mean", "min", "max", "median", "percentile", "stddev"]},
                "column": column("Column to compute over"),
                "percentile": {"type": "number", "minimum": 0, "maximum": 100},
                "group_by": column("Compute per value of this column"),
                "filter": {"type": "array", "items": {
                    "type": "object",
                    "properties": {
                        "column": column("Column to compare"),
                        "op": {"type": "string", "enum": ["eq", "ne", "lt", "le", "gt", "ge", "contains"]},
                        "value": {"type": ["string", "number"]}
                    },
                    "required": ["column", "op", "value"]
                }},
                "order": {"type": "string", "enum": ["asc", "desc"], "default": "desc"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20}
            },
            "required": ["file", "operation"]
        }),
        output_schema: None,
        annotations: caxton_types::ToolAnnotations { read_only_hint: true, ..Default::default() },
        policy: caxton_types::ToolPolicy::default(),
        digest: None,
    }
}

/// What stands beside it in a server of such tools: one that tells of a file, one that lists rows. No question of the tests is for them.
pub(crate) fn neighbours() -> [ToolDefinition; 2] {
    let file = json!({"type": "string", "format": "attachment", "description": "Name of the attached file"});
    let about = |name: &str, description: &str, input_schema: Value| ToolDefinition {
        id: ToolId::new("figures", name).unwrap(),
        description: description.into(),
        input_schema,
        ..definition()
    };
    [
        about(
            "describe",
            "Describes a CSV file: number of rows; each column's name, type (number, text), number of empty cells, minimum, maximum and mean, \
             sample values. Call it first to learn the columns.",
            json!({"type": "object", "properties": {"file": file}, "required": ["file"]}),
        ),
        about(
            "list",
            "Lists rows of a CSV file: those that pass a filter, sorted by a column, the first few of them.",
            json!({"type": "object", "properties": {
                "file": file,
                "columns": {"type": "array", "items": {"type": "string", "format": "column"}},
                "sort_by": {"type": "string", "format": "column"},
                "order": {"type": "string", "enum": ["asc", "desc"], "default": "asc"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20}
            }, "required": ["file"]}),
        ),
    ]
}

type Row = Vec<String>;

struct Sheet {
    names: Vec<String>,
    rows: Vec<Row>,
}

impl Sheet {
    fn read(text: &str) -> Self {
        let delimiter =
            [b',', b';', b'\t'].into_iter().max_by_key(|d| text.lines().next().unwrap().bytes().filter(|b| b == d).count()).unwrap();
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
        let names = reader.headers().unwrap().iter().map(str::to_owned).collect();
        Self { names, rows: reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect() }
    }

    fn column(&self, name: &str) -> Result<usize, String> {
        self.names.iter().position(|known| known == name).ok_or_else(|| format!("no column `{name}`; nearest: {}", self.names.join(", ")))
    }
}

fn passes(cell: &str, op: &str, value: &Value) -> bool {
    let order = match value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok())) {
        Some(wanted) => cell.parse::<f64>().ok().and_then(|cell| cell.partial_cmp(&wanted)),
        None => Some(cell.to_lowercase().cmp(&value.as_str().unwrap().to_lowercase())),
    };
    match op {
        "eq" => order.is_some_and(std::cmp::Ordering::is_eq),
        "ne" => !order.is_some_and(std::cmp::Ordering::is_eq),
        "lt" => order.is_some_and(std::cmp::Ordering::is_lt),
        "le" => order.is_some_and(std::cmp::Ordering::is_le),
        "gt" => order.is_some_and(std::cmp::Ordering::is_gt),
        "ge" => order.is_some_and(std::cmp::Ordering::is_ge),
        other => panic!("{other}"),
    }
}

/// One figure of some cells; none where there is nothing to compute.
fn figure(operation: &str, cells: &[&str], percentile: f64) -> Option<f64> {
    let filled: Vec<&str> = cells.iter().copied().filter(|cell| !cell.is_empty()).collect();
    let mut numbers: Vec<f64> = filled.iter().filter_map(|cell| cell.parse().ok()).collect();
    numbers.sort_by(f64::total_cmp);
    let len = numbers.len() as f64;
    let at = |share: f64| {
        let place = share * (len - 1.0);
        let low = numbers[place.floor() as usize];
        low + (numbers[place.ceil() as usize] - low) * place.fract()
    };
    match operation {
        "count" => Some(filled.len() as f64),
        "count_distinct" => Some(filled.iter().collect::<std::collections::BTreeSet<_>>().len() as f64),
        "sum" => Some(numbers.iter().sum()),
        _ if numbers.is_empty() => None,
        "mean" => Some(numbers.iter().sum::<f64>() / len),
        "min" => Some(at(0.0)),
        "max" => Some(at(1.0)),
        "median" => Some(at(0.5)),
        "percentile" => Some(at(percentile / 100.0)),
        "stddev" if len < 2.0 => None,
        "stddev" => {
            let mean = numbers.iter().sum::<f64>() / len;
            Some((numbers.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / (len - 1.0)).sqrt())
        }
        other => panic!("{other}"),
    }
}

/// What the tool answers: `Ok` with words, `Err` with what is wrong with the arguments.
pub(crate) fn call(csv: &str, arguments: &Value) -> Result<String, String> {
    let sheet = Sheet::read(csv);
    let text = |name: &str| arguments.get(name).and_then(Value::as_str);
    let operation = text("operation").ok_or("`operation` is missing")?;
    let column = text("column").map(|name| sheet.column(name)).transpose()?;
    let group = text("group_by").map(|name| sheet.column(name)).transpose()?;
    let percentile = arguments.get("percentile").and_then(Value::as_f64).unwrap_or_default();
    let mut rows: Vec<&Row> = sheet.rows.iter().collect();
    for filter in arguments.get("filter").and_then(Value::as_array).into_iter().flatten() {
        let at = sheet.column(filter["column"].as_str().unwrap())?;
        rows.retain(|row| passes(&row[at], filter["op"].as_str().unwrap(), &filter["value"]));
    }
    let cells = |rows: &[&Row]| -> Option<f64> {
        let cells: Vec<&str> = rows.iter().map(|row| column.map_or("row", |column| row[column].as_str())).collect();
        figure(operation, &cells, percentile)
    };
    let shown = |value: Option<f64>| value.map_or("nothing".into(), |value| value.to_string());
    let what = column.map_or("rows".into(), |column| sheet.names[column].clone());
    let Some(group) = group else {
        let value = cells(&rows);
        let held = rows.iter().find(|row| column.and_then(|c| row[c].parse::<f64>().ok()).is_some_and(|n| Some(n) == value));
        let cells =
            held.map(|row| sheet.names.iter().zip(row.iter()).map(|(name, cell)| format!("{name}={cell}")).collect::<Vec<_>>().join(", "));
        let row =
            if matches!(operation, "min" | "max") { cells.map_or(String::new(), |cells| format!(" [{cells}]")) } else { String::new() };
        return Ok(format!("{operation} of {what} = {}{row} ({} rows)", shown(value), rows.len()));
    };
    let mut groups: std::collections::BTreeMap<&str, Vec<&Row>> = std::collections::BTreeMap::new();
    for row in &rows {
        groups.entry(row[group].as_str()).or_default().push(row);
    }
    let mut figures: Vec<(&str, Option<f64>)> = groups.iter().map(|(name, rows)| (*name, cells(rows))).collect();
    let descending = text("order") != Some("asc");
    figures.sort_by(|a, b| match (a.1, b.1) {
        (Some(a), Some(b)) if descending => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    let limit = arguments.get("limit").and_then(Value::as_u64).unwrap_or(20);
    figures.truncate(usize::try_from(limit).unwrap());
    let told: Vec<String> = figures.iter().map(|(name, value)| format!("{name} => {}", shown(*value))).collect();
    Ok(format!("{operation} of {what} by {}: {}", sheet.names[group], told.join(" | ")))
}
