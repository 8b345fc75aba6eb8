//! The tool `rows`: the rows themselves, filtered and sorted.

use std::{cmp::Ordering, path::Path};

use crate::{
    arguments::Arguments,
    budget::Budget,
    csv::Record,
    filter::Filters,
    json::Json,
    number,
    stats::scope,
    table::{self, fold, shown_cell, text},
    tools::{Answer, Error},
};

/// What all rows shown may weigh together.
const SHOWN_MAX: usize = 256 << 10;

pub(crate) const ARGUMENTS: [&str; 6] = ["file", "columns", "filter", "sort_by", "order", "limit"];

/// Where a row stands among the others: numbers before texts before empty cells, whatever the order.
#[derive(PartialEq)]
enum Key {
    Number(f64),
    Text(String),
    Empty,
}

impl Key {
    fn of(cell: &[u8]) -> Self {
        let cell = cell.trim_ascii();
        match number::parse(cell) {
            Some(number) => Self::Number(number),
            None if cell.is_empty() => Self::Empty,
            None => Self::Text(fold(&text(cell))),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Empty => 2,
        }
    }

    fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.total_cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            // Of different kinds, whatever the order.
            _ => return self.rank().cmp(&other.rank()),
        };
        if descending { order.reverse() } else { order }
    }
}

pub(crate) fn run(root: &Path, arguments: &str) -> Result<Answer, Error> {
    let arguments = Arguments::parse(arguments, &ARGUMENTS)?;
    let file = arguments.required("file")?;
    let mut table = table::open(root, file)?;
    let filters = Filters::read(&arguments, &table)?;
    let sort_by = arguments.text("sort_by")?.map(|name| table.column(name)).transpose()?;
    let descending = arguments.descending(false)?;
    let limit = arguments.limit()?;
    let mut columns = Vec::new();
    for column in arguments.list("columns")? {
        let Json::Text(name) = column else {
            return Err(Error::Invalid("`columns` must be an array of column names".to_owned()));
        };
        columns.push(table.column(name)?);
    }
    if columns.is_empty() {
        columns.extend(0..table.columns.len());
    }

    let (mut matched, mut budget, mut record) = (0_u64, Budget::default(), Record::default());
    let mut best: Vec<(Key, Json, usize)> = Vec::new();
    while table.next(&mut record)? {
        if !filters.pass(&record) {
            continue;
        }
        matched += 1;
        let key = sort_by.map_or(Key::Empty, |column| Key::of(record.field(column)));
        // Behind its equals, so that the file's order decides among them.
        let place = best.partition_point(|(other, ..)| other.compare(&key, descending) != Ordering::Greater);
        if place >= limit {
            continue;
        }
        let row = shown(table.rows, &table.columns, &columns, &record);
        let mut written = String::new();
        row.write(&mut written);
        // The text, and as much again for the tree that holds it.
        let weight = 2 * written.len() + 64 * columns.len();
        budget.take(weight)?;
        best.insert(place, (key, row, written.len()));
        if best.len() > limit
            && let Some((_, _, len)) = best.pop()
        {
            budget.give_back(2 * len + 64 * columns.len());
        }
    }

    let (mut rows, mut len) = (Vec::new(), 0);
    for (_, row, written) in best {
        len += written;
        if len > SHOWN_MAX {
            break;
        }
        rows.push(row);
    }
    let text = format!("{} rows shown{}", rows.len(), scope(file, table.rows, matched, &filters));
    let data = Json::object([
        ("file", Json::text(file)),
        ("rows", Json::count(table.rows)),
        ("matched", Json::count(matched)),
        ("truncated", Json::Bool(matched > rows.len() as u64)),
        ("items", Json::Array(rows)),
    ]);
    Ok(Answer { text, data })
}

fn shown(number: u64, names: &[String], columns: &[usize], record: &Record) -> Json {
    let cells = columns.iter().filter_map(|index| {
        let name = names.get(*index)?;
        Some((name.clone(), Json::Text(shown_cell(record.field(*index)))))
    });
    Json::object([("row", Json::count(number)), ("cells", Json::Object(cells.collect()))])
}
