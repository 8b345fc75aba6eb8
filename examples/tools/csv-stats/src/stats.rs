//! The tool `stats`: one operation over one column, whole or per group.

use std::{io::Read, path::Path};

use crate::{
    arguments::Arguments,
    budget::Budget,
    csv::Record,
    filter::Filters,
    gather::{Gather, OPERATIONS, Operation},
    json::Json,
    keys::Keys,
    number,
    table::{self, Table, shown_cell},
    tools::{Answer, Error, listed},
};

const GROUPS_MAX: usize = 100_000;
const GROUPS_TOLD: usize = 20;
const CELLS_TOLD: usize = 8;

pub(crate) const ARGUMENTS: [&str; 8] = ["file", "operation", "column", "percentile", "group_by", "filter", "order", "limit"];

/// What is asked, with the columns found.
struct Question {
    operation: Operation,
    name: &'static str,
    column: Option<usize>,
    group_by: Option<usize>,
    filters: Filters,
    descending: bool,
    limit: usize,
}

struct Group {
    gather: Gather,
    /// Rows that count for `count`: those with a cell, or all where no column is asked for.
    counted: u64,
    numbers: u64,
    empty: u64,
    skipped: u64,
}

pub(crate) fn run(root: &Path, arguments: &str) -> Result<Answer, Error> {
    let arguments = Arguments::parse(arguments, &ARGUMENTS)?;
    let file = arguments.required("file")?;
    let (name, operation) = operation(&arguments)?;
    let mut table = table::open(root, file)?;
    let question = Question {
        operation,
        name,
        column: arguments.text("column")?.map(|name| table.column(name)).transpose()?,
        group_by: arguments.text("group_by")?.map(|name| table.column(name)).transpose()?,
        filters: Filters::read(&arguments, &table)?,
        descending: arguments.descending(true)?,
        limit: arguments.limit()?,
    };
    if question.column.is_none() && operation != Operation::Count {
        return Err(Error::Invalid(format!("`{name}` needs a `column`: one of {}", listed(&mut table.columns.iter().map(String::as_str)))));
    }
    let (groups, matched) = gather(&mut table, &question)?;
    Ok(answer(file, &table, &question, groups, matched))
}

fn operation(arguments: &Arguments) -> Result<(&'static str, Operation), Error> {
    let wanted = arguments.required("operation")?;
    let Some((name, operation)) = OPERATIONS.into_iter().find(|(name, _)| *name == wanted) else {
        let known = listed(&mut OPERATIONS.iter().map(|(name, _)| *name));
        return Err(Error::Invalid(format!("`operation` is `{wanted}`; it must be one of {known}")));
    };
    if !matches!(operation, Operation::Percentile(_)) {
        return Ok((name, operation));
    }
    match arguments.number("percentile")? {
        Some(percentile) if (0.0..=100.0).contains(&percentile) => Ok((name, Operation::Percentile(percentile))),
        _ => Err(Error::Invalid("`percentile` must be a number from 0 to 100".to_owned())),
    }
}

/// The groups with what they are called, in the order they are met.
#[derive(Default)]
struct Groups {
    keys: Keys,
    list: Vec<Group>,
}

/// The one pass. Without `group_by` there is exactly one group, also for no rows.
fn gather<R: Read>(table: &mut Table<R>, question: &Question) -> Result<(Groups, u64), Error> {
    let new = || Group { gather: question.operation.gather(), counted: 0, numbers: 0, empty: 0, skipped: 0 };
    let mut groups = Groups::default();
    if question.group_by.is_none() {
        groups.keys.add(b"");
        groups.list.push(new());
    }
    let (mut budget, mut matched, mut record) = (Budget::default(), 0, Record::default());
    while table.next(&mut record)? {
        if !question.filters.pass(&record) {
            continue;
        }
        matched += 1;
        let key = question.group_by.map(|column| record.field(column).trim_ascii()).unwrap_or_default();
        let index = match groups.keys.find(key) {
            Some(index) => index,
            None if groups.list.len() == GROUPS_MAX => {
                return Err(Error::Failed(format!("more than {GROUPS_MAX} groups; group by another column or filter")));
            }
            None => {
                budget.take(Keys::weight(key) + 2 * size_of::<Group>())?;
                groups.list.push(new());
                groups.keys.add(key)
            }
        };
        if let Some(group) = groups.list.get_mut(index) {
            group.take(table, question, &record, &mut budget)?;
        }
    }
    Ok((groups, matched))
}

impl Group {
    fn take<R: Read>(&mut self, table: &Table<R>, question: &Question, record: &Record, budget: &mut Budget) -> Result<(), Error> {
        let Some(column) = question.column else {
            self.counted += 1;
            return Ok(());
        };
        let cell = record.field(column).trim_ascii();
        if cell.is_empty() {
            self.empty += 1;
            return Ok(());
        }
        self.counted += 1;
        if !question.operation.is_numeric() {
            return self.gather.cell(cell, budget);
        }
        let Some(number) = number::parse(cell) else {
            self.skipped += 1;
            return Ok(());
        };
        self.numbers += 1;
        self.gather.number(number, self.numbers, table.rows, || table.cells(record), budget)
    }
}

