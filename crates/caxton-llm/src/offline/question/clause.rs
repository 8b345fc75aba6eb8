//! One clause of a request: its conditions and its grouping are taken out, what remains must be operations and columns.

use super::{
    Filter, NO_FIGURE, Refusal, Task,
    pairs::{Pairs, Piece},
    refuse, unexplained,
};
use crate::offline::{
    lexer::{Item, What},
    table::Table,
    vocabulary::{Operation, Role},
};
use std::ops::Range;

pub(super) struct Clause<'a> {
    pub(super) items: Vec<Item>,
    used: Vec<bool>,
    pub(super) table: &'a Table,
    pub(super) filters: Vec<Filter>,
    pub(super) group: Option<usize>,
    pub(super) subject: Option<usize>,
    pub(super) highest: Option<bool>,
    pub(super) limit: Option<u64>,
    /// Where conditions and groupings stand.
    modifiers: Vec<usize>,
    pub(super) pieces: Vec<Piece>,
    /// Where the question proper begins and ends.
    core: Option<(usize, usize)>,
}

impl<'a> Clause<'a> {
    pub(super) fn new(items: Vec<Item>, table: &'a Table) -> Self {
        Self {
            used: vec![false; items.len()],
            items,
            table,
            filters: vec![],
            group: None,
            subject: None,
            highest: None,
            limit: None,
            modifiers: vec![],
            pieces: vec![],
            core: None,
        }
    }

    pub(super) fn has_core(&self) -> bool {
        !self.pieces.is_empty()
    }

    pub(super) fn has_modifier(&self) -> bool {
        !self.modifiers.is_empty()
    }

    /// Whether a condition or grouping stands before the question proper, as in `for species oak, how many …`.
    pub(super) fn leads(&self) -> bool {
        self.core.is_some_and(|(first, _)| self.modifiers.iter().any(|at| *at < first))
    }

    /// Whether one stands behind it.
    pub(super) fn trails(&self) -> bool {
        self.core.is_some_and(|(_, last)| self.modifiers.iter().any(|at| *at >= last))
    }

    /// The item, unless something explains it already.
    pub(super) fn free(&self, at: usize) -> Option<&Item> {
        self.items.get(at).filter(|_| self.used.get(at) == Some(&false))
    }

    pub(super) fn role_at(&self, at: usize) -> Option<Role> {
        self.free(at).and_then(Item::role)
    }

