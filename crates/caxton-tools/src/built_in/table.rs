//! Tables that come as attachments or as text: csv, tsv, json, ndjson. Read twice as a stream: once for the kinds of the
//! columns, once for the values.

mod cell;
mod delimited;
mod infer;
mod objects;
mod row;
mod sniff;
mod source;

pub(crate) use self::{
    cell::{Cell, Decimal, Kind},
    source::{Given, Source, properties},
};

use self::{
    infer::{Inference, JsonInference},
    objects::Object,
    sniff::Dialect,
};
use super::{Refusal, work::Watch};
use caxton_types::nearest;
use serde_json::{Value, json};
use std::{collections::HashMap, io::Read};

const ROWS_MAX: u64 = 5_000_000;
const COLUMNS_MAX: usize = 1_000;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Delimited(Dialect),
    Json,
    Ndjson,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    decimal: Decimal,
}

impl Column {
    fn read<'a>(&self, field: &'a str) -> Cell<'a> {
        Cell::parse(field, self.kind, self.decimal).unwrap_or(Cell::Text(field.into()))
    }
}

/// A table whose columns are known.
#[derive(Debug)]
pub(crate) struct Table {
    given: Given,
    layout: Layout,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: u64,
}

/// What is done with each row: its number from 0 on and its values.
pub(crate) type EachRow<'f> = &'f mut dyn FnMut(u64, &[Cell<'_>]) -> Result<(), Refusal>;

impl Table {
    /// Finds out how the table is written and what its columns hold.
    pub(crate) fn open(given: Given, watch: &mut Watch) -> Result<Self, Refusal> {
        let layout = given.layout()?;
        let mut table = Self { given, layout, columns: vec![], rows: 0 };
        match layout {
            Layout::Delimited(dialect) => table.survey_text(dialect, watch)?,
            Layout::Json | Layout::Ndjson => table.survey_objects(watch)?,
        }
        Ok(table)
    }

    fn survey_text(&mut self, dialect: Dialect, watch: &mut Watch) -> Result<(), Refusal> {
        let mut inferences: Vec<Inference> = Vec::new();
        let mut rows = 0;
        let names = delimited::read(self.given.open()?, self.given.name(), dialect, &mut |fields| {
            watch.tick()?;
            rows = more(self.given.name(), rows)?;
            if inferences.len() < fields.len() {
                inferences.resize(fields.len(), Inference::new(dialect.delimiter != b','));
            }
            fields.iter().zip(&mut inferences).for_each(|(field, inference)| inference.see(field));
            Ok(())
        })?;
        inferences.resize(names.len(), Inference::new(false));
        let column = |(name, inference): (String, Inference)| {
            let (kind, decimal) = inference.kind();
            Column { name, kind, decimal }
        };
        self.columns = names.into_iter().zip(inferences).map(column).collect();
        self.rows = rows;
        Ok(())
    }

    fn survey_objects(&mut self, watch: &mut Watch) -> Result<(), Refusal> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut found: Vec<(String, JsonInference)> = Vec::new();
        let mut rows = 0;
        self.objects(self.given.open()?, &mut |Object(members)| {
            watch.tick()?;
            rows = more(self.given.name(), rows)?;
            check_columns(self.given.name(), members.len())?;
            for (name, value) in members {
                let place = places.get(&name).copied().unwrap_or_else(|| {
                    places.insert(name.clone(), found.len());
                    found.push((name, JsonInference::default()));
                    found.len() - 1
                });
                if let Some((_, inference)) = found.get_mut(place) {
                    inference.see(&value);
                }
            }
            check_columns(self.given.name(), found.len())
        })?;
        let column = |(name, inference): (String, JsonInference)| Column { name, kind: inference.kind(), decimal: Decimal::Point };
        self.columns = found.into_iter().map(column).collect();
        self.rows = rows;
        Ok(())
    }

    fn objects(&self, input: impl Read, each: &mut dyn FnMut(Object) -> Result<(), Refusal>) -> Result<(), Refusal> {
        match self.layout {
            Layout::Ndjson => objects::read_lines(input, self.given.name(), each),
            Layout::Json | Layout::Delimited(_) => objects::read_list(input, self.given.name(), each),
        }
    }

    /// Hands over every row.
    pub(crate) fn each(&self, watch: &mut Watch, each: EachRow<'_>) -> Result<(), Refusal> {
        let mut row = 0;
        match self.layout {
            Layout::Delimited(dialect) => {
                let read = delimited::read(self.given.open()?, self.given.name(), dialect, &mut |fields| {
                    watch.tick()?;
                    let cells = fields.iter().zip(&self.columns);
                    let cells = cells.map(|(field, column)| column.read(field)).collect::<Vec<_>>();
                    row += 1;
                    each(row - 1, &cells)
                });
                read.map(drop)
            }
            Layout::Json | Layout::Ndjson => {
                let places: HashMap<&str, usize> =
                    self.columns.iter().zip(0..).map(|(column, place)| (column.name.as_str(), place)).collect();
                self.objects(self.given.open()?, &mut |Object(members)| {
                    watch.tick()?;
                    let mut cells = vec![Cell::Null; self.columns.len()];
                    for (name, value) in &members {
                        let place = places.get(name.as_str()).copied();
                        let column = place.and_then(|place| Some((self.columns.get(place)?, cells.get_mut(place)?)));
                        if let Some((column, cell)) = column {
                            *cell = Cell::of_json(value, column.kind);
                        }
                    }
                    row += 1;
                    each(row - 1, &cells)
                })
            }
        }
    }

    /// The place of a column.
    pub(crate) fn place(&self, name: &str) -> Result<usize, Refusal> {
        if let Some(place) = self.columns.iter().position(|column| column.name == name) {
            return Ok(place);
        }
        let names = self.columns.iter().map(|column| column.name.as_str());
        let hint = match nearest(name, names.clone()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("its columns are: {}", names.take(30).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        };
        Err(Refusal::invalid(format!("`{}` has no column `{name}`", self.given.name())).hint(hint))
    }

    /// The place of a column that holds numbers.
    pub(crate) fn numeric(&self, name: &str) -> Result<usize, Refusal> {
        let place = self.place(name)?;
        match self.columns.get(place) {
            Some(column) if !column.kind.is_numeric() => {
                let numeric: Vec<_> =
                    self.columns.iter().filter(|column| column.kind.is_numeric()).map(|column| format!("`{}`", column.name)).collect();
                let hint = if numeric.is_empty() { "none of its columns is".into() } else { format!("these are: {}", numeric.join(", ")) };
                let reason = format!("column `{name}` of `{}` holds {}, not numbers", self.given.name(), column.kind.as_str());
                Err(Refusal::invalid(reason).hint(hint))
            }
            _ => Ok(place),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.given.name()
    }

    /// How it is written, as data.
    pub(crate) fn format(&self) -> Value {
        let character = |byte: u8| char::from(byte).to_string();
        match self.layout {
            Layout::Delimited(dialect) => json!({
                "format": if dialect.delimiter == b'\t' { "tsv" } else { "csv" },
                "delimiter": character(dialect.delimiter), "quote": character(dialect.quote), "header": dialect.header
            }),
            Layout::Json => json!({"format": "json"}),
            Layout::Ndjson => json!({"format": "ndjson"}),
        }
    }
}

fn more(name: &str, rows: u64) -> Result<u64, Refusal> {
    if rows < ROWS_MAX { Ok(rows + 1) } else { Err(Refusal::too_large(format!("`{name}` has more than {ROWS_MAX} rows"))) }
}

fn check_columns(name: &str, columns: usize) -> Result<(), Refusal> {
    if columns <= COLUMNS_MAX { Ok(()) } else { Err(Refusal::too_large(format!("`{name}` has more than {COLUMNS_MAX} columns"))) }
}

#[cfg(test)]
mod tests;
