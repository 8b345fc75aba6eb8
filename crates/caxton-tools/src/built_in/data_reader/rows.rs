//! Rows that were asked for.

use super::filter::{Condition, Test};
use crate::built_in::{
    Answer, Refusal,
    table::{Cell, Given, Table},
    work::Watch,
};
use caxton_types::unit::ByteSize;
use csv::WriterBuilder;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cmp::Ordering;

pub(super) const LIMIT: usize = 100;
pub(super) const LIMIT_MAX: usize = 1_000;
pub(super) const OFFSET_MAX: usize = 5_000_000;
/// The most that a result holds; further rows are for another call.
const RESULT_LEN_MAX: ByteSize = ByteSize::new(256 << 10);
/// Sorting keeps so many rows at most.
const SORTED_MAX: usize = 100_000;

/// What is asked of a table.
#[derive(Debug, Deserialize)]
pub(super) struct Query {
    columns: Option<Vec<String>>,
    #[serde(default, rename = "where")]
    conditions: Vec<Condition>,
    #[serde(default)]
    any: bool,
    #[serde(default)]
    sort: Vec<Sort>,
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

#[derive(Debug, Deserialize)]
struct Sort {
    column: String,
    #[serde(default)]
    descending: bool,
}

/// A row that may be part of the result.
struct Kept {
    row: u64,
    keys: Vec<Cell<'static>>,
    values: Vec<Cell<'static>>,
}

pub(super) fn read(given: Given, query: &Query, watch: &mut Watch) -> Result<Answer, Refusal> {
    let table = Table::open(given, watch)?;
    let places = match &query.columns {
        Some(names) => names.iter().map(|name| table.place(name)).collect::<Result<Vec<_>, _>>()?,
        None => (0..table.columns.len()).collect(),
    };
    let tests = query.conditions.iter().map(|condition| condition.compile(&table)).collect::<Result<Vec<_>, _>>()?;
    let order = query.sort.iter().map(|sort| Ok((table.place(&sort.column)?, sort.descending))).collect::<Result<Vec<_>, Refusal>>()?;
    let limit = query.limit.unwrap_or(LIMIT).min(LIMIT_MAX);
    let wanted = query.offset + limit;
    if !order.is_empty() && wanted > SORTED_MAX {
        let reason = format!("the first {SORTED_MAX} rows of a sorted table can be read, not rows up to {wanted}");
        return Err(Refusal::too_large(reason).hint("narrow it down with `where`, or sort the other way round"));
    }
    let (kept, matched) = select(&table, &Plan { query, places: &places, tests: &tests, order: &order, limit }, watch)?;
    answer(&table, query, &places, kept, matched)
}

struct Plan<'p> {
    query: &'p Query,
    places: &'p [usize],
    tests: &'p [Test],
    order: &'p [(usize, bool)],
    limit: usize,
}

impl Plan<'_> {
    fn fits(&self, row: &[Cell<'_>]) -> bool {
        let mut tests = self.tests.iter();
        self.tests.is_empty() || if self.query.any { tests.any(|test| test.holds(row)) } else { tests.all(|test| test.holds(row)) }
    }

    fn compare(&self, one: &Kept, two: &Kept) -> Ordering {
        for ((a, b), (_, descending)) in one.keys.iter().zip(&two.keys).zip(self.order) {
            let order = match (a.is_null(), b.is_null()) {
                (false, false) if *descending => b.compare(a),
                _ => a.compare(b),
            };
            if order.is_ne() {
                return order;
            }
        }
        one.row.cmp(&two.row)
    }
}

fn select(table: &Table, plan: &Plan<'_>, watch: &mut Watch) -> Result<(Vec<Kept>, usize), Refusal> {
    let mut kept: Vec<Kept> = Vec::new();
    let mut matched = 0;
    let (offset, wanted) = (plan.query.offset, plan.query.offset + plan.limit);
    let owned = |row: &[Cell<'_>], place: usize| row.get(place).map_or(Cell::Null, |cell| cell.clone().into_owned());
    table.each(watch, &mut |number, row| {
        if !plan.fits(row) {
            return Ok(());
        }
        matched += 1;
        let is_wanted = if plan.order.is_empty() { (offset + 1..=wanted).contains(&matched) } else { plan.limit > 0 };
        if is_wanted {
            let keys = plan.order.iter().map(|(place, _)| owned(row, *place)).collect();
            let values = plan.places.iter().map(|place| owned(row, *place)).collect();
            kept.push(Kept { row: number, keys, values });
        }
        // Of a sorted table only the first rows are kept, and now and then the others dropped.
        if !plan.order.is_empty() && kept.len() >= wanted.saturating_mul(2).max(1024) {
            kept.select_nth_unstable_by(wanted, |a, b| plan.compare(a, b));
            kept.truncate(wanted);
        }
        Ok(())
    })?;
    if !plan.order.is_empty() {
        kept.sort_unstable_by(|a, b| plan.compare(a, b));
        kept.truncate(wanted);
        kept.drain(..offset.min(kept.len()));
    }
    Ok((kept, matched))
}

fn answer(table: &Table, query: &Query, places: &[usize], kept: Vec<Kept>, matched: usize) -> Result<Answer, Refusal> {
    let columns: Vec<_> = places.iter().filter_map(|place| table.columns.get(*place)).collect();
    let failed = |error: csv::Error| Refusal::invalid(format!("the rows could not be written: {error}"));
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    if !columns.is_empty() {
        writer.write_record(columns.iter().map(|column| &column.name)).map_err(failed)?;
    }
    let (mut rows, mut len) = (Vec::new(), 0);
    for Kept { values, .. } in kept {
        let texts: Vec<_> = values.iter().map(Cell::text).collect();
        len += texts.iter().map(|text| text.len() + 4).sum::<usize>();
        if len > RESULT_LEN_MAX.as_usize() && !rows.is_empty() {
            break;
        }
        if len > RESULT_LEN_MAX.as_usize() {
            let reason = format!("row {} of the result alone is larger than {RESULT_LEN_MAX}", query.offset + 1);
            return Err(Refusal::too_large(reason).hint("select fewer `columns`"));
        }
        writer.write_record(texts.iter().map(|text| text.as_bytes())).map_err(failed)?;
        rows.push(Value::Array(values.iter().map(Cell::json).collect()));
    }
    let end = query.offset + rows.len();
    let next = (end < matched && !rows.is_empty()).then_some(end);
    let written = writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let shown = match (rows.is_empty(), next) {
        (true, _) => "none shown".to_owned(),
        (false, None) => format!("rows {} to {end} shown", query.offset + 1),
        (false, Some(next)) => format!("rows {} to {end} shown; go on with `offset`: {next}", query.offset + 1),
    };
    let fitting = if query.conditions.is_empty() { String::new() } else { format!("{matched} fit, ") };
    let text = format!("{}: {} rows, {} columns; {fitting}{shown}\n\n{written}", table.name(), table.rows, table.columns.len());
    let columns: Vec<_> = columns.iter().map(|column| json!({"name": column.name, "type": column.kind.as_str()})).collect();
    let structured = json!({
        "source": table.format(), "columns": columns, "rows": rows, "total": table.rows, "matched": matched, "offset": query.offset, "next_offset": next
    });
    Ok(Answer::new(text, structured))
}
