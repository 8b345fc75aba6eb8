//! Columns for people.

use crate::{
    console::{Console, FAINT},
    error::Result,
};

/// Rows under a heading, as wide as their content.
pub(crate) struct Table<const N: usize> {
    heading: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) const fn new(heading: [&'static str; N]) -> Self {
        Self { heading, rows: Vec::new() }
    }

    pub(crate) fn row<T: Into<String>>(&mut self, cells: [T; N]) {
        self.rows.push(cells.map(Into::into));
    }

    pub(crate) fn print(&self, console: &Console) -> Result<()> {
        let lines = self.lines();
        let mut lines = lines.iter();
        if let Some(heading) = lines.next() {
            console.line(console.painter().paint(FAINT, heading))?;
        }
        lines.try_for_each(|line| console.line(line))
    }

    fn lines(&self) -> Vec<String> {
        let mut widths = self.heading.map(|cell| cell.chars().count());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let rows = self.rows.iter().map(|row| line(&mut row.iter().map(String::as_str)));
        std::iter::once(line(&mut self.heading.into_iter())).chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_as_wide_as_their_content() {
        let mut table = Table::new(["A", "LONG"]);
        table.row(["wider", "x"]);
        table.row(["", "é"]);
        assert_eq!(table.lines(), ["A      LONG", "wider  x", "       é"]);
    }
}
