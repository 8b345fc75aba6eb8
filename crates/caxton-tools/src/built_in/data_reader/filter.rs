//! Conditions on rows.

use crate::built_in::{
    Refusal,
    table::{Cell, Decimal, Kind, Table},
};
use serde::Deserialize;
use serde_json::Value;
use std::cmp::Ordering;

pub(super) const OPS: [&str; 12] = ["=", "!=", "<", "<=", ">", ">=", "contains", "starts_with", "ends_with", "in", "is_null", "not_null"];

/// A condition as it is given.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Condition {
    column: String,
    op: String,
    value: Option<Value>,
    #[serde(default)]
    ignore_case: bool,
}

/// A condition that can be asked.
#[derive(Debug)]
pub(super) struct Test {
    place: usize,
    rule: Rule,
    ignore_case: bool,
}

#[derive(Debug)]
enum Rule {
    IsNull,
    NotNull,
    Compare(Cell<'static>, fn(Ordering) -> bool),
    In(Vec<Cell<'static>>),
    Text(String, fn(&str, &str) -> bool),
}

impl Condition {
    /// Checks the condition against the columns.
    pub(super) fn compile(&self, table: &Table) -> Result<Test, Refusal> {
        let place = table.place(&self.column)?;
        let kind = table.columns.get(place).map_or(Kind::Text, |column| column.kind);
        let one = || self.value.as_ref().filter(|value| !value.is_array()).ok_or_else(|| self.wrong("needs one `value`"));
        let compare = |holds: fn(Ordering) -> bool| Ok(Rule::Compare(self.cell(one()?, kind)?, holds));
        let text = |holds: fn(&str, &str) -> bool| {
            let text = one()?.as_str().ok_or_else(|| self.wrong("needs a text as `value`"))?;
            Ok(Rule::Text(if self.ignore_case { text.to_lowercase() } else { text.to_owned() }, holds))
        };
        let rule = match self.op.as_str() {
            "=" => compare(Ordering::is_eq),
            "!=" => compare(Ordering::is_ne),
            "<" => compare(Ordering::is_lt),
            "<=" => compare(Ordering::is_le),
            ">" => compare(Ordering::is_gt),
            ">=" => compare(Ordering::is_ge),
            "contains" => text(|field, wanted| field.contains(wanted)),
            "starts_with" => text(|field, wanted| field.starts_with(wanted)),
            "ends_with" => text(|field, wanted| field.ends_with(wanted)),
            "in" => {
                let all = self.value.as_ref().and_then(Value::as_array).ok_or_else(|| self.wrong("needs a list as `value`"))?;
                all.iter().map(|value| self.cell(value, kind)).collect::<Result<_, _>>().map(Rule::In)
            }
            "is_null" => Ok(Rule::IsNull),
            "not_null" => Ok(Rule::NotNull),
            other => Err(self.wrong(&format!("has no such operation: {other}"))),
        };
        Ok(Test { place, rule: rule?, ignore_case: self.ignore_case })
    }

    fn wrong(&self, what: &str) -> Refusal {
        Refusal::invalid(format!("the condition `{} {}` {what}", self.column, self.op))
    }

    /// A value as the column has them.
    fn cell(&self, value: &Value, kind: Kind) -> Result<Cell<'static>, Refusal> {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let text = if self.ignore_case && kind == Kind::Text { text.to_lowercase() } else { text };
        let cell = match kind {
            Kind::Integer | Kind::Number => Cell::parse(&text, Kind::Number, Decimal::Point),
            Kind::Boolean | Kind::Date | Kind::DateTime => Cell::parse(&text, kind, Decimal::Point),
            Kind::Text => Some(Cell::Text(text.as_str().into())),
            Kind::Json | Kind::Mixed => Some(Cell::of_json(value, kind)),
        };
        let cell = cell.filter(|cell| !cell.is_null()).map(Cell::into_owned);
        cell.ok_or_else(|| self.wrong(&format!("compares with {value}, but the column holds {}", kind.as_str())))
    }
}

impl Test {
    pub(super) fn holds(&self, row: &[Cell<'_>]) -> bool {
        let cell = row.get(self.place).unwrap_or(&Cell::Null);
        match (&self.rule, cell) {
            (Rule::IsNull, cell) => cell.is_null(),
            (Rule::NotNull, cell) => !cell.is_null(),
            (_, Cell::Null) => false,
            (Rule::Compare(wanted, holds), cell) => holds(self.folded(cell).compare(wanted)),
            (Rule::In(wanted), cell) => {
                let cell = self.folded(cell);
                wanted.iter().any(|wanted| cell.compare(wanted).is_eq())
            }
            (Rule::Text(wanted, holds), cell) => holds(&self.folded(cell).text(), wanted),
        }
    }

    fn folded<'a>(&self, cell: &Cell<'a>) -> Cell<'a> {
        match cell {
            Cell::Text(text) if self.ignore_case => Cell::Text(text.to_lowercase().into()),
            other => other.clone(),
        }
    }
}
