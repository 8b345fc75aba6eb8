//! Random tables, and questions about them with what the right answer is, computed from the table itself.

use std::collections::{BTreeMap, BTreeSet};

/// A small generator of random numbers, so that one number tells the whole case.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn word(&mut self, syllables: &[&str], min: usize) -> String {
        (0..min + self.below(2)).map(|_| *self.pick(syllables)).collect()
    }
}

/// Columns, values, files and words that exist nowhere have no syllable in common.
const OF_COLUMNS: &[&str] = &["ka", "lo", "mi", "ru", "te", "so", "nu", "vi"];
const OF_VALUES: &[&str] = &["bra", "dro", "gri", "ple", "clu", "fro"];
const OF_FILES: &[&str] = &["jab", "peq", "dof"];
pub(crate) const OF_NOTHING: &[&str] = &["zax", "yoz", "wiz", "huz"];

#[derive(Debug, Clone)]
pub(crate) enum Cells {
    Numbers(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    words: Vec<String>,
    pub(crate) cells: Cells,
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) file: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: usize,
    delimiter: char,
}

pub(crate) fn table(random: &mut Random) -> Table {
    let rows = 2 + random.below(50);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut columns = Vec::new();
    for at in 0..2 + random.below(5) {
        let (words, name) = loop {
            let words: Vec<String> = (0..=random.below(3)).map(|_| random.word(OF_COLUMNS, 2)).collect();
            let name = spell(random, &words);
            if seen.insert(words.concat()) {
                break (words, name);
            }
        };
        // At least one of each kind.
        let numbers = at == 0 || (at > 1 && random.chance(50));
        let cells = if numbers { Cells::Numbers(numbers_of(random, rows)) } else { Cells::Texts(texts_of(random, rows)) };
        columns.push(Column { name, words, cells });
    }
    let file = format!("{}.csv", random.word(OF_FILES, 2));
    Table { file, columns, rows, delimiter: *random.pick(&[',', ';', '\t']) }
}

fn capital(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

fn spell(random: &mut Random, words: &[String]) -> String {
    match random.below(6) {
        0 => words.join(" "),
        1 => words[0].clone() + &words[1..].iter().map(|word| capital(word)).collect::<String>(),
        2 => words.iter().map(|word| capital(word)).collect::<Vec<_>>().join(" "),
        3 => words.join("-"),
        4 => words.join("_").to_uppercase(),
        _ => words.join("_"),
    }
}

/// The first row is whole, so that the kind of each column can be seen.
fn numbers_of(random: &mut Random, rows: usize) -> Vec<Option<f64>> {
    let places = *random.pick(&[1.0, 1.0, 10.0, 100.0]);
    let shift = *random.pick(&[0.0, 500.0]);
    (0..rows)
        .map(|row| (row == 0 || !random.chance(10)).then(|| (f64::from(u32::try_from(random.below(1000)).unwrap()) - shift) / places))
        .collect()
}

fn texts_of(random: &mut Random, rows: usize) -> Vec<Option<String>> {
    let kinds: Vec<String> = (0..2 + random.below(4))
        .map(|_| {
            let words: Vec<String> = (0..=random.below(2)).map(|_| random.word(OF_VALUES, 2)).collect();
            match random.below(3) {
                0 => words.join(" "),
                1 => words.join(" ").to_uppercase(),
                _ => words.iter().map(|word| capital(word)).collect::<Vec<_>>().join(" "),
            }
        })
        .collect();
    (0..rows).map(|row| (row == 0 || !random.chance(10)).then(|| random.pick(&kinds).clone())).collect()
}

impl Table {
    pub(crate) fn csv(&self) -> String {
        let mut writer = csv::WriterBuilder::new().delimiter(u8::try_from(self.delimiter).unwrap()).from_writer(vec![]);
        writer.write_record(self.columns.iter().map(|column| &column.name)).unwrap();
        for row in 0..self.rows {
            let cell = |column: &Column| match &column.cells {
                Cells::Numbers(cells) => cells[row].map_or(String::new(), |number| number.to_string()),
                Cells::Texts(cells) => cells[row].clone().unwrap_or_default(),
            };
            writer.write_record(self.columns.iter().map(cell)).unwrap();
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    fn numeric(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|at| matches!(self.columns[*at].cells, Cells::Numbers(_))).collect()
    }

    fn textual(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|at| matches!(self.columns[*at].cells, Cells::Texts(_))).collect()
    }

    /// A column as somebody may write it.
    fn written(&self, random: &mut Random, column: usize) -> String {
        let column = &self.columns[column];
        match random.below(5) {
            0 => column.words.join(" "),
            1 => format!("`{}`", column.name),
            2 => format!("\"{}\"", column.name),
            3 => column.words.join("_"),
            _ => column.name.clone(),
        }
    }
}

/// What is expected, in the order of the questions: a figure, or one per group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expected {
    Figure(Option<f64>),
    Groups(BTreeMap<String, Option<f64>>),
    /// The figure of the group (or row) that is the highest or lowest.
    Extreme(f64),
}

