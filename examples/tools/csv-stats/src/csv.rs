//! A streaming reader of CSV: RFC 4180 with the liberties that real files take.
//!
//! Quoted fields may hold delimiters, line ends and doubled quotes. Lines end in LF, CRLF or CR. A byte order mark is
//! skipped; the delimiter (comma, semicolon or tab) is the one that the header and the lines after it hold equally often.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

const HEAD_LEN: u64 = 64 << 10;
/// Lines that the delimiter is told from.
const LINES_COMPARED: u32 = 20;
const RECORD_LEN_MAX: usize = 1 << 20;
pub(crate) const FIELDS_MAX: usize = 1000;

#[derive(Debug)]
pub(crate) enum Error {
    Io,
    NotText,
    RecordTooLong { record: u64 },
    QuoteOpen { record: u64 },
}

impl From<io::Error> for Error {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

/// One record; reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    quoted: bool,
}

impl Record {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field's bytes; empty where the record is short.
    pub(crate) fn field(&self, index: usize) -> &[u8] {
        let start = match index.checked_sub(1) {
            Some(before) => self.ends.get(before).copied(),
            None => Some(0),
        };
        let end = self.ends.get(index).copied();
        start.zip(end).and_then(|(start, end)| self.text.get(start..end)).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.quoted = false;
    }

    fn end_field(&mut self) {
        self.ends.push(self.text.len());
    }

    fn is_blank(&self) -> bool {
        self.ends.len() == 1 && self.text.is_empty() && !self.quoted
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// The record before ended in CR: an LF belongs to it.
    AfterReturn,
    FieldStart,
    Plain,
    Quoted,
    /// A quote inside a quoted field: its end, or half of a doubled quote.
    QuoteInQuoted,
}

#[derive(PartialEq)]
enum Step {
    More,
    Ended,
    EndedByReturn,
}

pub(crate) struct Reader<R> {
    input: BufReader<Chain<Cursor<Vec<u8>>, R>>,
    delimiter: u8,
    after_return: bool,
    records: u64,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(mut input: R) -> Result<Self, Error> {
        let mut head = Vec::new();
        input.by_ref().take(HEAD_LEN).read_to_end(&mut head)?;
        if head.contains(&0) || head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err(Error::NotText);
        }
        let mut start = Cursor::new(head);
        if start.get_ref().starts_with(b"\xef\xbb\xbf") {
            start.set_position(3);
        }
        let delimiter = detect(start.get_ref());
        let input = BufReader::with_capacity(32 << 10, start.chain(input));
        Ok(Self { input, delimiter, after_return: false, records: 0 })
    }

    pub(crate) fn delimiter(&self) -> char {
        self.delimiter as char
    }

