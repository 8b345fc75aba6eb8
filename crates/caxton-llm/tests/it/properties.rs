//! The offline provider is no puppet: random tables, random questions, independently computed answers; and nothing else is answered.

use crate::{
    generate::{self, Expected, OF_NOTHING, Random, Table},
    offline::{Asked, ask},
    table_tool,
};
use caxton_types::ToolDefinition;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next().and_then(|word| word.parse().ok())
}

fn figure_of(line: &str) -> Option<f64> {
    line.split_once(" = ").and_then(|(_, rest)| number(rest))
}

fn groups_of(line: &str) -> BTreeMap<String, Option<f64>> {
    // No row, no group: nothing stands behind the colon.
    let Some((_, list)) = line.rsplit_once(": ") else { return BTreeMap::new() };
    list.split(" | ").filter_map(|part| part.split_once(" => ")).map(|(name, value)| (name.to_owned(), number(value))).collect()
}

fn is_right(expected: &Expected, line: &str) -> bool {
    let same = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => near(a, b),
        (None, None) => true,
        _ => false,
    };
    match expected {
        Expected::Figure(figure) => same(*figure, figure_of(line)),
        Expected::Groups(groups) => {
            let told = groups_of(line);
            groups.len() == told.len() && groups.iter().all(|(name, figure)| told.get(name).is_some_and(|told| same(*figure, *told)))
        }
        Expected::Extreme(figure) => groups_of(line).values().next().is_some_and(|told| told.is_some_and(|told| near(*figure, told))),
    }
}

fn case(seed: u64) -> (Random, Table, generate::Question) {
    let mut random = Random(seed);
    let table = generate::table(&mut random);
    let question = generate::question(&mut random, &table);
    (random, table, question)
}

fn tools() -> Vec<ToolDefinition> {
    let [describe, list] = table_tool::neighbours();
    vec![describe, table_tool::definition(), list]
}

fn asked(table: &Table, request: &str) -> Asked {
    ask(request, &tools(), &[(&table.file, &table.csv())])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_an_independent_computation(seed: u64) {
        let (_, table, question) = case(seed);
        let answer = asked(&table, &question.text);
        let lines: Vec<&str> = answer.text.lines().filter(|line| !line.starts_with('(')).collect();
        prop_assert!(!answer.refused, "{}\n{}\n{}", question.text, answer.text, table.csv());
        prop_assert_eq!(lines.len(), question.expected.len(), "{}\n{}", question.text, answer.text);
        for (expected, line) in question.expected.iter().zip(lines) {
            prop_assert!(is_right(expected, line), "{}\n{}\n{:?}\n{}", question.text, answer.text, expected, table.csv());
        }
    }

    /// One word that exists nowhere makes any question another one.
    #[test]
    fn a_question_with_an_unknown_word_is_refused(seed: u64) {
        let (mut random, table, question) = case(seed);
        let stranger: String = (0..3).map(|_| *random.pick(OF_NOTHING)).collect();
        let mut words: Vec<&str> = question.text.split(' ').collect();
        // Between two words of a quoted text it would be a part of the value.
        let places: Vec<usize> = (1..=words.len()).filter(|at| words[..*at].join(" ").matches(['"', '`']).count().is_multiple_of(2)).collect();
        let at = *random.pick(&places);
        words.insert(at, &stranger);
        let request = words.join(" ");
        let answer = asked(&table, &request);
        prop_assert!(answer.refused && answer.calls == 0, "{}\n{}\n{}", request, answer.text, table.csv());
        prop_assert!(!table.file.contains(&stranger));
    }

    /// A column that is not there is not replaced by one that is.
    #[test]
    fn a_question_about_an_unknown_column_is_refused(seed: u64) {
        let (mut random, table, _) = case(seed);
        let unknown: String = (0..3).map(|_| *random.pick(OF_NOTHING)).collect();
        let known = table.columns[random.below(table.columns.len())].name.clone();
        let request = match random.below(6) {
            0 => format!("What is the mean of {unknown}?"),
            1 => format!("How many rows have {unknown} above 3?"),
            2 => format!("What is the sum of {known} per {unknown}?"),
            3 => format!("How many different {unknown} are there?"),
            4 => format!("Which {unknown} has the highest {known}?"),
            _ => format!("How many {unknown} are there?"),
        };
        let answer = asked(&table, &request);
        prop_assert!(answer.refused && answer.calls == 0, "{}\n{}", request, answer.text);
    }

    #[test]
    fn without_a_file_nothing_is_answered(seed: u64) {
        let (_, _, question) = case(seed);
        let answer = ask(&question.text, &tools(), &[]);
        prop_assert!(answer.refused && answer.calls == 0, "{}\n{}", question.text, answer.text);
    }
}
