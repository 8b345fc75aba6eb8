//! An attached CSV file as a table: its columns by name, its rows in order.

use std::{borrow::Cow, fs::File, io::Read, path::Path};

use crate::{
    csv::{self, Reader, Record},
    json::Json,
    tools::{Error, listed},
};

/// What of one row is shown: more would drown a model.
const CELLS_SHOWN: usize = 50;
const CELL_LEN_SHOWN: usize = 200;

pub(crate) struct Table<R> {
    pub(crate) columns: Vec<String>,
    /// Data rows read so far.
    pub(crate) rows: u64,
    /// Rows with another number of fields than the header.
    pub(crate) ragged: u64,
    file: String,
    reader: Reader<R>,
}

/// Opens an attachment by its plain name.
pub(crate) fn open(root: &Path, name: &str) -> Result<Table<File>, Error> {
    if name.is_empty() || name.len() > 255 || name == "." || name == ".." || name.contains(['/', '\\', '\0']) {
        return Err(Error::Invalid(format!("`{name}` is not the plain name of an attachment")));
    }
    let file = File::open(root.join(name)).map_err(|_| Error::Invalid(format!("no attachment is named `{name}`")))?;
    Table::new(name, file)
}

impl<R: Read> Table<R> {
    pub(crate) fn new(file: &str, input: R) -> Result<Self, Error> {
        let mut reader = Reader::new(input).map_err(|error| unreadable(file, &error))?;
        let mut header = Record::default();
        if !reader.read(&mut header).map_err(|error| unreadable(file, &error))? {
            return Err(Error::Failed(format!("`{file}` is empty: it has no header line")));
        }
        let mut columns: Vec<String> = Vec::with_capacity(header.len());
        for index in 0..header.len() {
            let name = text(header.field(index)).trim().to_owned();
            let name = if name.is_empty() { format!("column {}", index + 1) } else { name };
            let twin = columns.iter().filter(|other| **other == name).count();
            columns.push(if twin == 0 { name } else { format!("{name} ({})", index + 1) });
        }
        Ok(Self { columns, rows: 0, ragged: 0, file: file.to_owned(), reader })
    }

    pub(crate) fn delimiter(&self) -> char {
        self.reader.delimiter()
    }

    pub(crate) fn next(&mut self, record: &mut Record) -> Result<bool, Error> {
        let more = self.reader.read(record).map_err(|error| unreadable(&self.file, &error))?;
        self.rows += u64::from(more);
        self.ragged += u64::from(more && record.len() != self.columns.len());
        Ok(more)
    }

    /// Finds a column: as written but for blanks around it, else regardless of case where only one fits.
    pub(crate) fn column(&self, name: &str) -> Result<usize, Error> {
        let name = name.trim();
        if let Some(index) = self.columns.iter().position(|column| column == name) {
            return Ok(index);
        }
        let wanted = fold(name);
        let mut alike = self.columns.iter().enumerate().filter(|(_, column)| fold(column) == wanted);
        if let (Some((index, _)), None) = (alike.next(), alike.next()) {
            return Ok(index);
        }
        let mut near: Vec<(usize, &str)> = self.columns.iter().map(|column| (distance(&fold(column), &wanted), column.as_str())).collect();
        near.sort_unstable();
        let near = listed(&mut near.into_iter().take(5).map(|(_, column)| column));
        Err(Error::Invalid(format!("`{}` has no column `{name}`; nearest: {near}", self.file)))
    }

    /// The row as an object of texts, as far as it is shown.
    pub(crate) fn cells(&self, record: &Record) -> Json {
        let shown = self.columns.iter().take(CELLS_SHOWN).enumerate();
        Json::Object(shown.map(|(index, name)| (name.clone(), Json::Text(shown_cell(record.field(index))))).collect())
    }
}

/// Text as it is compared: in lower case where the alphabet is Latin, Greek or Cyrillic. The tables of all of Unicode
/// would be a tenth of the component.
pub(crate) fn fold(text: &str) -> String {
    let lower = |character: char| match character {
        'À'..='Þ' if character != '×' => char::from_u32(character as u32 + 0x20),
        'Α'..='Ω' | 'А'..='Я' => char::from_u32(character as u32 + 0x20),
        'Ѐ'..='Џ' => char::from_u32(character as u32 + 0x50),
        // Here upper and lower case take turns.
        'Ā'..='ķ' | 'Ŋ'..='ŷ' if character != 'İ' => char::from_u32(character as u32 | 1),
        'Ĺ'..='ň' | 'Ź'..='ž' => char::from_u32(character as u32 + (character as u32 & 1)),
        _ => Some(character.to_ascii_lowercase()),
    };
    text.chars().map(|character| lower(character).unwrap_or(character)).collect()
}

pub(crate) fn text(cell: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(cell)
}

/// A cell cut to what is shown of it.
pub(crate) fn shown_cell(cell: &[u8]) -> String {
    let cell = text(cell);
    match cell.char_indices().nth(CELL_LEN_SHOWN) {
        Some((end, _)) => format!("{}…", cell.get(..end).unwrap_or_default()),
        None => cell.into_owned(),
    }
}

/// The edit distance, of names short enough that its square is nothing; longer ones count as far.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().take(100).collect(), right.chars().take(100).collect());
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut corner = i;
        let mut before = i + 1;
        for (b, cell) in right.iter().zip(row.iter_mut().skip(1)) {
            let changed = corner + usize::from(a != b);
            corner = *cell;
            *cell = changed.min(before + 1).min(corner + 1);
            before = *cell;
        }
    }
    if right.is_empty() { left.len() } else { row.last().copied().unwrap_or_default() }
}

fn unreadable(file: &str, error: &csv::Error) -> Error {
    Error::Failed(match error {
        csv::Error::Io => format!("`{file}` could not be read"),
        csv::Error::NotText => format!("`{file}` is not CSV text in UTF-8"),
        csv::Error::RecordTooLong { record } => {
            format!("record {record} of `{file}` is longer than 1 MiB or has more than {} fields", csv::FIELDS_MAX)
        }
        csv::Error::QuoteOpen { record } => {
            format!("a quote is opened in record {record} of `{file}` and never closed")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_folded_where_the_alphabet_has_one() {
        let known = |c: &char| !matches!(*c as u32, 0xd7 | 0x130 | 0x178 | 0x17f | 0x3a2);
        for c in ('\0'..'\u{17f}').chain('Α'..'\u{3aa}').chain('Ѐ'..'\u{460}').filter(known) {
            assert_eq!(fold(&c.to_string()), c.to_lowercase().to_string());
        }
        assert_eq!(fold("東京 ẞ ×"), "東京 ẞ ×");
    }

    #[test]
    fn distances() {
        for (left, right, expected) in [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("abc", "abc", 0)] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn columns_are_found_by_name_or_refused_with_the_nearest() {
        let table = Table::new("t.csv", "Zone,lat,,lat,Lat\n".as_bytes()).unwrap();
        assert_eq!(table.columns, ["Zone", "lat", "column 3", "lat (4)", "Lat"]);
        assert_eq!(table.column("zone").unwrap(), 0);
        assert_eq!(table.column("Lat").unwrap(), 4);
        assert_eq!(table.column(" lat").unwrap(), 1);
        let Err(Error::Invalid(message)) = table.column("LAT") else { panic!("two fit") };
        assert_eq!(message, "`t.csv` has no column `LAT`; nearest: Lat, lat, Zone, lat (4), column 3");
    }
}
