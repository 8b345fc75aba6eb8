//! A request cut into words, numbers, quoted texts, addresses and signs.

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word,
    Number(f64),
    Quoted,
    Url,
    Sign,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    /// As it stands in the request; a quoted text without its quotes.
    pub(super) text: String,
    pub(super) lower: String,
    pub(super) kind: Kind,
    /// Where it begins and ends in the request, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    fn new(text: &str, kind: Kind, start: usize, end: usize) -> Self {
        Self { text: text.to_owned(), lower: text.to_lowercase(), kind, start, end }
    }

    pub(super) fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }

    pub(super) fn stem(&self) -> String {
        stem(&self.lower)
    }
}

/// A word without its plural ending; good enough to tell that `countries` and `country` are one word.
pub(super) fn stem(lower: &str) -> String {
    let cut = |len: usize, end: &str| lower.get(..lower.len().saturating_sub(len)).map(|root| format!("{root}{end}"));
    let long = lower.chars().count() > 3;
    let stemmed = if long && lower.ends_with("ies") {
        cut(3, "y")
    } else if long && ["sses", "shes", "ches", "xes", "zes"].iter().any(|end| lower.ends_with(end)) {
        cut(2, "")
    } else if long && lower.ends_with('s') && !["ss", "us", "is"].iter().any(|end| lower.ends_with(end)) {
        cut(1, "")
    } else {
        None
    };
    stemmed.unwrap_or_else(|| lower.to_owned())
}

/// The words of a name such as `tree_height`, `treeHeight` or `Tree height (m)`, in lower case.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut previous_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && previous_lower) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        previous_lower = c.is_lowercase();
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// The most tokens that are read; a longer request is prose, not a question to a planner.
pub(super) const TOKENS_MAX: usize = 400;

pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty() && tokens.len() < TOKENS_MAX) {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let (len, token) = next(rest, at, before);
        tokens.extend(token);
        at += len.max(1);
    }
    tokens
}

/// Reads one token, or something between tokens, and says how many bytes it took.
fn next(rest: &str, at: usize, before: Option<char>) -> (usize, Option<Token>) {
    let Some(first) = rest.chars().next() else { return (1, None) };
    let token = |len: usize, text: &str, kind| (len, Some(Token::new(text, kind, at, at + len)));
    if first.is_whitespace() {
        return (first.len_utf8(), None);
    }
    if let Some((inner, len)) = quoted(rest, before) {
        return token(len, inner, Kind::Quoted);
    }
    if rest.starts_with("https://") || rest.starts_with("http://") {
        let len = rest.find(|c: char| c.is_whitespace() || "<>\"'`".contains(c)).unwrap_or(rest.len());
        let url = rest.get(..len).unwrap_or(rest).trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
        return token(url.len(), url, Kind::Url);
    }
    if let Some((value, len)) = number(rest, before) {
        return token(len, rest.get(..len).unwrap_or_default(), Kind::Number(value));
    }
    if first.is_alphanumeric() {
        return word(rest, at);
    }
    if let Some(sign) = ["<=", ">=", "==", "!=", "<>"].iter().find(|sign| rest.starts_with(**sign)) {
        return token(2, sign, Kind::Sign);
    }
    let glued = before.is_some_and(char::is_alphanumeric) && rest.chars().nth(1).is_some_and(char::is_alphanumeric);
    if matches!(first, '(' | ')' | '_' | '\'' | '’') || (glued && matches!(first, '-' | '.')) {
        return (first.len_utf8(), None);
    }
    token(first.len_utf8(), rest.get(..first.len_utf8()).unwrap_or_default(), Kind::Sign)
}

/// A word; `country's` is `country`, `isn't` stays one word.
fn word(rest: &str, at: usize) -> (usize, Option<Token>) {
    let len = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    let base = rest.get(..len).unwrap_or_default();
    let tail = rest.get(len..).unwrap_or_default();
    let suffix = tail.strip_prefix(['\'', '’']).map(|suffix| {
        let end = suffix.find(|c: char| !c.is_alphabetic()).unwrap_or(suffix.len());
        suffix.get(..end).unwrap_or_default().to_lowercase()
    });
    let apostrophe = tail.chars().next().map_or(0, char::len_utf8);
    match suffix.as_deref() {
        Some("t") => {
            let whole = len + apostrophe + 1;
            (whole, Some(Token::new(&format!("{base}'t"), Kind::Word, at, at + whole)))
        }
        Some(suffix @ ("s" | "re" | "ve" | "ll" | "d" | "m")) => {
            (len + apostrophe + suffix.len(), Some(Token::new(base, Kind::Word, at, at + len)))
        }
        _ => (len, Some(Token::new(base, Kind::Word, at, at + len))),
    }
}

