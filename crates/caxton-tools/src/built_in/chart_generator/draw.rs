//! Lays the chart out and draws it.

use super::{
    axis::Scale,
    data::{Axis, Chart, Form, Points},
    pie,
};
use crate::built_in::Refusal;
use caxton_types::Code;
use plotters::{
    coord::Shift,
    prelude::{
        BLACK, Cartesian2d, ChartBuilder, ChartContext, Circle, Color, DrawingArea, IntoDrawingArea, LineSeries, PathElement, RGBColor,
        Rectangle, SVGBackend, SeriesLabelPosition, WHITE,
    },
};

/// Told apart also by those who do not see all colours: Okabe and Ito, "Color universal design" (2008).
const PALETTE: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
    RGBColor(240, 228, 66),
];
pub(super) const FONT: &str = "sans-serif";
const TITLE_SIZE: u32 = 20;
pub(super) const TEXT_SIZE: u32 = 13;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Context<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Scale, Scale>>;

pub(super) fn colour(number: usize) -> RGBColor {
    PALETTE.get(number % PALETTE.len()).copied().unwrap_or(BLACK)
}

pub(super) fn failed(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::Internal, format!("the chart could not be drawn: {error}"))
}

/// The chart as SVG.
pub(super) fn draw(chart: &Chart) -> Result<String, Refusal> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, chart.size).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        if chart.form == Form::Pie {
            pie::draw(chart, &area)?;
        } else {
            plot(chart, &area)?;
        }
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

fn plot(chart: &Chart, area: &Area<'_>) -> Result<(), Refusal> {
    let (width, height) = (chart.size.0 as usize, chart.size.1 as usize);
    let (x, y) = (x_scale(chart, width), y_scale(chart, height));
    let mut builder = ChartBuilder::on(area);
    builder.margin(12).x_label_area_size(if chart.x_label.is_empty() { 32 } else { 52 }).y_label_area_size(if chart.y_label.is_empty() {
        62
    } else {
        82
    });
    if !chart.title.is_empty() {
        builder.caption(&chart.title, (FONT, TITLE_SIZE));
    }
    let mut context = builder.build_cartesian_2d(x, y).map_err(failed)?;
    let mut mesh = context.configure_mesh();
    mesh.max_light_lines(0).bold_line_style(BLACK.mix(0.12)).axis_style(BLACK.mix(0.6)).label_style((FONT, TEXT_SIZE));
    if matches!(chart.axis, Axis::Names(_)) {
        mesh.disable_x_mesh();
    }
    if !chart.x_label.is_empty() {
        mesh.x_desc(chart.x_label.as_str());
    }
    if !chart.y_label.is_empty() {
        mesh.y_desc(chart.y_label.as_str());
    }
    mesh.draw().map_err(failed)?;
    for (number, series) in chart.series.iter().enumerate() {
        draw_series(chart, &mut context, number, series)?;
    }
    if chart.series.len() > 1 {
        let mut legend = context.configure_series_labels();
        legend
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font((FONT, TEXT_SIZE));
        legend.draw().map_err(failed)?;
    }
    Ok(())
}

fn xs(chart: &Chart) -> impl Iterator<Item = f64> {
    chart.series.iter().flat_map(|series| series.points.iter().map(|(x, _)| *x))
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

fn x_scale(chart: &Chart, width: usize) -> Scale {
    let (low, high) = bounds(xs(chart));
    let ticks = (width / 100).clamp(2, 12);
    match &chart.axis {
        Axis::Names(names) => Scale::names(names, width.saturating_sub(106)),
        Axis::Moments => Scale::moments(low, high, (width / 130).clamp(2, 10)),
        Axis::Numbers => Scale::numbers(low - chart.bin / 2.0, high + chart.bin / 2.0, ticks),
    }
}

/// Bars stand on nothing; a line may begin where its values do.
fn y_scale(chart: &Chart, height: usize) -> Scale {
    let (low, high) = bounds(chart.series.iter().flat_map(|series| series.points.iter().map(|(_, y)| *y)));
    let (low, high) = if matches!(chart.form, Form::Bar | Form::Histogram) { (low.min(0.0), high.max(0.0)) } else { (low, high) };
    Scale::numbers(low, high, (height / 60).clamp(2, 10))
}

fn draw_series(chart: &Chart, context: &mut Context<'_, '_>, number: usize, series: &Points) -> Result<(), Refusal> {
    let colour = colour(number);
    let drawn = match chart.form {
        Form::Line => {
            let dots = series.points.iter().filter(|_| series.points.len() <= 60).map(|point| Circle::new(*point, 3, colour.filled()));
            context.draw_series(dots).map_err(failed)?;
            context.draw_series(LineSeries::new(series.points.iter().copied(), colour.stroke_width(2)))
        }
        Form::Scatter => context.draw_series(series.points.iter().map(|point| Circle::new(*point, 4, colour.mix(0.75).filled()))),
        Form::Bar | Form::Histogram | Form::Pie => {
            let bars = series.points.iter().map(|(x, y)| {
                let (from, to) = sides(chart, number, *x);
                Rectangle::new([(from, 0.0), (to, *y)], colour.filled())
            });
            context.draw_series(bars)
        }
    };
    let label = drawn.map_err(failed)?;
    label.label(series.name.as_str()).legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(4)));
    Ok(())
}

/// Where a bar begins and ends: those of one place share four fifths of it.
fn sides(chart: &Chart, number: usize, x: f64) -> (f64, f64) {
    use crate::built_in::float;
    if chart.form == Form::Histogram {
        return (x - chart.bin * 0.48, x + chart.bin * 0.48);
    }
    let width = 0.8 / float::of_len(chart.series.len());
    let from = x - 0.4 + width * float::of_len(number);
    (from, from + width)
}
