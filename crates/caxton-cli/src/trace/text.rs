//! Short forms of what a trace shows.

use caxton_types::{Money, Quantity, Spend, ToolCall, printable, unit::ByteSize};
use serde_json::Value;

/// `412 µs`, `3.1 ms`, `1.24 s`.
pub(crate) fn duration(micros: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let us = micros as f64;
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..1_000_000 => format!("{:.1} ms", us / 1e3),
        _ => format!("{:.2} s", us / 1e6),
    }
}

/// `3.1ms`: the form of a line.
pub(crate) fn millis(micros: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let ms = micros as f64 / 1e3;
    format!("{ms:.1}ms")
}

/// `22.3 KB`.
pub(crate) fn bytes(size: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let size_f = size as f64;
    match size {
        0..1000 => ByteSize::new(size).to_string(),
        1000..1_000_000 => format!("{:.1} KB", size_f / 1e3),
        _ => format!("{:.1} MB", size_f / 1e6),
    }
}

/// One line of at most `len_max` characters, of whoever's words.
pub(crate) fn short(text: &str, len_max: usize) -> String {
    let line = printable(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    if line.chars().count() <= len_max {
        return line;
    }
    let mut cut: String = line.chars().take(len_max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// `server/tool`, from the name that the model uses for it.
pub(crate) fn tool(call: &ToolCall) -> String {
    call.tool.replacen("__", "/", 1)
}

/// `file=zones.csv operation=mean`: arguments at a glance.
pub(crate) fn arguments(arguments: &Value, len_max: usize) -> String {
    let Value::Object(map) = arguments else { return short(&arguments.to_string(), len_max) };
    let each = map.iter().map(|(key, value)| match value {
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    });
    short(&each.collect::<Vec<_>>().join(" "), len_max)
}

/// `1 hit`, `2 hits`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// ` · $0.0012`; nothing where it cost nothing.
pub(super) fn cost(money: Money) -> String {
    if money.is_zero() { String::new() } else { format!(" · {money}") }
}

/// `4300 tokens, $0.02`: what was used of each quantity that was used at all.
pub(super) fn spend(spend: &Spend) -> String {
    let used = Quantity::ALL.into_iter().map(|what| (what, what.of(spend))).filter(|(_, amount)| *amount > 0);
    used.map(|(what, amount)| what.say(amount)).collect::<Vec<_>>().join(", ")
}