#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) expected: Vec<Expected>,
}

const OPERATIONS: &[(&str, &[&str])] = &[
    ("sum", &["sum", "total"]),
    ("mean", &["mean", "average", "arithmetic mean"]),
    ("min", &["minimum", "lowest", "smallest", "min"]),
    ("max", &["maximum", "highest", "largest", "max"]),
    ("median", &["median"]),
    ("stddev", &["standard deviation", "stddev"]),
];

/// A condition in words, and the rows that satisfy it.
fn condition(random: &mut Random, table: &Table) -> (String, Vec<bool>) {
    let (numeric, textual) = (table.numeric(), table.textual());
    if random.chance(40) {
        let column = *random.pick(&textual);
        let Cells::Texts(cells) = &table.columns[column].cells else { unreachable!() };
        // From the first row, which is always among what the provider sees.
        let value = cells[0].clone().unwrap();
        let same = cells.iter().map(|cell| cell.as_ref().is_some_and(|cell| cell.to_lowercase() == value.to_lowercase()));
        let written = table.written(random, column);
        return match random.below(6) {
            0 => (format!("where {written} is {value}"), same.collect()),
            1 => (format!("where {written} = \"{value}\""), same.collect()),
            2 => (format!("with {written} equal to {value}"), same.collect()),
            3 => (format!("for {written} {value}"), same.collect()),
            4 => (format!("where {written} is not {value}"), same.map(|same| !same).collect()),
            _ => (format!("where the {written} is {value}"), same.collect()),
        };
    }
    let column = *random.pick(&numeric);
    let Cells::Numbers(cells) = &table.columns[column].cells else { unreachable!() };
    let bound = cells[0].unwrap();
    let written = table.written(random, column);
    let rows = |test: &dyn Fn(f64) -> bool| cells.iter().map(|cell| cell.is_some_and(test)).collect::<Vec<bool>>();
    match random.below(9) {
        0 => (format!("where {written} is greater than {bound}"), rows(&|n| n > bound)),
        1 => (format!("with {written} above {bound}"), rows(&|n| n > bound)),
        2 => (format!("where {written} > {bound}"), rows(&|n| n > bound)),
        3 => (format!("where {written} is at least {bound}"), rows(&|n| n >= bound)),
        4 => (format!("with {written} below {bound}"), rows(&|n| n < bound)),
        5 => (format!("where {written} is at most {bound}"), rows(&|n| n <= bound)),
        6 => (format!("with {written} between {} and {}", bound - 5.0, bound + 5.0), rows(&|n| (bound - 5.0..=bound + 5.0).contains(&n))),
        7 => (format!("where {written} is {bound}"), rows(&|n| (n - bound).abs() < 1e-12)),
        _ => (format!("with a {written} of {bound} or more"), rows(&|n| n >= bound)),
    }
}

