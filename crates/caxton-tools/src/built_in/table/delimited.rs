//! Tables as text: fields between delimiters, in quotes where they have to be. Read as a stream.

use super::{check_columns, row::Meter, sniff::Dialect};
use crate::built_in::Refusal;
use csv::{ByteRecord, ErrorKind, ReaderBuilder};
use std::{
    collections::{HashMap, HashSet},
    io::Read,
};

/// What is done with the fields of each row.
type EachLine<'f> = &'f mut dyn FnMut(&[&str]) -> Result<(), Refusal>;

/// Hands over each row, without the header.
pub(super) fn read(input: impl Read, name: &str, dialect: Dialect, each: EachLine<'_>) -> Result<Vec<String>, Refusal> {
    let meter = Meter::default();
    let mut reader = ReaderBuilder::new()
        .delimiter(dialect.delimiter)
        .quote(dialect.quote)
        .has_headers(false)
        .flexible(false)
        .buffer_capacity(64 << 10)
        .from_reader(meter.bound(input));
    let mut record = ByteRecord::new();
    let mut header = None;
    while reader.read_byte_record(&mut record).map_err(|error| meter.refusal(name).unwrap_or_else(|| broken(name, &error)))? {
        meter.row();
        check_columns(name, record.len())?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut fields = Vec::with_capacity(record.len());
        for (at, field) in record.iter().enumerate() {
            fields.push(std::str::from_utf8(field).map_err(|error| {
                let reason = format!(
                    "`{name}`, line {line}, column {}: the text is not UTF-8 (byte {} of the field)",
                    at + 1,
                    error.valid_up_to() + 1
                );
                Refusal::invalid(reason).hint("save the file as UTF-8 and send it again")
            })?);
        }
        if header.is_none() {
            header = Some(if dialect.header { names(&fields) } else { (1..=fields.len()).map(|at| format!("column_{at}")).collect() });
            if dialect.header {
                continue;
            }
        }
        each(&fields)?;
    }
    Ok(header.unwrap_or_default())
}

/// The names of columns: a nameless one gets its number, a repeated one a number behind it.
fn names(fields: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(fields.len());
    let mut taken: HashSet<String> = HashSet::with_capacity(fields.len());
    // From where on numbers may be free; none is tried twice.
    let mut next: HashMap<String, usize> = HashMap::new();
    for (at, field) in fields.iter().enumerate() {
        let plain = if field.trim().is_empty() { format!("column_{}", at + 1) } else { field.trim().to_owned() };
        let mut name = plain.clone();
        if taken.contains(&name) {
            let number = next.entry(plain.clone()).or_insert(2);
            while taken.contains(&name) {
                name = format!("{plain}_{number}");
                *number += 1;
            }
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

fn broken(name: &str, error: &csv::Error) -> Refusal {
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            Refusal::invalid(format!("`{name}`, line {line}: the row has {len} fields, those before it {expected_len}"))
                .hint("give `delimiter` and `quote` if they were taken for others, or mend the line")
        }
        _ => Refusal::invalid(format!("`{name}` cannot be read: {error}")),
    }
}
