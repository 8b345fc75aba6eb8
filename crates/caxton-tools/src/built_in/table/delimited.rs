//! Tables as text: fields between delimiters, in quotes where they have to be. Read as a stream.

use super::sniff::Dialect;
use crate::built_in::Refusal;
use csv::{ByteRecord, ErrorKind, ReaderBuilder};
use std::io::Read;

/// What is done with the fields of each row.
type EachLine<'f> = &'f mut dyn FnMut(&[&str]) -> Result<(), Refusal>;

/// Hands over each row, without the header.
pub(super) fn read(input: impl Read, name: &str, dialect: Dialect, each: EachLine<'_>) -> Result<Vec<String>, Refusal> {
    let mut reader = ReaderBuilder::new()
        .delimiter(dialect.delimiter)
        .quote(dialect.quote)
        .has_headers(false)
        .flexible(false)
        .buffer_capacity(64 << 10)
        .from_reader(input);
    let mut record = ByteRecord::new();
    let mut header = None;
    while reader.read_byte_record(&mut record).map_err(|error| broken(name, &error))? {
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
    for (at, field) in fields.iter().enumerate() {
        let plain = if field.trim().is_empty() { format!("column_{}", at + 1) } else { field.trim().to_owned() };
        let mut name = plain.clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{plain}_{number}");
            number += 1;
        }
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
