//! The values of tables: how a text is read as one, and how two are compared.

use crate::built_in::float;
use serde_json::Value;
use std::{borrow::Cow, cmp::Ordering};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Number,
    Boolean,
    Date,
    DateTime,
    Text,
    /// Objects or lists.
    Json,
    /// Values of several kinds.
    Mixed,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Text => "text",
            Self::Json => "json",
            Self::Mixed => "mixed",
        }
    }

    pub(crate) const fn is_numeric(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decimal {
    /// `1234.5`
    Point,
    /// `1234,5` or `1.234,5`
    Comma,
    /// `1,234.5`
    Grouped,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    /// A date or a point in time, and its microseconds since 1970; without an offset it counts as UTC.
    Moment {
        text: Cow<'a, str>,
        at: i64,
    },
    Text(Cow<'a, str>),
    Json(Cow<'a, Value>),
}

impl<'a> Cell<'a> {
    /// Reads a field of a column of this kind; `None` where it does not fit.
    pub(crate) fn parse(text: &'a str, kind: Kind, decimal: Decimal) -> Option<Self> {
        let trimmed = text.trim();
        if text.is_empty() || (kind != Kind::Text && is_null(trimmed)) {
            return Some(Self::Null);
        }
        let moment = |at| Self::Moment { text: trimmed.into(), at };
        match kind {
            Kind::Integer => integer(trimmed).map(Self::Integer),
            Kind::Number => number(trimmed, decimal).map(Self::Number),
            Kind::Boolean => boolean(trimmed).map(Self::Boolean),
            Kind::Date => date(trimmed).map(moment),
            Kind::DateTime => date_time(trimmed).or_else(|| date(trimmed)).map(moment),
            Kind::Text | Kind::Json | Kind::Mixed => Some(Self::Text(text.into())),
        }
    }

    /// A JSON value in a column of this kind.
    pub(crate) fn of_json(value: &'a Value, kind: Kind) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Boolean(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(whole) if kind != Kind::Number => Self::Integer(whole),
                _ => number.as_f64().map_or(Self::Null, Self::Number),
            },
            Value::String(text) => match kind {
                Kind::Date | Kind::DateTime => Self::parse(text, kind, Decimal::Point).unwrap_or(Self::Text(text.into())),
                _ => Self::Text(text.into()),
            },
            other @ (Value::Array(_) | Value::Object(_)) => Self::Json(Cow::Borrowed(other)),
        }
    }

    pub(crate) fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Null => Cell::Null,
            Self::Boolean(flag) => Cell::Boolean(flag),
            Self::Integer(number) => Cell::Integer(number),
            Self::Number(number) => Cell::Number(number),
            Self::Moment { text, at } => Cell::Moment { text: Cow::Owned(text.into_owned()), at },
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Self::Json(value) => Cell::Json(Cow::Owned(value.into_owned())),
        }
    }

    pub(crate) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// As a number, where it is one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(float::of_integer(*number)),
            Self::Number(number) => Some(*number),
            Self::Null | Self::Boolean(_) | Self::Moment { .. } | Self::Text(_) | Self::Json(_) => None,
        }
    }

    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Null => "".into(),
            Self::Boolean(flag) => if *flag { "true" } else { "false" }.into(),
            Self::Integer(number) => number.to_string().into(),
            Self::Number(number) => float::shown(*number).into(),
            Self::Moment { text, .. } | Self::Text(text) => (&**text).into(),
            Self::Json(value) => value.to_string().into(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(flag) => (*flag).into(),
            Self::Integer(number) => (*number).into(),
            Self::Number(number) => float::json(*number),
            Self::Moment { text, .. } | Self::Text(text) => (&**text).into(),
            Self::Json(value) => value.clone().into_owned(),
        }
    }

    /// A total order: what is missing comes last.
    pub(crate) fn compare(&self, other: &Cell<'_>) -> Ordering {
        if let (Self::Integer(one), Cell::Integer(two)) = (self, other) {
            return one.cmp(two);
        }
        match (self, other) {
            (Self::Boolean(one), Cell::Boolean(two)) => one.cmp(two),
            (Self::Moment { at: one, .. }, Cell::Moment { at: two, .. }) => one.cmp(two),
            (Self::Text(one), Cell::Text(two)) => one.cmp(two),
            _ => match (self.number(), other.number()) {
                (Some(one), Some(two)) => one.total_cmp(&two),
                _ => self.rank().cmp(&other.rank()).then_with(|| self.text().cmp(&other.text())),
            },
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Integer(_) | Self::Number(_) => 1,
            Self::Moment { .. } => 2,
            Self::Text(_) => 3,
            Self::Json(_) => 4,
            Self::Null => 5,
        }
    }
}

