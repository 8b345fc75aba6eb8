//! Filters: which rows count.

use std::cmp::Ordering;

use crate::{
    arguments::Arguments,
    csv::Record,
    json::Json,
    number,
    table::{Table, fold, text},
    tools::{Error, listed},
};

const FILTERS_MAX: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
}

const OPS: [(&str, Op); 7] =
    [("eq", Op::Eq), ("ne", Op::Ne), ("lt", Op::Lt), ("le", Op::Le), ("gt", Op::Gt), ("ge", Op::Ge), ("contains", Op::Contains)];

#[derive(Debug)]
struct Filter {
    column: usize,
    op: Op,
    /// In lower case: text is compared regardless of case.
    value: String,
    number: Option<f64>,
}

/// A row counts when it passes all of them.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    filters: Vec<Filter>,
    /// How a reader would say it.
    pub(crate) shown: String,
}

impl Filters {
    pub(crate) fn read<R: std::io::Read>(arguments: &Arguments, table: &Table<R>) -> Result<Self, Error> {
        let items = arguments.list("filter")?;
        if items.len() > FILTERS_MAX {
            return Err(Error::Invalid(format!("more than {FILTERS_MAX} filters")));
        }
        let mut read = Self::default();
        for item in items {
            let item = Arguments::of(item.clone(), "each filter")?;
            item.only(&["column", "op", "value"])?;
            let column = table.column(item.required("column")?)?;
            let name = item.text("op")?.unwrap_or("eq");
            let op = OPS.iter().find(|(known, _)| *known == name).map(|(_, op)| *op).ok_or_else(|| {
                Error::Invalid(format!("`op` is `{name}`; it must be one of {}", listed(&mut OPS.iter().map(|(known, _)| *known))))
            })?;
            let value = match item.get("value") {
                Some(Json::Text(text)) => text.clone(),
                Some(Json::Number(number)) => number::exact(*number),
                Some(Json::Bool(flag)) => flag.to_string(),
                _ => {
                    return Err(Error::Invalid("a filter's `value` must be a string or a number".to_owned()));
                }
            };
            let and = if read.shown.is_empty() { "" } else { " and " };
            let column_name = table.columns.get(column).map_or("", String::as_str);
            read.shown += &format!("{and}{column_name} {name} {value}");
            let number = number::parse(value.as_bytes());
            read.filters.push(Filter { column, op, value: fold(value.trim()), number });
        }
        Ok(read)
    }

    pub(crate) fn pass(&self, record: &Record) -> bool {
        self.filters.iter().all(|filter| filter.passes(record.field(filter.column)))
    }
}

impl Filter {
    fn passes(&self, cell: &[u8]) -> bool {
        let order = self.compare(cell);
        match self.op {
            Op::Eq => order == Some(Ordering::Equal),
            Op::Ne => order != Some(Ordering::Equal),
            Op::Lt => order == Some(Ordering::Less),
            Op::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Op::Gt => order == Some(Ordering::Greater),
            Op::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Op::Contains => fold(&text(cell)).contains(&self.value),
        }
    }

    /// Numbers compare as numbers, texts as texts; an empty cell equals the empty text and is neither more nor less
    /// than anything.
    fn compare(&self, cell: &[u8]) -> Option<Ordering> {
        let cell = cell.trim_ascii();
        match (self.number, self.op) {
            (_, Op::Contains) => None,
            (Some(wanted), _) => number::parse(cell)?.partial_cmp(&wanted),
            (None, Op::Eq | Op::Ne) => Some(fold(&text(cell)).cmp(&self.value)),
            (None, _) if cell.is_empty() => None,
            (None, _) => Some(fold(&text(cell)).cmp(&self.value)),
        }
    }
}
