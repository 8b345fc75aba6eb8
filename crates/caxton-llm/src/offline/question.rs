//! What a request asks of a table: operations over columns, conditions, grouping, ranking. Whatever is left unexplained makes it a refusal,
//! because an answer to another question than the one asked is worse than none.

mod clause;
mod condition;
mod pairs;

use self::clause::Clause;
use super::{
    lexer::{self, Item, What},
    table::{Kind, Table},
    vocabulary::{Comparison, Operation, Role},
};
use caxton_types::nearest;

pub(super) const NO_FIGURE: &str = "the request does not say which figure it wants (such as the count, sum, mean, minimum or maximum)";

/// One figure that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Task {
    pub(super) operation: Operation,
    pub(super) percentile: Option<f64>,
    /// None where rows are counted.
    pub(super) column: Option<usize>,
    pub(super) group: Option<usize>,
    pub(super) filters: Vec<Filter>,
    /// Whether the groups with the highest or the lowest figures are wanted.
    pub(super) highest: Option<bool>,
    /// How many of the groups are wanted.
    pub(super) limit: Option<u64>,
    /// The column of the extreme row that the question is about.
    pub(super) subject: Option<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    pub(super) column: usize,
    pub(super) comparison: Comparison,
    pub(super) text: String,
    pub(super) number: Option<f64>,
}

/// Why a request cannot be read, as a clause without a full stop.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal(pub(super) String);

pub(super) fn refuse<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(reason.into()))
}

/// Reads a request. No task and no refusal: it says nothing but courtesies and generalities.
pub(super) fn read(request: &str, table: &Table) -> Result<Vec<Task>, Refusal> {
    let mut tasks: Vec<Task> = Vec::new();
    // What holds for all questions that follow, and whether it began inside one of them.
    let (mut filters, mut group, mut leads, mut mixed) = (Vec::new(), None, false, false);
    for Cut { items, joined } in clauses(lexer::items(request, table)) {
        let mut clause = Clause::new(items, table);
        clause.read()?;
        if clause.has_core() {
            if mixed || (leads && !joined) {
                return refuse("I cannot tell whether the condition of the first question holds for the next one as well: say it in each");
            }
            for mut task in clause.tasks()? {
                task.filters.splice(0..0, filters.iter().cloned());
                check_filters(&task.filters, table)?;
                if group.is_some() && task.group.is_some() {
                    return refuse("I can group by one column at a time only");
                }
                task.group = task.group.or(group);
                tasks.push(task);
            }
            if !clause.leads() {
                continue;
            }
            leads = true;
            mixed = clause.trails() || clause.limit.is_some() || clause.highest.is_some();
        } else if clause.has_modifier() && !tasks.is_empty() {
            return refuse("I cannot tell to which of the questions the last condition belongs");
        }
        filters.append(&mut clause.filters);
        group = group.or(clause.group);
    }
    if tasks.is_empty() && (!filters.is_empty() || group.is_some()) {
        return refuse(NO_FIGURE);
    }
    Ok(tasks)
}

fn check_filters(filters: &[Filter], table: &Table) -> Result<(), Refusal> {
    for (at, filter) in filters.iter().enumerate() {
        let same = |other: &&Filter| other.column == filter.column && other.comparison == filter.comparison && other.text != filter.text;
        if filter.comparison == Comparison::Eq
            && let Some(other) = filters.iter().skip(at + 1).find(same)
        {
            let column = table.columns.get(filter.column).map_or("", |column| &column.name);
            return refuse(format!("`{column}` cannot be both `{}` and `{}`: ask for one at a time", filter.text, other.text));
        }
    }
    Ok(())
}

struct Cut {
    items: Vec<Item>,
    /// Whether it belongs to the sentence before.
    joined: bool,
}

/// Cuts where a sentence ends, and where a further question begins.
fn clauses(items: Vec<Item>) -> Vec<Cut> {
    let mut all: Vec<Cut> = Vec::new();
    let mut current = Cut { items: vec![], joined: false };
    for item in items {
        let role = item.role();
        if role == Some(Role::Stop) {
            all.push(std::mem::replace(&mut current, Cut { items: vec![], joined: false }));
            continue;
        }
        let asks = match role {
            Some(Role::Which | Role::Ask) => true,
            Some(Role::Operation(_)) => item.text.to_lowercase().starts_with("how"),
            _ => false,
        };
        let relative = current.items.last().is_some_and(|last| last.role() == Some(Role::Preposition));
        if asks && !relative && current.items.iter().any(is_core) {
            all.push(std::mem::replace(&mut current, Cut { items: vec![], joined: true }));
        }
        current.items.push(item);
    }
    all.push(current);
    for cut in &mut all {
        while cut.items.last().is_some_and(|item| matches!(item.role(), Some(Role::And | Role::Comma))) {
            cut.items.pop();
        }
    }
    all.retain(|cut| !cut.items.is_empty());
    all
}

fn is_core(item: &Item) -> bool {
    matches!(item.role(), Some(Role::Operation(_) | Role::Extreme { .. } | Role::Commonest { .. }))
}

/// Says that a piece of the request is not understood, with the nearest column. `first`: it begins a sentence, so that a capital means nothing.
fn unexplained(item: &Item, first: bool, table: &Table) -> Refusal {
    let text: String = item.text.chars().take(60).collect();
    if let What::Ambiguous(columns) = &item.what {
        let names: Vec<String> =
            columns.iter().filter_map(|index| table.columns.get(*index)).map(|column| format!("`{}`", column.name)).collect();
        return Refusal(format!("`{text}` could be any of the columns {}", names.join(", ")));
    }
    if matches!(item.what, What::Column(_)) {
        return Refusal(format!("I cannot tell what the request wants of the column `{text}`"));
    }
    let word = text.to_lowercase();
    let by_name = nearest(&word, table.columns.iter().map(|column| column.name.as_str()));
    let by_word = || {
        let same_start = |known: &&String| known.len() > 2 && known.chars().next() == word.chars().next();
        let near = nearest(&word, table.columns.iter().flat_map(|column| &column.words).filter(same_start).map(String::as_str))?;
        table.columns.iter().find(|column| column.words.iter().any(|word| word == near)).map(|column| column.name.as_str())
    };
    // A name in capitals is rather a value that was not among the first lines.
    let texts = || table.columns.iter().find(|column| column.kind == Kind::Text);
    if let Some(column) = texts().filter(|_| !first && text.starts_with(char::is_uppercase) && item.what == What::Word) {
        let name = &column.name;
        return Refusal(format!("I do not know what `{text}` is: if it is a value, say of which column, such as `where {name} is {text}`"));
    }
    let hint = by_name.or_else(by_word).map_or(String::new(), |name| format!(" (the nearest column is `{name}`)"));
    Refusal(format!("I do not know what `{text}` means here{hint}; `{}` has the columns {}", table.file, table.names()))
}

#[cfg(test)]
mod tests;