    pub(super) fn number_at(&self, at: usize) -> Option<f64> {
        match self.free(at)?.what {
            What::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn column_at(&self, at: usize) -> Option<usize> {
        match self.free(at)?.what {
            What::Column(column) => Some(column),
            _ => None,
        }
    }

    pub(super) fn text_at(&self, at: usize) -> String {
        self.items.get(at).map_or_else(String::new, |item| item.text.clone())
    }

    fn take(&mut self, range: Range<usize>) {
        for at in range {
            if let Some(used) = self.used.get_mut(at) {
                *used = true;
            }
        }
    }

    pub(super) fn add(&mut self, filter: Filter, range: Range<usize>) {
        self.filters.push(filter);
        self.modifiers.push(range.start);
        self.take(range);
    }

    pub(super) fn read(&mut self) -> Result<(), Refusal> {
        self.ranking();
        self.conditions()?;
        self.grouping()?;
        self.subject();
        self.find_pieces()?;
        if let Some((first, last)) = self.core
            && self.modifiers.iter().any(|at| (first..last).contains(at))
        {
            return refuse(
                "I cannot tell which of the figures the condition or grouping in the middle belongs to: ask for them one by one",
            );
        }
        Ok(())
    }

    pub(super) fn tasks(&self) -> Result<Vec<Task>, Refusal> {
        Pairs::new(self).read()
    }

    /// The next item that is not mere filling.
    fn past_noise(&self, mut at: usize) -> usize {
        while self.items.get(at).is_some_and(Item::is_noise) {
            at += 1;
        }
        at
    }

    fn first_extreme(&self) -> Option<usize> {
        self.items
            .iter()
            .position(|item| matches!(item.role(), Some(Role::Operation(Operation::Max | Operation::Min) | Role::Extreme { .. })))
    }

    /// `top 3 species by …`, `3 species with the highest …`.
    fn ranking(&mut self) {
        let top = (0..self.items.len()).find_map(|at| match self.role_at(at) {
            Some(Role::Top { highest }) => Some((at, highest)),
            _ => None,
        });
        let counted = |at: &usize| {
            let compared = at.checked_sub(1).and_then(|before| self.role_at(before));
            let compared = matches!(compared, Some(Role::Compare(_) | Role::CompareNumber(_) | Role::Between | Role::And));
            !compared && self.number_at(*at).is_some() && self.column_at(at + 1).is_some()
        };
        let from = match top {
            Some((at, _)) => at + 1,
            None => match self.first_extreme().and_then(|extreme| (0..extreme).find(counted)) {
                Some(at) => at,
                None => return,
            },
        };
        let number = self.number_at(from);
        let group_at = if number.is_some() { from + 1 } else { from };
        let Some(column) = self.column_at(group_at) else { return };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small whole number")]
        let limit = number.filter(|n| n.fract() == 0.0 && (1.0..=1000.0).contains(n)).map(|n| n as u64);
        if number.is_some() && limit.is_none() {
            return;
        }
        (self.group, self.limit, self.highest) = (Some(column), limit, top.map(|(_, highest)| highest));
        self.take(if top.is_some() { from - 1 } else { from }..group_at + 1);
        let by = self.past_noise(group_at + 1);
        if top.is_some() && self.role_at(by) == Some(Role::By) {
            self.take(by..by + 1);
        }
    }

    /// `per species`, `for each species`, `by species`.
    fn grouping(&mut self) -> Result<(), Refusal> {
        for at in 0..self.items.len() {
            if !matches!(self.role_at(at), Some(Role::Group | Role::By)) {
                continue;
            }
            let to = self.past_noise(at + 1);
            let Some(column) = self.column_at(to) else { continue };
            if self.group.is_some() {
                return refuse("I can group by one column at a time only");
            }
            self.group = Some(column);
            self.modifiers.push(at);
            self.take(at..to + 1);
        }
        Ok(())
    }

    /// `which species has the …`, `the species with the highest …`.
    fn subject(&mut self) {
        for at in 0..self.items.len() {
            if self.role_at(at) == Some(Role::Which)
                && let Some(column) = self.column_at(at + 1)
            {
                self.subject = Some(column);
                self.take(at..at + 2);
                return;
            }
        }
        let Some(extreme) = self.first_extreme() else { return };
        let link = (0..extreme).rev().find(|at| self.free(*at).is_some_and(|item| !item.is_noise()));
        let Some(link) = link.filter(|at| self.text_at(*at).eq_ignore_ascii_case("with")) else { return };
        let Some(at) = link.checked_sub(1) else { return };
        let Some(column) = self.column_at(at) else { return };
        let plain = |at: usize| self.column_at(at).is_none() && !matches!(self.role_at(at), Some(Role::Operation(_) | Role::Preposition));
        if (0..at).all(plain) {
            self.subject = Some(column);
            self.take(at..link + 1);
        }
    }

    /// What remains must be operations, columns and filling.
    fn find_pieces(&mut self) -> Result<(), Refusal> {
        for at in 0..self.items.len() {
            let Some(piece) = self.piece(at)? else { continue };
            if piece == Piece::And {
                if self.pieces.last().is_some_and(|last| *last != Piece::And) {
                    self.pieces.push(piece);
                }
                continue;
            }
            self.core = Some((self.core.map_or(at, |(first, _)| first), at));
            self.pieces.push(piece);
        }
        if self.pieces.last() == Some(&Piece::And) {
            self.pieces.pop();
        }
        if self.pieces.is_empty() && (self.subject.is_some() || self.highest.is_some()) {
            return refuse(NO_FIGURE);
        }
        Ok(())
    }

    fn piece(&self, at: usize) -> Result<Option<Piece>, Refusal> {
        let Some(item) = self.free(at) else { return Ok(None) };
        let behind_percentile = || at.checked_sub(1).and_then(|at| self.role_at(at)) == Some(Role::Operation(Operation::Percentile));
        let piece = match (&item.what, item.role()) {
            (What::Column(column), _) => Piece::Measure { column: Some(*column), at },
            (What::Percentile(value), _) => Piece::Operation { operation: Operation::Percentile, percentile: Some(*value), at },
            (_, Some(Role::Operation(operation))) => {
                let percentile = self.number_at(at + 1).filter(|_| operation == Operation::Percentile);
                Piece::Operation { operation, percentile, at }
            }
            (_, Some(Role::Extreme { highest })) => Piece::Extreme { highest },
            (_, Some(Role::Commonest { highest })) => Piece::Commonest { highest },
            // Rows are what is counted; elsewhere the word fills.
            (_, Some(Role::Rows)) | (What::File, _) => match self.pieces.last() {
                Some(Piece::Operation { operation: Operation::Count, .. } | Piece::Extreme { .. }) => Piece::Measure { column: None, at },
                _ => return Ok(None),
            },
            (_, Some(Role::And | Role::Comma)) => Piece::And,
            (_, Some(Role::Noise | Role::ColumnWord | Role::Preposition | Role::Is | Role::Which | Role::Ask)) => return Ok(None),
            (_, Some(Role::Only)) if !self.filters.is_empty() => return Ok(None),
            (What::Number(_), _) if behind_percentile() => return Ok(None),
            _ => return Err(unexplained(item, at == 0, self.table)),
        };
        Ok(Some(piece))
    }
}