    /// Reads the next record that is not a blank line; `false` at the end of the file.
    pub(crate) fn read(&mut self, record: &mut Record) -> Result<bool, Error> {
        while self.read_any(record)? {
            if !record.is_blank() {
                self.records += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_any(&mut self, record: &mut Record) -> Result<bool, Error> {
        record.clear();
        let mut state = if self.after_return { State::AfterReturn } else { State::FieldStart };
        self.after_return = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let (used, step) = scan(buffer, self.delimiter, &mut state, record);
            self.input.consume(used);
            if record.text.len() > RECORD_LEN_MAX || record.ends.len() > FIELDS_MAX {
                return Err(Error::RecordTooLong { record: self.records + 1 });
            }
            if step != Step::More {
                self.after_return = step == Step::EndedByReturn;
                return Ok(true);
            }
        }
        match state {
            State::Quoted => Err(Error::QuoteOpen { record: self.records + 1 }),
            State::AfterReturn | State::FieldStart if record.ends.is_empty() => Ok(false),
            _ => {
                record.end_field();
                Ok(true)
            }
        }
    }
}

/// Moves through one buffer until the record or the buffer ends; says how many bytes it used.
fn scan(buffer: &[u8], delimiter: u8, state: &mut State, record: &mut Record) -> (usize, Step) {
    let mut at = 0;
    while let Some(&byte) = buffer.get(at) {
        match *state {
            State::AfterReturn => {
                at += usize::from(byte == b'\n');
                *state = State::FieldStart;
            }
            State::FieldStart if byte == b'"' => {
                *state = State::Quoted;
                record.quoted = true;
                at += 1;
            }
            State::FieldStart | State::Plain => {
                *state = State::Plain;
                at += take_until(buffer, at, record, |byte| byte == delimiter || byte == b'\n' || byte == b'\r');
                let Some(&end) = buffer.get(at) else { break };
                at += 1;
                record.end_field();
                match end {
                    b'\n' => return (at, Step::Ended),
                    b'\r' => return (at, Step::EndedByReturn),
                    _ => *state = State::FieldStart,
                }
                if record.ends.len() > FIELDS_MAX {
                    break;
                }
            }
            State::Quoted => {
                at += take_until(buffer, at, record, |byte| byte == b'"');
                if at < buffer.len() {
                    *state = State::QuoteInQuoted;
                    at += 1;
                }
            }
            State::QuoteInQuoted if byte == b'"' => {
                record.text.push(b'"');
                *state = State::Quoted;
                at += 1;
            }
            // The field was closed; what follows up to the delimiter is kept as it stands.
            State::QuoteInQuoted => *state = State::Plain,
        }
    }
    (at, Step::More)
}

fn take_until(buffer: &[u8], at: usize, record: &mut Record, stop: impl Fn(u8) -> bool) -> usize {
    let rest = buffer.get(at..).unwrap_or_default();
    let run = rest.iter().position(|byte| stop(*byte)).unwrap_or(rest.len());
    record.text.extend_from_slice(rest.get(..run).unwrap_or_default());
    run
}

/// The delimiter that the header holds and the next lines hold as often; of those, the most frequent; else the comma.
fn detect(head: &[u8]) -> u8 {
    const CANDIDATES: [u8; 3] = [b',', b';', b'\t'];
    let mut best = (0, 0, b',');
    for candidate in CANDIDATES {
        let (mut quoted, mut count, mut header, mut alike) = (false, 0_u32, None, 0_u32);
        for &byte in head {
            match byte {
                b'"' => quoted = !quoted,
                b'\n' | b'\r' if !quoted => {
                    alike += u32::from(*header.get_or_insert(count) == count);
                    count = 0;
                    if alike == LINES_COMPARED {
                        break;
                    }
                }
                _ => count += u32::from(byte == candidate && !quoted),
            }
        }
        let header = header.unwrap_or(count);
        if header > 0 && (alike, header) > (best.0, best.1) {
            best = (alike, header, candidate);
        }
    }
    best.2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time, so that every state is met at the edge of a buffer.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = self.0.len().min(out.len()).min(1);
            out[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }

    fn rows(reader: &mut Reader<impl Read>) -> Result<Vec<Vec<String>>, String> {
        let (mut rows, mut record) = (Vec::new(), Record::default());
        while reader.read(&mut record).map_err(|error| format!("{error:?}"))? {
            rows.push((0..record.len()).map(|i| String::from_utf8_lossy(record.field(i)).into_owned()).collect());
        }
        Ok(rows)
    }

    fn check(text: &str, expected: &[&[&str]]) {
        let expected: Vec<Vec<String>> = expected.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect();
        let mut whole = Reader::new(text.as_bytes()).unwrap();
        assert_eq!(rows(&mut whole), Ok(expected.clone()), "{text:?}");
        let mut drip = Reader::new(Drip(text.as_bytes())).unwrap();
        assert_eq!(rows(&mut drip), Ok(expected.clone()), "{text:?}");
        let (head, tail) = text.as_bytes().split_at(text.len().min(1));
        let start = Cursor::new(head.to_vec()).chain(Drip(tail));
        let mut torn = Reader { input: BufReader::with_capacity(1, start), delimiter: whole.delimiter, after_return: false, records: 0 };
        if !text.starts_with('\u{feff}') {
            assert_eq!(rows(&mut torn), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn records_are_read_whatever_ends_their_lines() {
        for end in ["\n", "\r\n", "\r"] {
            check(&["a,b", "1,2", "", "3,"].join(end), &[&["a", "b"], &["1", "2"], &["3", ""]]);
            check(&(["a,b", "1,2"].join(end) + end), &[&["a", "b"], &["1", "2"]]);
        }
        check("", &[]);
        check("\u{feff}a\n1\n", &[&["a"], &["1"]]);
    }

    #[test]
    fn quotes_hold_delimiters_line_ends_and_quotes() {
        check("a,b\n\"x,\"\"y\"\"\r\nz\",2\n", &[&["a", "b"], &["x,\"y\"\r\nz", "2"]]);
        check("a,b\n\"\",x\"y\n\"q\"z,\"\"\"\"", &[&["a", "b"], &["", "x\"y"], &["qz", "\""]]);
    }

    #[test]
    fn the_delimiter_is_found() {
        check("a;b;c,d\n1;2;3\n", &[&["a", "b", "c,d"], &["1", "2", "3"]]);
        check("a\tb\n1\t2", &[&["a", "b"], &["1", "2"]]);
        check("\"a,a,a\";b\n1;2", &[&["a,a,a", "b"], &["1", "2"]]);
        check("a, b;c, d\n1;2\n3;4\n", &[&["a, b", "c, d"], &["1", "2"], &["3", "4"]]);
        check("a;b\n1,5;2,5\n", &[&["a", "b"], &["1,5", "2,5"]]);
        check("a;b;c", &[&["a", "b", "c"]]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let error = |text: &[u8]| {
            Reader::new(text).and_then(|mut reader| {
                let mut record = Record::default();
                while reader.read(&mut record)? {}
                Ok(())
            })
        };
        assert!(matches!(error(b"a\n\"open"), Err(Error::QuoteOpen { record: 2 })));
        assert!(matches!(error(b"\xff\xfea\0"), Err(Error::NotText)));
        assert!(matches!(error(b"PK\x03\x04\0"), Err(Error::NotText)));
        assert!(matches!(error(&vec![b'x'; RECORD_LEN_MAX + 1]), Err(Error::RecordTooLong { record: 1 })));
        assert!(matches!(error(&[b','; FIELDS_MAX + 1]), Err(Error::RecordTooLong { record: 1 })));
    }
}
