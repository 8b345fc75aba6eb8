//! The tool `describe`: what a file holds, column by column.

use std::path::Path;

use crate::{
    arguments::Arguments,
    csv::Record,
    json::Json,
    number::{self, Sum},
    table::{self, shown_cell},
    tools::{Answer, Error, listed},
};

const SAMPLES: usize = 3;
const COLUMNS_TOLD: usize = 30;

#[derive(Default)]
struct Column {
    empty: u64,
    numbers: u64,
    texts: u64,
    sum: Sum,
    min: f64,
    max: f64,
    samples: Vec<String>,
}

pub(crate) fn run(root: &Path, arguments: &str) -> Result<Answer, Error> {
    let arguments = Arguments::parse(arguments, &["file"])?;
    let file = arguments.required("file")?;
    let mut table = table::open(root, file)?;
    let mut columns: Vec<Column> = table.columns.iter().map(|_| Column::default()).collect();
    let mut record = Record::default();
    while table.next(&mut record)? {
        for (index, column) in columns.iter_mut().enumerate() {
            column.take(record.field(index).trim_ascii());
        }
    }

    let mut data =
        Json::object([("file", Json::text(file)), ("rows", Json::count(table.rows)), ("delimiter", Json::text(table.delimiter()))]);
    if table.ragged > 0 {
        data.set("ragged", Json::count(table.ragged));
    }
    let (mut told, mut described) = (Vec::new(), Vec::new());
    for (name, column) in table.columns.iter().zip(columns) {
        if told.len() < COLUMNS_TOLD {
            told.push(column.tell(name));
        }
        described.push(column.describe(name));
    }
    let mut text = format!("{file}: {} rows, {} columns: {}", table.rows, described.len(), listed(&mut told.iter().map(String::as_str)));
    if described.len() > COLUMNS_TOLD {
        text += ", …";
    }
    data.set("columns", Json::Array(described));
    Ok(Answer { text, data })
}

impl Column {
    fn take(&mut self, cell: &[u8]) {
        if cell.is_empty() {
            self.empty += 1;
            return;
        }
        if let Some(number) = number::parse(cell) {
            self.sum.add(number);
            if self.numbers == 0 {
                (self.min, self.max) = (number, number);
            }
            (self.min, self.max) = (self.min.min(number), self.max.max(number));
            self.numbers += 1;
        } else {
            self.texts += 1;
        }
        if self.samples.len() < SAMPLES {
            let sample = shown_cell(cell);
            if !self.samples.contains(&sample) {
                self.samples.push(sample);
            }
        }
    }

    fn kind(&self) -> &'static str {
        match (self.numbers, self.texts) {
            (0, 0) => "empty",
            (_, 0) => "number",
            (0, _) => "text",
            _ => "mixed",
        }
    }

    fn tell(&self, name: &str) -> String {
        let empty = if self.empty > 0 && self.numbers + self.texts > 0 { format!(", {} empty", self.empty) } else { String::new() };
        if self.numbers == 0 {
            return format!("{name} ({}{empty})", self.kind());
        }
        let (min, max) = (number::readable(self.min), number::readable(self.max));
        format!("{name} ({} {min} to {max}{empty})", self.kind())
    }

    fn describe(self, name: &str) -> Json {
        let mut entry = Json::object([("name", Json::text(name)), ("type", Json::text(self.kind())), ("empty", Json::count(self.empty))]);
        if self.numbers > 0 {
            #[allow(clippy::cast_precision_loss)] // Counts stay far below 2^53.
            let mean = self.sum.value() / self.numbers as f64;
            entry.set("numbers", Json::count(self.numbers));
            entry.set("min", Json::Number(self.min));
            entry.set("max", Json::Number(self.max));
            entry.set("mean", Json::Number(mean));
        }
        entry.set("samples", Json::Array(self.samples.into_iter().map(Json::Text).collect()));
        entry
    }
}
