//! Figures of numbers, in groups where wanted.

use super::{
    moments::Moments,
    quantile::{self, percentile},
    values::check_kept,
};
use crate::built_in::{
    Answer, Refusal, float,
    table::{Cell, Given, Table},
    work::Watch,
};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, fmt::Write as _};

pub(super) const PERCENTILES: [f64; 5] = [5.0, 25.0, 50.0, 75.0, 95.0];
/// Groups times columns.
const RESULTS_MAX: usize = 2_000;

/// The numbers of one column in one group.
#[derive(Default)]
struct Sample {
    moments: Moments,
    missing: u64,
    values: Vec<f64>,
}

impl Sample {
    fn see(&mut self, number: Option<f64>) {
        let Some(number) = number else {
            self.missing += 1;
            return;
        };
        self.moments.add(number);
        self.values.push(number);
    }
}

/// What the samples belong to, in the order of appearance.
struct Groups {
    columns: Vec<String>,
    places: HashMap<String, usize>,
    found: Vec<(Value, Vec<Sample>)>,
}

impl Groups {
    fn of(&mut self, cell: &Cell<'_>) -> Result<&mut Vec<Sample>, Refusal> {
        let text = cell.text();
        let place = if let Some(place) = self.places.get(&*text) {
            *place
        } else {
            if (self.found.len() + 1) * self.columns.len() > RESULTS_MAX {
                let reason = format!("the column to group by has more than {} different values", self.found.len());
                return Err(Refusal::too_large(reason).hint("group by a column with fewer values, or ask for fewer columns"));
            }
            self.places.insert(text.into_owned(), self.found.len());
            let samples = self.columns.iter().map(|_| Sample::default()).collect();
            self.found.push((cell.json(), samples));
            self.found.len() - 1
        };
        self.found.get_mut(place).map(|(_, samples)| samples).ok_or_else(|| Refusal::invalid("a group was lost"))
    }
}

pub(super) fn describe(
    table: Option<Given>,
    numbers: Option<Vec<f64>>,
    columns: Option<&[String]>,
    group_by: Option<&str>,
    percentiles: Option<Vec<f64>>,
    watch: &mut Watch,
) -> Result<Answer, Refusal> {
    let percentiles = percentiles.unwrap_or_else(|| PERCENTILES.to_vec());
    let groups = if let Some(given) = table {
        of_table(given, columns, group_by, watch)?
    } else {
        let mut sample = Sample::default();
        for number in numbers.unwrap_or_default() {
            sample.see(Some(number));
        }
        Groups { columns: vec!["numbers".into()], places: HashMap::new(), found: vec![(Value::Null, vec![sample])] }
    };
    let mut text = String::new();
    let mut results = Vec::new();
    for (group, samples) in groups.found {
        for (column, mut sample) in groups.columns.iter().zip(samples) {
            watch.look()?;
            sample.values.sort_unstable_by(f64::total_cmp);
            let figures = figures(&sample, &percentiles);
            let named = match (&group, group_by) {
                (_, None) => column.clone(),
                (Value::String(group), Some(by)) => format!("{column} where {by} is {group}"),
                (group, Some(by)) => format!("{column} where {by} is {group}"),
            };
            tell(&mut text, &named, &figures);
            let mut result = Map::from_iter([("column".to_owned(), json!(column))]);
            if group_by.is_some() {
                result.insert("group".into(), group.clone());
            }
            result.extend(figures);
            results.push(Value::Object(result));
        }
    }
    let _ = write!(text, "Percentiles by {}.", quantile::METHOD);
    Ok(Answer::new(text, json!({"results": results, "method": quantile::METHOD})))
}

fn of_table(given: Given, columns: Option<&[String]>, group_by: Option<&str>, watch: &mut Watch) -> Result<Groups, Refusal> {
    let table = Table::open(given, watch)?;
    let numeric: Vec<String>;
    let columns = if let Some(columns) = columns {
        columns
    } else {
        let own = table.columns.iter().filter(|column| column.kind.is_numeric() && group_by != Some(column.name.as_str()));
        numeric = own.map(|column| column.name.clone()).collect();
        &numeric
    };
    if columns.is_empty() {
        return Err(Refusal::invalid(format!("no column of `{}` holds numbers", table.name()))
            .hint("`data_reader/profile` shows what its columns hold"));
    }
    let places = columns.iter().map(|name| table.numeric(name)).collect::<Result<Vec<_>, _>>()?;
    let by = group_by.map(|name| table.place(name)).transpose()?;
    check_kept(usize::try_from(table.rows).unwrap_or(usize::MAX).saturating_mul(places.len()))?;
    let mut groups = Groups { columns: columns.to_vec(), places: HashMap::new(), found: vec![] };
    if by.is_none() {
        groups.of(&Cell::Null)?;
    }
    table.each(watch, &mut |_, row| {
        let samples = groups.of(by.and_then(|by| row.get(by)).unwrap_or(&Cell::Null))?;
        for (sample, place) in samples.iter_mut().zip(&places) {
            sample.see(row.get(*place).and_then(Cell::number));
        }
        Ok(())
    })?;
    Ok(groups)
}

/// The figures of sorted numbers; null where there are too few for one.
fn figures(sample: &Sample, percentiles: &[f64]) -> Map<String, Value> {
    let Sample { moments, missing, values } = sample;
    let or_null = |number: Option<f64>| number.map_or(Value::Null, float::json);
    let some = moments.count() > 0;
    let percentiles: Vec<_> =
        percentiles.iter().map(|percent| json!({"percent": percent, "value": or_null(percentile(values, *percent))})).collect();
    let figures = [
        ("count", json!(moments.count())),
        ("missing", json!(missing)),
        ("sum", float::json(moments.sum())),
        ("mean", or_null(some.then(|| moments.mean()))),
        ("median", or_null(percentile(values, 50.0))),
        ("min", or_null(some.then(|| moments.min()))),
        ("max", or_null(some.then(|| moments.max()))),
        ("variance_sample", or_null(moments.variance_sample())),
        ("variance_population", or_null(moments.variance_population())),
        ("stddev_sample", or_null(moments.variance_sample().map(f64::sqrt))),
        ("stddev_population", or_null(moments.variance_population().map(f64::sqrt))),
        ("percentiles", Value::Array(percentiles)),
    ];
    figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn tell(text: &mut String, named: &str, figures: &Map<String, Value>) {
    let shown = |value: &Value| value.as_f64().map_or_else(|| "none".to_owned(), float::shown);
    let _ = write!(text, "{named}:");
    for (name, value) in figures.iter().filter(|(name, _)| *name != "percentiles") {
        let _ = write!(text, " {name} {},", shown(value));
    }
    let percentiles = figures.get("percentiles").and_then(Value::as_array).into_iter().flatten();
    let percentiles: Vec<_> = percentiles
        .map(|one| format!("p{} {}", shown(one.get("percent").unwrap_or(&Value::Null)), shown(one.get("value").unwrap_or(&Value::Null))))
        .collect();
    let _ = writeln!(text, " percentiles: {}", percentiles.join(", "));
}
