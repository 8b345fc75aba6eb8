//! Where a table comes from: an attachment or the arguments themselves.

use super::{
    Layout,
    sniff::{self, Known},
};
use crate::{CallContext, built_in::Refusal};
use bytes::Bytes;
use caxton_sandbox::Source as Content;
use caxton_types::{Code, nearest, unit::ByteSize};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufRead, BufReader, Cursor, Read as _},
};

/// The largest table that is read.
const LEN_MAX: ByteSize = ByteSize::mib(256);
const UTF8_BOM: &[u8] = &[0xEF, 0xBB, 0xBF];

/// How a call names its table.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Source {
    pub(crate) attachment: Option<String>,
    pub(crate) text: Option<String>,
    format: Option<Format>,
    delimiter: Option<String>,
    quote: Option<String>,
    header: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Csv,
    Tsv,
    Json,
    Ndjson,
}

/// The arguments by which a call names its table.
pub(crate) fn properties() -> Value {
    json!({
        "attachment": {"type": "string", "minLength": 1, "maxLength": 128, "description": "the name of a file that came with the message; may be left out where there is one only"},
        "text": {"type": "string", "minLength": 1, "description": "the table itself, instead of `attachment`"},
        "format": {"type": "string", "enum": ["csv", "tsv", "json", "ndjson"], "description": "found out where absent"},
        "delimiter": {"type": "string", "minLength": 1, "maxLength": 2, "description": "one character between fields, such as `;`; found out where absent"},
        "quote": {"type": "string", "enum": ["\"", "'"], "description": "the character around fields; found out where absent"},
        "header": {"type": "boolean", "description": "whether the first row names the columns; found out where absent"}
    })
}

/// A table before anything of it is read.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    name: String,
    content: Content,
    format: Option<Format>,
    known: Known,
}

impl Source {
    /// Whether the call names a table at all.
    pub(crate) const fn is_given(&self) -> bool {
        self.attachment.is_some() || self.text.is_some()
    }

    /// Finds what the call names.
    pub(crate) fn find(self, context: &CallContext<'_>) -> Result<Given, Refusal> {
        let known = self.known()?;
        let (name, source) = match (self.attachment, self.text) {
            (Some(_), Some(_)) => return Err(Refusal::invalid("both `attachment` and `text` are given").hint("give one of them")),
            (None, Some(text)) => ("text".to_owned(), Content::Bytes(Bytes::from(text))),
            (name, None) => {
                let found = match (&name, context.attachments) {
                    (Some(name), all) => all.iter().find(|attachment| attachment.name == *name),
                    (None, [only]) => Some(only),
                    (None, _) => None,
                };
                let found = found.ok_or_else(|| missing(name.as_deref(), context))?;
                (found.name.clone(), found.source.clone())
            }
        };
        Ok(Given { name, content: source, format: self.format, known })
    }

    fn known(&self) -> Result<Known, Refusal> {
        let delimiter = match (self.delimiter.as_deref(), self.format) {
            (None, Some(Format::Tsv)) => Some(b'\t'),
            (None, _) => None,
            (Some("\\t" | "\t"), _) => Some(b'\t'),
            (Some(given), _) => match given.as_bytes() {
                [one] if one.is_ascii() && !one.is_ascii_alphanumeric() && !matches!(one, b'"' | b'\n' | b'\r') => Some(*one),
                _ => {
                    return Err(
                        Refusal::invalid(format!("`delimiter` cannot be {given:?}")).hint("give one mark, such as `,`, `;`, `|` or `\\t`")
                    );
                }
            },
        };
        let quote = self.quote.as_deref().and_then(|quote| quote.bytes().next());
        Ok(Known { delimiter, quote, header: self.header })
    }
}

