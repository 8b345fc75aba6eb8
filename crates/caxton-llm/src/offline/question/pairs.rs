//! Joins the operations of a clause with the columns they are about.

use super::{Refusal, Task, clause::Clause, refuse};
use crate::offline::{lexer::Item, table::Kind, vocabulary::Operation};

/// A piece of the question proper; `at` is its place among the items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Piece {
    Operation {
        operation: Operation,
        percentile: Option<f64>,
        at: usize,
    },
    /// `most`, `least`.
    Extreme {
        highest: bool,
    },
    /// `most common`.
    Commonest {
        highest: bool,
    },
    /// None: the rows.
    Measure {
        column: Option<usize>,
        at: usize,
    },
    And,
}

#[derive(Clone, Copy)]
struct Wanted {
    operation: Operation,
    percentile: Option<f64>,
    at: usize,
}

pub(super) struct Pairs<'a, 'b> {
    clause: &'a Clause<'b>,
    /// What is not read yet.
    pieces: &'a [Piece],
    highest: Option<bool>,
    group: Option<usize>,
    limit: Option<u64>,
}

fn unclear<T>() -> Result<T, Refusal> {
    refuse("the request does not say which figure of which column it wants (such as `the mean of …`)")
}

impl<'a, 'b> Pairs<'a, 'b> {
    pub(super) fn new(clause: &'a Clause<'b>) -> Self {
        Self { clause, pieces: &clause.pieces, highest: clause.highest, group: clause.group, limit: clause.limit }
    }

    pub(super) fn read(mut self) -> Result<Vec<Task>, Refusal> {
        if self.pieces.iter().any(|piece| matches!(piece, Piece::Commonest { .. })) {
            return Ok(vec![self.commonest()?]);
        }
        if self.pieces.iter().any(|piece| matches!(piece, Piece::Extreme { .. })) {
            return Ok(vec![self.most()?]);
        }
        let mut tasks = Vec::new();
        let leading = self.measures()?;
        self.skip_and();
        if !leading.is_empty() {
            let wanted = self.operations()?;
            if wanted.is_empty() || !self.pieces.is_empty() {
                return unclear();
            }
            self.cross(&wanted, &leading, &mut tasks)?;
            return Ok(tasks);
        }
        while !self.pieces.is_empty() {
            let wanted = self.operations()?;
            let measures = self.measures()?;
            if wanted.is_empty() {
                return unclear();
            }
            self.cross(&wanted, &measures, &mut tasks)?;
            self.skip_and();
        }
        Ok(tasks)
    }

    fn skip_and(&mut self) {
        while let [Piece::And, rest @ ..] = self.pieces {
            self.pieces = rest;
        }
    }

    /// `the most common species`.
    fn commonest(&self) -> Result<Task, Refusal> {
        match (self.pieces, self.clause.subject.as_ref(), self.group) {
            ([Piece::Commonest { highest }, Piece::Measure { column: Some(column), .. }], None, None)
            | ([Piece::Commonest { highest }], Some(column), None) => Ok(self.ranked(None, *column, *highest)),
            _ => unclear(),
        }
    }

    /// `which species has the most rows`.
    fn most(&self) -> Result<Task, Refusal> {
        let [Piece::Extreme { highest }, Piece::Measure { column, .. }] = self.pieces else { return unclear() };
        let Some(of) = self.clause.subject.or(self.group) else {
            return refuse("`most` and `least` need something that has them, such as `which … has the most rows`");
        };
        let measured = column.and_then(|column| self.clause.table.columns.get(column));
        if let Some(column) = measured.filter(|column| column.kind != Kind::Text) {
            let name = &column.name;
            return refuse(format!("`most {name}` can mean the highest single `{name}` or the highest sum of it: say which"));
        }
        Ok(self.ranked(*column, of, *highest))
    }

    fn ranked(&self, column: Option<usize>, group: usize, highest: bool) -> Task {
        Task {
            operation: Operation::Count,
            percentile: None,
            column,
            group: Some(group),
            filters: self.clause.filters.clone(),
            highest: Some(highest),
            limit: self.limit.or(Some(1)),
            subject: None,
        }
    }

    /// One operation, or several with `and` or commas between them; `highest mean` is a ranking by the mean.
    fn operations(&mut self) -> Result<Vec<Wanted>, Refusal> {
        let mut wanted: Vec<Wanted> = Vec::new();
        while let [Piece::Operation { operation, percentile, at }, rest @ ..] = self.pieces {
            let ranks = matches!(operation, Operation::Max | Operation::Min) && matches!(rest.first(), Some(Piece::Operation { .. }));
            self.pieces = rest;
            if ranks {
                self.rank(*operation == Operation::Max, wanted.is_empty())?;
                continue;
            }
            wanted.push(Wanted { operation: *operation, percentile: *percentile, at: *at });
            match rest {
                [Piece::And, next @ ..] if matches!(next.first(), Some(Piece::Operation { .. })) => self.pieces = next,
                [Piece::Operation { .. }, ..] => return refuse("I can compute one figure of a column, not a figure of a figure"),
                _ => break,
            }
        }
        if self.highest.is_some() && wanted.len() > 1 {
            return refuse("I can rank by one figure only");
        }
        Ok(wanted)
    }