fn answer<R: Read>(file: &str, table: &Table<R>, question: &Question, mut groups: Groups, matched: u64) -> Answer {
    let name_of = |column: Option<usize>| column.and_then(|index| table.columns.get(index));
    let mut data = Json::object([("file", Json::text(file)), ("operation", Json::text(question.name))]);
    if let Some(column) = name_of(question.column) {
        data.set("column", Json::text(column));
    }
    if let Operation::Percentile(percentile) = question.operation {
        data.set("percentile", Json::Number(percentile));
    }
    if let Some(column) = name_of(question.group_by) {
        data.set("group_by", Json::text(column));
    }
    data.set("rows", Json::count(table.rows));
    data.set("matched", Json::count(matched));
    if question.column.is_some() {
        data.set("empty", Json::count(groups.list.iter().map(|group| group.empty).sum()));
    }
    let skipped: u64 = groups.list.iter().map(|group| group.skipped).sum();
    if question.operation.is_numeric() {
        data.set("numbers", Json::count(groups.list.iter().map(|group| group.numbers).sum()));
        data.set("skipped", Json::count(skipped));
    }
    if table.ragged > 0 {
        data.set("ragged", Json::count(table.ragged));
    }

    let what = match question.operation {
        Operation::Percentile(percentile) => format!("percentile {}", number::exact(percentile)),
        _ => question.name.to_owned(),
    };
    let mut text = name_of(question.column).map_or_else(|| format!("{what} of rows"), |column| format!("{what} of {column}"));
    if let Some(column) = name_of(question.group_by) {
        text += &format!(" by {column}");
        text += &grouped(&mut data, question, groups);
    } else if let Some(group) = groups.list.first_mut() {
        text += &whole(&mut data, group);
    }
    text += &scope(file, table.rows, matched, &question.filters);
    if skipped > 0 {
        text += &format!("; {skipped} cells are not numbers");
    }
    Answer { text, data }
}

/// Where the figure comes from, said in words.
pub(crate) fn scope(file: &str, rows: u64, matched: u64, filters: &Filters) -> String {
    if filters.shown.is_empty() {
        format!(" ({rows} rows of {file})")
    } else {
        format!(" ({matched} of {rows} rows of {file}, where {})", filters.shown)
    }
}

fn whole(data: &mut Json, group: &mut Group) -> String {
    let value = group.gather.finish(group.counted, group.numbers);
    data.set("value", Json::number(value));
    let mut text = format!(" = {}", value.map_or_else(|| "nothing: no numbers there".to_owned(), number::readable));
    hold(data, group);
    if let Some(held) = group.gather.held() {
        text += &format!(", in row {}", held.row);
        if let Json::Object(cells) = &held.cells {
            let mut shown = Vec::new();
            for (key, value) in cells.iter().take(CELLS_TOLD) {
                if let Json::Text(cell) = value
                    && !cell.is_empty()
                {
                    shown.push(format!("{key}={cell}"));
                }
            }
            text += &format!(" [{}]", listed(&mut shown.iter().map(String::as_str)));
        }
        if held.ties > 1 {
            text += &format!(", the first of {} such rows", held.ties);
        }
    }
    text
}

fn grouped(data: &mut Json, question: &Question, groups: Groups) -> String {
    let Groups { keys, list } = groups;
    let total = list.len();
    let mut ranked: Vec<Ranked> = list
        .into_iter()
        .enumerate()
        .map(|(index, mut group)| Ranked { name: keys.get(index), value: group.gather.finish(group.counted, group.numbers), group })
        .collect();
    // Groups without a value come last, equals in the order of their names.
    ranked.sort_unstable_by(|left, right| {
        let order = match (left.value, right.value) {
            (Some(left), Some(right)) if question.descending => right.total_cmp(&left),
            (Some(left), Some(right)) => left.total_cmp(&right),
            (left, right) => right.is_some().cmp(&left.is_some()),
        };
        order.then_with(|| left.name.cmp(right.name))
    });
    ranked.truncate(question.limit);
    let told: Vec<String> = ranked.iter().take(GROUPS_TOLD).map(Ranked::tell).collect();
    let rest = if told.len() < total { format!(" … of {total} groups") } else { String::new() };
    data.set("groups_total", Json::count(total as u64));
    data.set("groups", Json::Array(ranked.iter().map(Ranked::describe).collect()));
    format!(": {}{rest}", listed(&mut told.iter().map(String::as_str)))
}

struct Ranked<'a> {
    name: &'a [u8],
    group: Group,
    value: Option<f64>,
}

impl Ranked<'_> {
    fn tell(&self) -> String {
        let name = if self.name.is_empty() { "(empty)".to_owned() } else { shown_cell(self.name) };
        format!("{name} {}", self.value.map_or_else(|| "none".to_owned(), number::readable))
    }

    fn describe(&self) -> Json {
        let mut entry = Json::object([
            ("group", Json::Text(shown_cell(self.name))),
            ("value", Json::number(self.value)),
            ("rows", Json::count(self.group.counted + self.group.empty)),
        ]);
        hold(&mut entry, &self.group);
        entry
    }
}

/// Adds the row that holds a minimum or maximum.
fn hold(entry: &mut Json, group: &Group) {
    if let Some(held) = group.gather.held() {
        entry.set("row", Json::count(held.row));
        entry.set("cells", held.cells.clone());
        entry.set("ties", Json::count(held.ties));
    }
}