fn missing(name: Option<&str>, context: &CallContext<'_>) -> Refusal {
    let names: Vec<&str> = context.attachments.iter().map(|attachment| attachment.name.as_str()).collect();
    let reason = match name {
        Some(name) => format!("no attachment is named `{name}`"),
        None if names.is_empty() => "no file came with the message".into(),
        None => format!("{} files came with the message, and the call names none", names.len()),
    };
    let hint = match name.and_then(|name| nearest(name, names.iter().copied())) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if names.is_empty() => "give the table as `text`".into(),
        None => format!("there are: {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    Refusal::new(Code::NotFound, reason).hint(hint)
}

impl Given {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    #[cfg(test)]
    pub(crate) fn of(name: &str, bytes: impl Into<Bytes>) -> Self {
        Self { name: name.into(), content: Content::Bytes(bytes.into()), format: None, known: Known::default() }
    }

    /// Its bytes from the beginning, without a mark of UTF-8.
    pub(super) fn open(&self) -> Result<Box<dyn BufRead>, Refusal> {
        let failed = |error: std::io::Error| Refusal::new(Code::Internal, format!("`{}` could not be opened: {error}", self.name));
        let mut input: Box<dyn BufRead> = match &self.content {
            Content::Bytes(bytes) => Box::new(Cursor::new(bytes.clone())),
            Content::File(path) => {
                let file = File::open(path).map_err(failed)?;
                if file.metadata().map_err(failed)?.len() > LEN_MAX.get() {
                    return Err(Refusal::too_large(format!("`{}` is larger than {LEN_MAX}", self.name)));
                }
                Box::new(BufReader::with_capacity(64 << 10, file))
            }
        };
        let begin = input.fill_buf().map_err(failed)?;
        let (is_marked, is_wide) = (begin.starts_with(UTF8_BOM), begin.starts_with(&[0xFF, 0xFE]) || begin.starts_with(&[0xFE, 0xFF]));
        if is_wide {
            let reason = format!("`{}`, line 1, column 1: the file is UTF-16, not UTF-8", self.name);
            return Err(Refusal::invalid(reason).hint("save the file as UTF-8 and send it again"));
        }
        if is_marked {
            input.consume(UTF8_BOM.len());
        }
        Ok(input)
    }

    /// How it is written: what the call says, else what its name says, else how it begins.
    pub(super) fn layout(&self) -> Result<Layout, Refusal> {
        let failed = |error: std::io::Error| Refusal::new(Code::Internal, format!("`{}` could not be read: {error}", self.name));
        let mut sample = Vec::with_capacity(sniff::SAMPLE_LEN);
        self.open()?.take(sniff::SAMPLE_LEN as u64).read_to_end(&mut sample).map_err(failed)?;
        let begins = sample.iter().find(|byte| !byte.is_ascii_whitespace());
        let extension = self.name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let by_name = match extension.as_deref() {
            Some("json") => Some(Format::Json),
            Some("ndjson" | "jsonl") => Some(Format::Ndjson),
            Some("tsv" | "tab") => Some(Format::Tsv),
            Some("csv") => Some(Format::Csv),
            _ => None,
        };
        let format = self.format.or(by_name).unwrap_or(match begins {
            Some(b'[') => Format::Json,
            Some(b'{') => Format::Ndjson,
            _ => Format::Csv,
        });
        Ok(match format {
            // Objects one after the other, under the name of a list.
            Format::Json if self.format.is_none() && begins == Some(&b'{') => Layout::Ndjson,
            Format::Json => Layout::Json,
            Format::Ndjson => Layout::Ndjson,
            Format::Csv | Format::Tsv => {
                let is_whole = sample.len() < sniff::SAMPLE_LEN;
                // A name that says `tsv` says how fields are told apart, unless there is no tab.
                let delimiter = (format == Format::Tsv && sample.contains(&b'\t')).then_some(b'\t');
                Layout::Delimited(sniff::sniff(&sample, is_whole, Known { delimiter: self.known.delimiter.or(delimiter), ..self.known }))
            }
        })
    }
}
