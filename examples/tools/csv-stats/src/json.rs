//! JSON, as much of it as a tool server needs: one value type, a strict parser, a writer.

use crate::number;

/// How deep arguments may nest.
const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Array(Vec<Json>),
    /// In the order written; a later value of the same key wins, as in every common parser.
    Object(Vec<(String, Json)>),
}

impl Json {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    #[allow(clippy::cast_precision_loss)] // Counts stay far below 2^53.
    pub fn count(count: u64) -> Self {
        Self::Number(count as f64)
    }

    /// A number, or null where there is none.
    pub fn number(number: Option<f64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }

    pub fn object<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// Adds a field to an object; anything else is left as it is.
    pub fn set(&mut self, key: &str, value: Self) {
        if let Self::Object(fields) = self {
            fields.push((key.to_owned(), value));
        }
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        match parser.peek() {
            None => Ok(value),
            Some(_) => Err(parser.wrong("the end")),
        }
    }

    pub fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => out.push_str(&number::exact(*number)),
            Self::Text(text) => write_text(text, out),
            Self::Array(items) => {
                let mut open = '[';
                for item in items {
                    out.push(open);
                    item.write(out);
                    open = ',';
                }
                out.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Self::Object(fields) => {
                let mut open = '{';
                for (key, value) in fields {
                    out.push(open);
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                    open = ',';
                }
                out.push_str(if fields.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                out.push_str("\\u00");
                for shift in [4, 0] {
                    out.push(char::from_digit((control as u32 >> shift) & 15, 16).unwrap_or('0'));
                }
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong("a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        let mut fields = Vec::new();
        self.at += 1;
        if self.eat(b'}') {
            return Ok(Json::Object(fields));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key"));
            }
            let key = self.string()?;
            if !self.eat(b':') {
                return Err(self.wrong("`:`"));
            }
            fields.push((key, self.value(depth + 1)?));
            if self.eat(b'}') {
                return Ok(Json::Object(fields));
            }
            if !self.eat(b',') {
                return Err(self.wrong("`,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, String> {
        let mut items = Vec::new();
        self.at += 1;
        if self.eat(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.eat(b']') {
                return Ok(Json::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.wrong("`,` or `]`"));
            }
        }
    }

    /// Called at the opening quote.
    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let run = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').ok_or_else(|| self.wrong("a closing quote"))?;
            out.push_str(rest.get(..run).unwrap_or_default());
            self.at += run;
            match self.rest().as_bytes().first() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return Err(self.wrong("an escaped control character")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let letter = self.rest().as_bytes().first().copied();
        self.at += 1;
        Ok(match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => plain as char,
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let high = self.hex()?;
                if (0xd800..0xdc00).contains(&high) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    let low = self.hex()?;
                    let joined = 0x1_0000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
                    return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => {
                self.at -= 1;
                return Err(self.wrong("an escape"));
            }
        })
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.rest().get(..4).ok_or_else(|| self.wrong("four hex digits"))?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.wrong("four hex digits"));
        }
        let code = u32::from_str_radix(digits, 16).map_err(|_| self.wrong("four hex digits"))?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Json, String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let digits = rest.get(..end).unwrap_or_default();
        let number = number::parse(digits.as_bytes()).ok_or_else(|| self.wrong("a number"))?;
        self.at += end;
        Ok(Json::Number(number))
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, String> {
        if !self.rest().starts_with(word) {
            return Err(self.wrong("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let skipped = self.rest().bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at += skipped;
        self.rest().bytes().next()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, wanted: &str) -> String {
        format!("not JSON: expected {wanted} at byte {}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        let mut out = String::new();
        Json::parse(text).map_or_else(
            |error| error,
            |value| {
                value.write(&mut out);
                out
            },
        )
    }

    #[test]
    fn what_is_read_is_written_again() {
        for text in
            [r#"{"a":[1,2.5,-3e-9],"b":{"c":null,"d":true,"e":false},"f":[],"g":{}}"#, r#""a \"quote\", a \\, a \n, a é and a \u0001""#]
        {
            assert_eq!(round(text).replace("0.000000003", "3e-9"), text);
        }
        assert_eq!(round(" [ 1 , \"\\u00e9\\ud83d\\ude00\\/\" ] "), "[1,\"é😀/\"]");
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        assert_eq!(round("{\"a\" 1}"), "not JSON: expected `:` at byte 5");
        assert_eq!(round("[1,]"), "not JSON: expected a value at byte 3");
        assert_eq!(round("\"abc"), "not JSON: expected a closing quote at byte 1");
        assert_eq!(round("1 2"), "not JSON: expected the end at byte 2");
        assert_eq!(round("\"\\ux\""), "not JSON: expected four hex digits at byte 3");
        assert_eq!(round(&"[".repeat(100)), "nested deeper than 32");
        assert_eq!(round(""), "not JSON: expected a value at byte 0");
    }
}