fn figure(operation: &str, numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let len = f64::from(u32::try_from(numbers.len()).unwrap());
    let sum: f64 = numbers.iter().sum();
    match operation {
        "count" => Some(len),
        "sum" => Some(sum),
        "mean" => (len > 0.0).then(|| sum / len),
        "min" => sorted.first().copied(),
        "max" => sorted.last().copied(),
        "median" => match (sorted.len(), sorted.len() / 2) {
            (0, _) => None,
            (odd, middle) if odd % 2 == 1 => Some(sorted[middle]),
            (_, middle) => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        },
        "stddev" => (len > 1.0).then(|| {
            let mean = sum / len;
            (numbers.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / (len - 1.0)).sqrt()
        }),
        other => unreachable!("{other}"),
    }
}

impl Table {
    fn numbers(&self, column: usize, rows: &[bool]) -> Vec<f64> {
        let Cells::Numbers(cells) = &self.columns[column].cells else { unreachable!() };
        cells.iter().zip(rows).filter(|(_, wanted)| **wanted).filter_map(|(cell, _)| *cell).collect()
    }

    fn by_group(&self, group: usize, rows: &[bool]) -> BTreeMap<String, Vec<bool>> {
        let Cells::Texts(cells) = &self.columns[group].cells else { unreachable!() };
        let mut groups: BTreeMap<String, Vec<bool>> = BTreeMap::new();
        for (row, cell) in cells.iter().enumerate().filter(|(row, _)| rows[*row]) {
            let name = cell.clone().unwrap_or_default();
            groups.entry(name).or_insert_with(|| vec![false; rows.len()])[row] = true;
        }
        groups
    }
}

pub(crate) fn question(random: &mut Random, table: &Table) -> Question {
    let filtered = random.chance(45);
    let (suffix, rows) = if filtered { condition(random, table) } else { (String::new(), vec![true; table.rows]) };
    let tail = if filtered { format!(" {suffix}") } else { String::new() };
    // Some conditions come first instead.
    let (lead, end) = if filtered && random.chance(25) { (format!("{}, ", capital(&suffix)), "") } else { (String::new(), tail.as_str()) };
    match random.below(8) {
        0 => counting(random, &rows, &lead, end),
        1 => different(random, table, &rows, &tail),
        2 => grouped(random, table, &rows, &tail),
        3 => extreme(random, table, &rows, &tail),
        4 => several(random, table, &rows, &lead, end),
        _ => single(random, table, &rows, &lead, end),
    }
}

fn counting(random: &mut Random, rows: &[bool], lead: &str, tail: &str) -> Question {
    let count = rows.iter().filter(|row| **row).count();
    let ask =
        *random.pick(&["how many rows are there", "what is the number of rows", "count the rows", "how many records does the file have"]);
    let text = if lead.is_empty() { capital(ask) } else { format!("{lead}{ask}") };
    Question { text: format!("{text}{tail}?"), expected: vec![Expected::Figure(Some(f64::from(u32::try_from(count).unwrap())))] }
}

fn different(random: &mut Random, table: &Table, rows: &[bool], tail: &str) -> Question {
    let column = *random.pick(&table.textual());
    let groups = table.by_group(column, rows);
    let count = groups.keys().filter(|name| !name.is_empty()).count();
    let written = table.written(random, column);
    let text = match random.below(3) {
        0 => format!("How many different {written} are there{tail}?"),
        1 => format!("What is the number of distinct values of {written}{tail}?"),
        _ => format!("How many unique values does {written} have{tail}?"),
    };
    Question { text, expected: vec![Expected::Figure(Some(f64::from(u32::try_from(count).unwrap())))] }
}

