//! What the columns of a table hold.

use crate::built_in::{
    Answer, Refusal, float,
    stats_calculator::Moments,
    table::{Cell, Column, Given, Table},
    work::Watch,
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    hash::{BuildHasher as _, RandomState},
};

/// Distinct values are counted up to here, in all columns together; beyond, there are at least so many.
const DISTINCT_MAX: usize = 1_000_000;
/// Values are counted one by one while a column has no more different ones than this.
const COUNTED_MAX: usize = 1_000;
const TOP: usize = 5;
/// So much of a long text stands for it.
const SHOWN_LEN: usize = 80;

#[derive(Default)]
struct Holds {
    nulls: u64,
    distinct: HashSet<u64>,
    is_open: bool,
    counts: Option<HashMap<String, u64>>,
    min: Option<Cell<'static>>,
    max: Option<Cell<'static>>,
    moments: Moments,
}

impl Holds {
    fn see(&mut self, cell: &Cell<'_>, hasher: &RandomState, room: &mut usize) {
        if cell.is_null() {
            self.nulls += 1;
            return;
        }
        let text = cell.text();
        let hash = hasher.hash_one(&*text);
        if !self.distinct.contains(&hash) {
            if *room == 0 {
                self.is_open = true;
            } else {
                *room -= 1;
                self.distinct.insert(hash);
            }
        }
        if let Some(counts) = &mut self.counts {
            let shown: String = text.chars().take(SHOWN_LEN).collect();
            *counts.entry(shown).or_default() += 1;
            if counts.len() > COUNTED_MAX {
                self.counts = None;
            }
        }
        if let Some(number) = cell.number() {
            self.moments.add(number);
        }
        if matches!(cell, Cell::Json(_)) {
            return;
        }
        if self.min.as_ref().is_none_or(|min| cell.compare(min).is_lt()) {
            self.min = Some(cell.clone().into_owned());
        }
        if self.max.as_ref().is_none_or(|max| cell.compare(max).is_gt()) {
            self.max = Some(cell.clone().into_owned());
        }
    }

    fn top(&self) -> Vec<(&str, u64)> {
        let mut top: Vec<_> = self.counts.iter().flatten().map(|(text, count)| (text.as_str(), *count)).collect();
        top.sort_unstable_by(|(one, many), (two, more)| more.cmp(many).then(one.cmp(two)));
        top.truncate(TOP);
        top
    }
}

pub(super) fn profile(given: Given, watch: &mut Watch) -> Result<Answer, Refusal> {
    let table = Table::open(given, watch)?;
    let hasher = RandomState::new();
    let mut room = DISTINCT_MAX;
    let mut holds: Vec<Holds> = table.columns.iter().map(|_| Holds { counts: Some(HashMap::new()), ..Holds::default() }).collect();
    table.each(watch, &mut |_, row| {
        row.iter().zip(&mut holds).for_each(|(cell, holds)| holds.see(cell, &hasher, &mut room));
        Ok(())
    })?;
    let mut text = format!("{}: {} rows, {} columns ({})\n", table.name(), table.rows, table.columns.len(), table.format());
    let mut columns = Vec::with_capacity(holds.len());
    for (column, holds) in table.columns.iter().zip(&holds) {
        describe(&mut text, column, holds);
        columns.push(as_data(column, holds));
    }
    Ok(Answer::new(text, json!({"source": table.format(), "total": table.rows, "columns": columns})))
}

fn short(cell: Option<&Cell<'_>>) -> Option<String> {
    cell.map(|cell| cell.text().chars().take(SHOWN_LEN).collect())
}

fn describe(text: &mut String, column: &Column, holds: &Holds) {
    let at_least = if holds.is_open { "at least " } else { "" };
    // Writing to a text does not fail.
    let _ =
        write!(text, "- {} ({}): {} missing, {at_least}{} distinct", column.name, column.kind.as_str(), holds.nulls, holds.distinct.len());
    if let (Some(min), Some(max)) = (short(holds.min.as_ref()), short(holds.max.as_ref())) {
        let _ = write!(text, ", {min} to {max}");
    }
    if column.kind.is_numeric() && holds.moments.count() > 0 {
        let _ = write!(text, ", mean {}", float::shown(holds.moments.mean()));
    }
    let top = holds.top();
    if top.first().is_some_and(|(_, count)| *count > 1) {
        let top: Vec<_> = top.iter().map(|(value, count)| format!("{value} ({count})")).collect();
        let _ = write!(text, "; most frequent: {}", top.join(", "));
    }
    text.push('\n');
}

fn as_data(column: &Column, holds: &Holds) -> Value {
    let (short_min, short_max) = (short(holds.min.as_ref()), short(holds.max.as_ref()));
    let number = |cell: &Option<Cell<'static>>, short: Option<String>| match cell {
        Some(cell @ (Cell::Integer(_) | Cell::Number(_) | Cell::Boolean(_))) => cell.json(),
        _ => short.map_or(Value::Null, Value::String),
    };
    let mean = if column.kind.is_numeric() && holds.moments.count() > 0 { float::json(holds.moments.mean()) } else { Value::Null };
    let top: Vec<_> = holds.top().into_iter().map(|(value, count)| json!({"value": value, "count": count})).collect();
    json!({
        "name": column.name, "type": column.kind.as_str(), "missing": holds.nulls, "distinct": holds.distinct.len(),
        "distinct_is_exact": !holds.is_open, "min": number(&holds.min, short_min), "max": number(&holds.max, short_max), "mean": mean, "top": top
    })
}
