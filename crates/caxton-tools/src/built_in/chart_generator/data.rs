//! What is drawn: from numbers as they are given, or from columns of a table.

use crate::built_in::{
    Refusal, float,
    stats_calculator::{Moments, spread},
    table::{Cell, Decimal, Given, Kind, Table},
    work::Watch,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::HashMap, fmt::Write as _};

pub(super) const SERIES_MAX: usize = 12;
pub(super) const POINTS_MAX: usize = 5_000;
pub(super) const BARS_MAX: usize = 500;
const SLICES_MAX: usize = 24;
pub(super) const WIDTH: u32 = 800;
pub(super) const HEIGHT: u32 = 480;
/// So many values are told in words.
const TOLD_MAX: usize = 24;
const LABEL_LEN_MAX: usize = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    Bar,
    Line,
    Scatter,
    Pie,
    Histogram,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Aggregate {
    None,
    Sum,
    Mean,
    Count,
    Min,
    Max,
}

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    kind: Form,
    #[serde(default)]
    title: String,
    pub(super) name: Option<String>,
    x_label: Option<String>,
    y_label: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    labels: Option<Vec<Value>>,
    series: Option<Vec<Inline>>,
    x: Option<String>,
    y: Option<Vec<String>>,
    aggregate: Option<Aggregate>,
    bins: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Inline {
    name: Option<String>,
    values: Vec<Option<f64>>,
    x: Option<Vec<f64>>,
}

impl Wanted {
    pub(super) const fn is_inline(&self) -> bool {
        self.series.is_some()
    }
}

/// What the x axis is of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Axis {
    /// Values stand side by side under these names, at 0, 1, 2, …
    Names(Vec<String>),
    Numbers,
    /// Microseconds since 1970.
    Moments,
}

/// One series: where each value stands, and the value.
#[derive(Debug, Clone)]
pub(super) struct Points {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A chart with all its numbers.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) form: Form,
    pub(super) title: String,
    pub(super) x_label: String,
    pub(super) y_label: String,
    pub(super) size: (u32, u32),
    pub(super) axis: Axis,
    pub(super) series: Vec<Points>,
    /// The width of the bars of a histogram.
    pub(super) bin: f64,
}

pub(super) fn gather(wanted: Wanted, table: Option<Given>, watch: &mut Watch) -> Result<Chart, Refusal> {
    let mut chart = Chart {
        form: wanted.kind,
        title: clean(&wanted.title),
        x_label: clean(wanted.x_label.as_deref().or(wanted.x.as_deref()).unwrap_or_default()),
        y_label: clean(wanted.y_label.as_deref().unwrap_or_default()),
        size: (wanted.width.unwrap_or(WIDTH), wanted.height.unwrap_or(HEIGHT)),
        axis: Axis::Numbers,
        series: vec![],
        bin: 0.0,
    };
    match (table, wanted.series) {
        (None, Some(series)) => inline(&mut chart, wanted.labels, series)?,
        (Some(given), None) => {
            let y = wanted.y.unwrap_or_default();
            if let ([only], true) = (y.as_slice(), chart.y_label.is_empty()) {
                chart.y_label = clean(only);
            }
            of_table(&mut chart, given, wanted.x, &y, wanted.aggregate, watch)?;
        }
        _ => {
            return Err(
                Refusal::invalid("both `series` and a table are given").hint("give the numbers themselves, or a table with `x` and `y`")
            );
        }
    }
    if chart.form == Form::Histogram {
        histogram(&mut chart, wanted.bins)?;
    }
    chart.check()?;
    Ok(chart)
}

/// Text that XML can hold: without control characters, and not endless.
fn clean(text: &str) -> String {
    let plain = |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c };
    text.chars().map(plain).take(200).collect::<String>().trim().to_owned()
}

fn label(text: &str) -> String {
    let text = clean(text);
    if text.chars().count() <= LABEL_LEN_MAX { text } else { text.chars().take(LABEL_LEN_MAX - 1).chain(['…']).collect() }
}

