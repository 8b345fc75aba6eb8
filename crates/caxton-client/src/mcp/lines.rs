//! Lines of an input, each whole and none too long.

use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    len_max: usize,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, len_max: usize) -> Self {
        Self { reader, line: Vec::new(), len_max }
    }

    /// The next line, without its end; none at the end of the input. Giving up on it loses nothing.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let piece = self.reader.fill_buf().await?;
            if piece.is_empty() {
                let last = std::mem::take(&mut self.line);
                return Ok((!last.is_empty()).then_some(last));
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let taken = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
            if self.line.len() + taken.len() > self.len_max {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line is longer than {} bytes", self.len_max)));
            }
            self.line.extend_from_slice(taken);
            let used = taken.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_whole_and_bounded() {
        let mut lines = Lines::new(tokio::io::BufReader::with_capacity(3, &b"one\n\nthree\nend"[..]), 5);
        let mut seen = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            seen.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(seen, ["one", "", "three", "end"]);
        assert!(Lines::new(&b"longer\n"[..], 5).next().await.is_err());
    }
}
