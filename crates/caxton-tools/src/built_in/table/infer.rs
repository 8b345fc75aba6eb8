//! What kind a column is of, from all that it holds.

use super::cell::{self, Decimal, Kind};
use serde_json::Value;

/// What a column may still be after the fields seen so far.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a kind that may still be")]
pub(super) struct Inference {
    any: bool,
    boolean: bool,
    integer: bool,
    point: bool,
    comma: bool,
    grouped: bool,
    date: bool,
    moment: bool,
}

impl Inference {
    /// `comma`: whether fields may have a decimal comma.
    pub(super) const fn new(comma: bool) -> Self {
        Self { any: false, boolean: true, integer: true, point: true, comma, grouped: true, date: true, moment: true }
    }

    pub(super) fn see(&mut self, text: &str) {
        let text = text.trim();
        if cell::is_null(text) {
            return;
        }
        self.any = true;
        self.integer = self.integer && cell::integer(text).is_some();
        self.point = self.point && (self.integer || cell::number(text, Decimal::Point).is_some());
        self.comma = self.comma && cell::number(text, Decimal::Comma).is_some();
        self.grouped = self.grouped && cell::number(text, Decimal::Grouped).is_some();
        self.boolean = self.boolean && cell::boolean(text).is_some();
        self.date = self.date && cell::date(text).is_some();
        self.moment = self.moment && (self.date || cell::date_time(text).is_some() || cell::date(text).is_some());
    }

    pub(super) const fn kind(&self) -> (Kind, Decimal) {
        let kind = match self {
            Self { any: false, .. } => Kind::Text,
            Self { integer: true, .. } => Kind::Integer,
            Self { point: true, .. } => Kind::Number,
            Self { comma: true, .. } => return (Kind::Number, Decimal::Comma),
            Self { grouped: true, .. } => return (Kind::Number, Decimal::Grouped),
            Self { boolean: true, .. } => Kind::Boolean,
            Self { date: true, .. } => Kind::Date,
            Self { moment: true, .. } => Kind::DateTime,
            _ => Kind::Text,
        };
        (kind, Decimal::Point)
    }
}

/// The same for values of JSON, which say themselves what they are.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a kind that was seen")]
pub(super) struct JsonInference {
    boolean: bool,
    integer: bool,
    fraction: bool,
    text: bool,
    nested: bool,
    texts: Option<Inference>,
}

impl JsonInference {
    pub(super) fn see(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(_) => self.boolean = true,
            Value::Number(number) if number.is_i64() => self.integer = true,
            Value::Number(_) => self.fraction = true,
            Value::String(text) => {
                self.text = true;
                self.texts.get_or_insert(Inference::new(false)).see(text);
            }
            Value::Array(_) | Value::Object(_) => self.nested = true,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        let seen = [self.boolean, self.integer || self.fraction, self.text, self.nested];
        match seen {
            [true, false, false, false] => Kind::Boolean,
            [false, true, false, false] => {
                if self.fraction {
                    Kind::Number
                } else {
                    Kind::Integer
                }
            }
            [false, false, true, false] => match self.texts.as_ref().map(Inference::kind) {
                Some((kind @ (Kind::Date | Kind::DateTime), _)) => kind,
                _ => Kind::Text,
            },
            [false, false, false, true] => Kind::Json,
            [false, false, false, false] => Kind::Text,
            _ => Kind::Mixed,
        }
    }
}
