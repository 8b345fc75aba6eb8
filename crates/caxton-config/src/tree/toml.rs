//! TOML into the tree.

use super::{DEPTH_MAX, Entry, Node, Value};
use crate::{Diagnostic, source::Source};
use std::{ops::Range, sync::Arc};
use toml::de::{DeTable, DeValue};

pub(super) fn parse(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    let table = DeTable::parse(source.text()).map_err(|error| {
        let place = error.span().map_or_else(|| source.top(), |span| source.place(visible(source.text(), span)));
        place.error(format!("not valid TOML: {}", error.message()))
    })?;
    map(source, table.get_ref(), 0..0, 0)
}

/// A span that covers nothing covers the character before it: something must be pointed at.
fn visible(text: &str, span: Range<usize>) -> Range<usize> {
    if !span.is_empty() {
        return span;
    }
    match text.get(span.start..).and_then(|rest| rest.chars().next()) {
        Some(next) if next != '\n' && next != '\r' => span.start..span.start + next.len_utf8(),
        _ => {
            let line = text.get(..span.start).unwrap_or(text).trim_end_matches(['\n', '\r']);
            let last = line.chars().next_back().map_or(0, char::len_utf8);
            line.len() - last..line.len()
        }
    }
}

fn map(source: &Arc<Source>, table: &DeTable<'_>, span: Range<usize>, depth: usize) -> Result<Node, Diagnostic> {
    let entries = table.iter().map(|(key, value)| {
        let place = source.place(key.span());
        let node = node(source, value.get_ref(), value.span(), depth + 1)?;
        Ok((key.get_ref().as_ref().into(), Entry { key: place, node }))
    });
    Ok(Node::map(entries.collect::<Result<_, Diagnostic>>()?, source.place(span)))
}

fn node(source: &Arc<Source>, value: &DeValue<'_>, span: Range<usize>, depth: usize) -> Result<Node, Diagnostic> {
    let place = source.place(span.clone());
    if depth > DEPTH_MAX {
        return Err(place.error("nested too deeply"));
    }
    let value = match value {
        DeValue::String(text) => Value::Text(text.as_ref().into()),
        DeValue::Integer(number) => {
            Value::Whole(i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| place.error("the number is too large"))?)
        }
        DeValue::Float(number) => Value::Decimal(number.as_str().parse().map_err(|_| place.error("not a number"))?),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(value) => Value::Text(value.to_string().into()),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| node(source, item.get_ref(), item.span(), depth + 1)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => return map(source, table, span, depth),
    };
    Ok(Node::new(value, place))
}
