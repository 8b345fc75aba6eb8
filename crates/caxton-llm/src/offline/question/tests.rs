use super::*;
use caxton_types::{AttachmentView, Digest};

const HEAD: &str =
    "species,tree_height_m,age,status,plot,total\noak,12.5,80,alive,North 1,3\nash,9,40,IN,South,4\npine,20.1,33,dead,North 1,5\n";

fn table() -> Table {
    Table::read(&AttachmentView {
        name: "trees.csv".into(),
        media_type: "text/csv".into(),
        size: 9999,
        digest: Digest::of(b""),
        head: Some(HEAD.into()),
    })
    .unwrap()
}

/// A question as it was understood, in a short form.
fn understood(request: &str) -> String {
    let table = table();
    let name = |column: usize| table.columns[column].name.clone();
    let shown = |task: &Task| {
        let mut text = format!("{:?}", task.operation).to_lowercase();
        text += &task.percentile.map_or(String::new(), |p| format!("{p}"));
        text = format!("{text}({})", task.column.map_or(String::new(), name));
        text += &task.group.map_or(String::new(), |group| format!(" by {}", name(group)));
        for filter in &task.filters {
            let comparison = format!("{:?}", filter.comparison).to_lowercase();
            text = format!("{text} {} {comparison} {}", name(filter.column), filter.text);
        }
        text += match task.highest {
            Some(true) => " desc",
            Some(false) => " asc",
            None => "",
        };
        text += &task.limit.map_or(String::new(), |limit| format!(" {limit}"));
        text + &task.subject.map_or(String::new(), |subject| format!(" of {}", name(subject)))
    };
    match read(request, &table) {
        Ok(tasks) => tasks.iter().map(shown).collect::<Vec<_>>().join("; "),
        Err(Refusal(reason)) => format!("no: {reason}"),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (request, expected) in cases {
        assert_eq!(understood(request), *expected, "{request}");
    }
}

#[test]
fn one_figure_in_many_words() {
    check(&[
        ("What is the mean age?", "mean(age)"),
        ("average of age please", "mean(age)"),
        ("Compute the standard deviation of tree_height_m.", "stddev(tree_height_m)"),
        ("what's the maximum tree height?", "max(tree_height_m)"),
        ("Hi! Could you tell me the total of the age column in trees.csv? Thanks", "sum(age)"),
        ("What is the 95th percentile of age?", "percentile95(age)"),
        ("percentile 90 of age", "percentile90(age)"),
        ("p50 of age", "percentile50(age)"),
        ("How many rows are there?", "count()"),
        ("How many trees are in the file?", "count()"),
        ("How many records are there in total?", "count()"),
        ("number of different species", "distinct(species)"),
        ("How many distinct values does status have?", "distinct(status)"),
        ("How many species are there?", "distinct(species); count(species)"),
        ("count the values of age", "count(age)"),
        ("mean of total", "mean(total)"),
        ("What is the sum of the total?", "sum(total)"),
        ("What is age on average?", "mean(age)"),
        ("median \"tree_height_m\"", "median(tree_height_m)"),
    ]);
}

#[test]
fn several_figures_at_once() {
    check(&[
        ("What are the mean and max of age?", "mean(age); max(age)"),
        ("mean, min and max of age", "mean(age); min(age); max(age)"),
        ("the mean of age and tree height", "mean(age); mean(tree_height_m)"),
        ("How many rows are there and what is the mean age?", "count(); mean(age)"),
        ("What is the mean age and the highest tree height?", "mean(age); max(tree_height_m)"),
        ("How many rows have age above 50, and what is the mean of total?", "count() age gt 50; mean(total)"),
        ("For age, give me the min and the max", "min(age); max(age)"),
    ]);
}

#[test]
fn conditions_are_read() {
    check(&[
        ("How many rows where species is oak?", "count() species eq oak"),
        ("How many trees have age above 50?", "count() age gt 50"),
        ("How many trees are dead?", "count() status eq dead"),
        ("mean age where tree height is at least 9.5", "mean(age) tree_height_m ge 9.5"),
        ("mean age for species Beech", "mean(age) species eq Beech"),
        ("mean age for species \"Norway spruce\"", "mean(age) species eq Norway spruce"),
        ("mean age where total >= 5 and plot is not South", "mean(age) total ge 5 plot ne South"),
        ("mean age in North 1", "mean(age) plot eq North 1"),
        ("mean age of trees in plot \"North 1\"", "mean(age) plot eq North 1"),
        ("mean age where status is IN", "mean(age) status eq IN"),
        ("mean age where species is not oak and total <= 4", "mean(age) species ne oak total le 4"),
        ("count rows with age between 30 and 50", "count() age ge 30 age le 50"),
        ("count rows with age above 30 and below 50", "count() age gt 30 age lt 50"),
        ("how many rows with at least 30 age?", "count() age ge 30"),
        ("For species oak, what is the mean age?", "mean(age) species eq oak"),
        ("In plot South, how many trees are there and what is the max age?", "count() plot eq South; max(age) plot eq South"),
        ("how many rows have an age of 50 or more?", "count() age ge 50"),
        ("how many rows have species containing \"pi\"?", "count() species contains pi"),
        ("How many trees lie above age 50?", "count() age gt 50"),
        ("sum of total where age >= 1,000", "sum(total) age ge 1,000"),
    ]);
}

#[test]
fn groups_and_rankings_are_read() {
    check(&[
        ("mean age per species", "mean(age) by species"),
        ("For each species, what is the mean age?", "mean(age) by species"),
        ("For each species, what is the mean age, and how many rows are there?", "mean(age) by species; count() by species"),
        ("count of rows by status", "count() by status"),
        ("the number of trees for each plot", "count() by plot"),
        ("Which species has the highest mean age?", "mean(age) by species desc 1"),
        ("Which species has the lowest sum of age?", "sum(age) by species asc 1"),
        ("Which species has the most rows?", "count() by species desc 1"),
        ("Which plot has the most trees?", "count() by plot desc 1"),
        ("Which species has the highest age?", "max(age) of species"),
        ("What is the species with the lowest tree height?", "min(tree_height_m) of species"),
        ("What is the most common status?", "count() by status desc 1"),
        ("top 3 species by mean age", "mean(age) by species desc 3"),
        ("the 2 species with the lowest average age", "mean(age) by species asc 2"),
        ("the 2 species with the lowest age", "min(age) by species asc 2"),
        ("the highest mean age per species where total > 3", "mean(age) by species total gt 3 desc 1"),
    ]);
}

#[test]
fn nothing_asked_is_no_task() {
    check(&[("Hello, here is my data.", ""), ("What columns does the file have?", "")]);
}

#[test]
fn what_is_not_understood_is_refused() {
    for request in [
        "What is the mean weight?",
        "mean of hight",
        "What is the mean age of willows?",
        "mean age in Sweden",
        "mean age of oak or ash",
        "mean age where species is oak and ash",
        "mean age not in South",
        "mean age without dead",
        "mean age per species and status",
        "mean age per species and max of total",
        "mean of age where total > 3 and max of total",
        "mean of age plus total",
        "weighted mean of age",
        "How many age are there?",
        "What is the mean species?",
        "Is the mean age above 50?",
        "Which species has a mean age above 50?",
        "Which species has the most total?",
        "the highest mean age",
        "the mean of the sum of age",
        "mean age tree height",
        "How many rows have age missing?",
        "How many rows where species is missing?",
        "species above 5",
        "how many rows where species is greater than 5",
        "What is the age?",
        "the correlation of age and total",
        "How old is the oldest oak?",
        "mean age over 5% of rows",
        "What is the mean age? Only where total > 3.",
        "percentile of age",
        "mean of age by weight",
        "top 3 species by age",
        "the 120th percentile of age",
        "Write a poem about trees",
        "mean age excluding oak",
        "mean age before 1990",
        "how many rows are greater than 10",
        "mean age and number",
        "In plot South, how many trees are there? What is the max age?",
        "In plot South, how many trees have age above 5, and what is the max age?",
    ] {
        let understood = understood(request);
        assert!(understood.starts_with("no: "), "{request} was taken for {understood}");
    }
}

#[test]
fn refusals_say_what_is_missing() {
    let check = |request: &str, part: &str| {
        let text = understood(request);
        assert!(text.contains(part), "{request}: {text}");
    };
    check("mean of tree hight", "nearest column");
    check("mean weight", "`weight`");
    check("mean age in Sweden", "`where species is Sweden`");
    check("mean of species", "`species` holds text");
    check("how many age", "`sum of age`");
    check("what is the mean?", "of which column");
}

proptest::proptest! {
    #[test]
    fn any_request_is_read_or_refused_without_a_panic(request: String) {
        let _ = read(&request, &table());
    }

    #[test]
    fn words_in_any_order_are_read_or_refused_without_a_panic(
        words in proptest::collection::vec(proptest::sample::select(&[
            "mean", "max", "how", "many", "rows", "age", "species", "oak", "per", "by", "top", "3", "with", "the", "highest", "most", "and", ",", "?",
            "which", "is", "not", "above", "5", "between", "percentile", "95th", "total", "of", "in", "North", "1", "or", "more", "common", "only", "'s", "\"", "(",
        ][..]), 0..14),
    ) {
        let _ = read(&words.join(" "), &table());
    }
}