/// Whether a column that holds no texts has nothing here.
pub(super) fn is_null(text: &str) -> bool {
    text.is_empty() || ["na", "n/a", "nan", "null", "none"].iter().any(|null| text.eq_ignore_ascii_case(null))
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Digits that begin with a needless zero are a code (`00123`), not a number.
fn is_code(digits: &str) -> bool {
    let mut bytes = digits.bytes();
    bytes.next() == Some(b'0') && bytes.next().is_some_and(|next| next.is_ascii_digit())
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

pub(super) fn integer(text: &str) -> Option<i64> {
    let digits = unsigned(text);
    let is_plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !is_code(digits);
    if is_plain { text.parse().ok() } else { None }
}

pub(super) fn number(text: &str, decimal: Decimal) -> Option<f64> {
    let plain = match decimal {
        Decimal::Point => Cow::Borrowed(text),
        Decimal::Comma => Cow::Owned(regrouped(text, '.', ',')?),
        Decimal::Grouped => Cow::Owned(regrouped(text, ',', '.')?),
    };
    let body = unsigned(&plain);
    let is_plain = body.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && body.bytes().any(|b| b.is_ascii_digit())
        && body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        && !is_code(body);
    if is_plain { plain.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

/// A number with these marks as one with a point and nothing else.
fn regrouped(text: &str, group: char, point: char) -> Option<String> {
    let (whole, fraction) = text.split_once(point).map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    if fraction.is_some_and(|fraction| fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let mut parts = unsigned(whole).split(group);
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let is_grouped = rest.is_empty() || ((1..=3).contains(&first.len()) && rest.iter().all(|part| part.len() == 3));
    let are_digits = !first.is_empty() && std::iter::once(&first).chain(&rest).all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !is_grouped || !are_digits {
        return None;
    }
    let mut plain = whole.replace(group, "");
    if let Some(fraction) = fraction {
        plain.push('.');
        plain.push_str(fraction);
    }
    Some(plain)
}

/// `2026-01-31`, as microseconds.
pub(super) fn date(text: &str) -> Option<i64> {
    if text.len() != 10 || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

/// RFC 3339, or the same without an offset, with `T` or a space in the middle.
pub(super) fn date_time(text: &str) -> Option<i64> {
    if !(16..=40).contains(&text.len()) || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_microsecond());
    }
    let time: jiff::civil::DateTime = text.parse().ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, decimal, expected) in [
            ("1234.5", Decimal::Point, Some(1234.5)),
            ("-1e3", Decimal::Point, Some(-1000.0)),
            (".5", Decimal::Point, Some(0.5)),
            ("1.234,5", Decimal::Comma, Some(1234.5)),
            ("-0,25", Decimal::Comma, Some(-0.25)),
            ("1,234,567.5", Decimal::Grouped, Some(1_234_567.5)),
            ("12,34", Decimal::Grouped, None),
            ("00123", Decimal::Point, None),
            ("inf", Decimal::Point, None),
            ("1-2", Decimal::Point, None),
            ("", Decimal::Point, None),
        ] {
            assert_eq!(number(text, decimal), expected, "{text}");
        }
    }

    #[test]
    fn moments_are_compared_as_such() {
        let moment = |text: &'static str| Cell::parse(text, Kind::DateTime, Decimal::Point).unwrap();
        assert_eq!(moment("2026-01-31T12:00:00+02:00").compare(&moment("2026-01-31 10:00:00")), Ordering::Equal);
        assert_eq!(moment("2026-01-31").compare(&moment("2026-01-31T00:00:01Z")), Ordering::Less);
        assert_eq!(Cell::parse("2026-02-30", Kind::Date, Decimal::Point), None);
    }
}