fn inline(chart: &mut Chart, labels: Option<Vec<Value>>, series: Vec<Inline>) -> Result<(), Refusal> {
    let places = match (&labels, chart.form) {
        (Some(labels), form) => Some(places_of(labels, form, &mut chart.axis)),
        (None, Form::Bar | Form::Pie) => {
            let len = series.iter().map(|one| one.values.len()).max().unwrap_or_default();
            chart.axis = Axis::Names((1..=len).map(|at| at.to_string()).collect());
            None
        }
        (None, _) => None,
    };
    let first = usize::from(!matches!(chart.axis, Axis::Names(_)));
    for (number, one) in series.into_iter().enumerate() {
        let name = one.name.as_deref().map_or_else(|| format!("series {}", number + 1), label);
        let xs = match (&one.x, &places) {
            (Some(own), _) => own.clone(),
            (None, Some(places)) => places.clone(),
            (None, None) => (first..first + one.values.len()).map(float::of_len).collect(),
        };
        if chart.form != Form::Histogram && xs.len() != one.values.len() {
            let reason = format!("the series `{name}` has {} values for {} places", one.values.len(), xs.len());
            return Err(Refusal::invalid(reason).hint("give as many `labels` (or `x`) as `values`, and null for a value that is missing"));
        }
        let points = xs.into_iter().zip(one.values).filter_map(|(x, y)| Some((x, y?))).collect();
        chart.series.push(Points { name, points });
    }
    Ok(())
}

/// Where values with these labels stand: by number or time where all labels are that and the chart has such an axis.
fn places_of(labels: &[Value], form: Form, axis: &mut Axis) -> Vec<f64> {
    let is_continuous = matches!(form, Form::Line | Form::Scatter);
    let numbers: Option<Vec<f64>> = labels.iter().map(Value::as_f64).collect();
    let moment = |value: &Value| match Cell::parse(value.as_str()?, Kind::DateTime, Decimal::Point)? {
        Cell::Moment { at, .. } => Some(float::of_integer(at)),
        _ => None,
    };
    let moments: Option<Vec<f64>> = labels.iter().map(moment).collect();
    match (numbers, moments) {
        (Some(numbers), _) if is_continuous => numbers,
        (_, Some(moments)) if is_continuous => {
            *axis = Axis::Moments;
            moments
        }
        _ => {
            *axis = Axis::Names(labels.iter().map(|value| value.as_str().map_or_else(|| label(&value.to_string()), label)).collect());
            (0..labels.len()).map(float::of_len).collect()
        }
    }
}

/// One place on the x axis and what is gathered there, by series.
struct Place {
    at: Cell<'static>,
    sums: Vec<Moments>,
}

fn of_table(
    chart: &mut Chart,
    given: Given,
    x: Option<String>,
    y: &[String],
    aggregate: Option<Aggregate>,
    watch: &mut Watch,
) -> Result<(), Refusal> {
    let table = Table::open(given, watch)?;
    let default = if matches!(chart.form, Form::Bar | Form::Pie) { Aggregate::Sum } else { Aggregate::None };
    let aggregate = if chart.form == Form::Histogram { Aggregate::None } else { aggregate.unwrap_or(default) };
    if y.is_empty() && aggregate != Aggregate::Count {
        return Err(
            Refusal::invalid("`y` is missing: the columns that hold the values").hint("give `y`, or `aggregate`: `count` to count rows")
        );
    }
    let by = x.as_deref().map(|name| table.place(name)).transpose()?;
    let places =
        if aggregate == Aggregate::Count { vec![] } else { y.iter().map(|name| table.numeric(name)).collect::<Result<Vec<_>, _>>()? };
    let names: Vec<String> = if places.is_empty() { vec!["rows".into()] } else { y.iter().map(|name| label(name)).collect() };
    let max = if chart.form == Form::Histogram { usize::MAX } else { POINTS_MAX };
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut found: Vec<Place> = Vec::new();
    table.each(watch, &mut |number, row| {
        let at = by.map_or(Cell::Integer(i64::try_from(number + 1).unwrap_or(i64::MAX)), |by| row.get(by).cloned().unwrap_or(Cell::Null));
        let place = if aggregate == Aggregate::None { None } else { known.get(&*at.text()).copied() };
        let place = place.unwrap_or(found.len());
        if place == found.len() {
            if found.len() == max {
                let reason = format!("`{}` has more than {max} places on the x axis", table.name());
                return Err(Refusal::too_large(reason).hint("`aggregate` rows by a column with fewer values, or draw a `histogram`"));
            }
            if aggregate != Aggregate::None {
                known.insert(at.text().into_owned(), place);
            }
            found.push(Place { at: at.into_owned(), sums: vec![Moments::default(); names.len()] });
        }
        let Some(place) = found.get_mut(place) else { return Ok(()) };
        if places.is_empty() {
            place.sums.iter_mut().for_each(|sum| sum.add(1.0));
        }
        for (sum, column) in place.sums.iter_mut().zip(&places) {
            if let Some(number) = row.get(*column).and_then(Cell::number) {
                sum.add(number);
            }
        }
        Ok(())
    })?;
    let kind = by.and_then(|by| table.columns.get(by)).map(|column| column.kind);
    lay_out(chart, found, names, kind, aggregate);
    Ok(())
}