    fn rank(&mut self, highest: bool, first: bool) -> Result<(), Refusal> {
        if self.highest.is_some() || !first {
            return refuse("I can rank by one figure only");
        }
        self.highest = Some(highest);
        self.group = self.group.or(self.clause.subject);
        self.limit = self.limit.or(Some(1));
        match self.group {
            Some(_) => Ok(()),
            None => refuse("the request ranks by a figure, but does not say of which groups (such as `per …`)"),
        }
    }

    /// One column, or several with `and` or commas between them.
    fn measures(&mut self) -> Result<Vec<(Option<usize>, usize)>, Refusal> {
        let mut measures = Vec::new();
        while let [Piece::Measure { column, at }, rest @ ..] = self.pieces {
            measures.push((*column, *at));
            self.pieces = rest;
            match rest {
                [Piece::And, next @ ..] if matches!(next.first(), Some(Piece::Measure { .. })) => self.pieces = next,
                [Piece::Measure { at, .. }, ..] => {
                    return refuse(format!("I cannot tell how `{}` belongs to the column before it", self.clause.text_at(*at)));
                }
                _ => break,
            }
        }
        Ok(measures)
    }

    fn cross(&self, wanted: &[Wanted], measures: &[(Option<usize>, usize)], tasks: &mut Vec<Task>) -> Result<(), Refusal> {
        for operation in wanted {
            if measures.is_empty() {
                tasks.push(self.task(*operation, None)?);
            }
            for (column, at) in measures {
                if self.counts_things(*operation, *column, *at)? {
                    tasks.push(self.task(Wanted { operation: Operation::Distinct, ..*operation }, *column)?);
                }
                tasks.push(self.task(*operation, *column)?);
            }
        }
        Ok(())
    }

    /// `how many species` asks for different ones, and may mean the cells: both are told. `how many points` may mean their sum.
    fn counts_things(&self, wanted: Wanted, column: Option<usize>, at: usize) -> Result<bool, Refusal> {
        let asked = self.clause.text_at(wanted.at).to_lowercase();
        let Some(column) = column.and_then(|column| self.clause.table.columns.get(column)) else { return Ok(false) };
        if wanted.operation != Operation::Count || !(asked.starts_with("how many") || asked.ends_with("number of")) {
            return Ok(false);
        }
        let cells = |item: &Item| ["value", "values", "entry", "entries"].contains(&item.text.to_lowercase().as_str());
        if self.clause.items.get(wanted.at..at).unwrap_or_default().iter().any(cells) {
            return Ok(false);
        }
        if column.kind == Kind::Text {
            return Ok(true);
        }
        let name = &column.name;
        refuse(format!("`{asked} {name}` can mean the number of values or their sum: ask for the `count of {name}` or the `sum of {name}`"))
    }

    fn task(&self, wanted: Wanted, column: Option<usize>) -> Result<Task, Refusal> {
        let (clause, operation) = (self.clause, wanted.operation);
        match column.and_then(|index| clause.table.columns.get(index)) {
            None if operation != Operation::Count => {
                let (name, columns) = (operation.name(), clause.table.names());
                return refuse(format!("the request does not say of which column the {name} is wanted; there are {columns}"));
            }
            Some(column) if operation.is_numeric() && column.kind == Kind::Text => {
                return refuse(format!("`{}` holds text, and the {} needs numbers", column.name, operation.name()));
            }
            _ => {}
        }
        let percentile = match (operation, wanted.percentile) {
            (Operation::Percentile, Some(value)) if (0.0..=100.0).contains(&value) => Some(value),
            (Operation::Percentile, _) => return refuse("the request does not say which percentile, such as `the 95th percentile`"),
            _ => None,
        };
        let is_extreme = matches!(operation, Operation::Max | Operation::Min);
        let extreme = is_extreme && self.highest.is_none() && self.group.is_none();
        let ranked = self.highest.is_some() && self.group == clause.subject;
        if clause.subject.is_some() && !extreme && !ranked {
            return refuse("I can name what a figure belongs to only for the highest or lowest of something");
        }
        // `3 species with the lowest height` asks for the three lowest ones.
        let highest = self.highest.or((self.limit.is_some() && is_extreme).then_some(operation == Operation::Max));
        if self.limit.is_some() && highest.is_none() {
            return refuse("the request wants some of the groups, but does not say whether the highest or the lowest");
        }
        Ok(Task {
            operation,
            percentile,
            column,
            group: self.group,
            filters: clause.filters.clone(),
            highest,
            limit: self.limit,
            subject: clause.subject.filter(|_| extreme),
        })
    }
}
