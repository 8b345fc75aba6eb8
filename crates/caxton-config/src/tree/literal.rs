//! From a place inside a TOML text's value back to the place in the file.

/// Walks a TOML string literal beside its value; gives the byte in `raw` at which the byte `at` of `value` is written.
///
/// Escapes, line continuations and the delimiters make the two differ. Nothing when they do not belong together.
pub(crate) fn raw_offset(raw: &str, value: &str, at: usize) -> Option<usize> {
    let (delimiter, escapes) = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|d| raw.starts_with(d)).map(|d| (d, d.starts_with('"')))?;
    let mut raw_at = delimiter.len();
    if delimiter.len() == 3 {
        let rest = raw.get(raw_at..)?;
        raw_at += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    for (value_at, c) in value.char_indices() {
        if escapes {
            raw_at = skip_continuations(raw, raw_at)?;
        }
        let rest = raw.get(raw_at..)?;
        if rest.starts_with("\r\n") && c == '\n' {
            raw_at += 1;
        }
        if value_at >= at {
            return Some(raw_at);
        }
        raw_at += if escapes && rest.starts_with('\\') { escape_len(rest)? } else { c.len_utf8() };
    }
    Some(raw_at)
}

/// A backslash at a line's end swallows the line break and all white space after it.
fn skip_continuations(raw: &str, mut at: usize) -> Option<usize> {
    loop {
        let Some(rest) = raw.get(at..)?.strip_prefix('\\') else {
            return Some(at);
        };
        let line_rest = rest.trim_start_matches([' ', '\t']);
        if !line_rest.starts_with(['\n', '\r']) {
            return Some(at);
        }
        at += 1 + (rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len());
    }
}

fn escape_len(rest: &str) -> Option<usize> {
    Some(match rest.as_bytes().get(1)? {
        b'x' => 4,
        b'u' => 6,
        b'U' => 10,
        _ => 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, marked: &str) {
        let value: toml::Table = format!("x = {raw}").parse().unwrap();
        let value = value["x"].as_str().unwrap();
        let at = raw_offset(raw, value, value.find("{{").unwrap()).unwrap();
        assert_eq!(&raw[at..], marked, "{raw}");
    }

    #[test]
    fn places_survive_escapes_and_continuations() {
        check("'a {{x'", "{{x'");
        check("'''\né {{x'''", "{{x'''");
        check("\"\"\"\r\na\r\nb {{x\"\"\"", "{{x\"\"\"");
        check(r#""\t\u00e9\U0001F600\\ {{x""#, "{{x\"");
        check("\"\"\"a\\\n   \n  {{x\"\"\"", "{{x\"\"\"");
    }
}
