//! Server-sent events out of the pieces in which they arrive.

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Frame {
    pub(crate) id: Option<String>,
    pub(crate) event: String,
    pub(crate) data: String,
}

/// The longest event that is read.
const FRAME_LEN_MAX: usize = 8 << 20;

/// An event is longer than any that the server sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Gathers bytes until events are whole.
#[derive(Debug)]
pub(crate) struct Frames {
    len_max: usize,
    line: Vec<u8>,
    frame: Frame,
    has_data: bool,
    after_return: bool,
}

impl Default for Frames {
    fn default() -> Self {
        Self::up_to(FRAME_LEN_MAX)
    }
}

impl Frames {
    /// For events of at most so many bytes.
    pub(crate) fn up_to(len_max: usize) -> Self {
        Self { len_max, line: Vec::new(), frame: Frame::default(), has_data: false, after_return: false }
    }

    /// Takes a piece and gives the events that it completes.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<Frame>, TooLong> {
        let mut whole = Vec::new();
        for &byte in piece {
            let ends = byte == b'\n' || byte == b'\r';
            // `\r\n` ends one line, not two.
            if !(byte == b'\n' && self.after_return) {
                if ends {
                    let line = std::mem::take(&mut self.line);
                    whole.extend(self.end_line(&String::from_utf8_lossy(&line)));
                } else {
                    self.line.push(byte);
                }
            }
            self.after_return = byte == b'\r';
            if self.line.len() + self.frame.data.len() > self.len_max {
                return Err(TooLong);
            }
        }
        Ok(whole)
    }

    fn end_line(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.frame.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.frame.event),
            "data" => {
                if self.has_data {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
                self.has_data = true;
            }
            // Comments are heartbeats; other fields mean nothing here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(pieces: &[&[u8]]) -> Vec<(Option<String>, String, String)> {
        let mut frames = Frames::default();
        let whole = pieces.iter().flat_map(|piece| frames.push(piece).unwrap());
        whole.map(|frame| (frame.id, frame.event, frame.data)).collect()
    }

    #[test]
    fn events_are_whole_however_they_are_cut() {
        let text = ": heartbeat\n\nid: 7\nevent: turn_ended\ndata: {\"a\":\ndata: \"ä\"}\n\nevent: delta\ndata:x\n\n".as_bytes();
        let expected =
            vec![(Some("7".to_owned()), "turn_ended".to_owned(), "{\"a\":\n\"ä\"}".to_owned()), (None, "delta".to_owned(), "x".to_owned())];
        for at in 0..text.len() {
            let (head, tail) = text.split_at(at);
            assert_eq!(frames(&[head, tail]), expected, "cut at {at}");
        }
        let returns = String::from_utf8_lossy(text).replace('\n', "\r\n");
        let bytes: Vec<&[u8]> = returns.as_bytes().chunks(1).collect();
        assert_eq!(frames(&bytes), expected);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut frames = Frames::default();
        let piece = vec![b'x'; 1 << 20];
        let outcome = (0..9).try_for_each(|_| frames.push(&piece).map(drop));
        assert_eq!(outcome, Err(TooLong));
    }
}
