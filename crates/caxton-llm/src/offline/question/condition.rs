//! Conditions: `where height is above 5`, `in country FR`, `with at least 3 legs`.

use super::{Filter, Refusal, clause::Clause, refuse};
use crate::offline::{
    lexer::{Item, What},
    table::Kind,
    vocabulary::{Comparison, Role},
};

/// Words that say something about a cell instead of being one.
const NO_VALUES: &[&str] = &[
    "missing",
    "empty",
    "blank",
    "null",
    "none",
    "nan",
    "unknown",
    "known",
    "present",
    "absent",
    "available",
    "given",
    "set",
    "valid",
    "invalid",
    "positive",
    "negative",
    "even",
    "odd",
    "zero",
    "true",
    "false",
    "different",
    "same",
    "unique",
    "equal",
    "above",
    "below",
    "average",
];

impl Clause<'_> {
    /// Finds all conditions and takes their items out of the question.
    pub(super) fn conditions(&mut self) -> Result<(), Refusal> {
        for at in 0..self.items.len() {
            match self.free(at).map(|item| item.what.clone()) {
                Some(What::Column(column)) => self.behind_column(at, column)?,
                Some(What::Role(Role::Compare(comparison) | Role::CompareNumber(comparison))) => self.before_column(at, comparison),
                _ => {}
            }
        }
        self.bare_cells()
    }

    /// `height [is] above 5`, `country is FR`, `in country FR`, `height between 3 and 5`, `height of 5 or more`.
    fn behind_column(&mut self, at: usize, column: usize) -> Result<(), Refusal> {
        let mut next = at + 1;
        let mut said_is = false;
        while let Some(item) = self.free(next) {
            let is = item.role() == Some(Role::Is);
            if !is && !item.is_noise() && !item.text.eq_ignore_ascii_case("of") {
                break;
            }
            said_is |= is;
            next += 1;
        }
        match self.role_at(next) {
            Some(Role::Between) => return self.between(at, next, column),
            Some(Role::Compare(comparison)) => return self.compared(at, next, column, comparison),
            Some(Role::CompareNumber(comparison)) if self.number_at(next + 1).is_some() => {
                return self.compared(at, next, column, comparison);
            }
            _ => {}
        }
        if let (Some(number), Some(Role::Suffix(comparison))) = (self.number_at(next), self.role_at(next + 1)) {
            self.check_order(column, comparison)?;
            let text = self.text_at(next);
            self.add(Filter { column, comparison, text, number: Some(number) }, at..next + 2);
            return Ok(());
        }
        // Without any word of comparison the value must stand right behind the column, and the column behind a preposition.
        if (said_is || (next == at + 1 && self.introduced(at)))
            && let Some((text, number, len)) = self.value(next, column, said_is)
        {
            self.add(Filter { column, comparison: Comparison::Eq, text, number }, at..next + len);
        }
        Ok(())
    }

    fn introduced(&self, at: usize) -> bool {
        let before = self.items.get(..at).unwrap_or_default().iter().rev().find(|item| item.role() != Some(Role::Noise));
        before.is_some_and(|item| match item.role() {
            Some(Role::Preposition) => true,
            Some(Role::And) => !self.filters.is_empty(),
            _ => false,
        })
    }

    fn compared(&mut self, at: usize, sign: usize, column: usize, comparison: Comparison) -> Result<(), Refusal> {
        let mut from = sign + 1;
        while self.free(from).is_some_and(|item| item.is_noise() && item.cells.is_empty()) {
            from += 1;
        }
        let Some((text, number, len)) = self.value(from, column, true) else { return Ok(()) };
        self.check_order(column, comparison)?;
        if comparison.is_order() && number.is_none() {
            return refuse(format!("I can only compare `{}` with a number in that way, and `{text}` is none", self.column_name(column)));
        }
        self.add(Filter { column, comparison, text, number }, at..from + len);
        self.further(from + len, column);
        Ok(())
    }

    fn check_order(&self, column: usize, comparison: Comparison) -> Result<(), Refusal> {
        if comparison.is_order() && self.kind(column) == Kind::Text {
            return refuse(format!("`{}` holds text, which has no order here", self.column_name(column)));
        }
        Ok(())
    }

    /// `above 5 and below 10`: a second comparison of the same column.
    fn further(&mut self, at: usize, column: usize) {
        let Some(Role::And) = self.role_at(at) else { return };
        let comparison = match self.role_at(at + 1) {
            Some(Role::Compare(comparison) | Role::CompareNumber(comparison)) if comparison.is_order() => comparison,
            _ => return,
        };
        if let (Some(number), None) = (self.number_at(at + 2), self.column_at(at + 3)) {
            let text = self.text_at(at + 2);
            self.add(Filter { column, comparison, text, number: Some(number) }, at..at + 3);
        }
    }

    fn between(&mut self, at: usize, sign: usize, column: usize) -> Result<(), Refusal> {
        let (Some(low), Some(Role::And), Some(high)) = (self.number_at(sign + 1), self.role_at(sign + 2), self.number_at(sign + 3)) else {
            return refuse("I read `between` only with two numbers, such as `between 3 and 5`");
        };
        self.check_order(column, Comparison::Ge)?;
        let (low_text, high_text) = (self.text_at(sign + 1), self.text_at(sign + 3));
        self.filters.push(Filter { column, comparison: Comparison::Ge, text: low_text, number: Some(low) });
        self.add(Filter { column, comparison: Comparison::Le, text: high_text, number: Some(high) }, at..sign + 4);
        Ok(())
    }

    /// `with at least 3 legs`, `above height 5`, where no column stands before the comparison.
    fn before_column(&mut self, at: usize, comparison: Comparison) {
        if let (Some(column), Some(number)) = (self.column_at(at + 1), self.number_at(at + 2))
            && self.kind(column) != Kind::Text
        {
            let text = self.text_at(at + 2);
            self.add(Filter { column, comparison, text, number: Some(number) }, at..at + 3);
            return;
        }
        if let (Some(number), Some(column)) = (self.number_at(at + 1), self.column_at(at + 2))
            && self.kind(column) != Kind::Text
        {
            let text = self.text_at(at + 1);
            self.add(Filter { column, comparison, text, number: Some(number) }, at..at + 3);
        }
    }

    /// Cells that stand alone, such as `in FR`: their column is known from the cells that were seen.
    fn bare_cells(&mut self) -> Result<(), Refusal> {
        for at in 0..self.items.len() {
            let Some(item) = self.free(at).filter(|item| matches!(item.what, What::Cell | What::Quoted)) else { continue };
            let mut columns: Vec<usize> = item.cells.iter().map(|(column, _)| *column).collect();
            columns.dedup();
            let written = item.cells.first().map(|(_, written)| written.clone());
            match (columns.as_slice(), written) {
                ([column], Some(text)) => self.add(Filter { column: *column, comparison: Comparison::Eq, text, number: None }, at..at + 1),
                ([], _) | (_, None) => {}
                _ => {
                    let names: Vec<String> = columns.iter().map(|column| format!("`{}`", self.column_name(*column))).collect();
                    return refuse(format!("`{}` stands in several columns ({}): say which is meant", item.text, names.join(", ")));
                }
            }
        }
        Ok(())
    }

    /// What a column is compared with, and how many items it takes. `said`: words say that this is a comparison.
    fn value(&self, at: usize, column: usize, said: bool) -> Option<(String, Option<f64>, usize)> {
        let item = self.free(at)?;
        if let Some((_, written)) = item.cells.iter().find(|(known, _)| *known == column) {
            return Some((written.clone(), None, 1));
        }
        match &item.what {
            What::Number(number) => Some((item.text.clone(), Some(*number), 1)),
            What::Quoted => Some((item.text.clone(), None, 1)),
            What::Word | What::Cell => self.words(at, column, said),
            _ => None,
        }
    }

    /// A value that was not seen: one or more words up to something known. It must look like a value.
    fn words(&self, at: usize, column: usize, said: bool) -> Option<(String, Option<f64>, usize)> {
        let words: Vec<&Item> =
            (at..).map_while(|at| self.free(at)).take_while(|item| matches!(item.what, What::Word | What::Cell)).collect();
        let text = words.iter().map(|item| item.text.as_str()).collect::<Vec<_>>().join(" ");
        let plain = |item: &&Item| item.text.chars().all(|c| c.is_alphanumeric() || c == ' ');
        let telling = words.iter().all(|item| plain(item) && !NO_VALUES.contains(&item.text.to_lowercase().as_str()));
        let named = words.iter().all(|item| item.text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit()));
        let fits = telling && self.kind(column) != Kind::Number && (named || (said && words.len() == 1));
        (fits && !words.is_empty()).then_some((text, None, words.len()))
    }

    fn kind(&self, column: usize) -> Kind {
        self.table.columns.get(column).map_or(Kind::Unknown, |column| column.kind)
    }

    fn column_name(&self, column: usize) -> &str {
        self.table.columns.get(column).map_or("", |column| column.name.as_str())
    }
}