fn quoted(rest: &str, before: Option<char>) -> Option<(&str, usize)> {
    let open = rest.chars().next()?;
    let close = match open {
        '"' => '"',
        '“' => '”',
        '`' => '`',
        '\'' | '‘' if !before.is_some_and(char::is_alphanumeric) => {
            if open == '‘' {
                '’'
            } else {
                '\''
            }
        }
        _ => return None,
    };
    let body = rest.get(open.len_utf8()..)?;
    let end = body.find(close)?;
    let inner = body.get(..end)?;
    (!inner.trim().is_empty() && !inner.contains('\n')).then(|| (inner.trim(), open.len_utf8() + end + close.len_utf8()))
}

/// A number: a sign where nothing stands before it, digits, commas between thousands, a fraction, an exponent; not the beginning of a word.
fn number(rest: &str, before: Option<char>) -> Option<(f64, usize)> {
    let negative = rest.starts_with(['-', '−']) && !before.is_some_and(|c| c.is_alphanumeric() || c == ')');
    let positive = rest.starts_with('+') && !before.is_some_and(char::is_alphanumeric);
    let sign = if negative || positive { rest.chars().next()?.len_utf8() } else { 0 };
    let body = rest.get(sign..)?.as_bytes();
    let digits = |from: usize| body.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let mut len = digits(0);
    if len == 0 {
        return None;
    }
    if len <= 3 {
        while body.get(len) == Some(&b',') && digits(len + 1) == 3 {
            len += 4;
        }
    }
    if body.get(len) == Some(&b'.') && digits(len + 1) > 0 {
        len += 1 + digits(len + 1);
    }
    if matches!(body.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(body.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(len + 1 + sign);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    let follows = rest.get(sign + len..)?.chars().next();
    if follows.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let plain: String = rest.get(sign..sign + len)?.chars().filter(|c| *c != ',').collect();
    let value: f64 = plain.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some((if negative { -value } else { value }, sign + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let read: Vec<String> = tokens(text)
            .into_iter()
            .map(|token| match token.kind {
                Kind::Number(value) => format!("#{value}"),
                Kind::Quoted => format!("\"{}\"", token.text),
                Kind::Url => format!("<{}>", token.text),
                Kind::Word | Kind::Sign => token.text,
            })
            .collect();
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_request_falls_into_tokens() {
        check("What's the mean of tree_height?", &["What", "the", "mean", "of", "tree", "height", "?"]);
        check("x >= -3.5 and y<>1,200,000", &["x", ">=", "#-3.5", "and", "y", "<>", "#1200000"]);
        check("where \"New York\" isn't 'big'", &["where", "\"New York\"", "isn't", "\"big\""]);
        check("fetch https://example.com/a.json, please", &["fetch", "<https://example.com/a.json>", ",", "please"]);
        check("the 95th percentile, 10k, 1e3.", &["the", "95th", "percentile", ",", "10k", ",", "#1000", "."]);
        check("data.csv: the country's co2", &["data", "csv", ":", "the", "country", "co2"]);
        check("a-b 5-3 −2", &["a", "b", "#5", "#3", "#-2"]);
    }

    #[test]
    fn names_fall_into_words() {
        assert_eq!(words_of("treeHeight_m"), ["tree", "height", "m"]);
        assert_eq!(words_of("Größe (cm)"), ["größe", "cm"]);
        assert_eq!(words_of("CO2"), ["co2"]);
    }

    #[test]
    fn stems_join_singular_and_plural() {
        for (word, root) in
            [("countries", "country"), ("boxes", "box"), ("trees", "tree"), ("status", "status"), ("class", "class"), ("bus", "bus")]
        {
            assert_eq!(stem(word), root);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_cut_without_a_panic(text: String) {
            for token in tokens(&text) {
                proptest::prop_assert!(text.is_char_boundary(token.start) && text.is_char_boundary(token.end));
                proptest::prop_assert!(token.start < token.end);
            }
            let _ = words_of(&text);
        }
    }
}
