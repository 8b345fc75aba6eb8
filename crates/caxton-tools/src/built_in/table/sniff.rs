//! Finds out how a table of text is written.
//!
//! A dialect is as likely as its rows have one pattern and its fields are of known types: the measure of van den Burg,
//! Nazábal and Sutton, "Wrangling messy CSV files by detecting row and type patterns" (2019), over a sample.

use super::cell::{self, Decimal};
use crate::built_in::float;
use csv::{ByteRecord, ReaderBuilder};
use std::collections::BTreeMap;

/// How much of a table is looked at.
pub(super) const SAMPLE_LEN: usize = 64 << 10;
/// The likely ones first: they win where the measure cannot tell.
const DELIMITERS: [u8; 5] = [b',', b'\t', b';', b'|', b':'];
const QUOTES: [u8; 2] = [b'"', b'\''];
/// What a row of one field counts for.
const SINGLE: f64 = 1e-3;

/// How fields are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
    /// Whether the first row holds the names of the columns.
    pub(crate) header: bool,
}

/// What the caller knows already.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) delimiter: Option<u8>,
    pub(super) quote: Option<u8>,
    pub(super) header: Option<bool>,
}

/// The likeliest dialect of the sample; `is_whole` where the table ends with it.
pub(super) fn sniff(sample: &[u8], is_whole: bool, known: Known) -> Dialect {
    let mut best: Option<(f64, u8, u8)> = None;
    for quote in QUOTES {
        if known.quote.map_or(quote == b'\'' && !sample.contains(&b'\''), |wanted| wanted != quote) {
            continue;
        }
        for delimiter in DELIMITERS {
            if known.delimiter.map_or(!sample.contains(&delimiter), |wanted| wanted != delimiter) {
                continue;
            }
            let score = score(&records(sample, is_whole, delimiter, quote));
            if best.is_none_or(|(known, ..)| score > known * (1.0 + 1e-9)) {
                best = Some((score, delimiter, quote));
            }
        }
    }
    let (delimiter, quote) = match best {
        Some((_, delimiter, quote)) => (delimiter, quote),
        None => (known.delimiter.unwrap_or(b','), known.quote.unwrap_or(b'"')),
    };
    let header = known.header.unwrap_or_else(|| has_header(&records(sample, is_whole, delimiter, quote)));
    Dialect { delimiter, quote, header }
}

/// The rows of the sample; the last one may be cut off and does not count then.
fn records(sample: &[u8], is_whole: bool, delimiter: u8, quote: u8) -> Vec<ByteRecord> {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).quote(quote).has_headers(false).flexible(true).from_reader(sample);
    let mut records: Vec<ByteRecord> = reader.byte_records().map_while(Result::ok).collect();
    if !is_whole && records.len() > 1 {
        records.pop();
    }
    records
}

fn score(records: &[ByteRecord]) -> f64 {
    let mut patterns: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut fields, mut typed) = (0, 0);
    for record in records {
        *patterns.entry(record.len()).or_default() += 1;
        fields += record.len();
        typed += record.iter().filter(|field| is_typed(field)).count();
    }
    if fields == 0 {
        return 0.0;
    }
    let pattern = patterns.iter().map(|(len, rows)| {
        let len = float::of_len(*len);
        float::of_len(*rows) * (len - 1.0).max(SINGLE) / len
    });
    let pattern = pattern.sum::<f64>() / float::of_len(patterns.len());
    pattern * (float::of_len(typed) / float::of_len(fields)).max(1e-10)
}

/// Whether a field looks like a value and not like a piece of one, or several.
fn is_typed(field: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(field) else { return false };
    let text = text.trim();
    if cell::is_null(text) || is_value(text.as_bytes()) {
        return true;
    }
    // A clock, an address, words: but no mark that only a delimiter or a quote would leave behind.
    !text.starts_with(['"', '\'']) && !text.ends_with(['"']) && !text.contains(['\t', ';', '|', '\n']) && !text.contains("\",")
}

/// The first row holds names where all its fields are words, and no two the same unless values of other kinds stand below.
fn has_header(records: &[ByteRecord]) -> bool {
    let Some((first, rest)) = records.split_first() else { return true };
    let mut seen: Vec<&[u8]> = first.iter().map(<[u8]>::trim_ascii).collect();
    if seen.iter().any(|field| field.is_empty() || is_value(field)) {
        return false;
    }
    let len = seen.len();
    seen.sort_unstable();
    seen.dedup();
    seen.len() == len || rest.iter().any(|record| record.iter().any(|field| is_value(field.trim_ascii())))
}

/// Whether a field is no word.
fn is_value(field: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(field) else { return false };
    cell::boolean(text).is_some() || cell::date(text).is_some() || cell::date_time(text).is_some() || is_number(text)
}

fn is_number(text: &str) -> bool {
    [Decimal::Point, Decimal::Comma, Decimal::Grouped].iter().any(|decimal| cell::number(text, *decimal).is_some())
}
