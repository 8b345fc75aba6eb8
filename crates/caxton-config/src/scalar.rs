//! One node as one value: what was expected is said where it is something else.

use crate::tree::{Node, Value};
use std::{fmt::Display, str::FromStr};

/// Why a node is not the value that is wanted; a fragment for a message.
pub(crate) type Wrong = String;

/// A number was wanted: a text that stands there is worth quoting.
fn no_number(wanted: &str, node: &Node) -> Wrong {
    match &node.value {
        Value::Text(text) => format!("expected {wanted}, found the text `{}`", text.chars().take(40).collect::<String>()),
        _ => wrong(wanted, node),
    }
}

fn wrong(wanted: &str, node: &Node) -> Wrong {
    format!("expected {wanted}, found {}", node.kind())
}

pub(crate) fn flag(node: &Node) -> Result<bool, Wrong> {
    match &node.value {
        Value::Bool(value) => Ok(*value),
        Value::Text(text) if node.substituted && matches!(&**text, "true" | "false") => Ok(&**text == "true"),
        Value::Text(text) => Err(format!("expected true or false, found `{text}`")),
        _ => Err(wrong("true or false", node)),
    }
}

pub(crate) fn whole(node: &Node, min: i64, max: i64) -> Result<i64, Wrong> {
    let number = match &node.value {
        Value::Whole(number) => *number,
        Value::Text(text) if node.substituted => text.trim().parse().map_err(|_| format!("expected a whole number, found `{text}`"))?,
        _ => return Err(no_number("a whole number", node)),
    };
    if (min..=max).contains(&number) { Ok(number) } else { Err(format!("expected a whole number from {min} to {max}, found {number}")) }
}

pub(crate) fn decimal(node: &Node, min: f64, max: f64) -> Result<f64, Wrong> {
    let number = match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "the range that follows is small")]
        Value::Whole(number) => *number as f64,
        Value::Decimal(number) => *number,
        Value::Text(text) if node.substituted => text.trim().parse().map_err(|_| format!("expected a number, found `{text}`"))?,
        _ => return Err(no_number("a number", node)),
    };
    if (min..=max).contains(&number) { Ok(number) } else { Err(format!("expected a number from {min} to {max}, found {number}")) }
}

/// A text that says something.
pub(crate) fn text(node: &Node) -> Result<&str, Wrong> {
    match &node.value {
        Value::Text(text) if !text.trim().is_empty() => Ok(text),
        Value::Text(_) => Err("the text is empty".into()),
        _ => Err(wrong("a text", node)),
    }
}

/// A value that is written as a text and has rules of its own.
pub(crate) fn parsed<T: FromStr<Err: Display>>(node: &Node) -> Result<T, Wrong> {
    text(node)?.parse().map_err(|error: T::Err| error.to_string())
}

/// A quantity: a text with its unit, or a bare number where its type knows what that means.
pub(crate) fn quantity<T: FromStr<Err: Display>>(node: &Node) -> Result<T, Wrong> {
    let number = match &node.value {
        Value::Whole(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        _ => return Err(wrong("a quantity with its unit", node)),
    };
    number.parse().map_err(|error: T::Err| error.to_string())
}

/// One of these words; an alias stands for its word.
pub(crate) fn choice<'w>(node: &Node, words: &[&'w str], aliases: &[(&str, &'w str)]) -> Result<&'w str, Wrong> {
    let listed = || words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let Value::Text(text) = &node.value else {
        return Err(wrong(&format!("one of {}", listed()), node));
    };
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied();
    found
        .or_else(|| aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(text)).map(|(_, word)| *word))
        .ok_or_else(|| format!("`{text}` is not one of {}", listed()))
}

pub(crate) fn texts(node: &Node) -> Result<Vec<(&str, &Node)>, (Wrong, &Node)> {
    let Value::List(items) = &node.value else {
        return Err((wrong("a list of texts", node), node));
    };
    items.iter().map(|item| text(item).map(|text| (text, item)).map_err(|wrong| (wrong, item))).collect()
}