fn lay_out(chart: &mut Chart, mut found: Vec<Place>, names: Vec<String>, kind: Option<Kind>, aggregate: Aggregate) {
    let is_continuous = matches!(chart.form, Form::Line | Form::Scatter);
    let is_ordered = kind.is_none_or(|kind| kind.is_numeric() || matches!(kind, Kind::Date | Kind::DateTime));
    if is_ordered && chart.form != Form::Scatter && chart.form != Form::Histogram {
        found.sort_by(|one, two| one.at.compare(&two.at));
    }
    chart.axis = match kind {
        Some(Kind::Date | Kind::DateTime) if is_continuous => Axis::Moments,
        Some(kind) if is_continuous && kind.is_numeric() => Axis::Numbers,
        None if is_continuous => Axis::Numbers,
        _ if chart.form == Form::Histogram => Axis::Numbers,
        _ => Axis::Names(found.iter().map(|place| if place.at.is_null() { "(none)".into() } else { label(&place.at.text()) }).collect()),
    };
    let value = |sum: &Moments| {
        (sum.count() > 0).then(|| match aggregate {
            Aggregate::None | Aggregate::Sum => sum.sum(),
            Aggregate::Mean => sum.mean(),
            Aggregate::Count => float::of_count(sum.count()),
            Aggregate::Min => sum.min(),
            Aggregate::Max => sum.max(),
        })
    };
    let x_of = |number: usize, place: &Place| match (&chart.axis, &place.at) {
        (Axis::Names(_), _) => Some(float::of_len(number)),
        (Axis::Moments, Cell::Moment { at, .. }) => Some(float::of_integer(*at)),
        (Axis::Moments, _) => None,
        (Axis::Numbers, at) => at.number(),
    };
    for (series, name) in names.into_iter().enumerate() {
        let points =
            found.iter().enumerate().filter_map(|(number, place)| Some((x_of(number, place)?, value(place.sums.get(series)?)?))).collect();
        chart.series.push(Points { name, points });
    }
}

fn histogram(chart: &mut Chart, bins: Option<usize>) -> Result<(), Refusal> {
    let [only] = chart.series.as_mut_slice() else {
        return Err(
            Refusal::invalid(format!("a histogram is of one series, not of {}", chart.series.len())).hint("draw one chart for each")
        );
    };
    let mut numbers: Vec<f64> = only.points.iter().map(|(_, y)| *y).collect();
    numbers.sort_unstable_by(f64::total_cmp);
    let bins = spread(&numbers, bins);
    chart.bin = bins.first().map_or(1.0, |bin| bin.high - bin.low);
    if chart.bin <= 0.0 {
        chart.bin = 1.0;
    }
    only.points = bins.iter().map(|bin| (bin.low + (bin.high - bin.low) / 2.0, float::of_count(bin.count))).collect();
    chart.axis = Axis::Numbers;
    let (values, counts) = (std::mem::take(&mut chart.y_label), "count".to_owned());
    if chart.x_label.is_empty() {
        chart.x_label = if values.is_empty() { only.name.clone() } else { values };
    }
    chart.y_label = counts;
    Ok(())
}

