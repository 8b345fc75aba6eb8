//! W3C trace context, carried by every message and event.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Which trace something belongs to, and the span that caused it; written as a `traceparent` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

/// The text is not a `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a W3C traceparent (00-<32 hex>-<16 hex>-<2 hex>)")]
pub struct InvalidTrace(String);

impl TraceContext {
    /// A context of these ids; zero ids, which the standard forbids, become one.
    pub const fn new(trace_id: u128, span_id: u64) -> Self {
        Self { trace_id: if trace_id == 0 { 1 } else { trace_id }, span_id: if span_id == 0 { 1 } else { span_id }, sampled: true }
    }

    /// The same trace, caused by another span.
    pub const fn child(self, span_id: u64) -> Self {
        Self { span_id: if span_id == 0 { 1 } else { span_id }, ..self }
    }

    /// The trace id as 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The span id as 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTrace;

    fn from_str(text: &str) -> Result<Self, InvalidTrace> {
        let invalid = || InvalidTrace(text.chars().take(80).collect());
        let digits = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let parts: Vec<&str> = text.trim().split('-').collect();
        let [version, trace, span, flags] = parts.get(..4).and_then(|p| <[&str; 4]>::try_from(p).ok()).ok_or_else(invalid)?;
        let known = version == "00" && parts.len() == 4 || digits(version, 2) && version != "00" && version != "ff";
        if !known || !digits(trace, 32) || !digits(span, 16) || !digits(flags, 2) {
            return Err(invalid());
        }
        let trace_id = u128::from_str_radix(trace, 16).map_err(|_| invalid())?;
        let span_id = u64::from_str_radix(span, 16).map_err(|_| invalid())?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| invalid())?;
        if trace_id == 0 || span_id == 0 {
            return Err(invalid());
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

impl TryFrom<String> for TraceContext {
    type Error = InvalidTrace;

    fn try_from(text: String) -> Result<Self, InvalidTrace> {
        text.parse()
    }
}

impl From<TraceContext> for String {
    fn from(trace: TraceContext) -> Self {
        trace.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_round_trips(trace: u128, span: u64) {
            let context = TraceContext::new(trace, span);
            prop_assert_eq!(context.to_string().parse(), Ok(context));
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text: String) {
            let _ = text.parse::<TraceContext>();
        }
    }

    #[test]
    fn the_standard_rules_hold() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(good.parse::<TraceContext>().unwrap().to_string(), good);
        for bad in ["", "00-0-0-0", &good.replace("4bf", "4BF"), &good.replace("00-4", "ff-4"), &format!("{good}-x")] {
            assert!(bad.parse::<TraceContext>().is_err(), "{bad}");
        }
        assert!("00-00000000000000000000000000000000-00f067aa0ba902b7-01".parse::<TraceContext>().is_err());
    }
}
