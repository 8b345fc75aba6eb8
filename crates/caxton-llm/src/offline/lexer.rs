//! Tokens as items: which words name a column, which are cells, which do something in a question, and which are left as content.

use super::{
    table::{self, Table},
    token::{Kind, Token, stem, tokens, words_of},
    vocabulary::{Operation, PHRASES, Role, role},
};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Column(usize),
    /// Words that fit several columns equally well.
    Ambiguous(Vec<usize>),
    /// The text of a cell that was seen.
    Cell,
    Number(f64),
    Quoted,
    Role(Role),
    /// `95th percentile`.
    Percentile(f64),
    /// The attachment, or what its name says its rows are.
    File,
    Word,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) what: What,
    /// As it stands in the request.
    pub(super) text: String,
    /// Where the text is a cell: in which columns, and how it is written there.
    pub(super) cells: Vec<(usize, String)>,
}

impl Item {
    pub(super) fn role(&self) -> Option<Role> {
        match &self.what {
            What::Role(role) => Some(*role),
            What::Percentile(_) => Some(Role::Operation(Operation::Percentile)),
            _ => None,
        }
    }

    pub(super) fn is_noise(&self) -> bool {
        matches!(self.role(), Some(Role::Noise | Role::ColumnWord)) || self.what == What::File
    }
}

pub(super) fn items(request: &str, table: &Table) -> Vec<Item> {
    let tokens = tokens(request);
    let lexer =
        Lexer { request, tokens: &tokens, table, nouns: nouns(&table.file), cells: cells(table), literals: literals(request, table) };
    let mut items: Vec<Item> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (len, item) = lexer.item(at, &items);
        items.push(item);
        at += len.max(1);
    }
    items
}

struct Lexer<'a> {
    request: &'a str,
    tokens: &'a [Token],
    table: &'a Table,
    /// What the file's name says its rows are.
    nouns: Vec<String>,
    /// Seen texts: column, as written, as words.
    cells: Vec<(usize, String, Vec<String>)>,
    /// Names that are found by their spelling, not word by word: where, and what.
    literals: Vec<(usize, usize, What)>,
}

fn nouns(file: &str) -> Vec<String> {
    let stem_of_file = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    words_of(stem_of_file).iter().filter(|word| word.chars().count() >= 3).map(|word| stem(word)).collect()
}

fn cells(table: &Table) -> Vec<(usize, String, Vec<String>)> {
    let texts = table.columns.iter().enumerate().filter(|(_, column)| column.kind != table::Kind::Number);
    texts
        .flat_map(|(index, column)| column.cells.iter().map(move |cell| (index, cell.clone(), lower_words(cell))))
        .filter(|(_, _, words)| !words.is_empty())
        .collect()
}

fn lower_words(text: &str) -> Vec<String> {
    tokens(text).into_iter().map(|token| token.lower).collect()
}

/// Column names with signs in them, and the file's name.
fn literals(request: &str, table: &Table) -> Vec<(usize, usize, What)> {
    let mut found = vec![];
    let haystack = request.to_ascii_lowercase();
    let mut add = |name: &str, what: What| {
        let needle = name.to_ascii_lowercase();
        for (start, _) in haystack.match_indices(&needle) {
            let end = start + needle.len();
            let open = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if open(haystack.get(..start).and_then(|text| text.chars().next_back()))
                && open(haystack.get(end..).and_then(|text| text.chars().next()))
            {
                found.push((start, end, what.clone()));
            }
        }
    };
    add(&table.file, What::File);
    for (index, column) in table.columns.iter().enumerate() {
        if column.name.chars().any(|c| !c.is_alphanumeric() && !matches!(c, '_' | ' ' | '-')) {
            add(&column.name, What::Column(index));
        }
    }
    found.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    found
}

/// How many tokens a match takes, and what it found.
type Match = (usize, What);