impl Chart {
    fn check(&self) -> Result<(), Refusal> {
        let mut points = self.series.iter().flat_map(|series| &series.points);
        if points.clone().next().is_none() {
            return Err(
                Refusal::invalid("there is nothing to draw: no row has a value").hint("`data_reader/profile` shows what the columns hold")
            );
        }
        // Further out, distances on the paper are no numbers any more.
        if points.any(|(x, y)| !(x.abs() < 1e150 && y.abs() < 1e150)) {
            return Err(Refusal::invalid("a value is too large to be drawn").hint("values up to 1e150 can be; draw them in another unit"));
        }
        let places = if let Axis::Names(names) = &self.axis { names.len() } else { 0 };
        match self.form {
            Form::Bar if places * self.series.len() > BARS_MAX => {
                Err(Refusal::too_large(format!("{} bars are more than the {BARS_MAX} that can be told apart", places * self.series.len()))
                    .hint("draw a `line`, or `aggregate` by a column with fewer values"))
            }
            Form::Pie => self.check_pie(places),
            _ => Ok(()),
        }
    }

    fn check_pie(&self, places: usize) -> Result<(), Refusal> {
        let [only] = self.series.as_slice() else {
            return Err(
                Refusal::invalid(format!("a pie is of one series, not of {}", self.series.len())).hint("draw `bar`, or one pie for each")
            );
        };
        if places > SLICES_MAX {
            return Err(
                Refusal::too_large(format!("a pie of {places} slices cannot be read; {SLICES_MAX} are the most")).hint("draw `bar`")
            );
        }
        if only.points.iter().any(|(_, y)| *y < 0.0) || only.points.iter().map(|(_, y)| *y).sum::<f64>() <= 0.0 {
            return Err(Refusal::invalid("the slices of a pie are positive and not all nothing").hint("draw `bar`"));
        }
        Ok(())
    }

    const fn kind(&self) -> &'static str {
        match self.form {
            Form::Bar => "bar",
            Form::Line => "line",
            Form::Scatter => "scatter",
            Form::Pie => "pie",
            Form::Histogram => "histogram",
        }
    }

    /// A place on the x axis, as people read it.
    pub(super) fn place(&self, x: f64) -> String {
        match &self.axis {
            Axis::Names(names) => names.get(float::to_index(x, usize::MAX)).cloned().unwrap_or_default(),
            Axis::Numbers => float::shown(x),
            Axis::Moments => super::axis::moment(x),
        }
    }

    /// What was drawn, in words.
    pub(super) fn told(&self, file: &str) -> String {
        let title = if self.title.is_empty() { String::new() } else { format!(" \"{}\"", self.title) };
        let mut text =
            format!("Drew the {} chart{title} as `{file}` ({} x {}); it goes out with the reply.", self.kind(), self.size.0, self.size.1);
        for series in &self.series {
            let values = series.points.iter().take(TOLD_MAX).map(|(x, y)| format!("{} {}", self.place(*x), float::shown(*y)));
            let more = series.points.len().saturating_sub(TOLD_MAX);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            let _ = write!(text, "\n{}: {}{more}", series.name, values.collect::<Vec<_>>().join(", "));
        }
        text
    }

    /// The numbers that were drawn.
    pub(super) fn data(&self, file: &str) -> Value {
        let x = |x: f64| if matches!(self.axis, Axis::Numbers) { float::json(x) } else { Value::String(self.place(x)) };
        let series = self.series.iter().map(|series| {
            let (xs, ys): (Vec<Value>, Vec<Value>) = series.points.iter().map(|(at, y)| (x(*at), float::json(*y))).unzip();
            json!({"name": series.name, "x": xs, "values": ys})
        });
        let mut places: Vec<f64> = self.series.iter().flat_map(|series| series.points.iter().map(|(x, _)| *x)).collect();
        places.sort_unstable_by(f64::total_cmp);
        places.dedup_by(|one, two| one.total_cmp(two).is_eq());
        let places: Vec<Value> = places.into_iter().map(x).collect();
        json!({"file": file, "kind": self.kind(), "x": places, "series": series.collect::<Vec<_>>()})
    }
}