fn operation(random: &mut Random) -> (&'static str, &'static str) {
    let (operation, words): (&'static str, &'static [&'static str]) = *random.pick(OPERATIONS);
    (operation, *random.pick(words))
}

fn single(random: &mut Random, table: &Table, rows: &[bool], lead: &str, tail: &str) -> Question {
    let column = *random.pick(&table.numeric());
    let (operation, word) = operation(random);
    let written = table.written(random, column);
    let ask = match random.below(6) {
        0 => format!("what is the {word} of {written}"),
        1 => format!("what's the {word} {written}"),
        2 => format!("compute the {word} of the {written} column"),
        3 => format!("please tell me the {word} of {written}"),
        4 => format!("{word} of {written}"),
        _ => format!("give me the {word} value of {written} in {}", table.file),
    };
    let text = if lead.is_empty() { capital(&ask) } else { format!("{lead}{ask}") };
    Question {
        text: format!("{text}{tail}{}", random.pick(&["?", ".", ""])),
        expected: vec![Expected::Figure(figure(operation, &table.numbers(column, rows)))],
    }
}

fn grouped(random: &mut Random, table: &Table, rows: &[bool], tail: &str) -> Question {
    let group = *random.pick(&table.textual());
    let by = format!("{} {}", random.pick(&["per", "by", "for each", "for every", "grouped by"]), table.written(random, group));
    let groups = table.by_group(group, rows);
    if random.chance(25) {
        let count = |rows: &Vec<bool>| Some(f64::from(u32::try_from(rows.iter().filter(|row| **row).count()).unwrap()));
        let expected = groups.iter().map(|(name, rows)| (name.clone(), count(rows))).collect();
        return Question { text: format!("How many rows are there {by}{tail}?"), expected: vec![Expected::Groups(expected)] };
    }
    let column = *random.pick(&table.numeric());
    let (operation, word) = operation(random);
    let expected = groups.iter().map(|(name, rows)| (name.clone(), figure(operation, &table.numbers(column, rows)))).collect();
    let written = table.written(random, column);
    Question { text: format!("What is the {word} of {written} {by}{tail}?"), expected: vec![Expected::Groups(expected)] }
}

/// The group or the row with the highest or lowest figure.
fn extreme(random: &mut Random, table: &Table, rows: &[bool], tail: &str) -> Question {
    let (group, column) = (*random.pick(&table.textual()), *random.pick(&table.numeric()));
    let (highest, rank) = *random.pick(&[(true, "highest"), (true, "largest"), (false, "lowest"), (false, "smallest")]);
    let best = |figures: Vec<f64>| figures.into_iter().reduce(if highest { f64::max } else { f64::min });
    let (subject, written) = (table.written(random, group), table.written(random, column));
    let groups = table.by_group(group, rows);
    if random.chance(50) {
        let found = best(groups.values().filter_map(|rows| figure("mean", &table.numbers(column, rows))).collect());
        let Some(found) = found else { return single(random, table, rows, "", tail) };
        let expected = vec![Expected::Extreme(found)];
        return Question { text: format!("Which {subject} has the {rank} average {written}{tail}?"), expected };
    }
    let Some(found) = best(table.numbers(column, rows)) else { return single(random, table, rows, "", tail) };
    Question { text: format!("Which {subject} has the {rank} {written}{tail}?"), expected: vec![Expected::Figure(Some(found))] }
}

fn several(random: &mut Random, table: &Table, rows: &[bool], lead: &str, tail: &str) -> Question {
    let (first, second) = (*random.pick(&table.numeric()), *random.pick(&table.numeric()));
    let ((one, one_word), (two, two_word)) = (operation(random), operation(random));
    let (a, b) = (table.written(random, first), table.written(random, second));
    let all = vec![true; table.rows];
    let of = |operation: &str, column: usize, rows: &[bool]| Expected::Figure(figure(operation, &table.numbers(column, rows)));
    if random.chance(30) {
        // A further question in the same sentence: the condition belongs to the one that it stands in.
        let count = Expected::Figure(Some(f64::from(u32::try_from(table.rows).unwrap())));
        let text = format!("How many rows are there, and what is the {one_word} of {a}{tail}?");
        return if lead.is_empty() {
            Question { text, expected: vec![count, of(one, first, rows)] }
        } else {
            single(random, table, &all, "", "")
        };
    }
    let (ask, expected) = if random.chance(50) || one_word == two_word {
        (format!("what are the {one_word} and the {two_word} of {a}"), vec![of(one, first, rows), of(two, first, rows)])
    } else {
        (format!("what is the {one_word} of {a} and the {two_word} of {b}"), vec![of(one, first, rows), of(two, second, rows)])
    };
    let text = if lead.is_empty() { capital(&ask) } else { format!("{lead}{ask}") };
    Question { text: format!("{text}{tail}?"), expected }
}