impl Lexer<'_> {
    fn item(&self, at: usize, before: &[Item]) -> (usize, Item) {
        let Some(token) = self.tokens.get(at) else { return (1, Item { what: What::Word, text: String::new(), cells: vec![] }) };
        let (len, what) = self.literal(token, at).unwrap_or_else(|| match token.kind {
            Kind::Quoted => (1, self.quoted(token)),
            Kind::Number(value) => self.number(at, value, before),
            Kind::Url => (1, What::Word),
            Kind::Word | Kind::Sign => self.word(at, token, before),
        });
        let end = self.tokens.get(at + len.max(1) - 1).map_or(token.end, |last| last.end);
        let text =
            if token.kind == Kind::Quoted { token.text.clone() } else { self.request.get(token.start..end).unwrap_or_default().to_owned() };
        let cells = self.cells_of(&text);
        (len, Item { what, text, cells })
    }

    fn cells_of(&self, text: &str) -> Vec<(usize, String)> {
        let words = lower_words(text);
        self.cells.iter().filter(|(_, _, cell)| *cell == words).map(|(column, written, _)| (*column, written.clone())).collect()
    }

    fn literal(&self, token: &Token, at: usize) -> Option<Match> {
        let (_, end, what) = self.literals.iter().find(|(start, _, _)| *start == token.start)?;
        let rest = self.tokens.get(at..)?;
        Some((rest.iter().take_while(|token| token.start < *end).count(), what.clone()))
    }

    fn quoted(&self, token: &Token) -> What {
        let columns = &self.table.columns;
        let exact = columns.iter().position(|column| column.name == token.text);
        let folded = || columns.iter().position(|column| column.name.to_lowercase() == token.lower);
        exact.or_else(folded).map_or(What::Quoted, What::Column)
    }

    fn number(&self, at: usize, value: f64, before: &[Item]) -> Match {
        if self.word_at(at + 1).is_some_and(|word| role(word) == Some(Role::Operation(Operation::Percentile))) {
            return (2, What::Percentile(value));
        }
        // A column named `2020` is one only where a column must stand.
        match self.column(at) {
            Some((len, columns)) if Self::wants_column(before) => (len, one_or_ambiguous(columns)),
            _ => (1, What::Number(value)),
        }
    }

    fn word(&self, at: usize, token: &Token, before: &[Item]) -> Match {
        if let Some(found) = self.percentile(at, token) {
            return found;
        }
        let phrase = self.phrase(at);
        let plain = role(&token.lower);
        let cell = self.cell(at, plain.is_some());
        let column = self.column(at).filter(|(len, _)| {
            // A column with the name of a common word counts where a column must stand.
            *len > 1 || (plain.is_none() && phrase.is_none()) || Self::wants_column(before) || self.names_column(at + len)
        });
        let longest = |len: usize| cell.is_none_or(|cell| cell <= len) && phrase.is_none_or(|(phrase, _)| phrase <= len);
        if let Some((len, columns)) = column
            && longest(len)
        {
            return (len, one_or_ambiguous(columns));
        }
        if let Some(len) = cell
            && phrase.is_none_or(|(phrase, _)| phrase < len)
        {
            return (len, What::Cell);
        }
        if let Some((len, role)) = phrase {
            return (len, What::Role(role));
        }
        if let Some(role) = plain {
            return (1, What::Role(role));
        }
        if !token.is_word() {
            return (1, What::Word);
        }
        if self.nouns.iter().any(|noun| *noun == token.stem() || (token.stem().chars().count() >= 4 && noun.ends_with(&token.stem()))) {
            return (1, What::File);
        }
        self.part_of_column(at).unwrap_or((1, What::Word))
    }

    fn word_at(&self, at: usize) -> Option<&str> {
        self.tokens.get(at).filter(|token| token.kind != Kind::Quoted).map(|token| token.lower.as_str())
    }

    /// `95th percentile`, `p95`.
    fn percentile(&self, at: usize, token: &Token) -> Option<Match> {
        let ordinal = ["st", "nd", "rd", "th"].iter().find_map(|end| token.lower.strip_suffix(end)).and_then(|n| n.parse::<f64>().ok());
        if let Some(value) = ordinal {
            let next = self.word_at(at + 1).and_then(role);
            return (next == Some(Role::Operation(Operation::Percentile))).then_some((2, What::Percentile(value)));
        }
        let digits = token.lower.strip_prefix('p')?;
        let value: f64 = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
        ((0.0..=100.0).contains(&value) && self.column(at).is_none()).then_some((1, What::Percentile(value)))
    }

    fn phrase(&self, at: usize) -> Option<(usize, Role)> {
        let fits = |phrase: &[&str]| phrase.iter().enumerate().all(|(offset, word)| self.word_at(at + offset) == Some(*word));
        PHRASES.iter().find(|(phrase, _)| fits(phrase)).map(|(phrase, role)| (phrase.len(), *role))
    }

    /// Whether what stands before lets one expect a column: `mean …`, `of …`, `column …`.
    fn wants_column(before: &[Item]) -> bool {
        let last = before.iter().rev().find(|item| item.role() != Some(Role::Noise));
        last.is_some_and(|item| match item.role() {
            Some(Role::Operation(_) | Role::ColumnWord | Role::Group | Role::By) => true,
            Some(Role::Preposition) => item.text.eq_ignore_ascii_case("of"),
            _ => false,
        })
    }

    /// Whether what stands behind makes it a column: the word `column`, or a comparison.
    fn names_column(&self, at: usize) -> bool {
        let role = self.phrase(at).map(|(_, role)| role).or_else(|| self.word_at(at).and_then(role));
        matches!(role, Some(Role::ColumnWord | Role::Compare(_) | Role::CompareNumber(_) | Role::Between))
    }

    /// The longest run of tokens that names a column: word by word, else by word stems, else joined. Equally good ones all.
    fn column(&self, at: usize) -> Option<(usize, Vec<usize>)> {
        let mut best: Option<(usize, u8, Vec<usize>)> = None;
        for (index, column) in self.table.columns.iter().enumerate() {
            let Some((len, tier)) = self.fits(at, &column.words) else { continue };
            match &mut best {
                Some((longest, highest, columns)) if (*longest, *highest) == (len, tier) => columns.push(index),
                Some((longest, highest, _)) if (*longest, *highest) > (len, tier) => {}
                _ => best = Some((len, tier, vec![index])),
            }
        }
        let (len, _, columns) = best?;
        // Names that differ in their signs alone: the spelling decides.
        let (first, last) = (self.tokens.get(at)?, self.tokens.get(at + len - 1)?);
        let written = self.request.get(first.start..last.end)?;
        let spelled = columns.iter().find(|index| self.table.columns.get(**index).is_some_and(|column| column.name == written));
        Some((len, spelled.map_or(columns.clone(), |index| vec![*index])))
    }

    fn fits(&self, at: usize, words: &[String]) -> Option<(usize, u8)> {
        let window = |len: usize| {
            self.tokens.get(at..at + len).filter(|tokens| tokens.iter().all(|token| !matches!(token.kind, Kind::Quoted | Kind::Url)))
        };
        if words.is_empty() {
            return None;
        }
        if let Some(tokens) = window(words.len()) {
            if tokens.iter().zip(words).all(|(token, word)| token.lower == *word) {
                return Some((words.len(), 3));
            }
            if tokens.iter().zip(words).all(|(token, word)| token.lower == *word || (token.is_word() && token.stem() == stem(word))) {
                return Some((words.len(), 2));
            }
        }
        let joined = words.concat();
        if joined.chars().count() < 5 {
            return None;
        }
        let same =
            |len: &usize| window(*len).is_some_and(|tokens| tokens.iter().map(|token| token.lower.as_str()).collect::<String>() == joined);
        (1..=4).find(same).map(|len| (len, 1))
    }

    /// The longest run of tokens that is a cell. A common word is one only in capitals, such as `IN`.
    fn cell(&self, at: usize, common: bool) -> Option<usize> {
        let fits = |written: &str, words: &[String]| {
            let window = self.tokens.get(at..at + words.len())?;
            let same = window.iter().zip(words).all(|(token, word)| token.lower == *word && token.kind != Kind::Quoted);
            let capital = || window.len() > 1 || (window.iter().all(|token| token.text == written) && is_capital(written));
            (same && (!common || capital())).then_some(words.len())
        };
        self.cells.iter().filter_map(|(_, written, words)| fits(written, words)).max()
    }

    /// Some words of one column's name, such as `height` of `tree_height_m`.
    fn part_of_column(&self, at: usize) -> Option<Match> {
        for len in (1..=3).rev() {
            let Some(window) = self.tokens.get(at..at + len) else { continue };
            let stems: Vec<String> = window.iter().map(Token::stem).collect();
            if window.iter().any(|token| !token.is_word() || role(&token.lower).is_some())
                || stems.iter().all(|stem| stem.chars().count() < 3)
            {
                continue;
            }
            let has = |words: &[String]| words.windows(len).any(|part| part.iter().zip(&stems).all(|(word, asked)| stem(word) == *asked));
            let columns: Vec<usize> =
                (0..).zip(&self.table.columns).filter(|(_, column)| has(&column.words)).map(|(index, _)| index).collect();
            if !columns.is_empty() {
                return Some((len, one_or_ambiguous(columns)));
            }
        }
        None
    }
}

fn is_capital(text: &str) -> bool {
    text.len() >= 2 && text.chars().all(char::is_uppercase)
}

fn one_or_ambiguous(columns: Vec<usize>) -> What {
    match columns.as_slice() {
        [column] => What::Column(*column),
        _ => What::Ambiguous(columns),
    }
}
