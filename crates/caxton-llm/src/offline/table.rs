//! What the first lines of an attached CSV file tell: its columns, their kind, some of their values.

use super::token::words_of;
use caxton_types::AttachmentView;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    /// Some of both, or nothing seen.
    Unknown,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) kind: Kind,
    /// Cells seen, without doubles.
    pub(super) cells: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The attachment's name.
    pub(super) file: String,
    pub(super) columns: Vec<Column>,
}

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Table {
    /// Reads a file's head; none where the file is no table or nothing of it is seen.
    pub(super) fn read(file: &AttachmentView) -> Option<Self> {
        if !is_table(file) {
            return None;
        }
        let head = file.head.as_deref()?.trim_start_matches('\u{feff}');
        let whole = u64::try_from(head.len()).is_ok_and(|len| len >= file.size.saturating_sub(3));
        let first = head.lines().find(|line| !line.trim().is_empty())?;
        let delimiter = DELIMITERS.into_iter().rev().max_by_key(|delimiter| count(first, *delimiter)).filter(|d| count(first, *d) > 0);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter.unwrap_or(b','))
            .trim(csv::Trim::All)
            .from_reader(head.as_bytes());
        let mut rows = reader.records().map_while(Result::ok).filter(|row| row.iter().any(|cell| !cell.is_empty()));
        let header = rows.next()?;
        let rows: Vec<csv::StringRecord> = rows.collect();
        // A head that ends inside its first line shows the last name cut: better none than half of one.
        let seen = if head.contains(['\n', '\r']) || whole { header.len() } else { header.len().saturating_sub(1) };
        // The last row of a head that does not end its line may be cut as well.
        let complete = if whole || head.ends_with(['\n', '\r']) { rows.len() } else { rows.len().saturating_sub(1) };
        let mut columns: Vec<Column> = Vec::with_capacity(seen);
        for (index, name) in header.iter().enumerate().take(seen) {
            // An unnamed column, or a name that stands twice, cannot be asked for.
            if !name.is_empty() && !columns.iter().any(|column| column.name == name) {
                columns.push(Column::new(name, rows.iter().take(complete).filter_map(|row| row.get(index))));
            }
        }
        (!columns.is_empty()).then(|| Self { file: file.name.to_string(), columns })
    }

    pub(super) fn names(&self) -> String {
        const SHOWN: usize = 12;
        let shown: Vec<String> = self.columns.iter().take(SHOWN).map(|column| format!("`{}`", column.name)).collect();
        let rest = if self.columns.len() > SHOWN { ", …" } else { "" };
        format!("{}{rest}", shown.join(", "))
    }
}

impl Column {
    fn new<'a>(name: &str, cells: impl Iterator<Item = &'a str>) -> Self {
        let mut seen: Vec<String> = Vec::new();
        let (mut numbers, mut texts) = (0, 0);
        for cell in cells.filter(|cell| !cell.is_empty()) {
            if is_number(cell) {
                numbers += 1;
            } else {
                texts += 1;
            }
            if !seen.iter().any(|known| known == cell) {
                seen.push(cell.to_owned());
            }
        }
        let kind = match (numbers, texts) {
            (1.., 0) => Kind::Number,
            (0, 1..) => Kind::Text,
            _ => Kind::Unknown,
        };
        Self { name: name.to_owned(), words: words_of(name), kind, cells: seen }
    }
}

fn is_number(cell: &str) -> bool {
    cell.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && cell.parse::<f64>().is_ok_and(f64::is_finite)
}

fn count(line: &str, delimiter: u8) -> usize {
    let mut quoted = false;
    line.bytes()
        .filter(|b| {
            quoted ^= *b == b'"';
            !quoted && *b == delimiter
        })
        .count()
}

fn is_table(file: &AttachmentView) -> bool {
    let name = file.name.to_lowercase();
    let media = file.media_type.to_lowercase();
    [".csv", ".tsv", ".tab"].iter().any(|end| name.ends_with(end))
        || ["text/csv", "text/tab-separated-values"].iter().any(|m| media.starts_with(m))
}

#[cfg(test)]
mod tests {
    use super::*;
    use caxton_types::Digest;

    fn table(head: &str, size: u64) -> Table {
        let file =
            AttachmentView { name: "a.csv".into(), media_type: "text/csv".into(), size, digest: Digest::of(b""), head: Some(head.into()) };
        Table::read(&file).unwrap()
    }

    fn check(head: &str, expected: &[(&str, Kind, &[&str])]) {
        let table = table(head, 10_000);
        let read: Vec<_> =
            table.columns.iter().map(|c| (c.name.as_str(), c.kind, c.cells.iter().map(String::as_str).collect::<Vec<_>>())).collect();
        let expected: Vec<_> = expected.iter().map(|(name, kind, cells)| (*name, *kind, cells.to_vec())).collect();
        assert_eq!(read, expected, "{head}");
    }

    #[test]
    fn columns_and_their_kinds_are_read() {
        check("a,b c\n1,x\n2.5,x\n", &[("a", Kind::Number, &["1", "2.5"]), ("b c", Kind::Text, &["x"])]);
        check("\u{feff}a;b\r\n1;\"x;y\"\r\n", &[("a", Kind::Number, &["1"]), ("b", Kind::Text, &["x;y"])]);
        check("a\tb\n1\tx\n", &[("a", Kind::Number, &["1"]), ("b", Kind::Text, &["x"])]);
        check("\"a,b\",c\n1,2\n", &[("a,b", Kind::Number, &["1"]), ("c", Kind::Number, &["2"])]);
        check("a,b\n1,\nx,\n", &[("a", Kind::Unknown, &["1", "x"]), ("b", Kind::Unknown, &[])]);
    }

    #[test]
    fn what_is_cut_is_not_taken_for_whole() {
        check("a,b\n1,x\n2,yy", &[("a", Kind::Number, &["1"]), ("b", Kind::Text, &["x"])]);
        check("alpha,beta,gam", &[("alpha", Kind::Unknown, &[]), ("beta", Kind::Unknown, &[])]);
        assert_eq!(table("a,b\n1,x", 7).columns[1].cells, ["x"]);
    }
}
